"""The tables behind a figure: what each seed, or pair of seeds, of a run or a path left on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.tables import read_record, read_table
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
    def run(self) -> str:
        """The run's name, or nothing where the figure shows a single run."""
        return self.name.rpartition("/")[0]

    @property
    def seed(self) -> str:
        """The seed alone."""
        return self.name.rpartition("/")[2]

    @property
    def label(self) -> str:
        """The seed with its run's name, where it has one."""
        return f"{self.run}, seed {self.seed}" if self.run else f"seed {self.seed}"

    @property
    def title(self) -> str:
        """The seed with its points, for a legend."""
        reached = [
            f"{readable(point)} at epoch {self.epoch(point)}"
            for point in POINTS
            if self.epoch(point) is not None
        ]
        return f"{self.label}: {', '.join(reached) or 'neither point reached'}"

    @property
    def missing(self) -> list[str]:
        """A sentence for each point that was not reached."""
        return [
            f"{self._subject} has no {readable(point)}: {self.points['reasons'][point]}."
            for point in POINTS
            if self.points[point] is None
        ]

    @property
    def diverged(self) -> list[str]:
        """A sentence when the training diverged."""
        why = self.points.get("diverged")
        return [f"{self._subject} diverged: {why}."] if why else []

    @property
    def _subject(self) -> str:
        """The seed at the beginning of a sentence."""
        return f"S{subject(self.name)[1:]}"


@dataclass(frozen=True)
class PeriodicMember(RunMember):
    """One seed of a run, with what every epoch and every collapse measured."""

    every_epoch: pd.DataFrame
    periods: pd.DataFrame

    @property
    def last_epoch(self) -> float:
        """The last epoch that was trained."""
        trained = self.every_epoch["epoch"].to_numpy(float)
        return float(max(self.epochs.max(initial=0), trained.max(initial=0)))

    @property
    def collapses(self) -> list[tuple[float, float]]:
        """Start and end of every collapse; one that never recovered ends with the training."""
        starts, ends = (self.periods[column].to_numpy(float) for column in ("start", "end"))
        ends = np.where(np.isnan(ends), self.last_epoch, ends)
        return list(zip(starts.tolist(), ends.tolist(), strict=True))

    @property
    def collapse_count(self) -> str:
        """The number of collapses, in words."""
        number = len(self.periods)
        return {0: "no collapse", 1: "1 collapse"}.get(number, f"{number} collapses")

    @property
    def unrecovered(self) -> list[str]:
        """A sentence when the last collapse never recovered."""
        open_end = self.periods["end"].isna().any()
        return [f"{self._subject} never recovered from its last collapse."] if open_end else []


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


def subject(name: str) -> str:
    """The member "RUN/SEED" in a sentence."""
    run, _, seed = name.rpartition("/")
    return f"seed {seed} of {run}" if run else f"seed {seed}"


def readable(point: str) -> str:
    """`point_1` as "point 1"."""
    return point.replace("_", " ")


def read_runs(members: Mapping[str, str], measured: Iterable[str] = ()) -> list[RunMember]:
    """The seeds of one or more runs, from their folders.

    Parameters
    ----------
    measured : columns of history.csv that the figure needs besides the errors.

    Raises
    ------
    ArtifactError : when a table is missing or damaged.
    """
    columns = {"epoch", "train_error", "validation_error", *measured}
    return [
        RunMember(
            name,
            read_table(Path(folder) / "history.csv", columns, numbers=columns),
            read_record(Path(folder) / "points.json", {*POINTS, "reasons", "checkpoints"}),
        )
        for name, folder in members.items()
    ]


def read_periodic_runs(members: Mapping[str, str], measured: Iterable[str] = ()) -> list[PeriodicMember]:
    """The seeds of one or more runs with their every epoch and their collapses.

    Parameters
    ----------
    measured : columns of epochs.csv that the figure needs besides the train error.

    Raises
    ------
    ArtifactError : when a table is missing or damaged.
    """
    of_epoch, of_period = {"epoch", "train_error", *measured}, {"start", "end", "period"}
    return [
        PeriodicMember(
            run.name,
            run.history,
            run.points,
            read_table(Path(members[run.name]) / "epochs.csv", of_epoch, numbers=of_epoch),
            read_table(Path(members[run.name]) / "periods.csv", of_period, numbers=of_period),
        )
        for run in read_runs(members)
    ]


def read_models(members: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The model's configuration of each member, from provenance.json; None is a setting left out.

    Raises
    ------
    ArtifactError : when the file is missing or damaged.
    """
    return {name: _read_model(Path(folder) / "provenance.json") for name, folder in members.items()}


def _read_model(path: Path) -> dict[str, Any]:
    keys = {"layers", "width", "mlp_width", "heads", "normalization"}
    config = read_record(path, {"config"})["config"]
    run = config.get("run") if isinstance(config, dict) else None
    model = run.get("model") if isinstance(run, dict) else None
    if not isinstance(model, dict) or not keys <= set(model):
        raise ArtifactError(path, expected="the configuration of a model", found=model)
    return {"norm_affine": None, "mlp_norm": None, "unembedding_norm": None, **model}


def first_of_each_run(members: Mapping[str, str]) -> dict[str, str]:
    """The first seed of each run."""
    first: dict[str, str] = {}
    for name in members:
        first.setdefault(name.rpartition("/")[0], name)
    return {name: members[name] for name in first.values()}


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
            read_record(Path(folder) / "path.json", {"kind", "skipped", "from", "to"}),
            read_table(Path(folder) / "metrics.csv", columns),
        )
        for name, folder in members.items()
    ]
