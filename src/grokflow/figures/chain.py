"""The chain through the checkpoints (M-fig4): its first segment, its last one, the whole of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from grokflow.figures.page import page
from grokflow.figures.panels import (
    PANELS,
    Part,
    draw_panel_bands,
    draw_panels,
    mark_knots,
    missing_of_many,
    path_band_symbols,
)
from grokflow.figures.sheet import make_sheet, mark_symbol, seed_symbol, split_symbols, wrapped
from grokflow.figures.shown import Shown, ShownPath, paths_of
from grokflow.figures.style import CHECKPOINT, SeedStyle, seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """Three rows of three panels, all seeds; a column has one y axis, so that changes compare."""
    if shown.is_many:
        return _draw_many(shown)
    paths, styles = paths_of(shown), seed_styles(shown)
    measured = [path for path in paths if not path.skipped]
    picture, panels = make_sheet(
        _height(),
        [*split_symbols(), mark_symbol("logged checkpoint", marker=CHECKPOINT, size=6)],
        [seed_symbol(_joined(path), styles[path.name]) for path in measured],
        [
            _shared_axis(),
            *(path.missing for path in paths if path.skipped),
        ],
    )
    rows = _grid(panels)
    for row, (heading, number, knots) in zip(rows[:2], _ends(paths), strict=True):
        draw_panels(row, measured, styles, _segment(number))
        row[0].set_title(heading, fontsize=9)
        for axes in row if measured else ():
            _finish_part(axes, knots, "t within the segment")
    draw_panels(rows[2], measured, styles, _whole)
    rows[2][0].set_title("Whole chain", fontsize=9, pad=24 if measured else None)
    for axes in rows[2] if measured else ():
        axes.set_xlabel("epoch")
        if _turned():
            axes.label_outer()
            axes.locator_params(axis="x", nbins=3)
        _mark_checkpoints(axes, measured, styles)
    return picture


def _draw_many(shown: Shown) -> Figure:
    """Median and bands; the whole chains, which have different lengths, from 0 to 1."""
    paths = paths_of(shown)
    measured = [path for path in paths if not path.skipped]
    picture, panels = make_sheet(
        _height(),
        split_symbols(),
        path_band_symbols(measured),
        [_shared_axis(), *missing_of_many(paths)],
    )
    rows = _grid(panels)
    first, last = paths[0].ends
    parts = [(*end, _segment(end[1]), "t within the segment") for end in _ends(paths)]
    whole = ("Whole chain", 0, {0.0: first, 1.0: last}, _whole, "part of the epochs between")
    for row, (heading, _, knots, part, label) in zip(rows, [*parts, whole], strict=True):
        draw_panel_bands(row, measured, partial(_from_0_to_1, part))
        row[0].set_title(heading, fontsize=9)
        for axes in row if measured else ():
            _finish_part(axes, knots, label)
    return picture


def _turned() -> bool:
    """Whether the page is too narrow for a row of panels: then each part of the chain is a column."""
    return page().fitting(3.0) < len(PANELS)


def _height() -> float:
    return 6.3 if _turned() else 8.4


def _grid(panels: SubFigure) -> np.ndarray:
    """The panels (3, 3): of each part of the chain the quantities, which have one y axis each."""
    if _turned():
        return panels.subplots(len(PANELS), 3, sharey="row").T
    return panels.subplots(3, len(PANELS), sharey="col")


def _shared_axis() -> str:
    return f"The panels of a {'row' if _turned() else 'column'} have one y axis."


def _finish_part(axes: Axes, knots: Mapping[float, str], label: str) -> None:
    mark_knots(axes, knots, label, wide=not _turned())
    if _turned():
        axes.set_xlabel(wrapped(label, page().width / 3 - 0.5))
        axes.label_outer()


def _ends(paths: Sequence[ShownPath]) -> list[tuple[str, int, dict[float, str]]]:
    """Heading, number and ends of the first and of the last segment."""
    first, last = paths[0].ends
    return [
        ("First segment", 0, {0.0: first, 1.0: "next" if _turned() else "next checkpoint"}),
        ("Last segment", -1, {0.0: "before" if _turned() else "checkpoint before", 1.0: last}),
    ]


def _from_0_to_1(part: Part, path: ShownPath) -> tuple[np.ndarray, pd.DataFrame]:
    """A part with x from 0 at its start to 1 at its end, equal places of all paths exactly equal."""
    x, metrics = part(path)
    return np.round((x - x[0]) / (x[-1] - x[0]), 9), metrics


def _epochs(path: ShownPath) -> np.ndarray:
    names = path.record["control_points"]
    return np.array([float(name.removeprefix("epoch ")) for name in names])


def _position(path: ShownPath) -> np.ndarray:
    """t counted in segments: 0 at the first checkpoint, 1 at the second …"""
    position: np.ndarray = path.metrics["t"].to_numpy(float) * path.pieces
    return position


def _segment(number: int) -> Part:
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
            marker=CHECKPOINT,
            markersize=4,
            color=styles[path.name].grey,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
            label=f"checkpoints {path.name}",
        )
