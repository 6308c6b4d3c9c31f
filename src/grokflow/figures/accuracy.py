"""Accuracy against epoch of one or more seeds, with point 1 and point 2 marked."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.figures.members import POINTS, RunMember
from grokflow.figures.panels import mark_place
from grokflow.figures.sheet import mark_symbol
from grokflow.figures.style import HUES, MemberStyle, draw_curve

SPLIT_OF = {"point_1": "train", "point_2": "validation"}
"""The curve that makes a point: it reaches 100 % there."""


def draw_accuracy(axes: Axes, run: RunMember, style: MemberStyle) -> None:
    """The curves of a seed, and its points 1 (hollow) and 2 (filled)."""
    for split in HUES:
        draw_curve(axes, run.epochs, run.accuracy(split), split=split, member=run.name, style=style)
    for point in POINTS:
        epoch, split = run.epoch(point), SPLIT_OF[point]
        if epoch is None:
            continue
        axes.plot(
            [epoch],
            [1 - run.points[point][f"{split}_error"]],
            linestyle="none",
            marker=style.marker,
            markersize=8.5,
            markeredgewidth=1.5,
            markeredgecolor=style.colour(split),
            markerfacecolor="none" if point == "point_1" else style.colour(split),
            zorder=4,
            label=f"{point} {run.name}",
        )


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
