"""Weight norm of several runs: ‖θ‖ against epoch, beside the validation accuracy of the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import ENDED, finish_accuracy, mark_point, point_symbols, single_seeds
from grokflow.figures.bands import (
    SINGLE,
    BandStyle,
    SeedCurve,
    band_symbols,
    common_grid,
    draw_bands,
    draw_single,
    quantiles,
)
from grokflow.figures.incidence import times_of
from grokflow.figures.sheet import fitting, make_sheet
from grokflow.figures.shown import MANY, REACHED, Shown, ShownRun, by_run, notes_of_many, runs_of
from grokflow.figures.style import POINT, SeriesStyle, styled
from grokflow.statistics import incidence

LARGEST_SPAN = 10
"""A linear axis shows norms up to this many times the smallest."""


@styled
def draw(shown: Shown) -> Figure:
    """A kind of line for each run, drawn once for each of its seeds; of many, their median and bands."""
    runs = runs_of(shown)
    many = {name: seeds for name, seeds in by_run(runs).items() if len(seeds) > MANY}
    styles = {name: SeriesStyle(number) for number, name in enumerate(dict.fromkeys(run.run for run in runs))}
    rows, columns = fitting(2, 4.0)
    picture, panels = make_sheet(
        3.8 if rows == 1 else 2.5 * rows,
        [*point_symbols(), *(band_symbols("seeds of a run", len(SINGLE)) if many else [])],
        [_symbol(name, runs, style) for name, style in styles.items()],
        [*_notes_of_points(many), *notes_of_many(runs)],
    )
    left, right = panels.subplots(rows, columns).flat
    for name, seeds in many.items():
        for axes, values in ((left, _norm), (right, _accuracy)):
            _draw_bands(axes, seeds, styles[name], values)
    for number, run in enumerate(runs):
        if run.run in many:
            continue
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
            mark_point(axes, run, point, height, style.colour)


def _norm(run: ShownRun) -> np.ndarray:
    norm: np.ndarray = run.history["weight_norm"].to_numpy(float)
    return norm


def _accuracy(run: ShownRun) -> np.ndarray:
    return run.accuracy("validation")


def _draw_bands(
    axes: Axes, runs: Sequence[ShownRun], series: SeriesStyle, values: Callable[[ShownRun], np.ndarray]
) -> None:
    """Median and bands of a run, and its points where half of its seeds have reached them."""
    curves = {run.name: SeedCurve(run.logged, values(run), lost=run.diverged is not None) for run in runs}
    grid, style = common_grid([*curves.values()]), BandStyle.of_series(series)
    levels = quantiles(np.array([curve.at(grid) for curve in curves.values()]))
    name = runs[0].run
    draw_bands(axes, grid, levels, style, name)
    for run in single_seeds(runs):
        draw_single(axes, curves[run.name].x, curves[run.name].y, style, run.name)
    for point in REACHED:
        epoch = median_epoch(runs, point)
        if epoch is not None:
            height = float(np.interp(epoch, grid, levels[2]))
            (mark,) = axes.plot(
                [epoch], [height], color=series.colour, marker=POINT, linestyle="none", zorder=4
            )
            mark.set(markersize=8.5, markeredgewidth=1.5, label=f"{point} {name}")
            mark.set_markerfacecolor("white" if point == "point_1" else series.colour)


def median_epoch(runs: Sequence[ShownRun], point: str) -> float | None:
    """The epoch by which half of the seeds have reached a point; None where fewer have."""
    return incidence(times_of(runs, point)).median


def _notes_of_points(many: Mapping[str, object]) -> list[str]:
    if not many:
        return []
    return [
        "A point of a run with many seeds: where half of them have reached it.",
        ENDED,
    ]


def _scale(axes: Axes, values: np.ndarray) -> None:
    """The y axis from zero, or a logarithm where the norms span too much for that."""
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) and values.max() > LARGEST_SPAN * values.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def _symbol(name: str, runs: Sequence[ShownRun], style: SeriesStyle) -> Line2D:
    seeds = [run.seed for run in runs if run.run == name]
    if len(seeds) > MANY:
        words = f"{len(seeds)} seeds"
        return style.symbol(f"{name}, {words}" if name else words)
    words = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)}"
    return style.symbol(f"{name}, {words}" if name else words)
