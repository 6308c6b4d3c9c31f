"""Where train accuracy collapses and recovers, found without hand-set epochs, and what changed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import PERIODS, RECOVERED, SETTLING
from grokflow.dynamics.series import positive, ratio_at_end, ratio_of_peak
from grokflow.dynamics.validation import validation_accuracy

QUIET_SPREADS = 3.0
"""Spreads of the noise above its median up to which the error is quiet: noise seldom leaves it."""

SHALLOWEST = 0.05
"""Least rise above the quiet level: no visible collapse costs less than one pair in twenty."""

COLLAPSE_SPREADS = 8.0
"""Least rise above the quiet level in spreads of the noise. With the 3 of the quiet level it makes 11 above
the median, which normal noise reaches in no run; uniform noise spans less than 4 of its spreads. (Noise with
an exponential tail above 0 and a spread over 0.01 gets there once in thousands of epochs.)"""

QUIET = 0.1
"""Train error above which (and above the noise) a run is not quiet, however long it stays there. The quiet
level is a median of what lies below, so it is right for a run that recovers to 0.07 only, for one that is
collapsed most of the time, and for one that never comes back from its first collapse."""

NORMAL_SPREAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class Collapse:
    """An excursion of the train error, in epochs; `end` is None when the run ends before it does.

    `settled`: the first epoch from `end` + SETTLING on up to which the error was quiet for SETTLING epochs;
    None when the next collapse starts, or the run ends, before.
    """

    start: int
    bottom: int
    end: int | None
    settled: int | None
    depth: float


def find_collapses(epoch: np.ndarray, train_error: np.ndarray) -> list[Collapse]:
    """The excursions of the train error from its quiet level, from memorisation on.

    Two levels make the hysteresis: a collapse lasts from the last epoch at or below the quiet level to
    the next one, and counts when it goes far enough above that level in between. So `depth` is at least
    SHALLOWEST, and noise about the quiet level neither begins nor splits a collapse.
    """
    error = np.nan_to_num(np.asarray(train_error, dtype=float), nan=1.0)  # a diverged run knows nothing
    first = memorised(error)
    if first is None:
        return []
    epoch, error = epoch[first:], error[first:]
    spread = _spread(error)
    quiet = np.median(error[error <= QUIET + COLLAPSE_SPREADS * spread])
    low = max(RECOVERED, float(quiet) + QUIET_SPREADS * spread)
    reach = low + max(SHALLOWEST, COLLAPSE_SPREADS * spread)

    found = [(start, end) for start, end in _excursions(error > low) if error[start:end].max() >= reach]
    calm = _calm(error > low)
    collapses = []
    for number, (start, end) in enumerate(found):
        bottom = start + int(np.argmax(error[start:end]))
        until = found[number + 1][0] if number + 1 < len(found) else len(error) - 1
        settled = calm[(calm >= end) & (calm <= until)]
        collapses.append(
            Collapse(
                start=int(epoch[start]),
                bottom=int(epoch[bottom]),
                end=int(epoch[end]) if end < len(error) else None,
                settled=int(epoch[settled[0]]) if len(settled) else None,
                depth=float(error[bottom] - error[start]),
            )
        )
    return collapses


def periods(epochs: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The collapses of a run and what changed at each, one a row: see PERIODS.

    Parameters
    ----------
    epochs, history : the tables epochs.csv and history.csv of the run.
    """
    epoch = epochs["epoch"].to_numpy()
    accuracy = pd.Series(validation_accuracy(epochs, history), index=epoch)
    rows: list[dict[str, Any]] = []
    for number, collapse in enumerate(find_collapses(epoch, epochs["train_error"].to_numpy()), start=1):
        rows.append(
            {
                "collapse": number,
                "start": collapse.start,
                "bottom": collapse.bottom,
                "end": collapse.end,
                "settled": collapse.settled,
                "depth": collapse.depth,
                "period": collapse.start - rows[-1]["start"] if rows else None,
                "validation_accuracy_before": accuracy[collapse.start],
                "validation_accuracy_after": None if collapse.settled is None else accuracy[collapse.settled],
                **_jumps(epochs, collapse),
            }
        )
    whole = dict.fromkeys(("collapse", "start", "bottom", "end", "settled", "period"), "Int64")
    types = {name: whole.get(name, "float64") for name in PERIODS}
    return pd.DataFrame(rows, columns=PERIODS).astype(types)


def memorised(error: np.ndarray) -> int | None:
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


def _calm(above: np.ndarray) -> np.ndarray:
    """The indices that, like the SETTLING before them, are not `above`."""
    index = np.arange(len(above))
    last = np.maximum.accumulate(np.where(above, index, -SETTLING - 1))
    return np.flatnonzero(index - last > SETTLING)


def _jumps(epochs: pd.DataFrame, collapse: Collapse) -> dict[str, float]:
    if collapse.end is None:
        return {}
    start, end = np.searchsorted(epochs["epoch"].to_numpy(), [[collapse.start], [collapse.end]])
    ratios = {}
    for name in ("effective_learning_rate", "invariant_effective_learning_rate"):
        ratios[f"{name}_jump"] = float(ratio_at_end(positive(epochs[name]), start, end)[0])
    for name in ("effective_gradient_norm", "invariant_effective_gradient_norm"):
        ratios[f"{name}_jump"] = float(ratio_of_peak(positive(epochs[name]), start, end)[0])
    return ratios
