"""What a claim is: a statement, a threshold fixed beforehand, and a function that judges one member.

A *member* is a seed of a run or a path, or a pair of seeds of a path. The criterion sees the
member's tables and says whether the claim holds there, and the numbers that it went by.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Member:
    """The tables of one seed or pair of seeds; `folder` holds them, or is the table of a sweep."""

    name: str
    folder: Path

    @cached_property
    def history(self) -> pd.DataFrame:
        """history.csv of a run."""
        return pd.read_csv(self.folder / "history.csv")

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """epochs.csv of a run."""
        return pd.read_csv(self.folder / "epochs.csv")

    @cached_property
    def periods(self) -> pd.DataFrame:
        """periods.csv of a run: a row for each collapse."""
        return pd.read_csv(self.folder / "periods.csv")

    @cached_property
    def invariance(self) -> pd.DataFrame:
        """invariance.csv of a run: the audit of every group at every point."""
        return pd.read_csv(self.folder / "invariance.csv")

    @cached_property
    def sweep(self) -> pd.DataFrame:
        """The rows of a sweep's table that have this member's seed."""
        rows = pd.read_csv(self.folder)
        return rows[rows["seed"] == int(self.name)]

    @cached_property
    def points(self) -> dict[str, Any]:
        """points.json of a run."""
        return dict(json.loads((self.folder / "points.json").read_text(encoding="utf-8")))

    @cached_property
    def path(self) -> dict[str, Any]:
        """path.json of a path: its ends, and why it was skipped if it was."""
        return dict(json.loads((self.folder / "path.json").read_text(encoding="utf-8")))

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """metrics.csv of a path.

        Raises
        ------
        Undecided : when the path was skipped.
        """
        if self.path["skipped"]:
            raise Undecided(self.path["skipped"])
        return pd.read_csv(self.folder / "metrics.csv")


class Undecided(Exception):
    """The claim cannot be judged for this member; the message says why."""


@dataclass(frozen=True)
class Finding:
    """Whether a claim holds for a member, and what was measured, as printed."""

    holds: bool
    measured: str


@dataclass(frozen=True)
class Criterion:
    """One claim of a paper. `subject`: "run", "path" or "sweep", or "path against path" where it compares."""

    id: str
    figure: str
    statement: str
    threshold: str
    subject: str
    judge: Callable[..., Finding]
    files: tuple[str, ...] = ()
    """Tables of a run that it reads besides those that every run has."""

    @property
    def paper(self) -> str:
        """The letter of the paper: M or P."""
        return self.id[0]


def point_of(run: Member, name: str) -> dict[str, Any]:
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
    id: str, *, figure: str, statement: str, threshold: str, subject: str, files: tuple[str, ...] = ()
) -> Callable[[Callable[..., Finding]], Callable[..., Finding]]:
    """Register the decorated function as the judge of the claim `id`."""

    def register(judge: Callable[..., Finding]) -> Callable[..., Finding]:
        CRITERIA[id] = Criterion(id, figure, statement, threshold, subject, judge, files)
        return judge

    return register
