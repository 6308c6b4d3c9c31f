"""Whether a quantity changes at the collapses by more than at chance positions: permutation tests.

One for each seed, and one over all seeds: collapses are nearly periodic, so rotated by a period they meet
each other again, and a seed's p has a floor of about the length of a change over the period. Rotations that
are independent in every seed seldom meet in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from grokflow.dynamics.collapses import Collapse, memorised
from grokflow.dynamics.series import positive, ratio_at_end, ratio_of_peak
from grokflow.dynamics.validation import logged_validation_accuracy, validation_accuracy
from grokflow.randomness import generator

MOST_SHIFTS = 2000
"""Positions tried by a permutation test; p is then resolved to 0.0005, and 50 collapses take a moment."""

ROUNDING = 1e-9
"""Slack of a statistic that ties with the observed one, as all do for a straight line."""

Quantity = Literal[
    "effective_learning_rate",
    "effective_gradient_norm",
    "invariant_effective_learning_rate",
    "invariant_effective_gradient_norm",
    "validation_accuracy",
    "logged_validation_accuracy",
]
"""What may coincide with collapses; all but the last two are columns of epochs.csv. The last one is the
measure of the claims as first registered, and serves to show their verdicts beside today's."""


@dataclass(frozen=True)
class Coincidence:
    """Mean change at the collapses, and the share of positions of the collapses where it is as large.

    `of_shifts` (shifts,): the mean change for every shift of the collapses that was tried, the first of them
    none at all; NaN where it is unknown.
    """

    mean: float
    p: float
    of_shifts: np.ndarray = field(default_factory=lambda: np.empty(0), compare=False, repr=False)


@dataclass(frozen=True)
class PooledTest:
    """Mean over seeds of the mean change at their collapses, its p, and how many seeds had one."""

    mean: float
    p: float
    seeds: int


def coincidence_test(
    epochs: pd.DataFrame,
    history: pd.DataFrame,
    collapses: Sequence[Collapse],
    of: Quantity,
    before: int | None = None,
) -> Coincidence:
    """Whether a quantity changes at the collapses more than it does elsewhere.

    The window goes from memorisation to the last epoch. A collapse that never ended (or settled, for
    `validation_accuracy`) is left out: what changed over it is unknown.

    Parameters
    ----------
    of : `*_learning_rate`: the change is −log(η_eff(end)/η_eff(start)); `*_gradient_norm`: the log of the
        largest g_eff from start to end over that at the start; `validation_accuracy`: where the collapse has
        settled less start; `logged_validation_accuracy`: end less start, interpolated between logged epochs.
    before : only collapses that start before this epoch; the window ends there, or with the last such
        collapse: one in which a run comes to generalise ends after point 2.
    """
    epoch, error = epochs["epoch"].to_numpy(), epochs["train_error"].to_numpy()
    first = memorised(error)
    intervals = ((one.start, one.settled if of == "validation_accuracy" else one.end) for one in collapses)
    chosen = [
        (start, end) for start, end in intervals if end is not None and (before is None or start < before)
    ]
    if first is None or not chosen:
        return Coincidence(np.nan, np.nan)
    bounds = np.searchsorted(epoch, np.array(chosen))
    last = len(epoch) - 1
    if before is not None:
        last = min(last, max(int(np.searchsorted(epoch, before)), int(bounds.max())))
    window = slice(first, last + 1)
    change = _change(epochs[window], history, of)
    return coincidence(change, bounds[:, 0] - first, bounds[:, 1] - first, last + 1 - first)


def coincidence(
    change: Callable[[np.ndarray, np.ndarray], np.ndarray],
    starts: np.ndarray,
    ends: np.ndarray,
    length: int,
) -> Coincidence:
    """Permutation test by circular shift: is the mean change over intervals large because of where they lie?

    All intervals are shifted together, so their distances and durations stay and so does whatever trend
    and autocorrelation the series has. An interval that then runs over the end of the window is left out
    of that mean, because a jump from the last value to the first one is no event of the run; intervals
    do not overlap, so that is never more than one. Nothing is random: all shifts are tried, or
    MOST_SHIFTS evenly spaced ones. p is NaN for fewer than two intervals.

    Parameters
    ----------
    change : the changes over intervals, from two arrays of indices of one shape: first and last index.
        NaN where it is unknown; such intervals are left out.
    starts, ends : the intervals observed, as indices inside the window.
    length : of the window.
    """
    begin = (starts + _shifts(length)[:, None]) % length
    end = begin + (ends - starts)
    changes = np.where(end < length, change(begin, np.minimum(end, length - 1)), np.nan)
    means = _means(changes)
    observed = float(means[0])
    if np.count_nonzero(~np.isnan(changes[0])) < 2:
        return Coincidence(observed, np.nan, means)
    p = float(np.mean(means[~np.isnan(means)] >= observed - ROUNDING))
    return Coincidence(observed, p, means)


def pooled_test(seeds: Sequence[Coincidence], draws: int = 9999) -> PooledTest:
    """One permutation test over all seeds: is their average change at the collapses large?

    The statistic is the mean over seeds of a seed's mean change. Under the null hypothesis the collapses of a
    seed may lie at any shift, whatever those of the others do: a draw takes one known shift of each seed. p
    is (1 + draws at least as large as what is observed) / (1 + draws), so it is never 0 and at most `draws`
    resolves it (Phipson and Smyth, 2010). The draws are the same in every call.

    Seeds without a known change are left out; their number is what `seeds` of the result lacks. One with a
    single collapse counts.
    """
    usable = [seed for seed in seeds if not np.isnan(seed.mean)]
    if not usable:
        return PooledTest(np.nan, np.nan, 0)
    random = generator(0, "rotation")
    known = (seed.of_shifts[~np.isnan(seed.of_shifts)] for seed in usable)
    drawn = np.sum([random.choice(means, draws) for means in known], axis=0) / len(usable)
    observed = float(np.mean([seed.mean for seed in usable]))
    as_large = int(np.count_nonzero(drawn >= observed - ROUNDING))
    return PooledTest(observed, (1 + as_large) / (1 + draws), len(usable))


def _change(
    epochs: pd.DataFrame, history: pd.DataFrame, of: Quantity
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The function that measures the change of a quantity over intervals of the rows of `epochs`."""
    if of in ("validation_accuracy", "logged_validation_accuracy"):
        measure = validation_accuracy if of == "validation_accuracy" else logged_validation_accuracy
        accuracy = measure(epochs, history)
        return lambda starts, ends: accuracy[ends] - accuracy[starts]
    values = positive(epochs[of])
    if of.endswith("gradient_norm"):
        return lambda starts, ends: np.log(ratio_of_peak(values, starts, ends))
    return lambda starts, ends: -np.log(ratio_at_end(values, starts, ends))


def _shifts(length: int) -> np.ndarray:
    """All shifts of a window, or MOST_SHIFTS evenly spaced ones; the first is none at all."""
    count = min(length, MOST_SHIFTS)
    return np.arange(count) * length // count


def _means(changes: np.ndarray) -> np.ndarray:
    """The mean of each row over what is known of it; NaN, without a warning, where nothing is."""
    known = ~np.isnan(changes)
    count = known.sum(axis=1)
    total = np.where(known, changes, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
