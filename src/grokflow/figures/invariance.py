"""Which groups of weights are scale-invariant: a table of the change that scaling each group makes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.names import readable_group
from grokflow.figures.page import page
from grokflow.figures.sheet import make_sheet
from grokflow.figures.shown import MOST_NAMED, REACHED, Shown, ShownRun, readable, runs_of
from grokflow.figures.style import TEXT, styled

COLUMNS = ("initial", *REACHED)
"""The points of a run that have a column each."""

LAST_ROWS = ("residual stream", "all")

CLIPPED = (-16.0, 1.0)
"""The powers of ten at the ends of the colour scale."""

INVARIANT = "✓"

ROOMY, LEGIBLE = 0.6, 0.25
"""Inches of a column whose label lies, and of one whose cells have room for numbers."""

ROW_HEIGHT = 0.27
"""Inches of a group's row."""


@styled
def draw(shown: Shown) -> Figure:
    """A row for each group of weights, a column for each point of each run."""
    seeds = runs_of(shown)
    table = _invariance(seeds)
    groups, runs = _groups(table), list(dict.fromkeys(run.run for run in seeds))
    points = _points(table)
    columns = [(run, point) for run in runs for point in points]
    inches = _inches(columns)
    heading = 1.0 if inches > ROOMY else 2.2 if inches > LEGIBLE else 3.4
    picture, panels = make_sheet(heading + ROW_HEIGHT * len(groups), [], [], _notes(shown))
    axes = panels.subplots()
    cells = _worst(table)
    powers = np.full((len(groups), len(columns)), np.nan)
    for row, group in enumerate(groups):
        for number, (run, point) in enumerate(columns):
            if (run, point, group) in cells.index:
                cell = cells.loc[(run, point, group)]
                powers[row, number] = _power(cell["change"])
                _write_cell(axes, number, row, cell, inches)
    image = axes.imshow(powers, cmap=_colours(), vmin=CLIPPED[0], vmax=CLIPPED[1], aspect="auto")
    _finish(axes, groups, runs, points, {(run, point) for run, point, _ in cells.index})
    place, fraction, pad = ("right", 0.03, 0.02) if inches > LEGIBLE else ("bottom", 0.02, 0.01)
    ticks = [-16, -12, -8, -4, 0]
    bar = panels.colorbar(image, ax=axes, ticks=ticks, location=place, fraction=fraction, pad=pad)
    bar.set_ticklabels(["≤ $10^{-16}$", "$10^{-12}$", "$10^{-8}$", "$10^{-4}$", "1"])
    bar.set_label("max |Δ log p| (nats)")
    bar.outline.set_visible(False)
    return picture


def _inches(columns: Sequence[object]) -> float:
    """How wide a column is, beside the names of the groups."""
    return (page().width - 2.6) / len(columns)


def _invariance(runs: Sequence[ShownRun]) -> pd.DataFrame:
    """The tables of all seeds below one another, each row with its run."""
    return pd.concat([run.invariance.assign(run=run.run) for run in runs])


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """Over the seeds of a run the largest change, and invariant only where every seed is."""
    cells: pd.DataFrame = table.groupby(["run", "point", "group"]).agg(
        change=("change", "max"), invariant=("invariant", "all"), trained=("trained", "all")
    )
    return cells


def _groups(table: pd.DataFrame) -> list[str]:
    """The groups in the order of the run that has most of them, the sums of several groups last."""
    of_runs = [list(dict.fromkeys(rows["group"])) for _, rows in table.groupby("run", sort=False)]
    of_runs.sort(key=len, reverse=True)
    found = list(dict.fromkeys(name for names in of_runs for name in names))
    return [name for name in found if name not in LAST_ROWS] + [n for n in LAST_ROWS if n in found]


def _points(table: pd.DataFrame) -> Sequence[str]:
    """The points of a run; of weights from elsewhere what they are called."""
    found = list(dict.fromkeys(table["point"]))
    return found if set(found).isdisjoint(COLUMNS) else COLUMNS


