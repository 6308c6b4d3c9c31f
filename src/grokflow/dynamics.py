"""Periodic behaviour: where train accuracy collapses, and what the effective quantities do there.

With LayerNorm and weight decay the norm of the weights shrinks, so η_eff = η/‖θ‖² rises slowly until
train accuracy collapses; the norm is then thrown up, η_eff drops and training recovers. Source:
paper P; Lobacheva et al., "On the Periodic Behavior of Neural Network Training with Batch
Normalization and Weight Decay", 2021. All constants were fixed before any run was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

RECOVERED = 0.01
"""Train error of a memorised train set: one pair in a hundred, ALMOST_NO_ERROR of the claims. The error of
an epoch is a mean over minibatches as they were met, hence seldom exactly 0."""

QUIET_SPREADS = 3.0
"""Spreads of the noise above its median up to which the error is quiet: noise seldom leaves it."""

SHALLOWEST = 0.05
"""Least rise above the quiet level: no visible collapse costs less than one pair in twenty."""

COLLAPSE_SPREADS = 8.0
"""Least rise above the quiet level in spreads of the noise. With the 3 below it makes 11: normal noise does
not get there in any run, uniform noise spans less than 4 of its spreads. (Noise with an exponential tail
above 0 and a spread over 0.01 gets there once in thousands of epochs.)"""

QUIET = 0.1
"""Train error above which (and above the noise) a run is not quiet, however long it stays there. The quiet
level is a median of what lies below, so it is right for a run that recovers to 0.07 only, for one that is
collapsed most of the time, and for one that never comes back from its first collapse."""

NORMAL_SPREAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

REVERSAL = 0.1
"""Share of the whole range of log(values) by which a saw-tooth must turn back: smaller wiggles are noise."""

HELD = 1e-3
"""Range of log(values) below which a series is constant. Where the norm is held (projected or scale kept
fixed) η_eff varies by rounding alone, and a threshold relative to the range would call that teeth."""

MOST_SHIFTS = 2000
"""Positions tried by a permutation test; p is then resolved to 0.0005, and 50 collapses take a moment."""

ROUNDING = 1e-9
"""Slack of a statistic that ties with the observed one, as all do for a straight line."""

PERIODS = [
    "collapse",
    "start",
    "bottom",
    "end",
    "depth",
    "period",
    "validation_accuracy_before",
    "validation_accuracy_after",
    "effective_learning_rate_jump",
    "effective_gradient_norm_jump",
    "invariant_effective_learning_rate_jump",
    "invariant_effective_gradient_norm_jump",
]
"""Columns of periods.csv, one row for each collapse of train accuracy. `collapse` counts from 1; `start`,
`bottom`, `end` are epochs: the last quiet one, the one of the largest train error, the first quiet one
again (blank: never); `depth`: train accuracy lost from start to bottom; `period`: epochs since the start
of the collapse before (blank for the first); `validation_accuracy_*`: at the last logged epoch up to the
start and at the first logged one from the end on; `*_learning_rate_jump`: η_eff at the end over that at
the start; `*_gradient_norm_jump`: the largest g_eff from start to end over that at the start;
`invariant_*`: of the scale-invariant parameters. A jump is blank without an end, and where a value is
missing, zero or infinite."""

Quantity = Literal[
    "effective_learning_rate",
    "effective_gradient_norm",
    "invariant_effective_learning_rate",
    "invariant_effective_gradient_norm",
    "validation_accuracy",
]
"""What may coincide with collapses; all but the last are columns of epochs.csv."""


@dataclass(frozen=True)
class Collapse:
    """An excursion of the train error, in epochs; `end` is None when the run ends before it does."""

    start: int
    bottom: int
    end: int | None
    depth: float


@dataclass(frozen=True)
class Tooth:
    """Steps of a rise, and of the fall after it."""

    rise: int
    fall: int


@dataclass(frozen=True)
class SawTooth:
    """The number of teeth of a series and their median durations in steps, NaN when there are none."""

    teeth: int
    rise: float
    fall: float


@dataclass(frozen=True)
class Coincidence:
    """Mean change at the collapses, and the share of positions of the collapses where it is as large."""

    mean: float
    p: float


def find_collapses(epoch: np.ndarray, train_error: np.ndarray) -> list[Collapse]:
    """The excursions of the train error from its quiet level, from memorisation on.

    Two levels make the hysteresis: a collapse lasts from the last epoch at or below the quiet level to
    the next one, and counts when it goes far enough above that level in between. So `depth` is at least
    SHALLOWEST, and noise about the quiet level neither begins nor splits a collapse.
    """
    error = np.nan_to_num(np.asarray(train_error, dtype=float), nan=1.0)  # a diverged run knows nothing
    first = _memorised(error)
    if first is None:
        return []
    epoch, error = epoch[first:], error[first:]
    spread = _spread(error)
    quiet = np.median(error[error <= QUIET + COLLAPSE_SPREADS * spread])
    low = max(RECOVERED, float(quiet) + QUIET_SPREADS * spread)
    reach = low + max(SHALLOWEST, COLLAPSE_SPREADS * spread)

    collapses = []
    for start, end in _excursions(error > low):
        bottom = start + int(np.argmax(error[start:end]))
        if error[bottom] >= reach:
            last = None if end == len(error) else int(epoch[end])
            depth = float(error[bottom] - error[start])
            collapses.append(Collapse(int(epoch[start]), int(epoch[bottom]), last, depth))
    return collapses


def find_teeth(values: np.ndarray) -> list[Tooth]:
    """The complete teeth of a positive series: a rise from a low to a high, and the fall to the next low.

    A turn counts when the series then goes back by REVERSAL of its range in log. A rise from the first
    value is a rise, though it may have begun before; a fall to the last value is not complete. Neither
    makes rises look longer against falls. Values that have no logarithm are passed over.
    """
    positive = _positive(values)
    places = np.flatnonzero(~np.isnan(positive))
    heights = np.log(positive[places])
    if len(heights) == 0 or np.ptp(heights) < HELD:
        return []
    turns = _turns(heights, REVERSAL * float(np.ptp(heights)))
    if len(turns) > 1 and heights[turns[0]] > heights[turns[1]]:
        turns = turns[1:]
    low, high = places[turns[::2]], places[turns[1::2]]
    return [
        Tooth(int(top - left), int(right - top))
        for left, top, right in zip(low, high, low[1:], strict=False)  # the last high may lack its low
    ]


def saw_tooth(values: np.ndarray) -> SawTooth:
    """How many teeth a positive series has, and how long its rises and falls typically take."""
    teeth = find_teeth(values)
    if not teeth:
        return SawTooth(0, np.nan, np.nan)
    rise, fall = (float(np.median([getattr(tooth, side) for tooth in teeth])) for side in ("rise", "fall"))
    return SawTooth(len(teeth), rise, fall)


def periods(epochs: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The collapses of a run and what changed at each, one a row: see PERIODS.

    Parameters
    ----------
    epochs, history : the tables epochs.csv and history.csv of the run.
    """
    epoch = epochs["epoch"].to_numpy()
    logged = history[["epoch", "validation_error"]].dropna()
    rows: list[dict[str, Any]] = []
    for number, collapse in enumerate(find_collapses(epoch, epochs["train_error"].to_numpy()), start=1):
        rows.append(
            {
                "collapse": number,
                "start": collapse.start,
                "bottom": collapse.bottom,
                "end": collapse.end,
                "depth": collapse.depth,
                "period": collapse.start - rows[-1]["start"] if rows else None,
                **_validation(logged, collapse),
                **_jumps(epochs, collapse),
            }
        )
    whole = dict.fromkeys(("collapse", "start", "bottom", "end", "period"), "Int64")
    types = {name: whole.get(name, "float64") for name in PERIODS}
    return pd.DataFrame(rows, columns=PERIODS).astype(types)


