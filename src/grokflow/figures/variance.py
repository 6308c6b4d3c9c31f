"""Sources of variance: the points' epochs when one key alone is varied, and how much each key matters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from grokflow.dynamics.sources import Spread, SweepSources
from grokflow.errors import ArtifactError
from grokflow.figures.accuracy import point_symbols
from grokflow.figures.page import page
from grokflow.figures.regimes import short, written
from grokflow.figures.sheet import make_sheet
from grokflow.figures.shown import REACHED, Shown
from grokflow.figures.style import ENDED_LINE, HUES, PAPER, POINT, TEXT, styled

NAMES = {
    "dataset.split_seed": "split",
    "run.initialization_seed": "initialisation",
    "run.order_seed": "order of examples",
}
"""What the random streams are called; any other key is called by its own name."""

STRIP_HEIGHT, LINE_HEIGHT = 0.75, 0.28
"""Inches of a key's strip, and of its line in the table."""

TABLE = (
    ("varied alone", 0.02),
    ("reached point 2", 0.36),
    ("median of point 2 (epochs)", 0.56),
    ("standard deviation of log₁₀(point 2)", 0.86),
)
"""The columns of the table: heading, and its place between the table's left (0) and right (1)."""

NARROW_TABLE = (
    ("reached\npoint 2", 0.15),
    ("median\n(epochs)", 0.45),
    ("deviation of\nlog₁₀(point 2)", 0.82),
)
"""The same where the page is narrow; what is varied then stands outside, as at the strips."""

CROWDED = 20
"""From this many members of a key the marks are smaller."""


@styled
def draw(shown: Shown) -> Figure:
    """A strip for each varied key, above a table with a line for each."""
    ((name, file),) = shown.items()
    sweep = SweepSources(file, name)
    if not sweep.keys:
        raise ArtifactError(file, expected="a varied value before seed", found="none")
    count = len(sweep.keys)
    heights = [0.55 + STRIP_HEIGHT * count, 0.25 + LINE_HEIGHT * (count + 1)]
    picture, panels = make_sheet(sum(heights), [*point_symbols(), _median_symbol()], [], _notes(sweep))
    strips, table = panels.subplots(2, 1, height_ratios=heights)
    for number, key in enumerate(sweep.keys):
        _draw_strip(strips, sweep, key, -number)
    _finish_strips(strips, sweep)
    _write_table(table, sweep)
    return picture


def _draw_strip(axes: Axes, sweep: SweepSources, key: str, height: float) -> None:
    """The members' points, point 1 above point 2, each with the median of those that reached it."""
    rows = sweep.members(key)
    scatter = np.linspace(-0.09, 0.09, len(rows)) if len(rows) > 1 else np.zeros(1)
    for point, split, middle in zip(REACHED, HUES, (0.19, -0.19), strict=True):
        epochs = rows[point].to_numpy(float)
        axes.plot(
            np.where(np.isnan(epochs), _beyond(sweep), np.maximum(epochs, 1)),
            height + middle + scatter,
            linestyle="none",
            marker=POINT,
            markersize=6 if len(rows) < CROWDED else 4,
            markeredgewidth=1.3,
            markeredgecolor=HUES[split],
            markerfacecolor="none" if point == "point_1" else HUES[split],
            label=f"{point} {key}",
        )
        if np.isfinite(epochs).any():
            median = float(np.nanmedian(epochs))
            ends = [height + middle - 0.16, height + middle + 0.16]
            axes.plot([median, median], ends, color=TEXT, linewidth=2, label=f"median {point} {key}")


