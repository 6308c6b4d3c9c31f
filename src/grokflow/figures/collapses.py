"""Collapses of the train accuracy (P-fig4): every epoch of every seed, a panel each."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.accuracy import (
    SPLIT_OF,
    collapse_symbol,
    draw_every_epoch,
    finish_accuracy,
    point_symbols,
)
from grokflow.figures.page import page
from grokflow.figures.sheet import fitting, make_sheet, split_symbols, wrapped
from grokflow.figures.shown import Shown, ShownRun, by_collapses, by_run, notes_of_many, runs_of
from grokflow.figures.style import COLLAPSE_BAR, DIVERGED, HUES, POINT, TEXT, styled

RASTER_HEIGHT = 3.2
"""Inches of the panel with all seeds of a run."""

SINGLE = 3
"""Panels of single seeds below it."""

COLUMN = 2.2
"""Inches of a run's column at least; where there is no room for one more, it goes below."""


@styled
def draw(shown: Shown) -> Figure:
    """A column for each run, its seeds below one another; of many seeds all in one panel, and three alone."""
    if shown.is_many:
        return _draw_many(shown)
    runs = runs_of(shown)
    places = _places(runs)
    rows, columns = (max(place[axis] for place in places) + 1 for axis in (0, 1))
    picture, panels = make_sheet(
        0.5 + 1.75 * rows,
        [*split_symbols(), collapse_symbol(), *point_symbols()],
        [],
        [*(note for run in runs for note in (*run.notes, *run.unrecovered))],
    )
    grid = panels.subplots(rows, columns, squeeze=False)
    for run, place in zip(runs, places, strict=True):
        axes = grid[place]
        draw_every_epoch(axes, run)
        finish_accuracy(axes, ())
        if place[1]:
            axes.set_ylabel("")
        if (place[0] + 1, place[1]) in places:
            axes.set_xlabel("")
        axes.set_title(wrapped(f"{run.label}: {run.collapse_count}", page().width / columns - 0.4))
    for row, column in sorted(set(_cells(rows, columns)) - set(places)):
        grid[row, column].remove()
    return picture


def _draw_many(shown: Shown) -> Figure:
    """For each run a row of collapses a seed, and below it the accuracy of three seeds."""
    grouped = by_run(runs_of(shown))
    blocks, columns = fitting(len(grouped), COLUMN)
    picture, panels = make_sheet(
        (RASTER_HEIGHT + 1.6 * SINGLE + 0.5) * blocks,
        [*split_symbols(), collapse_symbol(), *point_symbols()],
        [],
        [
            "Top: a row for each seed, sorted by point 2; a grey bar is a collapse, × the end of a seed "
            "that diverged. Below: of the seeds that did not, those with the fewest collapses, the median "
            "number and the most.",
            *notes_of_many(runs_of(shown), collapses=True),
        ],
    )
    rows = 1 + SINGLE
    grid = panels.add_gridspec(
        rows * blocks, columns, height_ratios=[RASTER_HEIGHT, *[1.6] * SINGLE] * blocks
    )
    for number, (name, runs) in enumerate(grouped.items()):
        first, column = number // columns * rows, number % columns
        inches = page().width / columns - 0.4
        raster = panels.add_subplot(grid[first, column])
        draw_raster(raster, runs)
        raster.set_title(wrapped(_title(name, runs), inches))
        ranked = by_collapses(runs)
        chosen = [ranked[0], ranked[(len(ranked) - 1) // 2], ranked[-1]]
        for row, run in enumerate(chosen, start=1):
            axes = panels.add_subplot(grid[first + row, column], sharex=raster)
            draw_every_epoch(axes, run)
            finish_accuracy(axes, ())
            axes.set_title(wrapped(f"seed {run.seed}: {run.collapse_count}", inches))
            axes.set_xlabel("epoch" if row == SINGLE else "")
            axes.locator_params(axis="x", nbins=max(4, int(inches * 1.6)))
            axes.set_ylabel("" if column else "accuracy")
        if column:
            raster.set_ylabel("")
    return picture


def _title(name: str, runs: list[ShownRun]) -> str:
    counts = [len(run.periods) for run in by_collapses(runs)]
    seeds = f"{name}, {len(runs)} seeds" if name else f"{len(runs)} seeds"
    if min(counts) == max(counts):
        return f"{seeds}: {runs[0].collapse_count} each"
    return f"{seeds}: median {np.median(counts):g} collapses, from {min(counts)} to {max(counts)}"


def draw_raster(axes: Axes, runs: list[ShownRun]) -> None:
    """The collapses of many seeds, a row each, from early to late in point 2 and then those without it."""
    ranked = sorted(runs, key=lambda run: (run.epoch_of("point_2") is None, run.epoch_of("point_2") or 0))
    colour = COLLAPSE_BAR
    for row, run in enumerate(ranked):
        spans = [(start, end - start) for start, end in run.collapses]
        bars = axes.broken_barh(spans, (row - 0.45, 0.9), facecolor=colour, edgecolor=colour, linewidth=0.5)
        bars.set_label(f"collapses {run.name}")
    for point, split in SPLIT_OF.items():
        places = [(run.epoch_of(point), row) for row, run in enumerate(ranked) if run.points[point]]
        x, y = zip(*places, strict=True) if places else ((), ())
        (marks,) = axes.plot(x, y, linestyle="none", marker=POINT, color=HUES[split], zorder=4, label=point)
        marks.set(markersize=4, markeredgewidth=0.8)
        if point == "point_1":
            marks.set_markerfacecolor("white")
        else:
            marks.set_markeredgecolor("white")  # apart from the bars without colour, too
    ended = [(run.last_epoch, row) for row, run in enumerate(ranked) if run.diverged]
    if ended:
        x, y = zip(*ended, strict=True)
        axes.plot(
            x, y, linestyle="none", marker=DIVERGED, markersize=4, color=TEXT, zorder=4, label="diverged"
        )
    axes.set_ylim(len(ranked) - 0.3, -0.7)
    axes.set_yticks([])
    axes.grid(False, axis="y")
    axes.set_ylabel("seeds, late to early\nin point 2")


def _cells(rows: int, columns: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(rows) for column in range(columns)]


def _places(runs: list[ShownRun]) -> list[tuple[int, int]]:
    """Row and column of each seed: a run is a column, and where they are too many they go on below."""
    seeds: dict[str, list[str]] = {}
    for run in runs:
        seeds.setdefault(run.run, []).append(run.name)
    most = max(len(names) for names in seeds.values())
    _, columns = fitting(len(seeds), COLUMN)
    return [
        (number // columns * most + seed, number % columns)
        for number, names in enumerate(seeds.values())
        for seed, _ in enumerate(names)
    ]
