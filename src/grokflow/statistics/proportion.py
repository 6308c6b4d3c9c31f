"""The proportion of seeds for which something holds, its interval, and the verdict that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Verdict = Literal["reproduced", "mostly reproduced", "not reproduced", "undecided"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

NEARLY_ALL = 0.9
"""What the lower end of the interval must reach for `reproduced`."""

HALF = 0.5
"""What the interval must leave on one side to decide anything."""

MOST_SEEDS = 10_000
"""Where `Proportion.needed` stops looking."""


def wilson(holding: np.ndarray, judged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the 95 % Wilson intervals of many proportions; `judged` need not be whole, only above 0."""
    from statsmodels.stats.proportion import proportion_confint

    return proportion_confint(holding, judged, alpha=0.05, method="wilson")


@dataclass(frozen=True)
class Proportion:
    """For how many of the judged seeds something holds.

    Raises
    ------
    ValueError : unless 0 ≤ holding ≤ judged.

    >>> Proportion(3, 3).verdict, round(Proportion(3, 3).low, 2)
    ('undecided', 0.44)
    """

    holding: int
    judged: int

    def __post_init__(self) -> None:
        if not 0 <= self.holding <= self.judged:
            raise ValueError(f"{self.holding} of {self.judged} is not a proportion")

    @property
    def share(self) -> float:
        """Between 0 and 1; NaN when no seed was judged."""
        return self.holding / self.judged if self.judged else float("nan")

    @property
    def low(self) -> float:
        """The lower end of the 95 % Wilson interval; 0 when no seed was judged."""
        return self._interval()[0]

    @property
    def high(self) -> float:
        """The upper end of the 95 % Wilson interval; 1 when no seed was judged."""
        return self._interval()[1]

    @property
    def verdict(self) -> Verdict:
        """What the interval allows to say; never more than `undecided` for fewer than four seeds."""
        low, high = self._interval()
        if low >= NEARLY_ALL:
            return "reproduced"
        if low > HALF:
            return "mostly reproduced"
        if high < HALF:
            return "not reproduced"
        return "undecided"

    @property
    def needed(self) -> int | None:
        """How many judged seeds would decide at this rate.

        The least n ≥ judged at which the share of today, to the nearest whole seed, gives another verdict
        than `undecided`. None when today's is another one already, when no seed was judged, at a share of
        exactly one half, and when more than MOST_SEEDS would be needed.
        """
        if not self.judged or self.verdict != "undecided":
            return None
        judged = np.arange(self.judged, MOST_SEEDS + 1)
        low, high = wilson(np.rint(self.holding * judged / self.judged), judged)
        deciding = judged[(low > HALF) | (high < HALF)]
        return int(deciding[0]) if len(deciding) else None

    def _interval(self) -> tuple[float, float]:
        if not self.judged:
            return 0.0, 1.0
        low, high = wilson(np.array([self.holding]), np.array([self.judged]))
        return float(low[0]), float(high[0])
