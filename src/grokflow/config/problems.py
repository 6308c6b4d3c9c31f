"""What is wrong with a configuration, each problem as one line: key, expected, found, how to mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from grokflow.config import schema
from grokflow.config.entry import SEEDS_EXPECTED
from grokflow.config.mends import (
    of_entry_without_keys,
    of_file_without_name,
    of_seeds,
    of_unknown_key,
    of_value,
)
from grokflow.config.schema import Config
from grokflow.config.sections import SECTIONS, TOLD_APART_BY, keys_of, named
from grokflow.errors import ConfigError, Problems, nearest, with_article
from grokflow.user_code import CODE, is_code


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
        if tag not in named(entry):
            raise _no_such_kind(section, tag, named(entry))
        entry, own = entry[tag], (*own, tag)
    with refusing_entry(*own):
        return entry.model_validate(settings)


def _no_such_kind(section: str, tag: str, kinds: list[str]) -> ConfigError:
    mend = nearest(tag, kinds)
    if section == "optimizers" and is_code(tag):
        mend = "An optimizer of your own is trained by make mine (docs/how-to/own-question.md)."
    return ConfigError(section.removesuffix("s"), expected=" or ".join(kinds), found=repr(tag), mend=mend)


@contextmanager
def refusing_entry(*place: str) -> Iterator[None]:
    """Where an entry is made in Python, the problems that pydantic finds are told as those of a file.

    Parameters
    ----------
    place : where such an entry stands: section, name, and the tag that its class has in the section, if any.

    Raises
    ------
    ConfigError : with one line for each problem, its key as it is called in Python.
    """
    try:
        yield
    except ValidationError as error:
        problems = [translate({**problem, "loc": (*place, *problem["loc"])}) for problem in error.errors()]
        entry = ".".join(_key_path(list(place)))
        shown = [
            problem.removeprefix(f"{entry}.").replace(f"{entry}:", f"{place[0].removesuffix('s')}:", 1)
            for problem in problems
        ]
        raise Problems(shown) from None


def problem_line(key: str, expected: str, found: object, mend: str | None = None) -> str:
    return str(ConfigError(key, expected=expected, found=found, mend=mend))


def translate(problem: Any) -> str:
    """One pydantic error as one line: key, expected, found, nearest valid name."""
    location: list[Any] = list(problem["loc"])
    key_path = _key_path(location)
    key, last = ".".join(key_path), key_path[-1] if key_path else ""
    found = problem["input"]
    message, context = problem["msg"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            valid = keys_of(_class_at(location, key_path))
            return problem_line(
                key,
                f"a known key ({', '.join(valid)})",
                f"'{location[-1]}'",
                of_unknown_key(location, valid),
            )
        case "missing":
            return problem_line(key, "this key", "nothing")
        case "union_tag_invalid":
            classes = SECTIONS[key_path[0]]
            assert isinstance(classes, dict)
            valid = named(classes)
            tag = str(context["tag"])
            return problem_line(
                f"{key}.{TOLD_APART_BY[key_path[0]]}",
                f"one of {', '.join(valid)}, or your own, file.py:name",
                f"'{tag}'",
                of_file_without_name(tag) or nearest(tag, valid),
            )
        case "union_tag_not_found" if not isinstance(found, dict):
            return problem_line(
                key,
                "keys with values",
                f"{found!r} ({type(found).__name__})",
                of_entry_without_keys(key, found),
            )
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
            mend = of_entry_without_keys(key, found)
            return problem_line(key, "keys with values", f"{found!r} ({type(found).__name__})", mend)
        case "string_pattern_mismatch" if "@" in str(context.get("pattern")):
            return problem_line(
                key, "run@point_1, run@point_2, run@initial, run@final or run@epoch_N", repr(found)
            )
        case "string_pattern_mismatch" if context.get("pattern") == CODE:
            mend = of_file_without_name(found)
            return problem_line(key, "a name in a file of yours, file.py:name", repr(found), mend)
        case "string_pattern_mismatch":
            return problem_line(key, "a name of letters, digits, '_' and '-', a letter first", repr(found))
        case "list_type" if last == "seeds":
            return problem_line(key, SEEDS_EXPECTED, f"{found!r} ({type(found).__name__})", of_seeds(found))
    expected = message.removeprefix("Input should be ")
    if expected.startswith("a valid "):
        expected = with_article(expected.removeprefix("a valid "))
    expected, shown = expected[0].lower() + expected[1:], f"{found!r} ({type(found).__name__})"
    return problem_line(key, expected, shown, of_value(last, found))


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
