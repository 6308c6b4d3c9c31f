"""Where one number a seed lies: its median over seeds, a paper's place among them, where further seeds fall.

NaN, a seed that has no such number, is dropped. +∞, say the epoch of a plateau that was never reached, is
larger than every number. A median, or an end of an interval, that is +∞ or a mean with one is +∞.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokflow.randomness import generator

LEAST_FOR_INTERVAL = 6
"""All n values lie on one side of the median with probability 2^(1 − n): 0.06 at five, 0.03 at six."""

RESAMPLES = 9999

LEAST_FOR_PERCENTILES = 40
"""With fewer, 95 % of further values need not lie between the smallest and the largest: (n − 1)/(n + 1)."""


@dataclass(frozen=True)
class Location:
    """A median over seeds with its 95 % interval, in the unit of the values."""

    median: float
    """NaN when no seed has a value."""
    low: float
    high: float
    seeds: int
    """Those that have a value."""


def median_of(values: Sequence[float] | np.ndarray) -> Location:
    """The median over seeds, with the 95 % BCa bootstrap interval.

    Low and high are NaN for fewer than LEAST_FOR_INTERVAL seeds: no interval inside the range of so few
    values covers the median in 95 % of samples. Equal values of as many seeds have an interval of no width.
    Where BCa is not defined, because the median stays when any one value is left out, it is the
    percentile interval of the same resamples. The resamples are the same at every call.

    Resampled medians of few values are coarse, so the interval is not exact. Simulated, it covers the median
    in 93 % of samples of 6 values, 87 % of 7, 93 % of 8, and 93 to 96 % from 9 to 64, of normal and of
    exponential values alike. Source: Efron, "Better Bootstrap Confidence Intervals", 1987.

    Raises
    ------
    ValueError : at −∞.
    """
    known = _known(values)
    median = float(np.median(known)) if len(known) else np.nan
    if len(known) < LEAST_FOR_INTERVAL:
        return Location(median, np.nan, np.nan, len(known))
    finite, largest = _finite(known)
    low, high = _bootstrap_interval(finite)
    return Location(median, _restored(low, largest), _restored(high, largest), len(known))


def percentile_of(value: float, values: Sequence[float] | np.ndarray) -> float:
    """Where a value stands among those of the seeds, from 0 (below all) to 100; half of the ties are below.

    NaN when the value is, and when no seed has a value.
    """
    from scipy.stats import percentileofscore

    known = _known(values)
    if np.isnan(value) or not len(known):
        return float("nan")
    return float(percentileofscore(known, value, kind="mean"))


def spread(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Where 95 % of further single seeds are expected (a prediction interval, not one of the median).

    From LEAST_FOR_PERCENTILES seeds on their 2.5th and 97.5th percentile, whatever their distribution, at
    the ranks 0.025 (n + 1) and 0.975 (n + 1), between which 95 % of further values fall on average. With
    fewer, mean ± t(0.975, n − 1)·s·√(1 + 1/n), which takes them as normal. NaN for fewer than 3 seeds, and
    for fewer than LEAST_FOR_PERCENTILES when one value is infinite.
    """
    known = _known(values)
    n = len(known)
    if n >= LEAST_FOR_PERCENTILES:
        finite, largest = _finite(known)
        low, high = np.quantile(finite, [0.025, 0.975], method="weibull")
        return _restored(low, largest), _restored(high, largest)
    if n < 3 or np.isinf(known).any():
        return np.nan, np.nan

    from scipy.stats import t

    half = t.ppf(0.975, n - 1) * known.std(ddof=1) * np.sqrt(1 + 1 / n)
    return float(known.mean() - half), float(known.mean() + half)


def _known(values: Sequence[float] | np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if np.isneginf(array).any():
        raise ValueError("−∞ is no value that a seed can have here")
    return array[~np.isnan(array)]


def _finite(known: np.ndarray) -> tuple[np.ndarray, float]:
    """The values with a number for each +∞, because ∞ − ∞ is none; and the largest one that is finite.

    The number is so large that its mean with any value is above the largest of them: `_restored` then
    knows which results stand for +∞. The largest is −∞ when no value is finite.
    """
    infinite = np.isinf(known)
    if infinite.all():
        return np.zeros(len(known)), -np.inf
    smallest, largest = float(known[~infinite].min()), float(known[~infinite].max())
    beyond = largest + 2 * (largest - smallest or max(abs(largest), 1.0))
    return np.where(infinite, beyond, known), largest


def _restored(value: float, largest: float) -> float:
    return float(value) if value <= largest else np.inf


def _bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    from scipy.stats import DegenerateDataWarning, bootstrap

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        drawn = bootstrap(
            (values,), np.median, n_resamples=RESAMPLES, method="BCa", rng=generator(0, "bootstrap")
        )
        if np.isnan(drawn.confidence_interval).any():
            drawn = bootstrap(
                (values,), np.median, n_resamples=0, method="percentile", bootstrap_result=drawn
            )
    low, high = drawn.confidence_interval
    return float(low), float(high)
