"""How long a fit must be: the errors on optimised paths, against epochs of fitting.

A fit that has ended keeps its last values, as its curve does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.bands import (
    SINGLE,
    BandStyle,
    SeedCurve,
    band_symbols,
    common_grid,
    draw_bands,
    draw_single,
    quantiles,
    spread_over,
)
from grokflow.figures.near_zero import scale_near_zero
from grokflow.figures.panels import missing_of_many
from grokflow.figures.sheet import fitting, make_sheet, mark_symbol, seed_symbol
from grokflow.figures.shown import MANY, Shown, ShownPath, paths_of
from grokflow.figures.style import END_MARK, TEXT, seed_styles, styled


class Quantity(NamedTuple):
    """A column of fit.csv."""

    column: str
    label: str
    split: str


QUANTITIES = (
    Quantity("largest_train_error", "largest train error on the curve", "train"),
    Quantity("lowest_validation_error", "lowest validation error on the curve", "validation"),
)


class Course(NamedTuple):
    """One fit: the error at each epoch at which its curve was looked at."""

    path: ShownPath
    curve: SeedCurve


END = "end of a fit that converged"
CUT_OFF = "end of one that did not, within its budget"


@styled
def draw(shown: Shown) -> Figure:
    """A row for each path: largest train error, lowest validation error.

    Up to `MANY` curves of a path are drawn one by one, more of them as median and bands.
    """
    rows: dict[str, list[ShownPath]] = {}
    for path in paths_of(shown):
        rows.setdefault(path.path, []).append(path)
    fitted = {name: [path for path in paths if not path.fit.empty] for name, paths in rows.items()}
    many = [len(paths) for paths in fitted.values() if len(paths) > MANY]
    lines, columns = fitting(len(QUANTITIES), 3.5)
    picture, panels = make_sheet(
        2.5 * len(rows) * lines + 0.3,
        [*_band_symbols(many), *_end_symbols(fitted)],
        _seed_symbols(fitted),
        [
            *(_count(paths) for paths in fitted.values() if paths),
            *["Fits that have ended count with their last values."] * bool(many),
            *(note for paths in rows.values() for note in _missing(paths)),
        ],
    )
    grid = panels.subplots(len(rows) * lines, columns, sharey=True, squeeze=False)
    grid = grid.reshape(len(rows), len(QUANTITIES))
    for row, (name, paths) in zip(grid, fitted.items(), strict=True):
        row[1].sharex(row[0])
        for axes, quantity in zip(row, QUANTITIES, strict=True):
            _draw_panel(axes, paths, quantity)
            axes.set_title(rows[name][0].heading if quantity is QUANTITIES[0] else "")
            axes.set_ylabel(quantity.label.replace(" error", " error\n"))
            axes.set_xlabel("epochs of fitting")
            axes.update_datalim([(0, 1)])
    every = [path for paths in fitted.values() for path in paths]
    _scale(grid, [_course(path, quantity) for path in every for quantity in QUANTITIES])
    return picture


Fitted = Mapping[str, Sequence[ShownPath]]
"""The fits of each path."""


def _band_symbols(many: Sequence[int]) -> list[Line2D]:
    """The key of the bands; `many`: how many fits each path has that is drawn so."""
    if not many:
        return []
    counts = " and ".join(str(count) for count in dict.fromkeys(many))
    return band_symbols(f"{counts} fits", len(SINGLE))


def _missing(paths: Sequence[ShownPath]) -> list[str]:
    if len(paths) > MANY:
        return missing_of_many(paths)
    return [path.missing for path in paths if path.skipped]


def _end_symbols(fitted: Fitted) -> list[Line2D]:
    ends = [_end(path) for paths in fitted.values() for path in paths]
    return [mark_symbol(end, marker=END_MARK, filled=end == END) for end in (END, CUT_OFF) if end in ends]


def _seed_symbols(fitted: Fitted) -> list[Line2D]:
    """Of the fits that are drawn one by one; two paths between the same seeds share a symbol."""
    few = [paths for paths in fitted.values() if len(paths) <= MANY]
    styles = [zip(paths, seed_styles(path.name for path in paths).values(), strict=True) for paths in few]
    named = {path.seeds(" → "): style for row in styles for path, style in row}
    return [seed_symbol(name, style) for name, style in named.items()]


def _count(paths: Sequence[ShownPath]) -> str:
    """How many fits of a path converged, and how long they took."""
    epochs = [len(path.fit) for path in paths]
    took = f"{min(epochs)} to {max(epochs)} epochs" if len(set(epochs)) > 1 else f"{epochs[0]} epochs"
    middle = f", half of them up to {np.median(epochs):g}" if len(set(epochs)) > 2 else ""
    done = sum(bool(path.converged) for path in paths)
    fits, they = ("fit", "it") if len(paths) == 1 else ("fits", "they")
    return f"{paths[0].heading}: {done} of {len(paths)} {fits} converged; {they} took {took}{middle}."


def _end(path: ShownPath) -> str:
    """How a fit ended."""
    return END if path.converged else CUT_OFF


def _mark_end(mark: Line2D, path: ShownPath, size: float) -> None:
    """A star at the end of a fit, filled if it converged."""
    end = _end(path)
    mark.set(marker=END_MARK, markersize=size, label=end, zorder=3)
    if end == CUT_OFF:
        mark.set_markerfacecolor("white")


def _course(path: ShownPath, quantity: Quantity) -> Course:
    measured = path.fit.dropna(subset=[quantity.column])
    return Course(
        path, SeedCurve(measured["epoch"].to_numpy(float), measured[quantity.column].to_numpy(float))
    )


def _draw_panel(axes: Axes, paths: Sequence[ShownPath], quantity: Quantity) -> None:
    courses = [course for path in paths if len((course := _course(path, quantity)).curve.x)]
    if not courses:
        axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", color=TEXT)
    elif len(courses) <= MANY:
        _draw_each(axes, courses, quantity)
    else:
        _draw_bands(axes, courses, quantity)


def _draw_each(axes: Axes, courses: Sequence[Course], quantity: Quantity) -> None:
    styles = seed_styles(course.path.name for course in courses)
    for path, curve in courses:
        style = styles[path.name]
        (line,) = axes.plot(curve.x, curve.y, color=style.colour(quantity.split), marker=style.marker)
        line.set(markersize=4, markevery=style.marked(curve.x)[:-1], label=f"{quantity.column} {path.name}")
    for path, curve in courses:
        (mark,) = axes.plot(curve.x[-1:], curve.y[-1:], color=styles[path.name].colour(quantity.split))
        _mark_end(mark, path, 10)


def _draw_bands(axes: Axes, courses: Sequence[Course], quantity: Quantity) -> None:
    grid, style = common_grid([curve for _, curve in courses]), BandStyle.of_split(quantity.split)
    levels = quantiles(np.array([curve.at(grid, "previous") for _, curve in courses]))
    draw_bands(axes, grid, levels, style, quantity.column)
    for path, curve in spread_over(courses, lambda course: course.path.fit_epochs):
        draw_single(axes, curve.x, curve.y, style, f"{quantity.column} {path.name}")
    for path, curve in courses:  # above the curves, which so many marks would hide
        (mark,) = axes.plot(curve.x[-1], 0.97, color=TEXT, transform=axes.get_xaxis_transform())
        mark.set_markeredgewidth(0.8)
        _mark_end(mark, path, 6)


def _scale(grid: np.ndarray, courses: Sequence[Course]) -> None:
    """A logarithmic axis of errors up to 1."""
    errors = np.concatenate([np.ones(1), *(course.curve.y for course in courses)])
    for axes in grid.flat:
        scale_near_zero(axes, errors)
