"""Scale invariance along rays (P-fig2): how far the predictions move when a group of weights is scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.page import page
from grokflow.figures.sheet import fitting, make_sheet, wrapped
from grokflow.figures.shown import Shown, first_of_each_run
from grokflow.figures.style import PAPER, SeriesStyle, styled

POINT = "initial"

FLOOR = 1e-17
"""Where a change of exactly zero is drawn."""

CLASSES = {
    "all weights": ("all",),
    "residual stream": ("residual stream",),
    "embeddings": ("token_embedding", "position_embedding"),
    "query, key, value": (".query", ".key", ".value"),
    "attention output": (".attention.output",),
    "MLP in": (".mlp.in",),
    "MLP out": (".mlp.out",),
    "unembedding": ("unembedding",),
    "norms": ("norm",),
}
"""The classes of groups, by the ends of their names."""

STYLES = {name: SeriesStyle(number) for number, name in enumerate(CLASSES)}

PROMINENT = {"all weights": 3.2, "residual stream": 2.0}
"""Line widths of the classes that the paper is about; the other lines are thin."""


@styled
def draw(shown: Shown) -> Figure:
    """A panel for each run: the first seed's initial weights, each group scaled by C."""
    runs = first_of_each_run(shown)
    rays = {run.name: run.rays[run.rays["point"] == POINT] for run in runs}
    drawn = {class_of(group) for table in rays.values() for group in table["group"]}
    rows, columns = fitting(len(runs), 2.2)
    picture, panels = make_sheet(
        3.9 if rows == 1 else 2.7 * rows,
        [_symbol(name) for name in CLASSES if name in drawn],
        [_tolerance_line()],
        [
            f"Measured at the initial weights of {'; '.join(run.subject for run in runs)}.",
            "Left out: C = 1, which scales nothing.",
        ],
    )
    grid = panels.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(runs) :]:
        axes.remove()
    row = list(grid.flat[: len(runs)])
    for axes, run in zip(row, runs, strict=True):
        for group, values in rays[run.name].groupby("group", sort=False):
            _draw_ray(axes, str(group), values)
        for tolerance in run.invariance["tolerance"][:1]:
            axes.axhline(tolerance, color=PAPER, linewidth=1, zorder=1, label="tolerance")
        axes.set_title(wrapped(run.run or run.subject, page().width / columns - 0.5))
    _finish(row, columns, rays)
    return picture


def class_of(group: str) -> str:
    """The class of a group of parameters."""
    for name, endings in CLASSES.items():
        if group.endswith(endings) and not group.endswith("norm"):
            return name
    return "norms"


def _draw_ray(axes: Axes, group: str, values: pd.DataFrame) -> None:
    kind = class_of(group)
    values = values.sort_values("scale")
    scales, changes = (values[column].to_numpy(float) for column in ("scale", "change"))
    changes = np.where(np.isclose(scales, 1), np.nan, np.maximum(changes, FLOOR))
    number = list(CLASSES).index(kind)
    line = STYLES[kind].draw(axes, scales, changes, group, shift=number % 5)
    line.set(linewidth=PROMINENT.get(kind, 1.0), zorder=2 + number / 100)  # thin lines above thick ones
    if kind in PROMINENT:
        line.set_marker("")


def _finish(row: Sequence[Axes], columns: int, rays: Mapping[str, pd.DataFrame]) -> None:
    changes = np.concatenate([table["change"].to_numpy(float) for table in rays.values()])
    highest = np.max(changes, where=np.isfinite(changes), initial=1.0)
    scales = np.concatenate([table["scale"].to_numpy(float) for table in rays.values()])
    powers = range(-15, int(np.ceil(np.log10(highest))) + 1, 3)
    for axes in row:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 3, highest * 10)
        axes.set_yticks([FLOOR, *(10.0**power for power in powers)], ["exactly 0", *map(_power, powers)])
        axes.minorticks_off()
        if len(scales):
            ticks = np.geomspace(scales.min(), scales.max(), 5)
            axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.set_xlabel(wrapped("scale C of the group's weights", page().width / columns - 0.6))
        axes.label_outer()
    for first in row[::columns]:
        first.set_ylabel("largest change of a\nlog-probability, max |Δ log p|")


def _power(power: int) -> str:
    return f"$10^{{{power}}}$"


def _symbol(name: str) -> Line2D:
    symbol = STYLES[name].symbol(name)
    symbol.set(linewidth=PROMINENT.get(name, 1.0))
    if name in PROMINENT:
        symbol.set_marker("")
    return symbol


def _tolerance_line() -> Line2D:
    return Line2D([], [], color=PAPER, linewidth=1, label="tolerance: below it a group counts as invariant")
