"""Validation accuracy at every epoch, from all that was recorded of it."""

from __future__ import annotations

import numpy as np
import pandas as pd


def measured_validation_error(epochs: pd.DataFrame, history: pd.DataFrame) -> pd.Series:
    """Validation error by epoch, at every epoch at which it was measured.

    These are the epochs around collapses (epochs.csv) and the logged ones (history.csv). At an epoch that
    both tables have, epochs.csv counts.

    Parameters
    ----------
    epochs, history : the tables epochs.csv and history.csv of a run.
    """
    known = pd.concat([part.set_index("epoch")["validation_error"].dropna() for part in (history, epochs)])
    return known[~known.index.duplicated(keep="last")].sort_index()


def validation_accuracy(epochs: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """The validation accuracy at each row of `epochs`.

    It is exact where it was measured (`measured_validation_error`), and interpolated linearly between these
    epochs; NaN before the first and after the last of them.
    """
    return _interpolated(epochs, measured_validation_error(epochs, history), outside=np.nan)


def logged_validation_accuracy(epochs: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """Validation accuracy at each row of `epochs`, from the logged epochs alone, as first registered.

    It is interpolated linearly between them, and constant outside. Between two logged epochs it knows nothing
    of a collapse, so it is wrong where one ends.
    """
    known = history.set_index("epoch")["validation_error"].dropna()
    return _interpolated(epochs, known, outside=None)


def _interpolated(epochs: pd.DataFrame, error: pd.Series, outside: float | None) -> np.ndarray:
    if error.empty:
        return np.full(len(epochs), np.nan)
    return np.interp(epochs["epoch"], error.index, 1 - error.to_numpy(float), left=outside, right=outside)
