"""When the seeds of a run reach points 1 and 2: the share of them that have, against epoch.

It is the cumulative incidence: a seed that diverged can reach no point any more, so a curve may end below 1,
and one whose training ended before it did may still reach it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import SPLIT_OF
from grokflow.figures.bands import percentile_in_words
from grokflow.figures.shown import ShownRun, by_run, of_run, readable
from grokflow.figures.style import HUES, LINES, PAPER, PAPERS, LineStyle
from grokflow.statistics import Incidence, Times, incidence

SHARE_DIVERGED: LineStyle = (0, (6, 1.5, 1, 1.5, 1, 1.5))
"""The line of the share that has diverged."""


def times_of(runs: Sequence[ShownRun], point: str) -> Times:
    """When each seed reached a point, diverged before it, or was last seen without it."""
    reached = [run.epoch_of(point) for run in runs]
    ended = [run.logged[-1] if run.diverged_at is None else run.diverged_at for run in runs]
    outcomes = [
        "reached" if epoch is not None else "diverged" if run.diverged else "censored"
        for run, epoch in zip(runs, reached, strict=True)
    ]
    times = [last if epoch is None else epoch for epoch, last in zip(reached, ended, strict=True)]
    return Times(np.array(times, dtype=float), np.array(outcomes))


def draw_incidence(axes: Axes, runs: Sequence[ShownRun], papers: Sequence[float] = ()) -> None:
    """The share of seeds that have reached each point, and that have diverged, as steps with their intervals.

    `papers`: the epochs of points 1 and 2 that a paper printed, each marked on its curve.
    """
    last = max(float(run.logged[-1]) for run in runs)
    for number, (point, split) in enumerate(SPLIT_OF.items()):
        found = incidence(times_of(runs, point))
        _draw_steps(axes, found, last, HUES[split], LINES[split], point)
        for epoch in papers[number : number + 1]:
            height = found.incidence[np.searchsorted(found.epochs, epoch, side="right") - 1]
            (mark,) = axes.plot([epoch], [height], color=PAPER, marker=PAPERS, linestyle="none", zorder=4)
            mark.set(markersize=8, markerfacecolor="none", label=f"paper {point}")
    if (diverged := _divergence(runs)).reached:
        _draw_steps(axes, diverged, last, PAPER, SHARE_DIVERGED, "diverged")
    axes.set_ylim(-0.03, 1.06)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("share of seeds")
    axes.set_xlabel("epoch")


def _divergence(runs: Sequence[ShownRun]) -> Incidence:
    """Of divergence before point 2, with which point 2 competes."""
    times = times_of(runs, "point_2")
    swapped = {"reached": "diverged", "diverged": "reached", "censored": "censored"}
    return incidence(Times(times.time, np.array([swapped[outcome] for outcome in times.outcome.tolist()])))


def _draw_steps(axes: Axes, found: Incidence, last: float, colour: str, line: LineStyle, label: str) -> None:
    """The curve with its interval; up to the `last` epoch of the figure where no seed can change it."""
    curves = [found.epochs, found.incidence, found.low, found.high]
    if not found.censored and last > found.epochs[-1]:
        curves = [np.append(found.epochs, last), *(np.append(curve, curve[-1]) for curve in curves[1:])]
    epochs, share, low, high = curves
    band = axes.fill_between(epochs, low, high, step="post", color=colour, alpha=0.12)
    band.set(linewidth=0, label=f"95 % {label}")
    for end in (low, high):  # tells bands that overlap apart without colour
        axes.step(
            epochs, end, where="post", color=colour, linestyle=line, linewidth=0.5, label=f"end {label}"
        )
    (steps,) = axes.step(epochs, share, where="post", color=colour, linestyle=line)
    steps.set(linewidth=1.8, label=f"share {label}")


def incidence_symbols(runs: Sequence[ShownRun], papers: Sequence[float] = ()) -> list[Line2D]:
    """The key of the splits, which are also the points', of divergence, and of the paper's epochs."""
    symbols = [
        Line2D(
            [], [], color=HUES[split], linestyle=LINES[split], label=f"{split}; share past {readable(point)}"
        )
        for point, split in SPLIT_OF.items()
    ]
    if _divergence(runs).reached:
        label = "share that diverged before point 2"
        symbols.append(Line2D([], [], color=PAPER, linestyle=SHARE_DIVERGED, label=label))
    said = [
        f"{readable(point)} at {epoch:g}, {percentile_in_words(epoch, _epochs(runs, point))}"
        for point, epoch in zip(SPLIT_OF, papers, strict=False)
    ]
    if said:
        mark = Line2D([], [], color=PAPER, marker=PAPERS, linestyle="none", label=f"paper: {'; '.join(said)}")
        mark.set(markersize=8, markerfacecolor="none")
        symbols.append(mark)
    return symbols


def incidence_notes(runs: Sequence[ShownRun]) -> list[str]:
    """What the curves are, and when half of the seeds of each run are past each point."""
    return [
        "Share of seeds: cumulative incidence, divergence as a competing event (Aalen–Johansen); its 95 % "
        "interval is drawn lightly.",
        *(_medians(name, seeds) for name, seeds in by_run(runs).items()),
    ]


def _medians(name: str, runs: Sequence[ShownRun]) -> str:
    said = []
    for point in SPLIT_OF:
        found = incidence(times_of(runs, point))
        when = "not by the last epoch" if found.median is None else f"by epoch {found.median:g}"
        to = "on" if found.median_high is None else f"to {found.median_high:g}"
        interval = "" if found.median_low is None else f" (95 % interval: from {found.median_low:g} {to})"
        said.append(f"{readable(point)} {when}{interval}")
    return f"Half of the seeds{of_run(name)} are past {', '.join(said)}."


def _epochs(runs: Sequence[ShownRun], point: str) -> list[float]:
    """The epoch of every seed that did not diverge; infinite where the point was not reached."""
    found = [run.epoch_of(point) for run in runs if not run.diverged]
    return [float("inf") if epoch is None else float(epoch) for epoch in found]
