"""Effective learning rate and effective gradient norm (P-fig5): η/‖θ‖² and ‖g‖‖θ‖ of every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.accuracy import (
    collapse_symbol,
    draw_every_epoch,
    finish_accuracy,
    point_symbols,
    shade_collapses,
)
from grokflow.figures.sheet import make_sheet, split_symbols, wrapped
from grokflow.figures.shown import Shown, ShownRun, runs_of
from grokflow.figures.style import WIDTH, SeriesStyle, styled

QUANTITIES = {
    "effective_learning_rate": "effective learning rate\nη / ‖θ‖²",
    "effective_gradient_norm": "effective gradient norm\n‖g‖ ‖θ‖",
}
"""The columns of epochs.csv that have a row of panels, with what their axes say."""

PARTS = {"": "over all parameters", "invariant_": "over the scale-invariant groups"}
"""Over which parameters a quantity is taken, by the prefix of its column."""

STYLES = {part: SeriesStyle(number) for number, part in enumerate(PARTS)}

LARGEST_SPAN = 10
"""A linear axis shows values up to this many times the smallest."""


@styled
def draw(shown: Shown) -> Figure:
    """A column for each seed: accuracy, η_eff and ‖g_eff‖ against the same epochs."""
    runs = runs_of(shown)
    picture, panels = make_sheet(
        6.2,
        [*split_symbols(), collapse_symbol(), *point_symbols()],
        [STYLES[part].symbol(label) for part, label in PARTS.items()],
        [*shown.notes, *_notes(runs)],
    )
    grid = panels.subplots(1 + len(QUANTITIES), len(runs), sharex="col", sharey="row", squeeze=False)
    for run, column in zip(runs, grid.T, strict=True):
        draw_every_epoch(column[0], run)
        finish_accuracy(column[0], ())
        column[0].set_title(wrapped(f"{run.label}: {run.collapse_count}", WIDTH / len(runs) - 0.4))
        for axes, quantity in zip(column[1:], QUANTITIES, strict=True):
            _draw_quantity(axes, run, quantity)
    for row, quantity in zip(grid[1:], QUANTITIES, strict=True):
        if quantity == "effective_gradient_norm" or _span(runs, quantity) > LARGEST_SPAN:
            row[0].set_yscale("log")
    for axes in grid.flat:
        axes.label_outer()
        axes.locator_params(axis="x", nbins=5)
    return picture


def _draw_quantity(axes: Axes, run: ShownRun, quantity: str) -> None:
    shade_collapses(axes, run)
    epochs = run.epochs["epoch"].to_numpy(float)
    for part, style in STYLES.items():
        values = run.epochs[f"{part}{quantity}"].to_numpy(float)
        if not np.isnan(values).all():
            style.draw(axes, epochs, values, f"{part}{quantity} {run.name}").set(linewidth=1)
    axes.set_xlabel("epoch")
    axes.set_ylabel(QUANTITIES[quantity])


def _span(runs: Sequence[ShownRun], quantity: str) -> float:
    """The largest of all values over the smallest positive one."""
    columns = [run.epochs[f"{part}{quantity}"].to_numpy(float) for run in runs for part in PARTS]
    values = np.concatenate(columns)
    values = values[np.isfinite(values) & (values > 0)]
    return float(values.max() / values.min()) if len(values) else 1.0


def _notes(runs: Sequence[ShownRun]) -> list[str]:
    columns = [f"invariant_{quantity}" for quantity in QUANTITIES]
    without = [run.label for run in runs if len(run.epochs) and run.epochs[columns].isna().to_numpy().all()]
    sentences = [sentence for run in runs for sentence in (*run.notes, *run.unrecovered)]
    return sentences + [f"No group is scale-invariant in {'; '.join(without)}."] * bool(without)
