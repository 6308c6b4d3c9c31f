"""Along a path (M-fig2, M-fig5, M-fig6, M-fig7): loss, error and gradient norm against t."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.panels import PANELS, draw_panels, mark_knots, mark_place
from grokflow.figures.sheet import make_sheet, seed_symbol, split_symbols
from grokflow.figures.shown import Shown, ShownPath, paths_of, unfinished
from grokflow.figures.style import PAPER, seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """The three panels of every seed or pair of seeds."""
    paths, styles = paths_of(shown), seed_styles(shown)
    measured = [path for path in paths if not path.skipped]
    norms = _paper_norms(shown.reference.gradient_norm) if measured else []
    picture, panels = make_sheet(
        3.1,
        [*split_symbols(), *norms],
        [seed_symbol(path.title, styles[path.name]) for path in measured],
        [*shown.notes, *unfinished(measured), *(path.missing for path in paths if path.skipped)],
    )
    panels.suptitle(paths[0].heading, fontsize=10, x=0.01, ha="left")
    row = panels.subplots(1, len(PANELS))
    draw_panels(row, measured, styles, _whole)
    if not measured:
        return picture
    for axes, panel in zip(row, PANELS, strict=True):
        mark_knots(axes, _knots(measured[0]), "t")
        for split, column in panel.columns.items():
            if column in shown.reference.t:
                mark_place(
                    axes, shown.reference.t[column], f"paper, {split}: t = {shown.reference.t[column]:g}"
                )
    for line in norms:
        row[-1].add_line(line)
        row[-1].autoscale_view()
    return picture


def _paper_norms(norms: Sequence[float] | None) -> list[Line2D]:
    """The paper's gradient norms at both ends, around the curves' own marks."""
    if norms is None:
        return []
    label = f"paper: gradient norm {norms[0]:g} at t = 0, {norms[1]:g} at t = 1"
    marks = Line2D([0, 1], norms, color=PAPER, linestyle="none", marker="D", label=label)
    marks.set(markersize=9, markerfacecolor="none", zorder=4)
    return [marks]


def _whole(path: ShownPath) -> tuple[np.ndarray, pd.DataFrame]:
    return path.metrics["t"].to_numpy(float), path.metrics


def _knots(path: ShownPath) -> dict[float, str]:
    """What lies at which t: the ends, and the bends where the path is a polyline."""
    first, last = path.ends
    bends = path.pieces - 1 if path.record["kind"] == "polyline" else 0
    names = ["bend"] if bends == 1 else [f"bend {number + 1}" for number in range(bends)]
    return dict(zip(np.linspace(0, 1, bends + 2).tolist(), [first, *names, last], strict=True))
