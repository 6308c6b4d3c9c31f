"""The one reader of results: what a run, a path or a sweep left on disk.

A `RunResults` is one seed's folder, a `PathResults` that of one seed or pair of seeds, a `SweepResults` one
table. A file is read when it is first asked for, and refused in one message when something is wrong with it.

>>> run = RunResults("results/runs/mode_connectivity/seed_0")      # doctest: +SKIP
>>> run.epoch_of("point_1"), run.history["validation_error"].iloc[-1]    # doctest: +SKIP
(604, 0.0)
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts import columns
from grokflow.artifacts.provenance import AGAIN, read_provenance
from grokflow.artifacts.tables import read_record, read_table
from grokflow.errors import ArtifactError

RUN_FILES = ("history.csv", "points.json")
PATH_FILES = ("metrics.csv", "path.json")
RECORD = "provenance.json"
"""Of a run: a figure of several runs calls each by words that are made from its configuration."""

TABLES = {
    "run": (*RUN_FILES, "epochs.csv", "periods.csv"),
    "runs": (*RUN_FILES, "epochs.csv", "periods.csv", RECORD),
    "path": (*PATH_FILES, "fit.csv"),
    "paths": (*PATH_FILES, "fit.csv"),
    "sweep": (),
}
"""By what is read: the files in the folder of each seed that every claim, and users' own kinds of figure, may
read. A built-in kind of figure reads fewer, and names them itself."""

CLAIM_FILES = ("claims.csv", "claims_numbers.csv", "claims_seeds.csv", "claims_values.csv")
"""The tables of what the claims came to, in a results folder."""

RECORD_OF_CLAIMS = "claims.provenance.json"
"""What made them."""


class RunResults:
    """One seed of a run.

    Parameters
    ----------
    folder : such as `results/runs/mode_connectivity/seed_0`.
    name : what figures and messages call it: its seed, or `run/seed` beside those of other runs.

    Every property raises ArtifactError when its file is missing or damaged.
    """

    def __init__(self, folder: str | Path, name: str = "") -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.name.removeprefix("seed_")

    @cached_property
    def history(self) -> pd.DataFrame:
        """history.csv: a row for each logged epoch (`columns.HISTORY`)."""
        return read_table(self.folder / "history.csv", columns.HISTORY, numbers=columns.HISTORY)

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """epochs.csv: a row for every epoch (`columns.EPOCHS`)."""
        return read_table(self.folder / "epochs.csv", columns.EPOCHS, numbers=columns.EPOCHS)

    @cached_property
    def periods(self) -> pd.DataFrame:
        """periods.csv: a row for each collapse of train accuracy (`columns.PERIODS`)."""
        return read_table(self.folder / "periods.csv", columns.PERIODS, numbers=columns.PERIODS)

    @cached_property
    def invariance(self) -> pd.DataFrame:
        """invariance.csv: the audit of every group of weights at every point (`columns.INVARIANCE`)."""
        numbers = ("change", "radial_gradient", "tolerance")
        path = self.folder / "invariance.csv"
        table = read_table(path, columns.INVARIANCE, numbers=numbers)
        for column in ("trained", "invariant"):
            if len(table) and table[column].dtype != bool:  # a blank or a text would count as true
                found = sorted(set(map(str, table[column])) - {"True", "False"})
                raise ArtifactError(path, expected=f"True or False in {column}", found=found, mend=AGAIN)
        return table.astype({"trained": bool, "invariant": bool})

    @cached_property
    def rays(self) -> pd.DataFrame:
        """rays.csv: the same for each scale (`columns.RAYS`)."""
        return read_table(self.folder / "rays.csv", columns.RAYS, numbers=("scale", "change"))

    @cached_property
    def points(self) -> dict[str, Any]:
        """points.json: `initial`, `point_1` and `point_2` (None: not reached), `final`, `reasons`, …"""
        needed = {"initial", "point_1", "point_2", "final", "reasons", "checkpoints", "diverged"}
        return read_record(self.folder / "points.json", needed, AGAIN)

    @cached_property
    def outcome(self) -> dict[str, Any]:
        """outcome.json: the last `epoch`, whether it `diverged`, its `invariant_groups`."""
        return read_record(self.folder / "outcome.json", {"epoch", "diverged", "invariant_groups"}, AGAIN)

    @cached_property
    def config(self) -> dict[str, Any]:
        """What was trained, from its record: dataset, model, optimizer, seed …"""
        record = read_record(self.folder / "provenance.json", {"config"}, AGAIN)
        config = record["config"].get("run") if isinstance(record["config"], dict) else None
        if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
            expected = "the configuration of a run"
            raise ArtifactError(self.folder / "provenance.json", expected=expected, found=config, mend=AGAIN)
        return config

    @property
    def diverged(self) -> str | None:
        """The epoch and step at which training diverged, and what was not finite; None when it did not."""
        found = self.points["diverged"]
        return None if found is None else str(found)

    @property
    def diverged_at(self) -> int | None:
        """The epoch at which training diverged; None when it did not."""
        return None if self.diverged is None else epoch_of_divergence(self.diverged)

    def epoch_of(self, point: str) -> int | None:
        """The epoch of `point_1` or `point_2`, or None when it was not reached."""
        found = self.points[point]
        return None if found is None else int(found["epoch"])

    @cached_property
    def logged(self) -> np.ndarray:
        """The logged epochs (E,)."""
        epochs: np.ndarray = self.history["epoch"].to_numpy(float)
        return epochs

    def accuracy(self, split: str, epochs: np.ndarray | None = None) -> np.ndarray:
        """1 − error at `epochs`, interpolated where the history has no row; None: at every logged epoch."""
        accuracy: np.ndarray = 1 - self.history[f"{split}_error"].to_numpy(float)
        return accuracy if epochs is None else np.interp(epochs, self.logged, accuracy)

    @property
    def last_epoch(self) -> float:
        """The last epoch that was trained."""
        trained = self.epochs["epoch"].to_numpy(float)
        return float(max(self.logged.max(initial=0), trained.max(initial=0)))

    @property
    def collapses(self) -> list[tuple[float, float]]:
        """Start and end of every collapse; one that never recovered ends with the training."""
        starts, ends = (self.periods[column].to_numpy(float) for column in ("start", "end"))
        ends = np.where(np.isnan(ends), self.last_epoch, ends)
        return list(zip(starts.tolist(), ends.tolist(), strict=True))


class PathResults:
    """One seed, or pair of seeds, of a path.

    Parameters
    ----------
    folder : such as `results/paths/polyline_1_1p/seed_0-1`.
    name : what figures and messages call it: its seed or seeds.

    Every property raises ArtifactError when its file is missing or damaged.
    """

    def __init__(self, folder: str | Path, name: str = "") -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.name.removeprefix("seed_")

    @cached_property
    def record(self) -> dict[str, Any]:
        """path.json: the end points, the control points, and why the path was skipped if it was."""
        needed = {"kind", "skipped", "from", "to", "control_points", "converged", "fit_epochs"}
        return read_record(self.folder / "path.json", needed, AGAIN)

    @property
    def skipped(self) -> str | None:
        """Why there is no such path; None when there is one."""
        found = self.record["skipped"]
        return None if found is None else str(found)

    @property
    def converged(self) -> bool | None:
        """Whether the fit of the bends settled within its budget; None without bends or without a path."""
        found = self.record["converged"]
        return None if found is None else bool(found)

    @property
    def fit_epochs(self) -> int | None:
        """The epochs of the fit of the bends; None without bends or without a path."""
        found = self.record["fit_epochs"]
        return None if found is None else int(found)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """metrics.csv: a row for each value of t (`columns.METRICS`); none when the path was skipped."""
        return read_table(self.folder / "metrics.csv", columns.METRICS, numbers=columns.METRICS)

    @cached_property
    def fit(self) -> pd.DataFrame:
        """fit.csv: a row for each epoch of the fit (`columns.FIT`); none without one."""
        return read_table(self.folder / "fit.csv", columns.FIT, numbers=columns.FIT)


class SweepResults:
    """A sweep.

    Parameters
    ----------
    file : such as `results/sweeps/train_fraction.csv`.
    name : what figures and messages call it.
    """

    def __init__(self, file: str | Path, name: str = "") -> None:
        self.file = Path(file)
        self.name = name or self.file.stem

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each member: the varied keys, then `columns.SWEEP`.

        Raises
        ------
        ArtifactError : when the file is missing or damaged, or has no row.
        """
        numbers = tuple(name for name in columns.SWEEP if name not in ("seed", "diverged"))
        table = read_table(self.file, columns.SWEEP, numbers=("seed", *numbers), mend=AGAIN)
        if table.empty or table["seed"].isna().any():
            found = "a blank seed" if len(table) else "no row"
            raise ArtifactError(self.file, expected="a row for each seed and value", found=found, mend=AGAIN)
        return table.astype({**dict.fromkeys(numbers, float), "seed": int})

    @property
    def keys(self) -> tuple[str, ...]:
        """The varied keys, such as `optimizer.weight_decay`."""
        return tuple(self.table.columns[: list(self.table.columns).index("seed")])

    @property
    def seeds(self) -> list[int]:
        """The seeds, each once, rising."""
        return sorted({int(seed) for seed in self.table["seed"]})

    def of_seed(self, seed: int) -> pd.DataFrame:
        """The rows of one seed."""
        return self.table[self.table["seed"] == seed]


def is_miniature(results: str | Path) -> bool:
    """Whether the claims in a results folder are about a miniature: as their record says, if there is one.

    Raises
    ------
    ArtifactError : when that record is damaged.
    """
    record = Path(results) / RECORD_OF_CLAIMS
    return record.is_file() and bool(read_provenance(record)["config"].get("miniature", False))


def epoch_of_divergence(said: str) -> int:
    """The epoch in `epoch 637, step 5096: train loss inf`."""
    found = re.match(r"epoch (\d+)", said)
    assert found is not None, said
    return int(found[1])
