"""A sweep: which values memorise, and which grok. One varied value as curves; two are left to `phases`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import point_symbols
from grokflow.figures.phases import draw_phases
from grokflow.figures.regimes import DISAGREEMENT, LOOKS, ShownSweep, regime_symbols, sweep_of
from grokflow.figures.shares import draw_shares
from grokflow.figures.sheet import fitting, make_sheet, mark_symbol
from grokflow.figures.shown import MANY, REACHED, Shown
from grokflow.figures.style import HUES, PAPER, TEXT, SeedStyle, seed_styles, styled
from grokflow.figures.sweep_axes import Places, ceilings_of, ended_symbol, finish_epochs, finish_values


@styled
def draw(shown: Shown) -> Figure:
    """Points and validation accuracy against one varied value, or the regimes of two."""
    sweep = sweep_of(shown)
    if len(sweep.keys) > 1:
        return draw_phases(sweep)
    return draw_shares(sweep) if len(sweep.seeds) > MANY else _draw_curve(sweep)


def _draw_curve(sweep: ShownSweep) -> Figure:
    styles = seed_styles(sweep.seed_names)
    ceilings = ceilings_of(sweep)
    lines, columns = fitting(2, 4.0)
    picture, panels = make_sheet(
        4.1 if lines == 1 else 2.6 * lines,
        [
            *point_symbols(),
            *(_seed_symbol(seed, styles[seed]) for seed in sweep.seed_names),
            _mean_symbol(),
            *ended_symbol(ceilings),
        ],
        regime_symbols(sweep),
        ["Shaded: the regime of most seeds at a value.", *sweep.notes],
    )
    left, right = panels.subplots(lines, columns).flat
    places = Places(sweep.regimes.index.to_list())
    for axes in (left, right):
        _shade_regimes(axes, sweep, places)
        finish_values(axes, sweep.keys[0], places)
    for seed, rows in sweep.rows_of_seeds.items():
        _draw_points(left, seed, rows, styles[seed], places, ceilings)
        _draw_accuracy(right, seed, rows, styles[seed], places)
    _draw_mean(right, sweep, places)
    finish_epochs(left, sweep, ceilings)
    right.set(ylim=(-0.03, 1.06), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="final validation accuracy")
    return picture


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
