"""Validation accuracy at every epoch, from all that was recorded of it."""

from __future__ import annotations

import numpy as np
import pandas as pd


def validation_accuracy(epochs: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """The validation accuracy at each row of `epochs`.

    It is exact where epochs.csv has it (around collapses) and where history.csv does (logged epochs), and
    interpolated linearly between these; NaN before the first and after the last of them.

    Parameters
    ----------
    epochs, history : the tables epochs.csv and history.csv of a run.
    """
    known = pd.concat([part.set_index("epoch")["validation_error"].dropna() for part in (history, epochs)])
    known = known[~known.index.duplicated(keep="last")].sort_index()
    return _interpolated(epochs, known, outside=np.nan)


def logged_validation_accuracy(epochs: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """The same from the logged epochs alone, and constant outside them: the measure first registered.

    Between two logged epochs it knows nothing of a collapse, so it is wrong where one ends.
    """
    known = history.set_index("epoch")["validation_error"].dropna()
    return _interpolated(epochs, known, outside=None)


def _interpolated(epochs: pd.DataFrame, error: pd.Series, outside: float | None) -> np.ndarray:
    if error.empty:
        return np.full(len(epochs), np.nan)
    return np.interp(epochs["epoch"], error.index, 1 - error.to_numpy(float), left=outside, right=outside)
