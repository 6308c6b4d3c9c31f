"""The axes of a sweep over one value: where its values stand, and the epochs of points, reached or not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.figures.page import page
from grokflow.figures.regimes import ShownSweep, short, written
from grokflow.figures.shown import REACHED, readable
from grokflow.figures.style import ENDED_LINE, LARGEST_SPAN, PAPER

MOST_TICKS = 14
"""Values that are written at an axis; of more, as many as have room."""


class Places:
    """Where the values of a sweep stand on the axis.

    Numbers stand at their value, or at its logarithm where the positive ones span much; a zero then
    stands apart. Words stand side by side.
    """

    def __init__(self, values: Sequence[object]) -> None:
        self.values = values
        self.place = dict(zip(values, self._positions(values), strict=True))

    @property
    def step(self) -> float:
        """The smallest distance of two neighbours."""
        return min(np.diff(sorted(self.place.values())), default=1.0)

    @property
    def edges(self) -> list[float]:
        """The borders between neighbours, and those at both ends."""
        at = sorted(self.place.values())
        inner = [(a + b) / 2 for a, b in pairwise(at)]
        return [at[0] - self.step / 2, *inner, at[-1] + self.step / 2]

    def apart(self, count: int) -> list[object]:
        """All values, or about `count` of them whose places lie apart."""
        order = sorted(self.values, key=lambda value: self.place[value])
        if len(order) <= count:
            return order
        gap = (self.place[order[-1]] - self.place[order[0]]) / count
        kept = order[:1]
        for value in order[1:]:
            if self.place[value] - self.place[kept[-1]] >= gap:
                kept.append(value)
        return kept

    def of(self, values: pd.Series, shift: float = 0) -> np.ndarray:
        """The places of `values`, shifted by a part of a step."""
        return np.array([self.place[value] + shift * self.step for value in values])

    @staticmethod
    def _positions(values: Sequence[object]) -> list[float]:
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        if len(numbers) < len(values) or min(numbers) < 0:
            return [float(number) for number in range(len(values))]
        positive = sorted(number for number in numbers if number > 0)
        if not positive or positive[-1] <= LARGEST_SPAN * positive[0]:
            return numbers
        powers = [math.log10(number) for number in positive]
        zero = powers[0] - 1.5 * max(np.diff(powers))
        return [math.log10(number) if number > 0 else zero for number in numbers]


def finish_values(axes: Axes, key: str, places: Places) -> None:
    """The x axis with the values of the key."""
    crowded = len(places.values) > 9
    shown = places.apart(MOST_TICKS)
    axes.set_xticks(
        [places.place[value] for value in shown],
        [written(value) for value in shown],
        rotation=60 if crowded else 0,
    )
    axes.set_xlim(places.edges[0], places.edges[-1])
    axes.set_xlabel(short(key))


def ceilings_of(sweep: ShownSweep) -> dict[str, float]:
    """Where a point that was not reached is drawn, for each point that some seed did not reach."""
    top = float(sweep.table["epochs"].max())
    heights = {"point_1": 4.2 * top, "point_2": 2 * top}
    return {point: height for point, height in heights.items() if sweep.table[point].isna().any()}


def ended_symbol(ceilings: Mapping[str, float]) -> list[Line2D]:
    """The key of the line between reached and missing points, where there is one."""
    return [Line2D([], [], color=PAPER, linewidth=0.8, linestyle=ENDED_LINE, label="end of training")] * bool(
        ceilings
    )


def finish_epochs(axes: Axes, sweep: ShownSweep, ceilings: Mapping[str, float]) -> None:
    """The y axis, logarithmic, with the places of points that were not reached."""
    top = float(sweep.table["epochs"].max())
    epochs = sweep.table[[*REACHED]].to_numpy(float)
    lowest = max(1.0, np.nanmin(epochs)) if np.isfinite(epochs).any() else top / 10
    powers = range(math.floor(math.log10(lowest)), math.floor(math.log10(top)) + 1)
    trained = sorted(set(sweep.table["epochs"]))
    within = f"in {trained[0]:g} epochs" if len(trained) == 1 else "when training ended"
    if page().fitting(4.0) > 1:
        labels = [f"{readable(point)} not reached\n{within}" for point in ceilings]
    else:  # on one line, as close as they stand there
        labels = [f"no {readable(point)}" for point in ceilings]
    axes.set_yscale("log")
    axes.set_ylim(10.0 ** powers[0] / 1.5, 1.6 * max(top, *ceilings.values(), 0))
    ticks = [10.0**power for power in powers]
    axes.set_yticks([*ticks, *ceilings.values()], [*(f"{tick:g}" for tick in ticks), *labels])
    axes.minorticks_off()
    axes.set_ylabel("epoch of the point")
    if ceilings:
        axes.axhline(1.3 * top, color=PAPER, linewidth=0.8, linestyle=ENDED_LINE, label="end of training")
