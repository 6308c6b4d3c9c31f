"""Accuracy and loss against epoch (P-fig1): train and validation, all seeds of a run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.accuracy import SPLIT_OF, draw_accuracy, finish_accuracy, mark_point, point_symbols
from grokflow.figures.sheet import make_sheet, seed_symbol, split_symbols
from grokflow.figures.shown import Shown, ShownRun, runs_of
from grokflow.figures.style import HUES, SeedStyle, draw_curve, seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """Accuracy on the left, cross-entropy on the right, its axis logarithmic."""
    runs, styles = runs_of(shown), seed_styles(shown)
    picture, panels = make_sheet(
        3.8,
        [*split_symbols(), *point_symbols()],
        [seed_symbol(run.title, styles[run.name]) for run in runs],
        [*shown.notes, *(sentence for run in runs for sentence in run.notes)],
    )
    left, right = panels.subplots(1, 2)
    right.set_yscale("log")
    for run in runs:
        draw_accuracy(left, run, styles[run.name])
        _draw_loss(right, run, styles[run.name])
    finish_accuracy(left, ())
    right.set_xlabel("epoch")
    right.set_ylabel("cross-entropy (nats)")
    return picture


def _draw_loss(axes: Axes, run: ShownRun, style: SeedStyle) -> None:
    losses = {split: run.history[f"{split}_loss"].to_numpy(float) for split in HUES}
    for split, loss in losses.items():
        draw_curve(axes, run.logged, loss, split=split, seed=run.name, style=style)
    for point, split in SPLIT_OF.items():
        epoch = run.epoch_of(point)
        if epoch is not None:
            height = float(np.interp(epoch, run.logged, losses[split]))
            mark_point(axes, run, point, height, marker=style.marker, colour=style.colour(split))
