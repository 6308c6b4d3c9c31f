"""A claim of the user's own: a function in a file of theirs, with what it returns checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from grokflow.claims.criteria import CRITERIA, Criterion, Finding, Judge, Number, Subject, SubjectKind
from grokflow.config import Claim
from grokflow.errors import ArtifactError, ConfigError, kind_of_value
from grokflow.user_code import is_code, parse, signature_of, takes

ASKED_FOR = ("invariance.csv", "rays.csv")
"""Tables that a run has only where something asks for them."""


def own_claim(statement: str, criterion: str, *numbers: str | Number) -> Callable[[Judge], Criterion]:
    """Make the decorated function the judge of a claim of your own; a configuration names it `file.py:name`.

    Parameters
    ----------
    statement : what you claim, as a sentence.
    criterion : when it holds for a seed.
    numbers : names of what is measured, in the order of the function's `Finding`; the first is the effect.
    """

    def make(judge: Judge) -> Criterion:
        measured = tuple(Number(each) if isinstance(each, str) else each for each in numbers)
        return Criterion("", "–", statement, criterion, Subject("run"), judge, measured, is_users=True)

    return make


def criterion_of(name: str, claim: Claim) -> Criterion:
    """The criterion of a claim of the configuration: registered, or of the user's own file.

    Raises
    ------
    ConfigError : when the user's file does not run, or what it names is no claim.
    """
    if not is_code(claim.claim):
        return CRITERIA[claim.claim or name]
    code = parse(str(claim.claim))
    criterion = code.load()
    if not (isinstance(criterion, Criterion) and criterion.is_users and criterion.numbers):
        expected = "a function with the decorator grokflow.claims.own_claim, and at least one number"
        raise ConfigError(code.shown, expected=expected, found=kind_of_value(criterion))
    kind: SubjectKind = "path" if claim.path else "sweep" if claim.sweep else "run"
    _check_arguments(name, claim, kind, criterion.judge, code.shown)
    return replace(
        criterion,
        id=code.shown,
        subject=Subject(kind, kind if claim.against else None),
        judge=_checked(criterion, code.shown),
        presupposes_points=kind == "path",
    )


def _check_arguments(name: str, claim: Claim, kind: SubjectKind, judge: Judge, shown: str) -> None:
    """Refuse an entry that gives the function another number of results than it takes."""
    if takes(judge, 2 if claim.against else 1):
        return
    where = f"claims.{name}.against"
    if claim.against and takes(judge, 1):
        expected = f"no such key, because {shown} takes one argument"
        raise ConfigError(where, expected=expected, found=f"'{claim.against}'")
    if not claim.against and takes(judge, 2):
        expected = f"this key, because {shown} takes two arguments"
        raise ConfigError(where, expected=expected, found="nothing")
    given = "rows" if kind == "sweep" else kind
    expected = f"f({given}, other)" if claim.against else f"f({given})"
    raise ConfigError(shown, expected=expected, found=signature_of(judge))


def _checked(criterion: Criterion, shown: str) -> Judge:
    """The user's judge, whose findings are refused unless they have what they must."""

    def judge(*results: Any) -> Finding:
        try:
            found = criterion.judge(*results)
        except ArtifactError as error:
            raise _not_asked_for(error) or error from error
        return _checked_finding(found, len(criterion.numbers), shown)

    return judge


def _not_asked_for(error: ArtifactError) -> ArtifactError | None:
    """The message for a table that is missing because the entry does not ask for it; None for another."""
    file = Path(error.where).name
    if file not in ASKED_FOR or not isinstance(error.found, FileNotFoundError):
        return None
    mend = f"Say so in the claim's entry: reads: [{file}]."
    return ArtifactError(error.where, expected=error.expected, found=error.found, mend=mend)


def _checked_finding(found: object, wanted: int, shown: str) -> Finding:
    expected = f"a Finding with {wanted} {'number' if wanted == 1 else 'numbers'}"
    if not isinstance(found, Finding):
        given = kind_of_value(found)
        mend = "Is there a `return`?" if found is None else None
        raise ConfigError(shown, expected=expected, found=given, mend=mend)
    if not isinstance(found.holds, (bool, np.bool_)):
        expected = "a Finding whose first value is True or False"
        raise ConfigError(shown, expected=expected, found=repr(found.holds))
    numbers: Any = found.numbers
    if not isinstance(numbers, (tuple, list, np.ndarray)):
        expected = f"a Finding with its numbers in a tuple, ({numbers!r},)"
        raise ConfigError(shown, expected=expected, found=repr(numbers))
    if len(numbers) != wanted:
        raise ConfigError(shown, expected=expected, found=f"one with {len(numbers)}")
    for number in numbers:
        if not isinstance(number, (Real, np.bool_)):
            raise ConfigError(shown, expected="numbers, nan where there is none", found=repr(number))
    return replace(found, holds=bool(found.holds), numbers=tuple(map(float, numbers)))
