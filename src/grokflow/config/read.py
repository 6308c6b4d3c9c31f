"""YAML text to one plain dictionary: strict about duplicate keys, encoding and size."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from grokflow.config.definitions import laid_over
from grokflow.config.user_files import with_user_files
from grokflow.errors import ConfigError, kind_of_value
from grokflow.user_code import files_named

LARGEST_FILE = 1_000_000
"""Bytes; a configuration written by hand is a thousandth of it."""


MOST_VALUES = 100_000
"""With every alias followed: a short text can stand for more than fits in memory, or for itself."""


class _KeyTwice(yaml.constructor.ConstructorError):
    """A key stands twice in one mapping; `mend` says what to do about it.

    Parameters
    ----------
    first, again : the key, and what belongs to it.
    """

    def __init__(self, first: tuple[yaml.Node, yaml.Node], again: tuple[yaml.Node, yaml.Node]) -> None:
        key, lines = again[0].value, [node.start_mark.line + 1 for node, _ in (first, again)]
        problem = f"the key '{key}' stands twice, on lines {lines[0]} and {lines[1]}"
        super().__init__(None, None, problem, again[0].start_mark)
        self.mend = f"Remove one of the two, or rename it: else the first '{key}' would be lost."
        if again[0].start_mark.column == 0 and isinstance(again[1], yaml.MappingNode):
            self.mend = (
                f"Move what stands under '{key}:' on line {lines[1]} under the '{key}:' on line "
                f"{lines[0]}; or keep it in a file of your own, which begins with `definitions_from:` and "
                "the name of this file."
            )


class _Loader(yaml.SafeLoader):
    """Safe YAML with two habits mended that mislead a scientist: `1e-3` is a number, a key stands once.

    A text that is not what its tag says is a YAMLError with its place; the library lets a KeyError through.
    """

    keys = 0
    """Of all mappings so far, those that merge keys (`<<`) brought included."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, int):
                str(value)  # 0xfff… may have any length, but no more than 4300 decimal digits are written
        except (ValueError, LookupError, AttributeError, ArithmeticError):  # `!!int ''`, 2001-99-99, 1:59:59…
            problem = f"no {node.tag.rpartition(':')[2]} in '{node.value!s:.40}'"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None
        return value

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if "\0" in str(node.value):
            problem = "the character NUL, which no name of a file can hold"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_scalar(node)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # Counted here and not when all is read: a few lines can stand for more than fits in memory.
        super().flatten_mapping(node)
        self.keys += len(node.value)
        if self.keys > MOST_VALUES:
            problem = f"at most {MOST_VALUES} values, merge keys followed"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        for pair in node.value:
            if not isinstance(pair[0], yaml.ScalarNode):
                continue  # a list as a key: the library says so
            if (key := pair[0].value) in seen:
                raise _KeyTwice(seen[key], pair)
            seen[key] = pair
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read(paths: Iterable[str | Path]) -> dict[str, Any]:
    """The YAML files as one dictionary; a later file's keys win over an earlier one's."""
    merged: dict[str, Any] = {}
    for path in paths:
        merged = merge(merged, _read_with_definitions(Path(path), ()))
    return merged


def _read_with_definitions(path: Path, over: tuple[Path, ...]) -> dict[str, Any]:
    """A file, over the one that it takes its definitions from; `over`: those that take theirs from it."""
    own = with_user_files(_read_one(path), path.parent)
    definitions = own.pop("definitions_from", None)
    if definitions is None:
        return own
    where = f"{path}: definitions_from"
    if not isinstance(definitions, str) or not definitions:
        raise ConfigError(where, expected="the name of a configuration file", found=repr(definitions))
    source = path.parent / definitions
    if source.resolve() in (resolved := (*over, path.resolve())):
        raise ConfigError(
            where, expected="another file", found=f"{definitions}, which takes its own from here"
        )
    if not source.is_file():
        mend = "It is named relative to the file in which it stands."
        raise ConfigError(where, expected="a configuration file", found=f"none at {source}", mend=mend)
    base = _read_with_definitions(source, resolved)
    # Its claims are judged apart from those of the other file, so they are kept apart.
    own = {"results": f"results/{path.stem}", **own}
    return laid_over(base, own, merge(base, own))


def files_behind(paths: Iterable[str | Path]) -> list[Path]:
    """What `read` reads: the files, those that they take definitions from, and the users' files they name."""
    found: dict[Path, None] = {}
    waiting = [Path(path) for path in paths]
    for path in waiting:
        own = with_user_files(_read_one(path), path.parent)
        found |= dict.fromkeys([path, *map(Path, files_named(own))])
        if "definitions_from" in own:
            waiting.append(path.parent / own["definitions_from"])
    return list(found)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `over`, nested dictionaries key by key."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _mend(problem: str) -> str | None:
    """What is most often behind a problem that the library names."""
    if "'\\t'" in problem:
        return "Indent with spaces: YAML takes no tabs."
    if problem == "could not find expected ':'":
        return "Is a blank missing after a colon on the line above, as in `epochs:600` for `epochs: 600`?"
    if problem == "mapping values are not allowed here":
        return (
            "Is a colon in a text that stands without quotes, a blank missing after a colon on the line "
            "above, or the line not indented as that one?"
        )
    if problem.startswith(("expected ',' or", "expected <block end>", "unexpected end of stream")):
        return "Is a bracket, brace or quote left open on this line or above, or an indentation wrong?"
    return None


def blank_missing(found: object) -> str | None:
    """How `epochs:600`, which YAML takes for a text, is mended; None of anything else."""
    if not isinstance(found, str) or "\n" in found:
        return None
    name, colon, value = found.partition(":")
    if not (colon and name.isidentifier() and value.strip()):
        return None
    return f"A blank belongs after the colon: '{name}: {value.strip()}'."


def _read_one(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        beside = {file.stem: file for file in path.parent.glob("*.y*ml")}
        near = difflib.get_close_matches(path.stem, beside, n=1)  # any two are alike in their endings
        mend = f"Did you mean '{beside[near[0]]}'?" if near else None
        raise ConfigError(path, expected="a readable YAML file", found="no such file", mend=mend) from None
    except OSError as error:
        found = "a folder" if path.is_dir() else error.strerror
        raise ConfigError(path, expected="a readable YAML file", found=found) from None
    if len(content) > LARGEST_FILE:
        raise ConfigError(path, expected=f"at most {LARGEST_FILE} bytes", found=f"{len(content)} bytes")
    try:
        value = yaml.load(content.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        raise ConfigError(path, expected="UTF-8 text", found=f"byte {error.start} that is not") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else path
        problem = (getattr(error, "problem", None) or "text that does not parse").removeprefix("found ")
        mend = getattr(error, "mend", _mend(problem))
        raise ConfigError(where, expected="valid YAML", found=problem, mend=mend) from None
    except RecursionError:
        raise ConfigError(path, expected="valid YAML", found="nesting too deep to read") from None
    except (ValueError, OverflowError) as error:  # "\UFFFFFFFF" is no character
        raise ConfigError(path, expected="valid YAML", found=error) from None
    if value is None:
        raise ConfigError(path, expected="keys with values", found="none: the file says nothing")
    if not isinstance(value, dict):
        mend = blank_missing(value)
        raise ConfigError(path, expected="keys with values", found=kind_of_value(value), mend=mend)
    waiting: list[Any] = [value]
    for number, each in enumerate(waiting):
        if number >= MOST_VALUES:
            raise ConfigError(path, expected=f"at most {MOST_VALUES} values", found="more, aliases followed")
        waiting += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
    return value
