"""The exceptions users meet: what is wrong, where, what was expected, what was found, how to mend it.

A command shows one as a message and ends with `BAD_INPUT`.
"""

from __future__ import annotations

import difflib
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import ParamSpec

Arguments = ParamSpec("Arguments")

BAD_INPUT = 2
"""The exit status of a command that cannot do what it was asked for, as argparse has it for bad arguments."""


class GrokflowError(Exception):
    """A problem that the user can mend. Shown as one message, never as a traceback.

    Parameters
    ----------
    where : the config key or the file at fault.
    expected, found : what should stand there and what does; the error of a file system in its own words.
    mend : what to do about it.
    """

    def __init__(self, where: object, *, expected: str, found: object, mend: str | None = None) -> None:
        self.where = str(where)
        self.expected = expected
        self.found = found
        self.mend = mend
        message = f"{self.where}: expected {expected}, found {_in_words(found)}."
        message = f"{message} {mend}" if mend else message
        # Half of a surrogate pair, which YAML and arguments can hold, would make this message unprintable.
        super().__init__(message.encode("utf-8", "backslashreplace").decode("utf-8"))


class ConfigError(GrokflowError):
    """The configuration asks for something that cannot be."""


class Problems(ConfigError):
    """Several problems at once, a line each; `file`: of all of them, where they are of one."""

    def __init__(self, problems: list[str], file: str | None = None) -> None:
        before = f"{file}: " if file else ""
        Exception.__init__(self, "\n".join(f"{before}{problem}" for problem in problems))


class ArtifactError(GrokflowError):
    """A file is truncated, altered, or was made from something else than it is used for."""


def _in_words(found: object) -> object:
    """The error of a file system without its number and without the path, which the message names first."""
    if isinstance(found, FileNotFoundError):
        return "no such file"
    return found.strerror or found if isinstance(found, OSError) else found


def nearest(name: str, valid: Iterable[str], least: float = 0.5) -> str | None:
    """The sentence that names the valid name closest to `name`, or None when none is close.

    `least`: how close, from 0 to 1, which is the same.
    """
    matches = difflib.get_close_matches(str(name), list(valid), n=1, cutoff=least)
    return f"Did you mean '{matches[0]}'?" if matches else None


def with_article(noun: str) -> str:
    """A noun after `a` or `an`, as it is spoken: an Axes, an MLP, a ReLU, a UserModel."""
    is_spelled = noun[:2].isupper()
    vowels = "AEFHILMNORSX" if is_spelled else "AEIOaeio"
    return f"{'an' if noun[:1] in tuple(vowels) else 'a'} {noun}"


def kind_of_value(value: object) -> str:
    """What a value is, for a message: an int, a tuple of 3, an array of the shape (2, 3), the class MLP."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{with_article('array' if name == 'ndarray' else name)} of the shape {tuple(shape)}"
    return with_article(name) + (f" of {len(value)}" if isinstance(value, tuple | list) else "")


def refuses_bad_input(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """`main` of a command, which returns its exit status: where it raises what the user can mend, or a disk
    refuses, the message is printed to stderr and the status is `BAD_INPUT`.
    """

    @functools.wraps(main)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> int:
        try:
            return main(*arguments, **named)
        except (GrokflowError, OSError) as error:
            print(f"Error: {error}", file=sys.stderr)
            return BAD_INPUT

    return run


def fault_in(error: BaseException, files: Iterable[str]) -> ConfigError | None:
    """The message for an error that arose in one of a user's own files; None when it arose elsewhere."""
    own = {os.path.realpath(file): file for file in files}
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((each for each in reversed(frames) if os.path.realpath(each.filename) in own), None)
    if frame is None:
        return None
    inside = f", in {frame.name}" if frame.name != "<module>" else ""
    return ConfigError(
        f"{own[os.path.realpath(frame.filename)]}, line {frame.lineno}{inside}",
        expected="code that runs",
        found=f"{type(error).__name__}: {error}",
    )
