"""What is wrong with a configuration, each problem as one line: key, expected, found, how to mend."""

from __future__ import annotations

from typing import Any, get_args

from grokflow.config import schema
from grokflow.config.schema import Config
from grokflow.errors import ConfigError, nearest


def _by_tag(union: Any, key: str) -> dict[str, type[schema.Entry]]:
    """The classes of a union by the value of the key that tells them apart."""
    classes = get_args(get_args(union)[0])
    return {get_args(each.model_fields[key].annotation)[0]: each for each in classes}


SECTIONS: dict[str, type[schema.Entry] | dict[str, type[schema.Entry]]] = {
    "datasets": schema.Dataset,
    "models": schema.Model,
    "optimizers": _by_tag(schema.Optimizer, "name"),
    "runs": schema.Run,
    "sweeps": schema.Sweep,
    "paths": _by_tag(schema.AnyPath, "kind"),
    "figures": schema.Figure,
    "claims": schema.Claim,
}


class Problems(ConfigError):
    """Every problem of one configuration, a line each."""

    def __init__(self, where: str, problems: list[str]) -> None:
        Exception.__init__(self, "\n".join(f"{where}: {problem}" for problem in problems))


def problem_line(key: str, expected: str, found: object, mend: str | None = None) -> str:
    return str(ConfigError(key, expected=expected, found=found, mend=mend))


def translate(problem: Any) -> str:
    """One pydantic error as one line: key, expected, found, nearest valid name."""
    location: list[Any] = list(problem["loc"])
    key_path: list[str] = []
    schema_class: Any = Config
    for depth, part in enumerate(location):
        section = SECTIONS.get(str(location[0]))
        if depth == 2 and isinstance(section, dict) and part in section:
            continue  # the discriminator's value, not a key
        if depth == 4 and location[0] == "sweeps" and part in ("grid", "range"):
            continue
        if part == "[key]":
            break
        key_path.append(str(part))
    key = ".".join(key_path)
    if key_path[:1] == ["invariance"]:
        schema_class = schema.Invariance if len(key_path) > 1 else Config
    elif len(key_path) > 2:
        schema_class = _entry_class(location)
    found = problem["input"]
    message, context = problem["msg"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            valid = _field_names(schema_class)
            return problem_line(
                key,
                f"a known key ({', '.join(valid)})",
                f"'{location[-1]}'",
                nearest(str(location[-1]), valid),
            )
        case "missing":
            return problem_line(key, "this key", "nothing")
        case "union_tag_invalid":
            valid = str(context["expected_tags"]).replace("'", "").split(", ")
            tag = str(context["tag"])
            discriminator = str(context["discriminator"]).strip("'")
            return problem_line(
                f"{key}.{discriminator}",
                f"one of {', '.join(valid)}",
                f"'{tag}'",
                nearest(tag, valid),
            )
        case "union_tag_not_found":
            missing = str(context["discriminator"]).strip("'")
            meant = [name for name in map(str, found) if nearest(name, [missing])] if found else []
            mend = nearest(meant[0], [missing]) if meant else None
            return problem_line(f"{key}.{missing}", "this key", f"'{meant[0]}'" if meant else "nothing", mend)
        case "literal_error":
            valid = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            return problem_line(key, f"one of {', '.join(valid)}", repr(found), nearest(str(found), valid))
        case "value_error":
            inner, _, rest = str(context["error"]).rpartition("expected ")
            expected, _, found = rest.partition(", found ")
            return problem_line(f"{key}.{inner.strip(': ')}" if inner else key, expected, found)
        case "too_short" | "too_long":
            limit = context.get("min_length", context.get("max_length"))
            bound = "at least" if problem["type"] == "too_short" else "at most"
            return problem_line(key, f"{bound} {limit} item{'s' if limit != 1 else ''}", repr(found))
        case "model_type" | "dict_type" | "model_attributes_type":
            mend = (
                "The style of all figures is 'figure_style', at the top level."
                if key == "figures.style"
                else None
            )
            return problem_line(key, "keys with values", f"{found!r} ({type(found).__name__})", mend)
        case "string_pattern_mismatch" if "@" in str(context.get("pattern")):
            return problem_line(
                key, "run@point_1, run@point_2, run@initial, run@final or run@epoch_N", repr(found)
            )
        case "string_pattern_mismatch":
            return problem_line(key, "a name of letters, digits, '_' and '-', a letter first", repr(found))
    expected = message.removeprefix("Input should be ").removeprefix("a valid ")
    return problem_line(key, expected[0].lower() + expected[1:], f"{found!r} ({type(found).__name__})")


def _entry_class(location: list[Any]) -> Any:
    section = SECTIONS.get(str(location[0]))
    if isinstance(section, dict):
        section = section.get(str(location[2]))
    for key, nested in (("fit", schema.Fit), ("reference", schema.Reference), ("range", schema.Range)):
        if key in location[2:-1]:
            return nested
    return section


def _field_names(entry: Any) -> list[str]:
    return [field.alias or name for name, field in entry.model_fields.items()] if entry else []
