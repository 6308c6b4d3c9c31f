"""What a claim is: a statement, a threshold fixed beforehand, and a function that judges one seed.

The function sees the results of one seed of a run, of one seed or pair of seeds of a path, or the rows that
a sweep's table has of one seed. It says whether the claim holds there, and the numbers that it went by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from grokflow.artifacts.results import RunResults

SubjectKind = Literal["run", "path", "sweep"]


class Subject(NamedTuple):
    """What a claim is about."""

    kind: SubjectKind
    against: SubjectKind | None = None
    """What it is compared with; None for a claim that compares nothing."""


class Undecided(Exception):
    """The claim cannot be judged for this seed; the message says why."""


@dataclass(frozen=True)
class Finding:
    """Whether a claim holds for a seed, and what was measured, as printed."""

    holds: bool
    measured: str


@dataclass(frozen=True)
class Criterion:
    """One claim of a paper."""

    id: str
    figure: str
    statement: str
    threshold: str
    subject: Subject
    judge: Callable[..., Finding]
    """Takes the results that `subject` names: one, or two where it compares."""
    files: tuple[str, ...] = ()
    """Tables of a run that it reads besides those that every run has."""

    @property
    def paper(self) -> str:
        """The letter of the paper: M or P."""
        return self.id[0]


def point_of(run: RunResults, name: str) -> dict[str, Any]:
    """A point of a run.

    Raises
    ------
    Undecided : when the run did not reach it.
    """
    point = run.points[name]
    if point is None:
        raise Undecided(f"no {name.replace('_', ' ')}: {run.points['reasons'][name]}")
    return dict(point)


CRITERIA: dict[str, Criterion] = {}
"""Every claim by its id."""


def criterion(
    id: str,
    *,
    figure: str,
    statement: str,
    threshold: str,
    subject: SubjectKind,
    against: SubjectKind | None = None,
    files: tuple[str, ...] = (),
) -> Callable[[Callable[..., Finding]], Callable[..., Finding]]:
    """Register the decorated function as the judge of the claim `id`."""

    def register(judge: Callable[..., Finding]) -> Callable[..., Finding]:
        about = Subject(subject, against)
        CRITERIA[id] = Criterion(id, figure, statement, threshold, about, judge, files)
        return judge

    return register
