"""The regimes of a sweep: which of its members memorise, grok, or generalise at once.

Source: paper P, section 2; Power et al. (2022), figure 2.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property

import pandas as pd
from pandas.core.groupby import SeriesGroupBy

from grokflow.artifacts.results import SweepResults

LATE = 2.0
"""Generalisation is late when it takes at least this many times as many epochs as point 1."""

UNLEARNED = 0.5
"""Least validation error at point 1 of a model that groks: below it, both accuracies have risen together."""

REGIMES = ("does not memorise", "memorises", "groks", "generalises at once")


def is_late(point_1: float, generalised: float) -> bool:
    """Whether a model generalises, at point 2 or at 99 %, long after point 1; all are epochs."""
    return bool(generalised >= LATE * point_1)


def is_grokking(point_1: float, generalised: float, validation_error_at_point_1: float) -> bool:
    """Whether a model that has memorised generalises late, and had not learned half of it by point 1."""
    return is_late(point_1, generalised) and bool(validation_error_at_point_1 >= UNLEARNED)


def regime(point_1: float | None, point_2: float | None, validation_error_at_point_1: float | None) -> str:
    """The regime of a member, from the epochs of its points and its validation error at point 1.

    None or NaN: not reached.
    """
    if point_1 is None or math.isnan(point_1):
        return "does not memorise"
    if point_2 is None or math.isnan(point_2):
        return "memorises"
    error = math.nan if validation_error_at_point_1 is None else validation_error_at_point_1
    return "groks" if is_grokking(point_1, point_2, error) else "generalises at once"


class SweepRegimes(SweepResults):
    """A sweep, its regimes and delays at each combination of the varied keys."""

    @cached_property
    def regimes(self) -> pd.Series:
        """The regime at each value, that of most seeds; of equally many the earlier in `REGIMES`."""
        return self._of_seeds.agg(_most_frequent)

    @cached_property
    def agreement(self) -> pd.Series:
        """The share of the seeds at each value that are in its regime."""
        return self._of_seeds.agg(lambda found: (found == _most_frequent(found)).mean()).astype(float)

    @property
    def _of_seeds(self) -> SeriesGroupBy:
        """The regimes of the seeds at each value."""
        rows = self.table[["point_1", "point_2", "validation_error_at_point_1"]].itertuples(index=False)
        return self.table.assign(regime=[regime(*row) for row in rows]).groupby(list(self.keys))["regime"]

    @cached_property
    def delays(self) -> pd.Series:
        """The median over the seeds of point 2 − point 1 at each value."""
        delay = self.table["point_2"] - self.table["point_1"]
        return self.table.assign(delay=delay).groupby(list(self.keys))["delay"].median()

    @property
    def is_grid(self) -> bool:
        """Whether two varied keys make a grid: their values recur, as numbers drawn at random do not."""
        rows, columns = (self.table[key].nunique() for key in self.keys)
        return len(self.regimes) > max(rows, columns) or len(self.regimes) == rows * columns


def _most_frequent(regimes: pd.Series) -> str:
    counts = Counter(regimes)
    return max(REGIMES, key=lambda name: counts[name])
