"""A sweep over two values: their regimes on a grid, or on a plane where they were drawn at random."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from grokflow.figures.regimes import (
    DISAGREEMENT,
    LOOKS,
    ShownSweep,
    regime_symbols,
    short,
    written,
)
from grokflow.figures.sheet import make_sheet
from grokflow.figures.style import LARGEST_SPAN, PAPER

SMALLEST_DISC, LARGEST_DISC = 60, 420
"""Areas of the discs of a random design, in square points."""

LETTERED = 60
"""Of at most this many combinations, each disc has its regime's letter too."""


def draw_phases(sweep: ShownSweep) -> Figure:
    """The regimes and delays of a sweep over two values, in the style that the caller has set."""
    return _draw_grid(sweep) if sweep.is_grid else _draw_plane(sweep)


def _draw_grid(sweep: ShownSweep) -> Figure:
    rows, columns = (sorted(set(sweep.table[key])) for key in sweep.keys)
    picture, panels = make_sheet(
        1.0 + 0.5 * len(rows),
        [],
        regime_symbols(sweep),
        [
            f"A cell: the regime of most of its seeds ({sweep.said_seeds}; of equally many the first one of "
            "the key), and the median of point 2 − point 1 in epochs over those that have both; hatched, "
            "with the number of seeds in each regime, where not all agree.",
            *sweep.notes,
        ],
    )
    axes = _grid_axes(panels, sweep, rows, columns)
    for (row_value, column_value), name in sweep.regimes.items():
        row, column = rows.index(row_value), columns.index(column_value)
        colour, delay = LOOKS[name].colour, sweep.delays[row_value, column_value]
        sides, share = [column - 0.48, column + 0.48], sweep.agreement[row_value, column_value]
        axes.fill_between(sides, row - 0.46, row + 0.46, color=colour, label=name)
        letter = LOOKS[name].letter
        if share < 1:
            axes.fill_between(sides, row - 0.46, row + 0.46, facecolor="none", label="differ", **DISAGREEMENT)
            letter = sweep.counts[row_value, column_value]
        text = letter if math.isnan(delay) else f"{letter}\n+{delay:.0f}"
        behind = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}  # so that hatches do not cross it
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color="#222222", bbox=behind)
    return picture


def _grid_axes(
    panels: SubFigure, sweep: ShownSweep, rows: Sequence[object], columns: Sequence[object]
) -> Axes:
    axes: Axes = panels.subplots()
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(range(len(rows)), [written(value) for value in rows])
    axes.set_xticks(range(len(columns)), [written(value) for value in columns])
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylabel(short(sweep.keys[0]))
    axes.set_xlabel(short(sweep.keys[1]))
    return axes


def _draw_plane(sweep: ShownSweep) -> Figure:
    """Combinations drawn at random: each where it lies, coloured by its regime."""
    vertical, horizontal = sweep.keys
    delays = sweep.delays.dropna()
    picture, panels = make_sheet(
        4.4,
        [],
        regime_symbols(sweep),
        [
            f"A disc: a combination of both values, in the regime of most of its seeds "
            f"({sweep.said_seeds}). Its area grows with the delay, the median of "
            "point 2 − point 1 over those that have both"
            + (f" (at most {delays.max():.0f} epochs)." if len(delays) else "."),
            *sweep.notes,
        ],
    )
    axes: Axes = panels.subplots()
    largest = max(delays.max(), 1.0) if len(delays) else 1.0
    dense = {**DISAGREEMENT, "hatch": "///////"}  # a disc is small
    lettered = len(sweep.regimes) <= LETTERED
    for name, found in LOOKS.items():
        at = sweep.regimes.index[sweep.regimes == name]
        if len(at) == 0:
            continue
        y, x = (at.get_level_values(key).to_list() for key in sweep.keys)
        delay = sweep.delays[at].fillna(0).to_numpy(float)
        size = SMALLEST_DISC + (LARGEST_DISC - SMALLEST_DISC) * delay / largest
        axes.scatter(x, y, s=size, color=found.colour, edgecolor=PAPER, linewidth=0.7, label=name)
        if (differ := (sweep.agreement[at] < 1).to_numpy()).any():
            x_differ, y_differ = (np.array(values)[differ] for values in (x, y))
            axes.scatter(x_differ, y_differ, s=size[differ], facecolor="none", label="differ", **dense)
        for place in zip(x, y, strict=True) if lettered else ():
            axes.annotate(found.letter, place, ha="center", va="center", fontsize=7, color="#222222")
    for key, axis, set_scale in (
        (vertical, axes.yaxis, axes.set_yscale),
        (horizontal, axes.xaxis, axes.set_xscale),
    ):
        if _spans_much(sweep.table[key]):
            set_scale("log")
            axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_label_text(short(key))
    axes.minorticks_off()
    axes.margins(0.04, 0.08)
    return picture


def _spans_much(values: pd.Series) -> bool:
    """Whether they are positive numbers that a logarithmic axis shows better."""
    numbers = pd.to_numeric(values, errors="coerce")
    positive = numbers.notna().all() and numbers.min() > 0
    return bool(positive and numbers.max() > LARGEST_SPAN * numbers.min())
