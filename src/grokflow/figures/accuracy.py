"""Accuracy against epoch of one or more seeds, with point 1 and point 2 marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.dynamics import validation_accuracy
from grokflow.figures.bands import (
    BandStyle,
    SeedCurve,
    common_grid,
    draw_bands,
    draw_single,
    quantiles,
    spread_over,
)
from grokflow.figures.panels import mark_place
from grokflow.figures.sheet import mark_symbol
from grokflow.figures.shown import ShownRun
from grokflow.figures.style import ALONE, COLLAPSE, HUES, POINT, SeedStyle, draw_curve

ENDED = "After its last epoch a seed counts with its last value; one that diverged is left out from there on."
"""What bands over epochs do with seeds that were trained for different lengths."""

SPLIT_OF = {"point_1": "train", "point_2": "validation"}
"""The curve that makes a point: it reaches 100 % there."""


def draw_accuracy(axes: Axes, run: ShownRun, style: SeedStyle) -> None:
    """The curves of a seed, and its points 1 (hollow) and 2 (filled)."""
    for split in HUES:
        draw_curve(axes, run.logged, run.accuracy(split), split=split, seed=run.name, style=style)
    mark_accuracy(axes, run, style)


def mark_accuracy(axes: Axes, run: ShownRun, style: SeedStyle) -> None:
    """Points 1 and 2 of a seed on its accuracy curves."""
    for point, split in SPLIT_OF.items():
        if run.points[point] is not None:
            height = 1 - run.points[point][f"{split}_error"]
            mark_point(axes, run, point, height, style.colour(split))


def mark_point(axes: Axes, run: ShownRun, point: str, height: float, colour: str) -> None:
    """Point 1 (hollow) or 2 (filled) at its epoch; nothing where it was not reached."""
    epoch = run.epoch_of(point)
    if epoch is None:
        return
    axes.plot(
        [epoch],
        [height],
        linestyle="none",
        marker=POINT,
        markersize=8.5,
        markeredgewidth=1.5,
        markeredgecolor=colour,
        markerfacecolor="none" if point == "point_1" else colour,
        zorder=4,
        label=f"{point} {run.name}",
    )


def draw_run_bands(axes: Axes, runs: Sequence[ShownRun], quantity: str) -> None:
    """The median and the bands of many seeds of a run, train and validation, and three of its seeds.

    `quantity`: `accuracy` or `loss`.
    """
    for split in HUES:
        curves = {run.name: _curve(run, split, quantity) for run in runs}
        grid, style = common_grid([*curves.values()]), BandStyle.of_split(split)
        levels = quantiles(np.array([curve.at(grid) for curve in curves.values()]))
        draw_bands(axes, grid, levels, style, split)
        for run in single_seeds(runs):
            draw_single(axes, curves[run.name].x, curves[run.name].y, style, f"{split} {run.name}")


def _curve(run: ShownRun, split: str, quantity: str) -> SeedCurve:
    y = run.accuracy(split) if quantity == "accuracy" else run.history[f"{split}_loss"].to_numpy(float)
    return SeedCurve(run.logged, y, lost=run.diverged is not None)


def single_seeds(runs: Sequence[ShownRun]) -> list[ShownRun]:
    """Three seeds from early to late in point 2, none of them diverged unless all are."""
    return spread_over([run for run in runs if not run.diverged] or runs, lambda run: run.epoch_of("point_2"))


def draw_every_epoch(axes: Axes, run: ShownRun) -> None:
    """Train and validation accuracy of every epoch, with the collapses shaded."""
    shade_collapses(axes, run)
    epochs = run.epochs["epoch"].to_numpy(float)
    for split in HUES:
        accuracy = accuracy_of_epochs(run, split)
        line = draw_curve(axes, epochs, accuracy, split=split, seed=run.name, style=ALONE)
        line.set(linewidth=1, marker="none")
    mark_accuracy(axes, run, ALONE)


def accuracy_of_epochs(run: ShownRun, split: str) -> np.ndarray:
    """The accuracy of a seed at each row of its epochs.csv; validation as recorded around collapses."""
    if split == "validation":
        return validation_accuracy(run.epochs, run.history)
    accuracy: np.ndarray = 1 - run.epochs["train_error"].to_numpy(float)
    return accuracy


def shade_collapses(axes: Axes, run: ShownRun) -> None:
    """A light band from the start to the end of every collapse; its edge keeps a short one visible."""
    for number, (start, end) in enumerate(run.collapses, start=1):
        axes.axvspan(start, end, color=COLLAPSE, linewidth=0.8, zorder=0, label=f"collapse {number}")


def collapse_symbol() -> Line2D:
    """The key of a collapse."""
    symbol = mark_symbol("collapse of the train accuracy", marker="s", size=9)
    symbol.set(markerfacecolor=COLLAPSE, markeredgecolor=COLLAPSE)
    return symbol


def finish_accuracy(axes: Axes, epochs: Iterable[float]) -> None:
    """The axes of an accuracy panel, and the paper's `epochs` as light lines."""
    axes.set_ylim(-0.03, 1.06)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("accuracy")
    axes.set_xlabel("epoch")
    for epoch in epochs:
        mark_place(axes, epoch, f"paper: {epoch:g}")


def point_symbols() -> list[Line2D]:
    """The key of the two points."""
    return [
        mark_symbol("point 1: train 100 %", filled=False),
        mark_symbol("point 2: train and validation 100 %"),
    ]
