"""Timing in turns, A B A B …, so that what disturbs one disturbs the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Spread = tuple[float, float, float]
"""Median, 10 % and 90 % quantile."""

Action = Callable[[], object]


@dataclass(frozen=True)
class Pairs:
    """Seconds of A and of B, one pair a repeat; both arrays are (repeats,)."""

    a: np.ndarray
    b: np.ndarray

    def ratio(self, scale: float = 1.0) -> Spread:
        """The pairwise ratios A ÷ (scale · B)."""
        return spread(self.a / (scale * self.b))


def alternate(a: Action, b: Action, *, repeats: int, warmup: int = 1) -> Pairs:
    """Time A and B in turn, `repeats` times each, after `warmup` untimed turns."""
    return Pairs(*take_turns([a, b], repeats=repeats, warmup=warmup).T)


def take_turns(actions: Sequence[Action], *, repeats: int, warmup: int = 1) -> np.ndarray:
    """Seconds (repeats, actions) of all the actions in turn, after `warmup` untimed turns."""
    turns = [[_seconds(action) for action in actions] for _ in range(warmup + repeats)]
    return np.array(turns[warmup:])


def spread(values: np.ndarray) -> Spread:
    """Median, 10 % and 90 % quantile of the values (repeats,)."""
    median, low, high = np.quantile(values, [0.5, 0.1, 0.9])
    return float(median), float(low), float(high)


def _seconds(function: Action) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
