"""Positive series, such as η_eff, and how they change over intervals."""

from __future__ import annotations

import numpy as np


def positive(values: np.ndarray) -> np.ndarray:
    """The values that have a finite logarithm, NaN instead of the others."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def ratio_at_end(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Value at the end of each interval over that at its start."""
    with np.errstate(all="ignore"):
        return positive(values[ends] / values[starts])


def ratio_of_peak(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Largest value in each interval, both ends included, over that at its start."""
    bounds = np.stack([starts, ends + 1], axis=-1).ravel()
    padded = np.append(values, np.nan)  # the index after the last one is a bound too
    with np.errstate(all="ignore"):
        peaks = np.fmax.reduceat(padded, bounds)[::2]  # every other slice lies between two intervals
        return positive(peaks.reshape(starts.shape) / values[starts])
