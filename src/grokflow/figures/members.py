"""The tables behind a figure: what each seed, or pair of seeds, of a run or a path left on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow.errors import ArtifactError

POINTS = ("point_1", "point_2")


@dataclass(frozen=True)
class RunMember:
    """One seed of a run: its history and what points.json says."""

    name: str
    history: pd.DataFrame
    points: Mapping[str, Any]

    def accuracy(self, split: str, epochs: np.ndarray | None = None) -> np.ndarray:
        """1 − error at `epochs`, interpolated where the history has no row; none: at every row."""
        accuracy: np.ndarray = 1 - self.history[f"{split}_error"].to_numpy(float)
        return accuracy if epochs is None else np.interp(epochs, self.epochs, accuracy)

    @property
    def epochs(self) -> np.ndarray:
        """The logged epochs."""
        epochs: np.ndarray = self.history["epoch"].to_numpy(float)
        return epochs

    def epoch(self, point: str) -> int | None:
        """The epoch of `point_1` or `point_2`, or None when it was not reached."""
        found = self.points[point]
        return None if found is None else int(found["epoch"])

    @property
    def title(self) -> str:
        """The seed with its points, for a legend."""
        reached = [
            f"{readable(point)} at epoch {self.epoch(point)}"
            for point in POINTS
            if self.epoch(point) is not None
        ]
        return f"seed {self.name}: {', '.join(reached) or 'neither point reached'}"

    @property
    def missing(self) -> list[str]:
        """A sentence for each point that was not reached."""
        return [
            f"Seed {self.name} has no {readable(point)}: {self.points['reasons'][point]}."
            for point in POINTS
            if self.points[point] is None
        ]


@dataclass(frozen=True)
class PathMember:
    """One seed, or pair of seeds, of a path: path.json and what was measured along it."""

    name: str
    record: Mapping[str, Any]
    metrics: pd.DataFrame

    @property
    def measured(self) -> bool:
        """Whether the path exists."""
        return not self.record["skipped"]

    @property
    def missing(self) -> str:
        """The sentence that says why the path does not exist."""
        why = str(self.record["skipped"])
        for point in POINTS:
            why = why.replace(point, readable(point))
        return f"Not drawn: {self.seeds(' and ')}, because {why}."

    @property
    def pieces(self) -> int:
        """The number of straight pieces."""
        return len(self.record["control_points"]) - 1

    @property
    def title(self) -> str:
        """The seed or pair with the epochs that it joins, for a legend."""
        epochs = [self.record[end]["epoch"] for end in ("from", "to")]
        return f"{self.seeds(' → ')}: epochs {epochs[0]} → {epochs[1]}"

    def seeds(self, between: str) -> str:
        """The member's seed or seeds, in words."""
        name = self.name.replace("-", between)
        return f"seeds {name}" if "-" in self.name else f"seed {name}"

    @property
    def ends(self) -> tuple[str, str]:
        """What lies at t = 0 and at t = 1; a prime marks the other seed's point."""
        first, last = self.record["from"], self.record["to"]
        prime = "′" if first["seed"] != last["seed"] or first["point"] == last["point"] else ""
        return readable(first["point"]), readable(last["point"]) + prime


def readable(point: str) -> str:
    """`point_1` as "point 1"."""
    return point.replace("_", " ")


def read_runs(members: Mapping[str, str]) -> list[RunMember]:
    """The seeds of a run, from their folders.

    Raises
    ------
    ArtifactError : when a table is missing or damaged.
    """
    columns = {"epoch", "train_error", "validation_error"}
    return [
        RunMember(
            name,
            read_table(Path(folder) / "history.csv", columns),
            _read_record(Path(folder) / "points.json", {*POINTS, "reasons", "checkpoints"}),
        )
        for name, folder in members.items()
    ]


def read_paths(members: Mapping[str, str]) -> list[PathMember]:
    """The members of a path, from their folders; a skipped one has no rows.

    Raises
    ------
    ArtifactError : when a table is missing or damaged.
    """
    columns = {"t", "train_loss_l2", "train_error", "gradient_norm"}
    columns |= {"validation_loss_l2", "validation_error"}
    return [
        PathMember(
            name,
            _read_record(Path(folder) / "path.json", {"kind", "skipped", "from", "to"}),
            read_table(Path(folder) / "metrics.csv", columns),
        )
        for name, folder in members.items()
    ]


def read_table(path: str | Path, columns: set[str]) -> pd.DataFrame:
    """A CSV file that has `columns`."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(path, expected="a table", found=error) from None
    if missing := sorted(columns - set(table.columns)):
        raise ArtifactError(path, expected=f"the columns {missing}", found=list(table.columns))
    return table


def _read_record(path: Path, keys: set[str]) -> dict[str, Any]:
    try:
        record = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(path, expected="a JSON object", found=error) from None
    if missing := sorted(keys - set(record)):
        raise ArtifactError(path, expected=f"the keys {missing}", found=list(record))
    return record
