"""What happens around a collapse: a quantity of many seeds, aligned at the start of every collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from grokflow.figures.bands import SeedCurve
from grokflow.figures.shown import ShownRun

OFFSETS = np.arange(-100, 151)
"""Epochs from the start of a collapse."""


def around_collapses(
    runs: Iterable[ShownRun],
    quantity: Callable[[ShownRun], np.ndarray],
    *,
    relative: Literal["ratio", "difference"],
) -> np.ndarray:
    """A row for each collapse of every seed, its columns the `OFFSETS`, relative to the value at the start.

    NaN from the start of the next collapse on, up to the end of the one before, and where a seed was not
    trained.

    Parameters
    ----------
    quantity : of a seed, its value at each row of its epochs.csv.
    """
    rows = []
    for run in runs:
        curve = SeedCurve(run.epochs["epoch"].to_numpy(float), quantity(run), lost=True)
        starts, ends = zip(*run.collapses, strict=True) if run.collapses else ((), ())
        for start, before, after in zip(starts, [-np.inf, *ends], [*starts[1:], np.inf], strict=False):
            row, (at_start,) = (curve.at(start + places) for places in (OFFSETS, np.zeros(1)))
            row[(start + OFFSETS < before) | (start + OFFSETS > after)] = np.nan
            if relative == "ratio":
                rows.append(row / at_start if at_start > 0 else np.full(len(row), np.nan))
            else:
                rows.append(row - at_start)
    return np.array(rows).reshape(-1, len(OFFSETS))
