"""Accuracy and loss against epoch (P-fig1): train and validation, all seeds of a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.config import Reference
from grokflow.figures.accuracy import SPLIT_OF, draw_accuracy, finish_accuracy, mark_point, point_symbols
from grokflow.figures.members import RunMember, read_runs
from grokflow.figures.sheet import make_sheet, member_symbol, split_symbols
from grokflow.figures.style import HUES, MemberStyle, draw_curve, member_styles, styled


@styled
def draw(members: Mapping[str, str], reference: Reference, dataset: str) -> Figure:
    """Accuracy on the left, cross-entropy on the right, its axis logarithmic."""
    runs, styles = read_runs(members, ("train_loss", "validation_loss")), member_styles(members)
    picture, panels = make_sheet(
        3.8,
        [*split_symbols(), *point_symbols()],
        [member_symbol(run.title, styles[run.name]) for run in runs],
        [sentence for run in runs for sentence in (*run.diverged, *run.missing)],
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


def _draw_loss(axes: Axes, run: RunMember, style: MemberStyle) -> None:
    losses = {split: run.history[f"{split}_loss"].to_numpy(float) for split in HUES}
    for split, loss in losses.items():
        draw_curve(axes, run.epochs, loss, split=split, member=run.name, style=style)
    for point, split in SPLIT_OF.items():
        epoch = run.epoch(point)
        if epoch is not None:
            height = float(np.interp(epoch, run.epochs, losses[split]))
            mark_point(axes, run, point, height, marker=style.marker, colour=style.colour(split))
