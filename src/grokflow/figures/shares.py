"""A sweep over one value with many seeds: the share of them in each regime, their points and accuracies."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.dynamics import regime
from grokflow.figures.bands import LEVELS, band_symbols, draw_interval
from grokflow.figures.regimes import LOOKS, ShownSweep, regime_symbol, written
from grokflow.figures.sheet import fitting, make_sheet, mark_symbol
from grokflow.figures.shown import REACHED, readable
from grokflow.figures.style import HUES, PAPER, TEXT
from grokflow.figures.sweep_axes import Places, ceilings_of, ended_symbol, finish_epochs, finish_values


def draw_shares(sweep: ShownSweep) -> Figure:
    """The share of every regime, and median and bands of points and accuracy, in the style that is set."""
    (key,) = sweep.keys
    columns = sweep.table[["point_1", "point_2", "validation_error_at_point_1"]]
    members = sweep.table.assign(regime=[regime(*row) for row in columns.itertuples(index=False)])
    occurring = [name for name in LOOKS if (members["regime"] == name).any()]
    letters = [LOOKS[name].letter for name in occurring]
    ceilings = ceilings_of(sweep)
    lines, columns = fitting(3, 3.0)
    picture, panels = make_sheet(
        4.1 if lines == 1 else 2.4 * lines,
        [
            *_interval_symbols(),
            *ended_symbol(ceilings),
            *band_symbols(f"{len(sweep.seeds)} seeds at a value"),
        ],
        [regime_symbol(name) for name in occurring],
        [
            "First panel: how many of the seeds are in each regime, from below in the order "
            f"{', '.join(letters)}.",
            *sweep.notes,
        ],
    )
    shares, epochs, accuracy = panels.subplots(lines, columns).flat
    places = Places(sweep.regimes.index.to_list())
    for value, rows in members.groupby(key):
        place = places.place[value]
        _draw_bar(shares, place, 0.8 * places.step, rows["regime"].value_counts(normalize=True))
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
        finish_values(axes, key, places)
    finish_epochs(epochs, sweep, ceilings)
    shares.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="share of the seeds")
    accuracy.set(ylim=(-0.03, 1.06), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="final validation accuracy")
    return picture


def _draw_bar(axes: Axes, place: float, width: float, share: Mapping[str, float]) -> None:
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
