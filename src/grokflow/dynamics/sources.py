"""Sources of variance: in a sweep that tries one key at a time, how much each key moves point 2."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from grokflow.artifacts.results import SweepResults
from grokflow.errors import ArtifactError


class Spread(NamedTuple):
    """What varying one key alone does to point 2."""

    members: int
    reached: int
    """Members that reached point 2; the rest of the numbers are about these."""
    median: float
    """Of point 2, in epochs; NaN where no member reached it."""
    deviation: float
    """Standard deviation of log10(point 2) around the mean of each seed; NaN where no seed has two."""


class SweepSources(SweepResults):
    """A sweep over one key at a time, split up by which key leaves its base value."""

    @cached_property
    def changed(self) -> pd.DataFrame:
        """Of each member and key, whether the key has another value than in the base combination of its seed.

        Raises
        ------
        ArtifactError : when some member leaves the base in more than one key.
        """
        keys = list(self.keys)
        found = [rows[keys] != self._base(rows[keys]) for _, rows in self.table.groupby("seed", sort=False)]
        return pd.concat(found).loc[self.table.index]

    def members(self, key: str) -> pd.DataFrame:
        """The members in which `key` alone has another value, and the base where it was trained."""
        others = [other for other in self.keys if other != key]
        return self.table[~self.changed[others].any(axis=1)]

    def spread(self, key: str) -> Spread:
        """How much `key` alone moves point 2."""
        rows = self.members(key)
        reached = rows.dropna(subset="point_2")
        logarithm = np.log10(reached["point_2"])
        own_mean = logarithm.groupby(reached["seed"]).transform("mean")
        freedom = len(reached) - reached["seed"].nunique()
        squares = float(((logarithm - own_mean) ** 2).sum())
        deviation = math.sqrt(squares / freedom) if freedom else math.nan
        return Spread(len(rows), len(reached), float(reached["point_2"].median()), deviation)

    def _base(self, values: pd.DataFrame) -> pd.Series:
        """The combination that every row (of one seed) leaves in at most one key.

        The first row leaves it in at most one key as well. So the base is that row, or that row with one
        key set to a value that the key has elsewhere.
        """
        first = values.iloc[0]
        candidates = [first]
        for key in values:
            for value in values[key].unique():
                candidate = first.copy()
                candidate[key] = value
                candidates.append(candidate)
        for candidate in candidates:
            if ((values != candidate).sum(axis=1) <= 1).all():
                return candidate
        raise ArtifactError(
            self.file,
            expected="members that leave one combination in one key at a time",
            found="several keys varied at once",
            mend="Give the sweep one_at_a_time: true.",
        )
