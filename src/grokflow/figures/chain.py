"""The chain through the checkpoints (M-fig4): its first segment, its last one, the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokflow.figures.panels import PANELS, draw_panels, mark_knots
from grokflow.figures.sheet import make_sheet, mark_symbol, seed_symbol, split_symbols
from grokflow.figures.shown import Shown, ShownPath, paths_of
from grokflow.figures.style import SeedStyle, seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """Three rows of three panels, all seeds; a column has one y axis, so that changes compare."""
    paths, styles = paths_of(shown), seed_styles(shown)
    measured = [path for path in paths if not path.skipped]
    picture, panels = make_sheet(
        8.4,
        [*split_symbols(), mark_symbol("logged checkpoint", marker="|", size=6)],
        [seed_symbol(_joined(path), styles[path.name]) for path in measured],
        [
            *shown.notes,
            "The panels of a column have one y axis.",
            *(path.missing for path in paths if path.skipped),
        ],
    )
    rows = panels.subplots(3, len(PANELS), sharey="col")
    first, last = paths[0].ends
    for row, heading, number, knots in (
        (rows[0], "First segment", 0, {0.0: first, 1.0: "next checkpoint"}),
        (rows[1], "Last segment", -1, {0.0: "checkpoint before", 1.0: last}),
    ):
        draw_panels(row, measured, styles, _segment(number))
        row[0].set_title(heading, fontsize=10)
        for axes in row if measured else ():
            mark_knots(axes, knots, "t within the segment")
    draw_panels(rows[2], measured, styles, _whole)
    rows[2][0].set_title("Whole chain", fontsize=10, pad=24 if measured else None)
    for axes in rows[2] if measured else ():
        axes.set_xlabel("epoch")
        _mark_checkpoints(axes, measured, styles)
    return picture


def _epochs(path: ShownPath) -> np.ndarray:
    names = path.record["control_points"]
    return np.array([float(name.removeprefix("epoch ")) for name in names])


def _position(path: ShownPath) -> np.ndarray:
    """t counted in segments: 0 at the first checkpoint, 1 at the second …"""
    position: np.ndarray = path.metrics["t"].to_numpy(float) * path.pieces
    return position


def _segment(number: int) -> Callable[[ShownPath], tuple[np.ndarray, pd.DataFrame]]:
    """The rows of a segment, both its ends included, against t from 0 to 1 within it."""

    def part(path: ShownPath) -> tuple[np.ndarray, pd.DataFrame]:
        t = _position(path) - number % path.pieces
        inside = (t > -1e-9) & (t < 1 + 1e-9)  # t at a knot is rounded
        return t[inside], path.metrics[inside]

    return part


def _whole(path: ShownPath) -> tuple[np.ndarray, pd.DataFrame]:
    epochs = _epochs(path)
    return np.interp(_position(path), np.arange(len(epochs)), epochs), path.metrics


def _joined(path: ShownPath) -> str:
    """The seed with the epochs that its whole chain, its first and its last segment join."""
    if path.pieces == 1:
        return f"{path.title}, a single segment"
    epochs = _epochs(path)
    first = f"{epochs[0]:g} → {epochs[1]:g}"
    last = f"{epochs[-2]:g} → {epochs[-1]:g}"
    return f"{path.title}, first segment {first}, last segment {last}"


def _mark_checkpoints(axes: Axes, paths: Sequence[ShownPath], styles: Mapping[str, SeedStyle]) -> None:
    """A light tick for every checkpoint above the panel, a line of ticks for each seed."""
    for path, height in zip(paths, np.linspace(1.02, 1.1, len(paths)), strict=True):
        epochs = _epochs(path)
        axes.plot(
            epochs,
            np.full(len(epochs), height),
            linestyle="none",
            marker="|",
            markersize=4,
            color=styles[path.name].grey,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
            label=f"checkpoints {path.name}",
        )
