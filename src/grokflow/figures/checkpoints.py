"""The checkpoints of a run (M-fig3): each one marked on the accuracy curves, a panel a seed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.accuracy import draw_accuracy, finish_accuracy, point_symbols
from grokflow.figures.page import page
from grokflow.figures.sheet import make_sheet, mark_symbol, split_symbols, wrapped
from grokflow.figures.shown import Shown, ShownRun, runs_of
from grokflow.figures.style import ALONE, CHECKPOINT, HUES, styled

DRAWN = 3
"""Seeds that have a panel where there are many of them."""


@styled
def draw(shown: Shown) -> Figure:
    """One panel a seed, below one another with the same axes; of many seeds the first few."""
    runs, notes = runs_of(shown), []
    if shown.is_many:
        notes = [f"Drawn: the first {DRAWN} of {len(runs)} seeds."]
        runs = runs[:DRAWN]
    picture, panels = make_sheet(
        0.5 + 2.1 * len(runs),
        [*split_symbols(), mark_symbol("logged checkpoint", marker=CHECKPOINT), *point_symbols()],
        [],
        [*notes, *(sentence for run in runs for sentence in run.notes)],
    )
    column = panels.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    for axes, run in zip(column, runs, strict=True):
        draw_accuracy(axes, run, ALONE)
        _mark_checkpoints(axes, run)
        finish_accuracy(axes, shown.reference.epochs)
        axes.label_outer()
        title = f"{run.title}; {len(run.points['checkpoints'])} checkpoints"
        axes.set_title(
            wrapped(title, page().width - 0.8), pad=18 if shown.reference.epochs else 6
        )  # above the paper's labels
    return picture


def _mark_checkpoints(axes: Axes, run: ShownRun) -> None:
    epochs = np.array(run.points["checkpoints"], dtype=float)
    for split in HUES:
        axes.plot(
            epochs,
            run.accuracy(split, epochs),
            linestyle="none",
            marker=CHECKPOINT,
            markersize=6,
            color=ALONE.colour(split),
            label=f"checkpoints {split} {run.name}",
        )
