"""Grokking and its data (M-fig1): accuracy against epoch, beside the table that is learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.artifacts.tables import read_table
from grokflow.figures.accuracy import (
    ENDED,
    draw_accuracy,
    draw_run_bands,
    finish_accuracy,
    point_symbols,
    single_seeds,
)
from grokflow.figures.bands import band_symbols
from grokflow.figures.incidence import draw_incidence, incidence_notes, incidence_symbols
from grokflow.figures.page import page
from grokflow.figures.sheet import make_sheet, seed_symbol, split_symbols
from grokflow.figures.shown import Shown, notes_of_many, runs_of
from grokflow.figures.style import seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """All seeds in one panel, and the table of a∘b with its held-out cells blank.

    Of many seeds the bands, and below them when they reached points 1 and 2.
    """
    if shown.is_many:
        return _draw_many(shown)
    runs, styles = runs_of(shown), seed_styles(shown)
    one_row = page().fitting(4.5) > 1
    picture, panels = make_sheet(
        4.0 if one_row else 6.2,
        [*split_symbols(), *point_symbols()],
        [seed_symbol(run.title, styles[run.name]) for run in runs],
        [*(sentence for run in runs for sentence in run.notes)],
    )
    if one_row:
        left, right = panels.subplots(1, 2, width_ratios=[1.25, 1])
    else:
        left, right = panels.subplots(2, 1, height_ratios=[1, 1.6])
    for run in runs:
        draw_accuracy(left, run, styles[run.name])
    finish_accuracy(left, shown.reference.epochs)
    _draw_table(right, read_table(shown.dataset, {"a", "b", "c", "split"}))
    return picture


def _draw_many(shown: Shown) -> Figure:
    runs, papers = runs_of(shown), shown.reference.epochs
    single = [run.seed for run in single_seeds(runs)]
    one_row = page().fitting(4.5) > 1
    picture, panels = make_sheet(
        5.2 if one_row else 7.8,
        incidence_symbols(runs, papers),
        band_symbols(f"{len(runs)} seeds", single),
        [ENDED, *incidence_notes(runs), *notes_of_many(runs)],
    )
    if one_row:
        grid = panels.add_gridspec(2, 2, width_ratios=[1.25, 1], height_ratios=[1.5, 1])
    else:
        grid = panels.add_gridspec(3, 1, height_ratios=[1.2, 1, 2])
    accuracy = panels.add_subplot(grid[0, 0])
    shares = panels.add_subplot(grid[1, 0], sharex=accuracy)
    draw_run_bands(accuracy, runs, "accuracy")
    finish_accuracy(accuracy, papers)
    accuracy.label_outer()
    draw_incidence(shares, runs, papers)
    place = grid[:, 1] if one_row else grid[2, 0]
    _draw_table(panels.add_subplot(place), read_table(shown.dataset, {"a", "b", "c", "split"}))
    return picture


def _draw_table(axes: Axes, table: pd.DataFrame) -> None:
    held_out = table["split"] == "validation"
    trained = table.assign(c=table["c"].where(~held_out))
    shown = trained.pivot_table(index="a", columns="b", values="c", dropna=False)
    rows, columns = shown.index, shown.columns
    image = axes.imshow(
        np.ma.masked_invalid(shown.to_numpy(float)),
        extent=(columns[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5, rows[0] - 0.5),
        cmap="viridis",
        vmin=table["c"].min(),
        vmax=table["c"].max(),
        interpolation="none",  # a cell of the table is a cell of the picture, in SVG too
    )
    axes.grid(False)
    axes.set_xlabel("b")
    axes.set_ylabel("a")
    axes.set_title(f"a ∘ b: {held_out.sum()} of {len(table)} pairs held out (blank)")
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    bar.set_label("c = a ∘ b")
    bar.outline.set_visible(False)
