"""What a claim is: a statement, a criterion registered beforehand, and a function that judges one seed.

The function sees the results of one seed of a run, of one seed or pair of seeds of a path, or the rows that
a sweep's table has of one seed. It says whether the claim holds there, and measures the numbers that the
claim is about. `docs/registration.md` gives the reason for every criterion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from grokflow.artifacts.results import RunResults
from grokflow.dynamics import Coincidence

SubjectKind = Literal["run", "path", "sweep"]

Reason = Literal["diverged", "censored", "no point", "unfinished fit", "nothing to compare"]
"""Why a seed cannot be judged. `censored`: training ended before the answer was known."""


class Subject(NamedTuple):
    """What a claim is about."""

    kind: SubjectKind
    against: SubjectKind | None = None
    """What it is compared with; None for a claim that compares nothing."""


class NotJudged(Exception):
    """The claim cannot be judged for this seed; the message says why, `reason` in a word or two."""

    def __init__(self, reason: Reason, message: str, numbers: tuple[float, ...] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.numbers = numbers
        """The claim's numbers where they are known all the same, such as an epoch that is not reached yet."""


class Number(NamedTuple):
    """A number that is measured for each seed."""

    name: str
    unit: str = ""
    paper: float | None = None
    """What the paper printed for its one seed; None when it printed nothing."""


@dataclass(frozen=True)
class Finding:
    """Whether a claim holds for a seed, what was measured in words, and the claim's numbers in order."""

    holds: bool
    measured: str
    numbers: tuple[float, ...] = ()


Judge = Callable[..., Finding]
"""Takes the results that a criterion's `subject` names: one, or two where it compares."""


@dataclass(frozen=True)
class Criterion:
    """One claim of a paper."""

    id: str
    figure: str
    statement: str
    criterion: str
    """When the claim counts as holding for a seed."""
    subject: Subject
    judge: Judge
    numbers: tuple[Number, ...]
    """What is measured; the first is the effect, the number that the claim is about."""
    also: str = ""
    """What the claim needs besides, over all seeds together."""
    tested: Callable[[RunResults], Mapping[str, Coincidence]] | None = None
    """For a claim about collapses: what may change at them by chance, tested over all seeds together."""
    presupposes_points: bool = False
    """Whether the claim is about seeds that have their points: one without says nothing about it."""
    files: tuple[str, ...] = ()
    """Tables of a run that it reads besides those that every run has."""
    is_users: bool = False
    """Whether it is a claim of the user's own, and of no paper."""

    @property
    def paper(self) -> str:
        """The letter of the paper, M or P; `own` for a claim of the user's."""
        return "own" if self.is_users else self.id[0]

    @property
    def in_full(self) -> str:
        """The criterion with what the claim needs besides."""
        return f"{self.criterion}; besides, {self.also}" if self.also else self.criterion


CRITERIA: dict[str, Criterion] = {}
"""Every claim by its id."""


def criterion(
    id: str,
    *,
    figure: str,
    statement: str,
    criterion: str,
    subject: SubjectKind,
    numbers: tuple[Number, ...],
    against: SubjectKind | None = None,
    also: str = "",
    tested: Callable[[RunResults], Mapping[str, Coincidence]] | None = None,
    presupposes_points: bool = False,
    files: tuple[str, ...] = (),
) -> Callable[[Judge], Judge]:
    """Register the decorated function as the judge of the claim `id`."""

    def register(judge: Judge) -> Judge:
        about = Subject(subject, against)
        presupposes = presupposes_points or subject == "path"
        CRITERIA[id] = Criterion(
            id, figure, statement, criterion, about, judge, numbers, also, tested, presupposes, files
        )
        return judge

    return register


def point_of(run: RunResults, name: str, which: str = "") -> dict[str, Any]:
    """A point of a run.

    Parameters
    ----------
    which : of which run a message tells, such as " with decay", where a claim is about two.

    Raises
    ------
    NotJudged : when the run did not reach it.
    """
    point = run.points[name]
    if point is None:
        raise NotJudged("no point", f"no {name.replace('_', ' ')}{which}: {run.points['reasons'][name]}")
    return dict(point)
