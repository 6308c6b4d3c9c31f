"""Grokking and its data (M-fig1): accuracy against epoch, beside the table that is learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.artifacts.tables import read_table
from grokflow.figures.accuracy import draw_accuracy, finish_accuracy, point_symbols
from grokflow.figures.sheet import make_sheet, seed_symbol, split_symbols
from grokflow.figures.shown import Shown, runs_of
from grokflow.figures.style import seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """All seeds in one panel, and the table of a∘b with its held-out cells blank."""
    runs, styles = runs_of(shown), seed_styles(shown)
    picture, panels = make_sheet(
        4.0,
        [*split_symbols(), *point_symbols()],
        [seed_symbol(run.title, styles[run.name]) for run in runs],
        [*shown.notes, *(sentence for run in runs for sentence in run.notes)],
    )
    left, right = panels.subplots(1, 2, width_ratios=[1.25, 1])
    for run in runs:
        draw_accuracy(left, run, styles[run.name])
    finish_accuracy(left, shown.reference.epochs)
    _draw_table(right, read_table(shown.dataset, {"a", "b", "c", "split"}))
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
