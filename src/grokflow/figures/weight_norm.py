"""Weight norm of several runs: ‖θ‖ against epoch, beside the validation accuracy of the same seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import finish_accuracy, mark_point, point_symbols
from grokflow.figures.sheet import make_sheet
from grokflow.figures.shown import REACHED, Shown, ShownRun, runs_of
from grokflow.figures.style import SeriesStyle, styled

LARGEST_SPAN = 10
"""A linear axis shows norms up to this many times the smallest."""


@styled
def draw(shown: Shown) -> Figure:
    """A kind of line for each run, drawn once for each of its seeds."""
    runs = runs_of(shown)
    styles = {name: SeriesStyle(number) for number, name in enumerate(dict.fromkeys(run.run for run in runs))}
    picture, panels = make_sheet(
        3.8,
        point_symbols(),
        [_symbol(name, runs, style) for name, style in styles.items()],
        [*shown.notes, *(sentence for run in runs for sentence in run.notes)],
    )
    left, right = panels.subplots(1, 2)
    for number, run in enumerate(runs):
        _draw_values(left, run, styles[run.run], run.history["weight_norm"].to_numpy(float), number)
        _draw_values(right, run, styles[run.run], run.accuracy("validation"), number)
    finish_accuracy(right, ())
    right.set_ylabel("validation accuracy")
    left.set_xlabel("epoch")
    left.set_ylabel("weight norm ‖θ‖")
    _scale(left, np.concatenate([run.history["weight_norm"].to_numpy(float) for run in runs]))
    return picture


def _draw_values(axes: Axes, run: ShownRun, style: SeriesStyle, values: np.ndarray, number: int) -> None:
    style.draw(axes, run.logged, values, run.name, shift=number % 5)
    for point in REACHED:
        epoch = run.epoch_of(point)
        if epoch is not None:
            height = float(np.interp(epoch, run.logged, values))
            mark_point(axes, run, point, height, marker=style.marker, colour=style.colour)


def _scale(axes: Axes, values: np.ndarray) -> None:
    """The y axis from zero, or a logarithm where the norms span too much for that."""
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) and values.max() > LARGEST_SPAN * values.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def _symbol(name: str, runs: Sequence[ShownRun], style: SeriesStyle) -> Line2D:
    seeds = [run.seed for run in runs if run.run == name]
    words = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)}"
    return style.symbol(f"{name}, {words}" if name else words)
