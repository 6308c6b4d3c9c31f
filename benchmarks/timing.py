"""Paired timing: two things in turn, A B A B …, so that what disturbs one disturbs the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pairs:
    """Seconds of A and of B, one pair a repeat; both arrays are (repeats,)."""

    a: np.ndarray
    b: np.ndarray

    def ratio(self, scale: float = 1.0) -> tuple[float, float, float]:
        """Median, 10 % and 90 % quantile of the pairwise ratios A ÷ (scale · B)."""
        ratios = self.a / (scale * self.b)
        median, low, high = np.quantile(ratios, [0.5, 0.1, 0.9])
        return float(median), float(low), float(high)


Action = Callable[[], object]


def alternate(a: Action, b: Action, *, repeats: int, warmup: int = 1) -> Pairs:
    """Time A and B in turn, `repeats` times each, after `warmup` untimed turns."""
    seconds = np.array([(_seconds(a), _seconds(b)) for _ in range(warmup + repeats)])[warmup:]
    return Pairs(seconds[:, 0], seconds[:, 1])


def _seconds(function: Action) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
