"""A sweep: which values memorise, and which grok. One varied value as curves; two are left to `phases`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import point_symbols
from grokflow.figures.phases import draw_phases
from grokflow.figures.regimes import (
    DISAGREEMENT,
    LOOKS,
    ShownSweep,
    regime_symbols,
    short,
    sweep_of,
    written,
)
from grokflow.figures.sheet import make_sheet, mark_symbol
from grokflow.figures.shown import REACHED, Shown, readable
from grokflow.figures.style import HUES, LARGEST_SPAN, PAPER, TEXT, SeedStyle, seed_styles, styled

MOST_TICKS = 14
"""Values that are written at an axis; of more, as many as have room."""


@styled
def draw(shown: Shown) -> Figure:
    """Points and validation accuracy against one varied value, or the regimes of two."""
    sweep = sweep_of(shown)
    return _draw_curve(sweep) if len(sweep.keys) == 1 else draw_phases(sweep)


def _draw_curve(sweep: ShownSweep) -> Figure:
    styles = seed_styles(sweep.seed_names)
    picture, panels = make_sheet(
        4.1,
        [*point_symbols(), *(_seed_symbol(seed, styles[seed]) for seed in sweep.seed_names), _mean_symbol()],
        regime_symbols(sweep),
        ["Shaded: the regime of most seeds at a value.", *sweep.notes],
    )
    left, right = panels.subplots(1, 2)
    places = Places(sweep.regimes.index.to_list())
    for axes in (left, right):
        _shade_regimes(axes, sweep, places)
        _finish_values(axes, sweep.keys[0], places)
    ceilings = _ceilings(sweep)
    for seed, rows in sweep.rows_of_seeds.items():
        _draw_points(left, seed, rows, styles[seed], places, ceilings)
        _draw_accuracy(right, seed, rows, styles[seed], places)
    _draw_mean(right, sweep, places)
    _finish_epochs(left, sweep, ceilings)
    right.set(ylim=(-0.03, 1.06), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="final validation accuracy")
    return picture


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


def _shade_regimes(axes: Axes, sweep: ShownSweep, places: Places) -> None:
    """A band of the regime's colour behind each value, its letter above the panel."""
    edges = places.edges
    order = sorted(sweep.regimes.index, key=lambda value: places.place[value])
    for value, start, end in zip(order, edges, edges[1:], strict=False):
        name = sweep.regimes[value]
        axes.axvspan(start, end, facecolor=LOOKS[name].colour, alpha=0.6, linewidth=0, zorder=0, label=name)
        if sweep.agreement[value] < 1:
            axes.axvspan(start, end, facecolor="none", zorder=0, label="differ", **DISAGREEMENT)
        axes.annotate(
            LOOKS[name].letter,
            (places.place[value], 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=TEXT,
        )


def _finish_values(axes: Axes, key: str, places: Places) -> None:
    crowded = len(places.values) > 9
    shown = places.apart(MOST_TICKS)
    axes.set_xticks(
        [places.place[value] for value in shown],
        [written(value) for value in shown],
        rotation=60 if crowded else 0,
    )
    axes.set_xlim(places.edges[0], places.edges[-1])
    axes.set_xlabel(short(key))


def _ceilings(sweep: ShownSweep) -> dict[str, float]:
    """Where a point that was not reached is drawn, for each point that some seed did not reach."""
    top = float(sweep.table["epochs"].max())
    heights = {"point_1": 4.2 * top, "point_2": 2 * top}
    return {point: height for point, height in heights.items() if sweep.table[point].isna().any()}


def _draw_points(
    axes: Axes,
    seed: str,
    rows: pd.DataFrame,
    style: SeedStyle,
    places: Places,
    ceilings: Mapping[str, float],
) -> None:
    (key, *_) = rows.columns
    for point, split in zip(REACHED, HUES, strict=True):
        epochs = rows[point].fillna(ceilings.get(point, math.nan)).clip(lower=1)
        axes.plot(
            places.of(rows[key], _shift(style)),
            epochs.to_numpy(float),
            linestyle="none",
            marker=style.marker,
            markersize=_size(places),
            markeredgewidth=1.4,
            markeredgecolor=style.colour(split),
            markerfacecolor="none" if point == "point_1" else style.colour(split),
            label=f"{point} {seed}",
        )


def _size(places: Places) -> float:
    """The size of the marks: smaller where many values stand side by side."""
    return 7 if len(places.values) < 8 else 5


def _shift(style: SeedStyle) -> float:
    """Seeds stand beside one another, within the middle of a step."""
    return 0.0 if style.count == 1 else 0.2 * (style.number / (style.count - 1) - 0.5)


def _finish_epochs(axes: Axes, sweep: ShownSweep, ceilings: Mapping[str, float]) -> None:
    top = float(sweep.table["epochs"].max())
    epochs = sweep.table[[*REACHED]].to_numpy(float)
    lowest = max(1.0, np.nanmin(epochs)) if np.isfinite(epochs).any() else top / 10
    powers = range(math.floor(math.log10(lowest)), math.floor(math.log10(top)) + 1)
    trained = sorted(set(sweep.table["epochs"]))
    within = f"in {trained[0]:g} epochs" if len(trained) == 1 else "when training ended"
    labels = [f"{readable(point)} not reached\n{within}" for point in ceilings]
    axes.set_yscale("log")
    axes.set_ylim(10.0 ** powers[0] / 1.5, 1.6 * max(top, *ceilings.values(), 0))
    ticks = [10.0**power for power in powers]
    axes.set_yticks([*ticks, *ceilings.values()], [*(f"{tick:g}" for tick in ticks), *labels])
    axes.minorticks_off()
    axes.set_ylabel("epoch of the point")
    if ceilings:
        axes.axhline(1.3 * top, color=PAPER, linewidth=0.8, linestyle=(0, (1, 1.5)), label="end of training")


def _draw_accuracy(axes: Axes, seed: str, rows: pd.DataFrame, style: SeedStyle, places: Places) -> None:
    (key, *_) = rows.columns
    axes.plot(
        places.of(rows[key], _shift(style)),
        1 - rows["validation_error"].to_numpy(float),
        linestyle="none",
        marker=style.marker,
        markersize=_size(places),
        markeredgewidth=0,
        color=style.colour("validation"),
        label=f"validation {seed}",
    )


def _draw_mean(axes: Axes, sweep: ShownSweep, places: Places) -> None:
    mean = 1 - sweep.table.groupby(sweep.keys[0])["validation_error"].mean()
    x, y = places.of(mean.index.to_series()), mean.to_numpy(float)
    order = np.argsort(x)
    axes.plot(x[order], y[order], color=PAPER, linewidth=1, zorder=1.5, label="mean of the seeds")


def _mean_symbol() -> Line2D:
    return Line2D([], [], color=PAPER, linewidth=1, label="mean of the seeds")


def _seed_symbol(seed: str, style: SeedStyle) -> Line2D:
    symbol = mark_symbol(f"seed {seed}", marker=style.marker, size=6)
    symbol.set(color=style.grey, markerfacecolor=style.grey)
    return symbol
