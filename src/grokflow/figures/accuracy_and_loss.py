"""Accuracy and loss against epoch (P-fig1): train and validation, all seeds of a run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.accuracy import (
    ENDED,
    SPLIT_OF,
    draw_accuracy,
    draw_run_bands,
    finish_accuracy,
    mark_point,
    point_symbols,
    single_seeds,
)
from grokflow.figures.bands import SINGLE, band_symbols
from grokflow.figures.incidence import draw_incidence, incidence_notes, incidence_symbols
from grokflow.figures.page import page
from grokflow.figures.sheet import fitting, make_sheet, seed_symbol, split_symbols, wrapped
from grokflow.figures.shown import Shown, ShownRun, by_run, notes_of_many, runs_of
from grokflow.figures.style import HUES, SeedStyle, draw_curve, seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """Accuracy on the left, cross-entropy on the right, its axis logarithmic.

    Of many seeds the bands, a row for each run, and between them when the seeds reached points 1 and 2.
    """
    if shown.is_many:
        return _draw_many(shown)
    runs, styles = runs_of(shown), seed_styles(shown)
    rows, columns = fitting(2, 4.0)
    picture, panels = make_sheet(
        3.8 if rows == 1 else 2.5 * rows,
        [*split_symbols(), *point_symbols()],
        [seed_symbol(run.title, styles[run.name]) for run in runs],
        [*(sentence for run in runs for sentence in run.notes)],
    )
    left, right = panels.subplots(rows, columns).flat
    right.set_yscale("log")
    for run in runs:
        draw_accuracy(left, run, styles[run.name])
        _draw_loss(right, run, styles[run.name])
    finish_accuracy(left, ())
    right.set_xlabel("epoch")
    right.set_ylabel("cross-entropy (nats)")
    return picture


def _draw_many(shown: Shown) -> Figure:
    runs = runs_of(shown)
    grouped = by_run(runs)
    one = len(grouped) == 1
    lines, columns = fitting(3, 3.0)
    picture, panels = make_sheet(
        (3.3 if lines == 1 else 2.1 * lines) * len(grouped),
        incidence_symbols(runs),
        band_symbols(f"{len(runs)} seeds", [run.seed for run in single_seeds(runs)])
        if one
        else band_symbols("seeds of a run", len(SINGLE)),
        [ENDED, *incidence_notes(runs), *notes_of_many(runs)],
    )
    grid = panels.subplots(len(grouped) * lines, columns, squeeze=False).reshape(-1, 3)
    for row, (name, seeds) in zip(grid, grouped.items(), strict=True):
        accuracy, shares, loss = row
        draw_run_bands(accuracy, seeds, "accuracy")
        finish_accuracy(accuracy, ())
        draw_incidence(shares, seeds)
        draw_run_bands(loss, seeds, "loss")
        loss.set_yscale("log")
        loss.set_xlabel("epoch")
        loss.set_ylabel("cross-entropy (nats)")
        if not one:
            accuracy.set_title(wrapped(f"{name}, {len(seeds)} seeds", page().width / columns - 0.4))
    return picture


def _draw_loss(axes: Axes, run: ShownRun, style: SeedStyle) -> None:
    losses = {split: run.history[f"{split}_loss"].to_numpy(float) for split in HUES}
    for split, loss in losses.items():
        draw_curve(axes, run.logged, loss, split=split, seed=run.name, style=style)
    for point, split in SPLIT_OF.items():
        epoch = run.epoch_of(point)
        if epoch is not None:
            height = float(np.interp(epoch, run.logged, losses[split]))
            mark_point(axes, run, point, height, style.colour(split))