def coincidence_test(
    epochs: pd.DataFrame,
    history: pd.DataFrame,
    collapses: Sequence[Collapse],
    of: Quantity,
    before: int | None = None,
) -> Coincidence:
    """Whether a quantity changes at the collapses more than it does elsewhere.

    The window goes from memorisation to the last epoch. A collapse that never ended is left out: what
    changed over it is unknown.

    Parameters
    ----------
    of : `*_learning_rate`: the change is −log(η_eff(end)/η_eff(start)); `*_gradient_norm`: the log of the
        largest g_eff from start to end over that at the start; `validation_accuracy`: end less start,
        interpolated between the logged epochs.
    before : only collapses that start before this epoch; the window ends there, or with the last such
        collapse: one in which a run comes to generalise ends after point 2.
    """
    epoch, error = epochs["epoch"].to_numpy(), epochs["train_error"].to_numpy()
    first = _memorised(error)
    chosen = [
        (one.start, one.end)
        for one in collapses
        if one.end is not None and (before is None or one.start < before)
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
        return Coincidence(observed, np.nan)
    return Coincidence(observed, float(np.mean(means[~np.isnan(means)] >= observed - ROUNDING)))


def _memorised(error: np.ndarray) -> int | None:
    """The index of the first epoch with a memorised train set."""
    memorised = np.flatnonzero(error <= RECOVERED)
    return int(memorised[0]) if len(memorised) else None


def _spread(error: np.ndarray) -> float:
    """The standard deviation of white noise, from first differences: these hardly see slow changes."""
    steps = np.diff(error)
    if len(steps) == 0:
        return 0.0
    return float(NORMAL_SPREAD * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2))


