"""Collapses of the train accuracy (P-fig4): every epoch of every seed, a panel each."""

from __future__ import annotations

from matplotlib.figure import Figure

from grokflow.figures.accuracy import collapse_symbol, draw_every_epoch, finish_accuracy, point_symbols
from grokflow.figures.sheet import columns_of, make_sheet, split_symbols, wrapped
from grokflow.figures.shown import Shown, ShownRun, runs_of
from grokflow.figures.style import WIDTH, styled

MOST_COLUMNS = 3
"""Runs beside one another; more of them go below."""


@styled
def draw(shown: Shown) -> Figure:
    """A column for each run, its seeds below one another."""
    runs = runs_of(shown)
    places = _places(runs)
    rows, columns = (max(place[axis] for place in places) + 1 for axis in (0, 1))
    picture, panels = make_sheet(
        0.5 + 1.75 * rows,
        [*split_symbols(), collapse_symbol(), *point_symbols()],
        [],
        [*shown.notes, *(note for run in runs for note in (*run.notes, *run.unrecovered))],
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
        axes.set_title(wrapped(f"{run.label}: {run.collapse_count}", WIDTH / columns - 0.4))
    for row, column in sorted(set(_cells(rows, columns)) - set(places)):
        grid[row, column].remove()
    return picture


def _cells(rows: int, columns: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(rows) for column in range(columns)]


def _places(runs: list[ShownRun]) -> list[tuple[int, int]]:
    """Row and column of each seed: a run is a column, and where they are too many they go on below."""
    seeds: dict[str, list[str]] = {}
    for run in runs:
        seeds.setdefault(run.run, []).append(run.name)
    most = max(len(names) for names in seeds.values())
    columns = columns_of(len(seeds), MOST_COLUMNS)
    return [
        (number // columns * most + seed, number % columns)
        for number, names in enumerate(seeds.values())
        for seed, _ in enumerate(names)
    ]
