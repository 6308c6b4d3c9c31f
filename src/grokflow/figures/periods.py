"""Periods across runs: when each seed's train accuracy collapsed, and how far apart the collapses are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import mark_point
from grokflow.figures.bands import LEVELS, band_symbols, draw_interval
from grokflow.figures.page import page
from grokflow.figures.sheet import make_sheet, mark_symbol, wrapped
from grokflow.figures.shown import REACHED, Shown, ShownRun, by_run, notes_of_many, runs_of
from grokflow.figures.style import COLLAPSE_BAR, DIVERGED, PAPER, TEXT, styled

ROW_HEIGHT = 0.32
"""Inches of a seed's row."""

SINGLE = "."
"""The mark of a single period, or of a seed's number of collapses."""

BAND = "#4d4d4d"
"""Of the medians and bands."""


@styled
def draw(shown: Shown) -> Figure:
    """A row for each seed: its timeline on the left, the lengths of its periods on the right.

    Of many seeds a row for each run: how many collapses its seeds have, and the lengths of all periods.
    """
    runs = runs_of(shown)
    if shown.is_many:
        return _draw_many(runs)
    picture, panels = make_sheet(
        0.8 + ROW_HEIGHT * len(runs),
        _symbols(any(run.diverged for run in runs)),
        [],
        [*(note for run in runs for note in _notes(run))],
    )
    left, right = panels.subplots(1, 2, sharey=True, width_ratios=[2.2, 1])
    for row, run in enumerate(runs):
        _draw_timeline(left, row, run)
        _draw_periods(right, row, run)
    _finish_rows(left, right, runs)
    return picture


def _draw_many(runs: Sequence[ShownRun]) -> Figure:
    grouped = by_run(runs)
    picture, panels = make_sheet(
        0.8 + (2 * ROW_HEIGHT if page().fitting(4.0) > 1 else 0.76) * len(grouped),
        [*band_symbols("seeds, or periods"), mark_symbol("a single one", marker=SINGLE, size=5)],
        [],
        notes_of_many(runs, points=False, collapses=True),
    )
    left, right = panels.subplots(1, 2, sharey=True)
    labels = []
    for row, (name, seeds) in enumerate(grouped.items()):
        counts = np.array([len(run.periods) for run in seeds], float)
        lengths = np.concatenate([run.periods["period"].dropna().to_numpy(float) for run in seeds])
        _draw_distribution(left, row, counts, f"collapses {name}")
        _draw_distribution(right, row, lengths, f"periods {name}")
        labels.append(f"{_label(name)}\n{len(seeds)} seeds".strip())
    left.set_yticks(range(len(grouped)), labels)
    left.set_ylim(len(grouped) - 0.4, -0.6)
    for axes, title, label in (
        (left, "Collapses of each seed", "number"),
        (right, "Length of each period", "epochs"),
    ):
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_title(title)
        axes.set_xlabel(label)
    left.xaxis.get_major_locator().set_params(integer=True)
    left.set_xlim(left=-0.02 * max(1, *(len(run.periods) for run in runs)))  # whole dots at 0
    right.set_xlim(left=0)
    return picture


def _draw_distribution(axes: Axes, row: int, values: np.ndarray, label: str) -> None:
    """Median and bands above, every value below; equal or near ones spread over a few lines."""
    if len(values) == 0:
        return
    draw_interval(axes, row - 0.16, np.quantile(values, LEVELS), BAND, size=0.28, upright=False, label=label)
    lines = row + 0.1 + 0.06 * (np.arange(len(values)) % 5)
    (dots,) = axes.plot(np.sort(values), lines, linestyle="none", marker=SINGLE, markersize=4, color=TEXT)
    dots.set(alpha=0.5, markeredgewidth=0, label=label)


def _label(words: str) -> str:
    """What a row is, on as many lines as a quarter of the page needs."""
    return wrapped(words, page().width / 3.4)


def _notes(run: ShownRun) -> list[str]:
    """That the run diverged or never recovered; points that were not reached are seen."""
    return [*(run.notes if run.diverged else []), *run.unrecovered]


def _draw_timeline(axes: Axes, row: int, run: ShownRun) -> None:
    axes.plot([0, run.last_epoch], [row, row], color=PAPER, linewidth=0.8, label=f"trained {run.name}")
    starts, ends = np.array(run.collapses).reshape(-1, 2).T
    label = f"collapses {run.name}"
    bars = axes.barh(
        [row] * len(starts),
        ends - starts,
        0.55,
        starts,
        color=COLLAPSE_BAR,
        edgecolor=COLLAPSE_BAR,
        label=label,
    )
    for bar in bars:
        bar.set_zorder(2.5)
    for point in REACHED:
        mark_point(axes, run, point, row, TEXT)
    if run.diverged:
        axes.plot([run.last_epoch], [row], marker=DIVERGED, color=TEXT, markeredgewidth=2, linestyle="none")


def _draw_periods(axes: Axes, row: int, run: ShownRun) -> None:
    lengths = run.periods["period"].dropna().to_numpy(float)
    axes.plot(
        lengths,
        np.full(len(lengths), row),
        linestyle="none",
        marker=SINGLE,
        markersize=7,
        color=TEXT,
        label=f"periods {run.name}",
    )
    count = axes.annotate(
        run.collapse_count,
        (1, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=TEXT,
    )
    count.set_annotation_clip(False)


def _finish_rows(left: Axes, right: Axes, runs: Sequence[ShownRun]) -> None:
    left.set_yticks(range(len(runs)), [_label(run.label) for run in runs])
    left.set_ylim(len(runs) - 0.4, -0.6)
    for axes in (left, right):
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        for row in range(1, len(runs)):
            if runs[row].run != runs[row - 1].run:
                axes.axhline(row - 0.5, color="#cccccc", linewidth=0.8, label="next run")
    right.tick_params(axis="y", labelleft=False)
    left.set_xlabel("epoch")
    left.set_title(wrapped("From the start to the end of each collapse", 0.4 * page().width))
    right.set_xlabel("epochs")
    right.set_title(wrapped("Length of each period", 0.25 * page().width))
    right.set_xlim(left=0)
    if not any(run.periods["period"].notna().any() for run in runs):
        right.set_xticks([])


def _symbols(with_diverged: bool) -> list[Line2D]:
    collapse = mark_symbol("collapse of the train accuracy", marker="s", size=8)
    collapse.set(color=COLLAPSE_BAR, markerfacecolor=COLLAPSE_BAR)
    trained = Line2D([], [], color=PAPER, linewidth=0.8, label="epochs trained")
    diverged = mark_symbol("diverged", marker=DIVERGED)
    diverged.set(markeredgewidth=2)
    return [
        trained,
        collapse,
        mark_symbol("point 1: train 100 %", filled=False),
        mark_symbol("point 2: train and validation 100 %"),
        *([diverged] if with_diverged else []),
    ]
