"""What happens around a collapse: a quantity of many seeds, aligned at the start of every collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from grokflow.figures.bands import Curve
from grokflow.figures.shown import ShownRun

OFFSETS = np.arange(-100, 151)
"""Epochs from the start of a collapse."""


def around_collapses(
    runs: Iterable[ShownRun],
    quantity: Callable[[ShownRun], tuple[np.ndarray, np.ndarray]],
    *,
    between: Literal["linear", "previous"] = "linear",
    relative: Literal["ratio", "difference"],
) -> np.ndarray:
    """A row for each collapse of every seed, its columns the `OFFSETS`, relative to the value at the start.

    NaN before the first epoch of a seed and after its last.

    Parameters
    ----------
    quantity : epochs and values of a seed.
    between : what its value is at an epoch without one.
    """
    rows = []
    for run in runs:
        epochs, values = quantity(run)
        curve = Curve(epochs, values, lost=True)
        for start in run.periods["start"].to_numpy(float):
            row, (at_start,) = (curve.at(start + places, between) for places in (OFFSETS, np.zeros(1)))
            if relative == "ratio":
                rows.append(row / at_start if at_start > 0 else np.full(len(row), np.nan))
            else:
                rows.append(row - at_start)
    return np.array(rows).reshape(-1, len(OFFSETS))