def _power(change: float) -> float:
    """The power of ten that colours a cell; a change of zero has the scale's lowest colour."""
    smallest, largest = (10.0**power for power in CLIPPED)
    return float(np.log10(np.clip(change, smallest, largest)))


def written(change: float) -> str:
    """A change as its cell says it, with one digit."""
    if np.isnan(change):
        return "nan"
    if change == 0 or change >= 0.095:
        return f"{change:.1f}" if 0 < change < 9.95 else f"{change:.0f}"
    digit, power = f"{change:.0e}".split("e")
    return f"{digit}e{int(power)}"


def _write_cell(axes: Axes, column: int, row: int, cell: pd.Series, inches: float) -> None:
    """The change, as far as there is room for it; that a group is invariant in any case."""
    size = 8.0 if inches > ROOMY else 6.5
    text = written(cell["change"]) if inches > LEGIBLE else ""
    if text and not cell["trained"]:
        text = f"({text})"
    if cell["invariant"]:
        text = f"{INVARIANT} {text}" if inches > 0.4 else INVARIANT
    dark = _is_dark(_power(cell["change"]))
    colour = "white" if dark else "#222222"
    axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _colours() -> matplotlib.colors.Colormap:
    return matplotlib.colormaps["YlGnBu_r"]


def _is_dark(power: float) -> bool:
    """Whether a cell's colour asks for white letters."""
    if np.isnan(power):
        return False
    fraction = (power - CLIPPED[0]) / (CLIPPED[1] - CLIPPED[0])
    red, green, blue, _ = _colours()(fraction)
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.55)


def _finish(
    axes: Axes,
    groups: Sequence[str],
    runs: Sequence[str],
    points: Sequence[str],
    measured: set[tuple[str, str]],
) -> None:
    columns = [(run, point) for run in runs for point in points]
    inches = _inches(columns)
    crowded, upright = inches <= ROOMY, inches <= LEGIBLE
    labels = [
        readable(point) if upright else _column_label(point, (run, point) in measured, crowded)
        for run, point in columns
    ]
    axes.grid(False)
    axes.set_xticks(range(len(columns)), labels, rotation=90 if crowded else 0)
    axes.set_yticks(range(len(groups)), [readable_group(group) for group in groups])
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    for row in range(1, len(groups)):
        axes.axhline(row - 0.5, color="white", linewidth=1)
    for number in range(1, len(columns)):
        axes.axvline(number - 0.5, color="white", linewidth=1 if number % len(points) else 5)
    room = int((page().width - 3) / len(runs) * 12)
    above = 50 if upright else 100 if crowded else 20 if measured == set(columns) else 30
    for number, run in enumerate(runs):
        lines = textwrap.wrap(run.replace("_", "_ "), 30 if upright else room, break_long_words=False)
        axes.annotate(
            "\n".join(line.replace("_ ", "_") for line in lines),
            (number * len(points) + (len(points) - 1) / 2, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, above),
            textcoords="offset points",
            ha="center",
            rotation=90 if upright else 0,
            color=TEXT,
            fontsize=9 if inches > LEGIBLE else 8.5,
        )


def _column_label(point: str, measured: bool, crowded: bool) -> str:
    between = ", " if crowded else "\n"
    return readable(point) if measured else f"{readable(point)}{between}not reached"


def _notes(shown: Mapping[str, str]) -> list[str]:
    seeds = sorted({name.rpartition("/")[2] for name in shown})
    named = f"seeds {', '.join(seeds)}" if len(seeds) <= MOST_NAMED else f"{len(seeds)} seeds"
    alone = f", seed {seeds[0]}" if seeds[0].isdigit() else ""  # of weights from elsewhere there is none
    worst = f", the largest of {named}" if len(seeds) > 1 else alone
    return [
        f"A cell: the largest change of a log-probability when the group's weights are scaled{worst}.",
        f"{INVARIANT} within the tolerance: scale-invariant. In brackets: frozen, not trained. "
        "Blank: no such group, or point not reached.",
    ]
