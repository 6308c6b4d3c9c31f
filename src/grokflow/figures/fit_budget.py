"""How long a fit must be: the errors on curves whose bends are optimised, against epochs of fitting.

Up to six curves of a path are drawn one by one; of more, their median and the bands that hold half and nine
tenths of them. A fit that has ended keeps its last values, as its curve does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.sheet import make_sheet, mark_symbol, seed_symbol
from grokflow.figures.shown import Shown, ShownPath, paths_of
from grokflow.figures.style import HUES, TEXT, SeedStyle, seed_styles, styled

MOST_CURVES = 6
"""Most curves of a path that can be told apart."""

FEW = 5
"""Thin lines beside the median of more, each of a single fit."""

BANDS = {"90 % of the fits": (5, 95, 0.16), "50 % of the fits": (25, 75, 0.32)}
"""The percentiles and the opacity of each band."""


class Quantity(NamedTuple):
    """A column of fit.csv."""

    column: str
    label: str
    hue: str


QUANTITIES = (
    Quantity("largest_train_error", "largest train error on the curve", HUES["train"]),
    Quantity("lowest_validation_error", "lowest validation error on the curve", HUES["validation"]),
)


class Course(NamedTuple):
    """One fit: epochs (C,) at which its curve was looked at, and an error (C,) at each."""

    path: ShownPath
    epochs: np.ndarray
    errors: np.ndarray


END = {"marker": "o", "label": "end of a fit that converged"}
CUT_OFF = {"marker": "X", "label": "end of one that did not, within its budget"}


@styled
def draw(shown: Shown) -> Figure:
    """A row for each path: largest train error, lowest validation error."""
    rows: dict[str, list[ShownPath]] = {}
    for path in paths_of(shown):
        rows.setdefault(path.path, []).append(path)
    fitted = {name: [path for path in paths if not path.fit.empty] for name, paths in rows.items()}
    many = any(len(paths) > MOST_CURVES for paths in fitted.values())
    picture, panels = make_sheet(
        2.5 * len(rows) + 0.3,
        [*_band_symbols(fitted), *_end_symbols(fitted)],
        _seed_symbols(fitted),
        [
            *(_count(paths) for paths in fitted.values() if paths),
            *(["Fits that have ended count with their last values."] if many else []),
            *(path.missing for paths in rows.values() for path in paths if path.skipped),
        ],
    )
    grid = panels.subplots(len(rows), len(QUANTITIES), sharex="row", sharey=True, squeeze=False)
    for row, (name, paths) in zip(grid, fitted.items(), strict=True):
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


def _band_symbols(fitted: Fitted) -> list[Line2D]:
    if all(len(paths) <= MOST_CURVES for paths in fitted.values()):
        return []
    bands = [
        Line2D([], [], color=TEXT, linewidth=8, alpha=opacity, label=label)
        for label, (_, _, opacity) in BANDS.items()
    ]
    median = Line2D([], [], color=TEXT, linewidth=2.2, label="median")
    return [median, *reversed(bands), Line2D([], [], color=TEXT, linewidth=0.5, label=f"{FEW} single fits")]


def _end_symbols(fitted: Fitted) -> list[Line2D]:
    ends = [_end(path) for paths in fitted.values() for path in paths]
    return [mark_symbol(end["label"], marker=end["marker"]) for end in (END, CUT_OFF) if end in ends]


def _seed_symbols(fitted: Fitted) -> list[Line2D]:
    """Of the fits that are drawn one by one; two paths between the same seeds share a symbol."""
    few = [paths for paths in fitted.values() if len(paths) <= MOST_CURVES]
    styles = [zip(paths, seed_styles(path.name for path in paths).values(), strict=True) for paths in few]
    named = {path.seeds(" → "): style for row in styles for path, style in row}
    return [seed_symbol(name, style) for name, style in named.items()]


def _count(paths: Sequence[ShownPath]) -> str:
    """How many fits of a path converged, and how long they took."""
    epochs = [len(path.fit) for path in paths]
    took = f"{min(epochs)} to {max(epochs)} epochs" if len(set(epochs)) > 1 else f"{epochs[0]} epochs"
    middle = f", half of them up to {np.median(epochs):g}" if len(set(epochs)) > 2 else ""
    done = sum(bool(path.converged) for path in paths)
    return f"{paths[0].heading}: {done} of {len(paths)} fits converged; they took {took}{middle}."


def _end(path: ShownPath) -> dict[str, str]:
    """The mark at the end of a fit."""
    return END if path.converged else CUT_OFF


def _course(path: ShownPath, quantity: Quantity) -> Course:
    measured = path.fit.dropna(subset=[quantity.column])
    return Course(path, measured["epoch"].to_numpy(float), measured[quantity.column].to_numpy(float))


def _draw_panel(axes: Axes, paths: Sequence[ShownPath], quantity: Quantity) -> None:
    courses = [course for path in paths if len((course := _course(path, quantity)).epochs)]
    if not courses:
        axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", color=TEXT)
    elif len(courses) <= MOST_CURVES:
        _draw_each(axes, courses, quantity)
    else:
        _draw_bands(axes, courses, quantity)


def _draw_each(axes: Axes, courses: Sequence[Course], quantity: Quantity) -> None:
    split = quantity.column.split("_")[1]
    for (path, epochs, errors), style in zip(courses, _styles(courses), strict=True):
        colour, marked = style.colour(split), style.marked(epochs)[:-1]
        (line,) = axes.plot(epochs, errors, color=colour, marker=style.marker, markersize=4, markevery=marked)
        line.set_label(f"{quantity.column} {path.name}")
    for course, style in zip(courses, _styles(courses), strict=True):
        _mark_end(axes, course, style.colour(split))


def _styles(courses: Sequence[Course]) -> list[SeedStyle]:
    return list(seed_styles(course.path.name for course in courses).values())


def _mark_end(axes: Axes, course: Course, colour: str) -> None:
    last = course.epochs[-1:], course.errors[-1:]
    (mark,) = axes.plot(*last, color=colour, markersize=8, markeredgecolor="white", zorder=3)
    mark.set(**_end(course.path))


def _draw_bands(axes: Axes, courses: Sequence[Course], quantity: Quantity) -> None:
    epochs = np.unique(np.concatenate([course.epochs for course in courses]))
    held = np.stack([_held(course, epochs) for course in courses])
    for label, (low, high, opacity) in BANDS.items():
        low_edge, high_edge = np.percentile(held, [low, high], axis=0)
        axes.fill_between(
            epochs, low_edge, high_edge, color=quantity.hue, alpha=opacity, linewidth=0, label=label
        )
    for course in courses[:FEW]:
        axes.plot(course.epochs, course.errors, color=quantity.hue, linewidth=0.5, alpha=0.8)
    for course in courses:  # above the curves, which so many marks would hide
        (mark,) = axes.plot(course.epochs[-1], 0.97, color=TEXT, transform=axes.get_xaxis_transform())
        mark.set(markersize=5, markeredgewidth=0, **_end(course.path))
    axes.plot(epochs, np.median(held, axis=0), color=quantity.hue, linewidth=2.2, label="median")


def _held(course: Course, epochs: np.ndarray) -> np.ndarray:
    """The error at each of `epochs` (E,): of the last look so far, or of the first one before it."""
    places = np.searchsorted(course.epochs, epochs, side="right") - 1
    errors: np.ndarray = course.errors[np.maximum(places, 0)]
    return errors


def _scale(grid: np.ndarray, courses: Sequence[Course]) -> None:
    """A logarithmic axis of errors, on which zero has a place below the smallest one."""
    errors = np.concatenate([np.zeros(0), *(course.errors for course in courses)])
    positive = errors[errors > 0]
    if not len(positive):
        return
    smallest = 10 ** np.floor(np.log10(positive.min()))
    for axes in grid.flat:
        axes.set_yscale("symlog", linthresh=smallest, linscale=0.4)
        axes.set_ylim(-smallest / 3, 2)
        powers = range(int(np.log10(smallest)), 1)
        axes.set_yticks([0, *(10.0**power for power in powers)], ["0", *(f"{10.0**p:g}" for p in powers)])
        axes.minorticks_off()
