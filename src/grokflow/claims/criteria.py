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
    """The tables of one seed or pair of seeds; `folder` holds them."""

    name: str
    folder: Path

    @cached_property
    def history(self) -> pd.DataFrame:
        """history.csv of a run."""
        return pd.read_csv(self.folder / "history.csv")

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
    """One claim of a paper. `subject`: "run" or "path", or "path against path" where it compares."""

    id: str
    figure: str
    statement: str
    threshold: str
    subject: str
    judge: Callable[..., Finding]

    @property
    def paper(self) -> str:
        """The letter of the paper: M or P."""
        return self.id[0]


CRITERIA: dict[str, Criterion] = {}
"""Every claim by its id."""


def criterion(
    id: str, *, figure: str, statement: str, threshold: str, subject: str
) -> Callable[[Callable[..., Finding]], Callable[..., Finding]]:
    """Register the decorated function as the judge of the claim `id`."""

    def register(judge: Callable[..., Finding]) -> Callable[..., Finding]:
        CRITERIA[id] = Criterion(id, figure, statement, threshold, subject, judge)
        return judge

    return register