def _finish_strips(axes: Axes, sweep: SweepSources) -> None:
    count = len(sweep.keys)
    axes.set_yticks([-number for number in range(count)], [_name(key) for key in sweep.keys], fontsize=9)
    axes.set_ylim(0.5 - count, 0.5)
    axes.grid(False, axis="y")
    for number in range(1, count):
        axes.axhline(0.5 - number, color="#d5d5d5", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("epoch of the point")
    points = sweep.table[[*REACHED]].to_numpy(float)
    top, missing = _top(sweep), bool(np.isnan(points).any())
    lowest = max(1.0, float(np.nanmin(points))) if np.isfinite(points).any() else top / 10
    right = _beyond(sweep) * 1.15 if missing else top * 1.1
    axes.set_xlim(lowest / 1.25, right)
    ticks = [tick for tick in LogLocator(subs=(1, 2, 5)).tick_values(lowest, top) if lowest <= tick <= top]
    labels = [f"{tick:g}" for tick in ticks]
    if missing:
        axes.axvline(1.12 * top, color=PAPER, linewidth=0.8, linestyle=ENDED_LINE, label="end of training")
        ticks, labels = [*ticks, _beyond(sweep)], [*labels, "not\nreached"]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, labels)


def _write_table(axes: Axes, sweep: SweepSources) -> None:
    """A line for each key; the numbers stand centred below their headings."""
    axes.axis("off")
    wide = page().fitting(4.0) > 1
    columns = TABLE if wide else NARROW_TABLE
    lines = [[heading for heading, _ in columns]]
    lines += [_line(key, sweep.spread(key))[-len(columns) :] for key in sweep.keys]
    axes.set(xlim=(0, 1), ylim=(len(lines) - 0.5, -0.5))
    for row, key in enumerate(() if wide else sweep.keys, start=1):
        axes.text(-0.02, row, _name(key), ha="right", va="center", color="#222222", fontsize=9)
    for row, cells in enumerate(lines):
        for number, (cell, (_, place)) in enumerate(zip(cells, columns, strict=True)):
            axes.text(
                place,
                row,
                cell,
                ha="center" if number or not wide else "left",
                va="center",
                color=TEXT if row == 0 else "#222222",
                fontsize=9,
            )
    axes.axhline(0.5, color="#bbbbbb", linewidth=0.8)


def _line(key: str, spread: Spread) -> list[str]:
    deviation = "–"
    if not math.isnan(spread.deviation):
        factor = "a factor of" if page().fitting(4.0) > 1 else "×"
        deviation = f"{spread.deviation:.3f}  ({factor} {10**spread.deviation:.2f})"
    median = "–" if math.isnan(spread.median) else f"{spread.median:g}"
    return [_name(key), f"{spread.reached} of {spread.members}", median, deviation]


def _name(key: str) -> str:
    return NAMES.get(key, short(key))


def _top(sweep: SweepSources) -> float:
    """The last epoch that any member was trained."""
    return max(float(sweep.table["epochs"].max()), 1.0)


def _beyond(sweep: SweepSources) -> float:
    """Where a point that was not reached is drawn."""
    return 1.3 * _top(sweep)


def _median_symbol() -> Line2D:
    return Line2D([], [], color=TEXT, linewidth=2, label="median")


def _notes(sweep: SweepSources) -> list[str]:
    notes = [
        "A strip: the members in which this alone is varied, all else as in the base combination"
        f"{_base(sweep)}. Medians and standard deviations are of the members that reached the point."
    ]
    if len(sweep.seeds) > 1:
        notes.append(
            f"Deviations are around the mean of each of {len(sweep.seeds)} seeds, each with its own base."
        )
    if sweep.table[[*REACHED]].isna().to_numpy().any():
        notes.append("Dash-dotted: the end of training.")
    diverged = int(sweep.table["diverged"].notna().sum())
    return [*notes, f"{diverged} of {len(sweep.table)} members diverged."] if diverged else notes


def _base(sweep: SweepSources) -> str:
    """The base combination in words, where it was trained and there is one for all."""
    rows: Sequence[dict[str, object]] = sweep.table[~sweep.changed.any(axis=1)].to_dict("records")
    if len(sweep.seeds) > 1 or len(rows) != 1:
        return ""
    return f" ({', '.join(f'{_name(key)} {written(rows[0][key])}' for key in sweep.keys)}), a member of each"
