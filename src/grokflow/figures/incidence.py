"""When the seeds of a run reach points 1 and 2: the share of them that have, against epoch.

A seed that diverges can reach no point any more, so the curves may end below 1. Of seeds that are trained for
equally long, or until point 2, this share is the cumulative incidence, divergence being a competing event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.figures.accuracy import SPLIT_OF
from grokflow.figures.bands import percentile_in_words
from grokflow.figures.shown import ShownRun, readable
from grokflow.figures.style import HUES, LINES, PAPER, LineStyle

DIVERGED: LineStyle = (0, (1, 1.3))
"""The line of the share that has diverged."""


def cumulative_share(epochs: Iterable[float | None], count: int) -> tuple[np.ndarray, np.ndarray]:
    """The epochs at which something happened to one of `count` seeds, and the share of them from there on.

    None is a seed to which it never happened. Both start with 0.
    """
    happened, at = np.unique([epoch for epoch in epochs if epoch is not None], return_counts=True)
    return np.concatenate([[0.0], happened]), np.concatenate([[0.0], np.cumsum(at) / count])


def draw_incidence(axes: Axes, runs: Sequence[ShownRun], papers: Sequence[float] = ()) -> None:
    """The share of seeds that have reached each point, and that have diverged, as steps.

    `papers`: the epochs of points 1 and 2 that a paper printed, each marked on its curve.
    """
    last = max(run.logged[-1] for run in runs)
    for number, (point, split) in enumerate(SPLIT_OF.items()):
        x, share = cumulative_share([run.epoch_of(point) for run in runs], len(runs))
        _draw_steps(axes, x, share, last, HUES[split], LINES[split], f"share {point}")
        for epoch in papers[number : number + 1]:
            height = share[np.searchsorted(x, epoch, side="right") - 1]
            (mark,) = axes.plot([epoch], [height], color=PAPER, marker="D", linestyle="none", zorder=4)
            mark.set(markersize=8, markerfacecolor="none", label=f"paper {point}")
    if any(run.diverged for run in runs):
        x, share = cumulative_share([run.logged[-1] if run.diverged else None for run in runs], len(runs))
        _draw_steps(axes, x, share, last, PAPER, DIVERGED, "share diverged")
    axes.set_ylim(-0.03, 1.06)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("share of seeds")
    axes.set_xlabel("epoch")


def _draw_steps(
    axes: Axes, x: np.ndarray, share: np.ndarray, last: float, colour: str, line: LineStyle, label: str
) -> None:
    x, share = np.append(x, max(last, x[-1])), np.append(share, share[-1])
    axes.step(x, share, where="post", color=colour, linestyle=line, linewidth=1.8, label=label)


def incidence_symbols(runs: Sequence[ShownRun], papers: Sequence[float] = ()) -> list[Line2D]:
    """The key of the splits, which are also the points', of divergence, and of the paper's epochs."""
    symbols = [
        Line2D(
            [], [], color=HUES[split], linestyle=LINES[split], label=f"{split}; share past {readable(point)}"
        )
        for point, split in SPLIT_OF.items()
    ]
    if any(run.diverged for run in runs):
        symbols.append(Line2D([], [], color=PAPER, linestyle=DIVERGED, label="share that has diverged"))
    said = [
        f"{readable(point)} at {epoch:g}, {percentile_in_words(epoch, _epochs(runs, point))}"
        for point, epoch in zip(SPLIT_OF, papers, strict=False)
    ]
    if said:
        mark = Line2D([], [], color=PAPER, marker="D", linestyle="none", label=f"paper: {'; '.join(said)}")
        mark.set(markersize=8, markerfacecolor="none")
        symbols.append(mark)
    return symbols


def _epochs(runs: Sequence[ShownRun], point: str) -> list[float]:
    """The epoch of every seed that did not diverge; infinite where the point was not reached."""
    found = [run.epoch_of(point) for run in runs if not run.diverged]
    return [float("inf") if epoch is None else float(epoch) for epoch in found]
