"""Effective learning rate and effective gradient norm (P-fig5): η/‖θ‖² and ‖g‖‖θ‖ of every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from grokflow.figures.accuracy import (
    accuracy_of_epochs,
    collapse_symbol,
    draw_every_epoch,
    finish_accuracy,
    point_symbols,
    shade_collapses,
)
from grokflow.figures.aligned import OFFSETS, around_collapses
from grokflow.figures.bands import BandStyle, band_symbols, draw_bands, quantiles
from grokflow.figures.page import page
from grokflow.figures.sheet import make_sheet, split_symbols, wrapped
from grokflow.figures.shown import LISTED, Shown, ShownRun, by_collapses, by_run, notes_of_many, runs_of
from grokflow.figures.style import HUES, PAPER, TEXT, SeriesStyle, styled

QUANTITIES = {
    "effective_learning_rate": "effective learning rate\nη / ‖θ‖²",
    "effective_gradient_norm": "effective gradient norm\n‖g‖ ‖θ‖",
}
"""The columns of epochs.csv that have a row of panels, with what their axes say."""

PARTS = {"": "over all parameters", "invariant_": "over the scale-invariant groups"}
"""Over which parameters a quantity is taken, by the prefix of its column."""

STYLES = {part: SeriesStyle(number) for number, part in enumerate(PARTS)}

LARGEST_SPAN = 10
"""A linear axis shows values up to this many times the smallest."""


@styled
def draw(shown: Shown) -> Figure:
    """A column for each seed: accuracy, η_eff and ‖g_eff‖ against the same epochs.

    Of many seeds one, and beside it the same around all collapses of all seeds.
    """
    runs = runs_of(shown)
    if shown.is_many:
        return _draw_many(runs)
    picture, panels = make_sheet(
        6.2,
        [*split_symbols(), collapse_symbol(), *point_symbols()],
        [STYLES[part].symbol(label) for part, label in PARTS.items()],
        _notes(runs),
    )
    grid = panels.subplots(1 + len(QUANTITIES), len(runs), sharex="col", sharey="row", squeeze=False)
    for run, column in zip(runs, grid.T, strict=True):
        draw_every_epoch(column[0], run)
        finish_accuracy(column[0], ())
        column[0].set_title(wrapped(f"{run.label}: {run.collapse_count}", page().width / len(runs) - 0.4))
        for axes, quantity in zip(column[1:], QUANTITIES, strict=True):
            _draw_quantity(axes, run, quantity)
    for row, quantity in zip(grid[1:], QUANTITIES, strict=True):
        _scale(row, runs, quantity)
    for axes in grid.flat:
        axes.label_outer()
        axes.locator_params(axis="x", nbins=5)
    return picture


def _draw_many(runs: Sequence[ShownRun]) -> Figure:
    """For each run three rows: on the left a seed of it, beside it all collapses of all its seeds."""
    grouped = by_run(runs)
    beside = _is_wide()
    picture, panels = make_sheet(
        (6.6 if beside else 10.2) * len(grouped),
        [*split_symbols(), collapse_symbol(), *point_symbols()],
        [*(STYLES[part].symbol(label) for part, label in PARTS.items()), *band_symbols("all collapses")],
        [
            f"{'Left' if beside else 'Above'}: the seed with the median number of collapses. "
            f"{'Beside it' if beside else 'Below'}: every collapse of every seed, "
            f"from {-OFFSETS[0]} epochs before its start to {OFFSETS[-1]} after it, cut where the one "
            "before ends or the next begins. Validation accuracy is measured at every epoch around a "
            "collapse; elsewhere it is interpolated between logged epochs.",
            *notes_of_many(runs, collapses=True),
            *_without_invariant_groups(runs),
        ],
    )
    for seeds, block in zip(grouped.values(), _blocks(panels, len(grouped)), strict=True):
        ranked = by_collapses(seeds)
        run = ranked[(len(ranked) - 1) // 2]
        draw_every_epoch(block[0, 0], run)
        finish_accuracy(block[0, 0], ())
        block[0, 0].set_title(
            wrapped(f"{run.label}: {run.collapse_count}", page().width / 3 if beside else page().width - 0.8)
        )
        for axes, split in zip(block[0, 1:], HUES, strict=True):
            _draw_accuracy_around(axes, seeds, split)
        for row, quantity in zip(block[1:], QUANTITIES, strict=True):
            _draw_quantity(row[0], run, quantity)
            _scale(row[:1], [run], quantity)
            for axes, part in zip(row[1:], PARTS, strict=True):
                _draw_around(axes, seeds, quantity, part)
        if not beside:  # the panels below one another have one x axis
            for axes in block[:-1].flat:
                axes.set_xlabel("")
    return picture


def _is_wide() -> bool:
    """Whether three panels stand side by side."""
    return page().fitting(3.0) > 2


def _blocks(panels: SubFigure, count: int) -> list[np.ndarray]:
    """Of each run three rows (3, 3): a seed on the left, beside it two panels of all collapses.

    On a page too narrow for that a seed's panels stand above, the others below.
    """
    rows = 1 + len(QUANTITIES)
    if _is_wide():
        grid = panels.subplots(rows * count, 3, squeeze=False, width_ratios=[1.3, 1, 1])
        return np.split(grid, count)
    spec = panels.add_gridspec(2 * rows * count, 2)
    blocks = []
    for first in range(0, 2 * rows * count, 2 * rows):
        places = [
            [spec[first + row, :], *(spec[first + rows + row, side] for side in (0, 1))]
            for row in range(rows)
        ]
        blocks.append(np.array([[panels.add_subplot(place) for place in row] for row in places]))
    return blocks


def _around(words: str) -> str:
    """Words beside a panel around all collapses, on as many lines as they need."""
    return wrapped(words, page().width / 3.2 - 0.6 if _is_wide() else page().width / 2 - 0.8)


def _draw_accuracy_around(axes: Axes, runs: Sequence[ShownRun], split: str) -> None:
    """Train or validation accuracy around all collapses."""
    values = around_collapses(runs, lambda run: accuracy_of_epochs(run, split), relative="difference")
    _finish_around(axes, values, BandStyle.of_split(split), split)
    seeds = sum(len(run.periods) > 0 for run in runs)
    axes.set_title(_around(f"{len(values)} collapses of {seeds} seeds"))
    axes.set_ylabel(f"{split} accuracy\n− that at the start")


def _draw_around(axes: Axes, runs: Sequence[ShownRun], quantity: str, part: str) -> None:
    """A quantity over all parameters or over the invariant groups, around all collapses."""
    column = f"{part}{quantity}"
    values = around_collapses(runs, lambda run: run.epochs[column].to_numpy(float), relative="ratio")
    _finish_around(axes, values, BandStyle.of_series(STYLES[part]), column)
    levels = quantiles(values)
    if len(values) and np.nanmax(levels, initial=1) > LARGEST_SPAN * np.nanmin(levels, initial=1):
        axes.set_yscale("log")
    axes.set_title(_around(PARTS[part]))
    axes.set_ylabel(f"{QUANTITIES[quantity].splitlines()[0]}\n÷ that at the start")


def _finish_around(axes: Axes, values: np.ndarray, style: BandStyle, label: str) -> None:
    if np.isfinite(values).any():
        draw_bands(axes, OFFSETS.astype(float), quantiles(values), style, label)
    else:
        axes.text(0.5, 0.5, "no collapse", transform=axes.transAxes, ha="center", color=TEXT)
    axes.axvline(0, color=PAPER, linewidth=0.9, zorder=1, label="start")
    axes.set_xlabel(_around("epochs since the start of a collapse"))


def _draw_quantity(axes: Axes, run: ShownRun, quantity: str) -> None:
    shade_collapses(axes, run)
    epochs = run.epochs["epoch"].to_numpy(float)
    for part, style in STYLES.items():
        values = run.epochs[f"{part}{quantity}"].to_numpy(float)
        if not np.isnan(values).all():
            style.draw(axes, epochs, values, f"{part}{quantity} {run.name}").set(linewidth=1)
    axes.set_xlabel("epoch")
    axes.set_ylabel(QUANTITIES[quantity])


def _scale(row: Sequence[Axes], runs: Sequence[ShownRun], quantity: str) -> None:
    if quantity == "effective_gradient_norm" or _span(runs, quantity) > LARGEST_SPAN:
        row[0].set_yscale("log")


def _span(runs: Sequence[ShownRun], quantity: str) -> float:
    """The largest of all values over the smallest positive one."""
    columns = [run.epochs[f"{part}{quantity}"].to_numpy(float) for run in runs for part in PARTS]
    values = np.concatenate(columns)
    values = values[np.isfinite(values) & (values > 0)]
    return float(values.max() / values.min()) if len(values) else 1.0


def _notes(runs: Sequence[ShownRun]) -> list[str]:
    sentences = [sentence for run in runs for sentence in (*run.notes, *run.unrecovered)]
    return [*sentences, *_without_invariant_groups(runs)]


def _without_invariant_groups(runs: Sequence[ShownRun]) -> list[str]:
    columns = [f"invariant_{quantity}" for quantity in QUANTITIES]
    without = [run.label for run in runs if len(run.epochs) and run.epochs[columns].isna().to_numpy().all()]
    named = "; ".join(without) if len(without) <= LISTED else f"{len(without)} seeds"
    return [f"No group is scale-invariant in {named}."] * bool(without)