def _excursions(above: np.ndarray) -> list[tuple[int, int]]:
    """For each run of True the index before it and the one after it; `above` begins with False."""
    edges = np.diff(above.astype(int))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) + 1
    if len(ends) < len(starts):
        ends = np.append(ends, len(above))
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _positive(values: np.ndarray) -> np.ndarray:
    """The values that have a finite logarithm, NaN instead of the others."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _turns(heights: np.ndarray, threshold: float) -> list[int]:
    """Zigzag: indices of the highs and lows after which the series went back by `threshold`, alternating."""
    turns: list[int] = []
    low = high = direction = 0  # the direction is not known before the first turn
    for here, height in enumerate(heights):
        if direction >= 0 and height > heights[high]:
            high = here
        if direction <= 0 and height < heights[low]:
            low = here
        if direction >= 0 and heights[high] - height >= threshold:
            turns.append(high)
            low, direction = here, -1
        elif direction <= 0 and height - heights[low] >= threshold:
            turns.append(low)
            high, direction = here, 1
    return turns


def _validation(logged: pd.DataFrame, collapse: Collapse) -> dict[str, float]:
    accuracy = 1 - logged["validation_error"]
    before = accuracy[logged["epoch"] <= collapse.start]
    after = accuracy[logged["epoch"] >= (np.inf if collapse.end is None else collapse.end)]
    return {
        "validation_accuracy_before": np.nan if before.empty else float(before.iloc[-1]),
        "validation_accuracy_after": np.nan if after.empty else float(after.iloc[0]),
    }


def _jumps(epochs: pd.DataFrame, collapse: Collapse) -> dict[str, float]:
    if collapse.end is None:
        return {}
    start, end = np.searchsorted(epochs["epoch"].to_numpy(), [[collapse.start], [collapse.end]])
    ratios = {}
    for name in ("effective_learning_rate", "invariant_effective_learning_rate"):
        ratios[f"{name}_jump"] = float(_ratio_at_end(_positive(epochs[name]), start, end)[0])
    for name in ("effective_gradient_norm", "invariant_effective_gradient_norm"):
        ratios[f"{name}_jump"] = float(_ratio_of_peak(_positive(epochs[name]), start, end)[0])
    return ratios


def _ratio_at_end(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Value at the end of each interval over that at its start."""
    with np.errstate(all="ignore"):
        return _positive(values[ends] / values[starts])


def _ratio_of_peak(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Largest value in each interval, both ends included, over that at its start."""
    bounds = np.stack([starts, ends + 1], axis=-1).ravel()
    padded = np.append(values, np.nan)  # the index after the last one is a bound too
    with np.errstate(all="ignore"):
        peaks = np.fmax.reduceat(padded, bounds)[::2]  # every other slice lies between two intervals
        return _positive(peaks.reshape(starts.shape) / values[starts])


def _change(
    epochs: pd.DataFrame, history: pd.DataFrame, of: Quantity
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The function that measures the change of a quantity over intervals of the rows of `epochs`."""
    if of == "validation_accuracy":
        accuracy = _interpolated_accuracy(epochs, history)
        return lambda starts, ends: accuracy[ends] - accuracy[starts]
    values = _positive(epochs[of])
    if of.endswith("gradient_norm"):
        return lambda starts, ends: np.log(_ratio_of_peak(values, starts, ends))
    return lambda starts, ends: -np.log(_ratio_at_end(values, starts, ends))


def _interpolated_accuracy(epochs: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    logged = history[["epoch", "validation_error"]].dropna()
    if logged.empty:
        return np.full(len(epochs), np.nan)
    return np.interp(epochs["epoch"], logged["epoch"], 1 - logged["validation_error"])


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
