"""Saw-teeth: how often a positive series rises and falls, and how long each takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokflow.dynamics.series import positive

REVERSAL = float(np.log(1.05))
"""By how much log(values) must turn back for a tooth: 5 %. It is absolute: the whole curve first rises a long
way, and against that range teeth that anyone sees are small."""

HELD = 1e-3
"""Range of log(values) below which a series is constant. Where the norm is held (projected or scale kept
fixed) η_eff varies by rounding alone, and a share of its range would call that teeth."""


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


def find_teeth(values: np.ndarray, share_of_range: float | None = None) -> list[Tooth]:
    """The complete teeth of a positive series: a rise from a low to a high, and the fall to the next low.

    A turn counts when the series then goes back by REVERSAL in log. A rise from the first value is a rise,
    though it may have begun before; a fall to the last value is not complete. Neither makes rises look longer
    against falls. Values that have no logarithm are passed over.

    Parameters
    ----------
    share_of_range : count turns of at least this share of the whole range in log instead; 0.1 is the rule of
        the claims as first registered.
    """
    above_zero = positive(values)
    places = np.flatnonzero(~np.isnan(above_zero))
    heights = np.log(above_zero[places])
    if len(heights) == 0 or np.ptp(heights) < HELD:
        return []
    reversal = REVERSAL if share_of_range is None else share_of_range * float(np.ptp(heights))
    turns = _turns(heights, reversal)
    if len(turns) > 1 and heights[turns[0]] > heights[turns[1]]:
        turns = turns[1:]
    low, high = places[turns[::2]], places[turns[1::2]]
    return [
        Tooth(int(top - left), int(right - top))
        for left, top, right in zip(low, high, low[1:], strict=False)  # the last high may lack its low
    ]


def saw_tooth(values: np.ndarray, share_of_range: float | None = None) -> SawTooth:
    """How many teeth a positive series has, and how long its rises and falls typically take.

    Parameters
    ----------
    share_of_range : as in `find_teeth`.
    """
    teeth = find_teeth(values, share_of_range)
    if not teeth:
        return SawTooth(0, np.nan, np.nan)
    rise, fall = (float(np.median([getattr(tooth, side) for tooth in teeth])) for side in ("rise", "fall"))
    return SawTooth(len(teeth), rise, fall)


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
