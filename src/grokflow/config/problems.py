"""What is wrong with a configuration, each problem as one line: key, expected, found, how to mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from grokflow.config import schema
from grokflow.config.schema import Config
from grokflow.errors import ConfigError, nearest
from grokflow.user_code import CODE


def _by_tag(union: Any) -> dict[str, type[schema.Entry]]:
    """The classes of a union by their tags."""
    tagged = [get_args(each) for each in get_args(get_args(union)[0])]
    return {tag.tag: each for each, tag in tagged}


SECTIONS: dict[str, type[schema.Entry] | dict[str, type[schema.Entry]]] = {
    "datasets": schema.Dataset,
    "models": _by_tag(schema.AnyModel),
    "optimizers": _by_tag(schema.Optimizer),
    "runs": schema.Run,
    "sweeps": schema.Sweep,
    "paths": _by_tag(schema.AnyPath),
    "figures": schema.Figure,
    "claims": schema.Claim,
}


def tag_of_entry(section: str, entry: schema.Entry) -> str | None:
    """The tag of an entry's class, which stands in the place of a problem; None in a section of one class."""
    classes = SECTIONS.get(section)
    if not isinstance(classes, dict):
        return None
    return next(tag for tag, each in classes.items() if isinstance(entry, each))


TOLD_APART_BY = {"optimizers": "name", "paths": "kind"}
"""The key that says which class an entry of a section is."""


class Problems(ConfigError):
    """Every problem of one configuration, a line each."""

    def __init__(self, where: str, problems: list[str]) -> None:
        Exception.__init__(self, "\n".join(f"{where}: {problem}" for problem in problems))


def made_entry(section: str, settings: Mapping[str, Any], tag: str = "") -> Any:
    """An entry of a section that is made in Python, checked as one of a file is.

    Parameters
    ----------
    tag : what tells the kinds of entries apart, such as `sgd`, in a section that has several.

    Raises
    ------
    ConfigError : with one line for each problem.
    """
    entry = {**SECTIONS, "invariance": schema.InvarianceSettings}[section]
    own: tuple[str, ...] = (section,) if section == "invariance" else (section, "own")
    if isinstance(entry, dict):
        if tag not in entry:
            mend = nearest(tag, entry)
            raise ConfigError(section, expected=f"one of {', '.join(entry)}", found=f"'{tag}'", mend=mend)
        entry, own = entry[tag], (*own, tag)
    try:
        return entry.model_validate(settings)
    except ValidationError as error:
        problems = [translate({**problem, "loc": (*own, *problem["loc"])}) for problem in error.errors()]
        prefix = ".".join(own[:2]) + "."
        raise Problems(section, [problem.removeprefix(prefix) for problem in problems]) from None


def problem_line(key: str, expected: str, found: object, mend: str | None = None) -> str:
    return str(ConfigError(key, expected=expected, found=found, mend=mend))


def translate(problem: Any) -> str:
    """One pydantic error as one line: key, expected, found, nearest valid name."""
    location: list[Any] = list(problem["loc"])
    key_path = _key_path(location)
    key = ".".join(key_path)
    found = problem["input"]
    message, context = problem["msg"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            valid = _field_names(_class_at(location, key_path))
            return problem_line(
                key,
                f"a known key ({', '.join(valid)})",
                f"'{location[-1]}'",
                nearest(str(location[-1]), valid),
            )
        case "missing":
            return problem_line(key, "this key", "nothing")
        case "union_tag_invalid":
            classes = SECTIONS[key_path[0]]
            assert isinstance(classes, dict)
            valid = [tag for tag in classes if tag != "code"]
            tag = str(context["tag"])
            return problem_line(
                f"{key}.{TOLD_APART_BY[key_path[0]]}",
                f"one of {', '.join(valid)}, or your own, file.py:name",
                f"'{tag}'",
                nearest(tag, valid),
            )
        case "union_tag_not_found" if not isinstance(found, dict):
            return problem_line(key, "keys with values", f"{found!r} ({type(found).__name__})")
        case "union_tag_not_found":
            missing = TOLD_APART_BY[key_path[0]]
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
        case "string_pattern_mismatch" if context.get("pattern") == CODE:
            return problem_line(key, "a name in a file of yours, file.py:name", repr(found))
        case "string_pattern_mismatch":
            return problem_line(key, "a name of letters, digits, '_' and '-', a letter first", repr(found))
    expected = message.removeprefix("Input should be ").removeprefix("a valid ")
    return problem_line(key, expected[0].lower() + expected[1:], f"{found!r} ({type(found).__name__})")


def _key_path(location: list[Any]) -> list[str]:
    """The keys of the configuration that lead to a problem, without what only pydantic names on the way."""
    key_path: list[str] = []
    for depth, part in enumerate(location):
        section = SECTIONS.get(str(location[0]))
        if depth == 2 and isinstance(section, dict) and part in section:
            continue  # the discriminator's value, not a key
        if depth == 4 and location[0] == "sweeps" and part in ("grid", "range"):
            continue
        if part == "[key]":
            break
        key_path.append(str(part))
    return key_path


def _class_at(location: list[Any], key_path: list[str]) -> Any:
    """The class whose keys may stand where a problem is."""
    if key_path[:1] == ["invariance"]:
        return schema.InvarianceSettings if len(key_path) > 1 else Config
    if len(key_path) <= 2:
        return Config
    section = SECTIONS.get(str(location[0]))
    if isinstance(section, dict):
        section = section.get(str(location[2]))
    for key, nested in (("fit", schema.Fit), ("reference", schema.Reference), ("range", schema.Range)):
        if key in location[2:-1]:
            return nested
    return section


def _field_names(entry: Any) -> list[str]:
    return [field.alias or name for name, field in entry.model_fields.items()] if entry else []
