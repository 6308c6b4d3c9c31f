"""Accuracy against epoch of one or more seeds, with point 1 and point 2 marked."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.figures.panels import mark_place
from grokflow.figures.sheet import mark_symbol
from grokflow.figures.shown import ShownRun
from grokflow.figures.style import ALONE, COLLAPSE, HUES, SeedStyle, draw_curve

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
            mark_point(axes, run, point, height, marker=style.marker, colour=style.colour(split))


def mark_point(axes: Axes, run: ShownRun, point: str, height: float, *, marker: str, colour: str) -> None:
    """Point 1 (hollow) or 2 (filled) at its epoch; nothing where it was not reached."""
    epoch = run.epoch_of(point)
    if epoch is None:
        return
    axes.plot(
        [epoch],
        [height],
        linestyle="none",
        marker=marker,
        markersize=8.5,
        markeredgewidth=1.5,
        markeredgecolor=colour,
        markerfacecolor="none" if point == "point_1" else colour,
        zorder=4,
        label=f"{point} {run.name}",
    )


def draw_every_epoch(axes: Axes, run: ShownRun) -> None:
    """Train accuracy of every epoch and validation accuracy, with the collapses shaded."""
    shade_collapses(axes, run)
    trained = run.epochs
    curves = {
        "train": (trained["epoch"].to_numpy(float), 1 - trained["train_error"].to_numpy(float)),
        "validation": (run.logged, run.accuracy("validation")),
    }
    for split, (epochs, accuracy) in curves.items():
        line = draw_curve(axes, epochs, accuracy, split=split, seed=run.name, style=ALONE)
        line.set(linewidth=1)
    mark_accuracy(axes, run, ALONE)


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
