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

from grokflow.dynamics import regime
from grokflow.figures.accuracy import point_symbols
from grokflow.figures.bands import LEVELS, band_symbols, draw_interval
from grokflow.figures.phases import draw_phases
from grokflow.figures.regimes import (
    LOOKS,
    ShownSweep,
    regime_symbol,
    regime_symbols,
    short,
    sweep_of,
    written,
)
from grokflow.figures.sheet import make_sheet, mark_symbol
from grokflow.figures.shown import MANY, REACHED, Shown, readable
from grokflow.figures.style import HUES, LARGEST_SPAN, PAPER, TEXT, SeedStyle, seed_styles, styled

MOST_TICKS = 14
"""Values that are written at an axis; of more, as many as have room."""


@styled
def draw(shown: Shown) -> Figure:
    """Points and validation accuracy against one varied value, or the regimes of two."""
    sweep = sweep_of(shown)
    if len(sweep.keys) > 1:
        return draw_phases(sweep)
    return _draw_many(sweep) if len(sweep.seeds) > MANY else _draw_curve(sweep)


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


def _draw_many(sweep: ShownSweep) -> Figure:
    """Of many seeds the share of every regime, and median and bands of both points and of the accuracy."""
    (key,) = sweep.keys
    members = sweep.table.assign(regime=list(map(regime, sweep.table["point_1"], sweep.table["point_2"])))
    occurring = [name for name in LOOKS if (members["regime"] == name).any()]
    letters = [LOOKS[name].letter for name in occurring]
    picture, panels = make_sheet(
        4.1,
        [*_interval_symbols(), *band_symbols(f"{len(sweep.seeds)} seeds at a value")],
        [regime_symbol(name) for name in occurring],
        [
            f"Left: how many of the seeds are in each regime, from below in the order {', '.join(letters)}.",
            *sweep.notes,
        ],
    )
    shares, epochs, accuracy = panels.subplots(1, 3)
    places = Places(sweep.regimes.index.to_list())
    ceilings = _ceilings(sweep)
    for value, rows in members.groupby(key):
        place = places.place[value]
        _draw_shares(shares, place, 0.8 * places.step, rows["regime"].value_counts(normalize=True))
        for point, side, split in zip(REACHED, (-0.2, 0.2), HUES, strict=True):
            reached = rows[point].fillna(ceilings.get(point, math.nan)).clip(lower=1)
            # No epoch lies between a reached and a missing point, so none is interpolated.
            levels = np.quantile(reached, LEVELS, method="inverted_cdf")
            draw_interval(
                epochs,
                place + side * places.step,
                levels,
                HUES[split],
                size=0.34 * places.step,
                upright=True,
                label=f"{point} {written(value)}",
            )
        final = 1 - rows["validation_error"].dropna().to_numpy(float)
        if len(final):
            levels, label = np.quantile(final, LEVELS), f"validation {written(value)}"
            size, colour = 0.5 * places.step, HUES["validation"]
            draw_interval(accuracy, place, levels, colour, size=size, upright=True, label=label)
    for axes in (shares, epochs, accuracy):
        _finish_values(axes, key, places)
    _finish_epochs(epochs, sweep, ceilings)
    shares.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="share of the seeds")
    accuracy.set(ylim=(-0.03, 1.06), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="final validation accuracy")
    return picture


def _draw_shares(axes: Axes, place: float, width: float, share: Mapping[str, float]) -> None:
    """A bar of the regimes of the seeds at a value, each with its letter where it has room."""
    bottom = 0.0
    for name, look in LOOKS.items():
        height = float(share.get(name, 0))
        if height:
            axes.bar(
                [place],
                [height],
                width,
                [bottom],
                color=look.colour,
                edgecolor=PAPER,
                linewidth=0.6,
                label=name,
            )
        if height > 0.06:
            middle = bottom + height / 2
            axes.text(place, middle, look.letter, ha="center", va="center", fontsize=8.5, color=TEXT)
        bottom += height


def _interval_symbols() -> list[Line2D]:
    """The key of the bars of both points."""
    symbols = []
    for point, side, split in zip(REACHED, ("left", "right"), HUES, strict=True):
        symbol = mark_symbol(f"{readable(point)} ({side})", marker="s", size=8)
        symbol.set(color=HUES[split], markerfacecolor=HUES[split])
        symbols.append(symbol)
    return symbols


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
