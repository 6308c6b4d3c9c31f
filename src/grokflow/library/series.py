"""A training curve from anywhere as errors against rising epochs; what is left out is counted in `notes`."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from grokflow.errors import ArtifactError, ConfigError, nearest
from grokflow.library.rates import SPLITS, check_one_unit, error_of, guess_epoch, numbers_of, rate_column


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """Errors against epochs.

    `epochs`: columns epoch, train_error and validation_error, a row for each epoch at which the train error
    is known, rising; between two epochs at which it was measured, the validation error is interpolated
    linearly, and outside of them it is NaN; `columns`: from which columns they were read; `notes`: what was
    left out or interpolated; `frame`: the rows of the table they were read from.
    """

    epochs: pd.DataFrame
    columns: Mapping[str, str]
    notes: tuple[str, ...]
    frame: pd.DataFrame


def read_csv(path: str | os.PathLike[str]) -> pd.DataFrame:
    """A CSV file as a table.

    Raises
    ------
    ArtifactError : when it is missing or no table.
    """
    try:
        table = pd.read_csv(path, sep=None, engine="python", skipinitialspace=True)
    except (OSError, ValueError, csv.Error) as error:
        found = error.strerror if isinstance(error, OSError) else error
        raise ArtifactError(path, expected="a CSV file with a header", found=found) from None
    if table.empty:
        raise ArtifactError(path, expected="a CSV file with a header and rows", found="no rows")
    return table


def in_full(epochs: float) -> str:
    """An epoch or step, or a number of them, as text: 1255567 and not 1.25557e+06."""
    return f"{epochs:.0f}" if float(epochs).is_integer() else f"{epochs:.12g}"  # without 0.30000000000000004


def training_curve(
    table: pd.DataFrame,
    where: str,
    *,
    epoch: str | None = None,
    train_error: str | None = None,
    train_accuracy: str | None = None,
    validation_error: str | None = None,
    validation_accuracy: str | None = None,
    percent: bool = False,
    check: bool = True,
) -> TrainingCurve:
    """The errors in a table of any framework.

    Parameters
    ----------
    where : what messages call the table.
    epoch, train_error, … : the columns, of each split an error or an accuracy; None: guessed by their names.
    percent : the columns are in per cent.
    check : refuse a column that looks like something else than it is called.

    Raises
    ------
    ConfigError : when a column is missing, ambiguous, no number, or not in the unit that it should be in.
    """
    table = table.rename(columns=str).reset_index(drop=True)
    names = list(table.columns)
    given = {
        "train_error": train_error,
        "train_accuracy": train_accuracy,
        "validation_error": validation_error,
        "validation_accuracy": validation_accuracy,
    }
    for column in filter(None, (epoch, *given.values())):
        if column not in names:
            expected = f"one of its columns: {', '.join(names)}"
            raise ConfigError(where, expected=expected, found=f"'{column}'", mend=nearest(column, names))
    columns: dict[str, str] = {"epoch": epoch or guess_epoch(names, where)}
    measured: dict[str, tuple[str, str, np.ndarray]] = {}
    for split in SPLITS:
        chosen = rate_column(split, given, names, where)
        if chosen is None and split == "train":
            raise ConfigError(
                where,
                expected="a column of the train error or accuracy",
                found=", ".join(names),
                mend="Name it by --train-error or --train-accuracy (train_error=, train_accuracy=).",
            )
        if split == "validation" and chosen and table[chosen[1]].isna().all():
            chosen = None  # grokflow measures it around collapses alone, and there may be none
        if chosen is not None:
            kind, column = chosen
            columns[f"{split}_{kind}"] = column
            measured[split] = kind, column, numbers_of(table[column], f"{where}: column '{column}'")
    check_one_unit({column: values for _, column, values in measured.values()}, where, percent, check)
    rates = {
        split: error_of(values, column, kind, f"{where}: column '{column}'", percent, check)
        for split, (kind, column, values) in measured.items()
    }
    when = numbers_of(table[columns["epoch"]], f"{where}: column '{columns['epoch']}'")
    return _ordered(where, when, rates, columns, table)


def _ordered(
    where: str,
    when: np.ndarray,
    rates: Mapping[str, np.ndarray],
    columns: Mapping[str, str],
    table: pd.DataFrame,
) -> TrainingCurve:
    """Rows by rising epoch, each epoch once; the validation error at the epochs of the train error."""
    notes = []
    frame = pd.DataFrame({"epoch": when, **{f"{split}_error": error for split, error in rates.items()}})
    frame = frame.reindex(columns=["epoch", "train_error", "validation_error"]).astype(float)
    frame.index = table.index
    if without := int(frame["epoch"].isna().sum()):
        notes.append(f"{without} of {len(frame)} rows have no epoch and were left out.")
        frame = frame[frame["epoch"].notna()]
    if not frame["epoch"].is_monotonic_increasing:
        notes.append("The epochs were not in rising order and were sorted.")
        frame = frame.sort_values("epoch", kind="stable")
    train = frame[frame["train_error"].notna()]
    if twice := int(train["epoch"].duplicated().sum()):
        notes.append(f"{twice} epochs came more than once; the last row of each counts.")
        train = train[~train["epoch"].duplicated(keep="last")]
    known = frame[frame["validation_error"].notna()].drop_duplicates("epoch", keep="last")
    if len(train) == 0:
        raise ConfigError(where, expected="rows with an epoch and a train error", found="none")
    if missing := int((~frame["epoch"].isin(train["epoch"])).sum()):
        notes.append(f"{missing} of {len(frame)} rows have no train error and count for validation alone.")
    steps = np.diff(train["epoch"])
    if len(steps) and steps.max() > steps.min() * (1 + 1e-9):
        spaced = f"{in_full(steps.min())} to {in_full(steps.max())} apart"
        notes.append(f"The epochs are {spaced}: what lies between two rows is not seen.")
    train = train.copy()
    if len(known):
        at = train["epoch"].to_numpy()
        nothing = {"left": np.nan, "right": np.nan}
        train["validation_error"] = np.interp(at, known["epoch"], known["validation_error"], **nothing)
        between = train["validation_error"].notna() & ~train["epoch"].isin(known["epoch"])
        if interpolated := int(between.sum()):
            notes.append(
                f"The validation error was not measured at {interpolated} of {len(train)} epochs and is "
                "interpolated linearly there."
            )
    rows = table.loc[train.index]
    return TrainingCurve(
        train.reset_index(drop=True), dict(columns), tuple(notes), rows.reset_index(drop=True)
    )
