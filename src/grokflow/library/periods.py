"""Collapses in a training curve of any framework, found as the workflow finds them in its runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import EPOCHS, HISTORY, STATISTICS
from grokflow.dynamics import periods
from grokflow.errors import ConfigError, kind_of_value
from grokflow.library.picture import Picture, check_kind, drawn
from grokflow.library.series import TrainingCurve, in_full, read_csv, training_curve
from grokflow.library.training import Training

EPOCH_COLUMNS = ("start", "bottom", "end", "settled")

KINDS = ("collapses", "periods")
"""The figures that errors against epochs are enough for."""


@dataclass(frozen=True, eq=False)
class Periods:
    """The collapses of a training.

    `table`: a row for each, with the columns of periods.csv; `epochs`: the errors against epochs in which
    they were found; `columns`: which columns of the curve these are; `notes`: what was left out of it
    or interpolated; `training`: of which they are; None: of a table.
    """

    name: str
    table: pd.DataFrame
    epochs: pd.DataFrame
    columns: Mapping[str, str]
    notes: tuple[str, ...]
    training: Training | None = None

    def plot(self, kind: str = "collapses") -> Picture:
        """The accuracies with the collapses shaded; or `periods`, their timeline and lengths.

        Of a training any figure that `Training.plot` draws.

        Raises
        ------
        ConfigError : when there is no such kind of figure.
        """
        if self.training is not None:  # its points and its history, which `epochs` does not tell
            return self.training.plot(kind, name=self.name)
        check_kind(kind, KINDS)
        history = self.epochs[self.epochs["validation_error"].notna()]
        tables = {
            "epochs.csv": self.epochs.reindex(columns=EPOCHS),
            "history.csv": history.reindex(columns=HISTORY),
            "periods.csv": self.table,
        }
        return drawn(kind, self.name.replace("/", "∕"), {**tables, "points.json": _points(self.epochs)})

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        lengths = self.table["period"].dropna()
        median = f", median period {in_full(lengths.median())}" if len(lengths) else ""
        return f"Periods({self.name}: {len(self)} collapse{'' if len(self) == 1 else 's'}{median})"

    def _repr_html_(self) -> str:
        return str(self.table.dropna(axis=1, how="all").to_html())


def find_periods(
    curve: Training | pd.DataFrame | str | os.PathLike[str], *, name: str | None = None, **columns: Any
) -> Periods:
    """Where train accuracy collapses and recovers, and what changed there.

    Parameters
    ----------
    curve : a training; or a table, or a CSV file, with a row for each epoch, of any framework.
    name : what the picture calls it; None: the file's name, or the training's seed.
    columns : which columns: `epoch`, then `train_accuracy` or `train_error`, and `validation_accuracy` or
        `validation_error`; without them they are guessed. `percent=True`: in per cent. `check=False`:
        believe that the units are as they are called.

    Raises
    ------
    ConfigError : when a column is missing or is not what it is called.
    ArtifactError : when the file is no table.

    Examples
    --------
    >>> import grokflow, pandas
    >>> accuracy = [0.1, 0.6] + 3 * ([1.0] * 20 + [0.5, 0.8])
    >>> curve = pandas.DataFrame({"step": range(len(accuracy)), "train_acc": accuracy})
    >>> found = grokflow.find_periods(curve)
    >>> found
    Periods(curve: 3 collapses, median period 22)
    >>> found.table["start"].tolist()
    [21, 43, 65]
    """
    if isinstance(curve, Training):
        same = {name: name for name in ("epoch", "train_error", "validation_error")}
        named = name or f"seed {curve.run.seed}"
        return Periods(named, curve.results.periods, curve.epochs, same, (), curve)
    if isinstance(curve, pd.DataFrame):
        found, named = training_curve(curve, "curve", **columns), name or "curve"
    elif not isinstance(curve, str | os.PathLike):
        raise ConfigError(
            "curve",
            expected="a Training, a pandas.DataFrame, or the name of a CSV file",
            found=kind_of_value(curve),
            mend="Give pandas.DataFrame({'epoch': epochs, 'train_accuracy': accuracies}).",
        )
    else:
        found, named = training_curve(read_csv(curve), str(curve), **columns), name or Path(curve).stem
    return Periods(named, _periods(found), found.epochs, found.columns, found.notes)


def _periods(curve: TrainingCurve) -> pd.DataFrame:
    """The workflow's table, with epochs of any spacing: found by the number of the row, then named."""
    epochs = curve.epochs["epoch"].to_numpy()
    rows = pd.DataFrame({"epoch": np.arange(len(epochs))})
    for name in ("train_error", "validation_error"):
        rows[name] = curve.epochs[name]
    for name in STATISTICS:  # where the table is grokflow's own, or was written in its words
        rows[name] = pd.to_numeric(curve.frame[name], errors="coerce") if name in curve.frame else np.nan
    found = periods(rows, rows[rows["validation_error"].notna()])
    whole = bool((epochs == epochs.round()).all())
    for name in EPOCH_COLUMNS:
        at = [pd.NA if pd.isna(row) else epochs[int(row)] for row in found[name]]
        found[name] = pd.Series(at, dtype="Float64").astype("Int64" if whole else "Float64")
    found["period"] = found["start"].diff()
    return found


def _points(epochs: pd.DataFrame) -> dict[str, Any]:
    """What points.json would say: the first rows without an error."""
    errors = ["train_error", "validation_error"]
    memorised = epochs[epochs["train_error"] == 0]
    found = {"point_1": memorised, "point_2": memorised[memorised["validation_error"] == 0]}
    points: dict[str, Any] = {
        name: None if rows.empty else _point(rows.iloc[0]) for name, rows in found.items()
    }
    ends = {"initial": _point(epochs.iloc[0]), "final": _point(epochs.iloc[-1])}
    lowest = epochs[errors].min()
    reasons = {
        "point_1": f"the train error is never 0, at the least {lowest['train_error']:.4g}",
        "point_2": "train and validation error are never 0 together",
    }
    missing = {name: why for name, why in reasons.items() if points[name] is None}
    return {**ends, **points, "reasons": missing, "checkpoints": [], "diverged": None}


def _point(row: pd.Series) -> dict[str, float | None]:
    columns = ("epoch", "train_error", "validation_error")
    return {name: None if pd.isna(row[name]) else float(row[name]) for name in columns}
