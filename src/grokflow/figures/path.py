"""Along a path (M-fig2, M-fig5, M-fig6, M-fig7): loss, error and gradient norm against t."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.figures.bands import percentile_in_words
from grokflow.figures.landmarks import landmark_of, place_of
from grokflow.figures.panels import (
    PANELS,
    draw_panel_bands,
    draw_panels,
    mark_knots,
    mark_place,
    missing_of_many,
    path_band_symbols,
)
from grokflow.figures.sheet import fitting, make_sheet, seed_symbol, split_symbols
from grokflow.figures.shown import Shown, ShownPath, paths_of, unfinished
from grokflow.figures.style import PAPER, PAPERS, seed_styles, styled


@styled
def draw(shown: Shown) -> Figure:
    """The three panels of every seed or pair of seeds, or of many as median and bands."""
    paths, styles = paths_of(shown), seed_styles(shown)
    measured = [path for path in paths if not path.skipped]
    compared = measured if shown.is_many else []
    norms = _paper_norms(shown.reference.gradient_norm, compared) if measured else []
    titles = [seed_symbol(path.title, styles[path.name]) for path in measured]
    missing = [path.missing for path in paths if path.skipped]
    if shown.is_many:
        titles, missing = path_band_symbols(measured), [*missing_of_many(paths), *_compared(shown, measured)]
    notes = [*unfinished(measured), *missing]
    splits = split_symbols()
    validation = ["validation_loss", "validation_error"]
    if measured and all(path.metrics[validation].isna().all(axis=None) for path in measured):
        splits = splits[:1]  # there were no validation data
    rows, columns = fitting(len(PANELS), 3.0)
    picture, panels = make_sheet(0.6 + (2.5 if rows == 1 else 2.0) * rows, [*splits, *norms], titles, notes)
    panels.suptitle(paths[0].heading, fontsize=9, x=0.01, ha="left")
    row = [*panels.subplots(rows, columns).flat]
    if shown.is_many:
        draw_panel_bands(row, measured, _whole)
    else:
        draw_panels(row, measured, styles, _whole)
    if not measured:
        return picture
    for axes, panel in zip(row, PANELS, strict=True):
        mark_knots(axes, _knots(measured[0]), "t")
        for split, column in panel.columns.items():
            if column in shown.reference.t:
                t = shown.reference.t[column]
                among = [f"\n{_percentile_of_place(t, compared, column)}"] if compared else []
                mark_place(axes, t, "".join([f"paper, {split}: t = {t:g}", *among]))
    for line in norms:
        row[-1].add_line(line)
        line.set_clip_on(False)
        row[-1].autoscale_view()
    return picture


def _percentile_of_place(t: float, compared: Sequence[ShownPath], column: str) -> str:
    places = [place_of(path, column) for path in compared]
    return percentile_in_words(t, [place for place in places if place is not None])


def _compared(shown: Shown, measured: Sequence[ShownPath]) -> list[str]:
    """With what the paper's values are compared."""
    reference = shown.reference
    with_what = [f"the t {landmark_of(path, column)}" for path in measured[:1] for column in reference.t]
    with_what += ["the gradient norms at both ends"] * bool(measured and reference.gradient_norm)
    return (
        [f"Percentiles of the paper's values: among those of the seeds, {' and '.join(with_what)}."]
        if with_what
        else []
    )


def _paper_norms(norms: Sequence[float] | None, compared: Sequence[ShownPath]) -> list[Line2D]:
    """The paper's gradient norms at both ends, around the curves' own marks."""
    if norms is None:
        return []
    said = [f"{norm:g} at t = {end}" for end, norm in enumerate(norms)]
    if compared:
        ends = [[float(path.metrics["gradient_norm"].iloc[-end]) for path in compared] for end in (0, 1)]
        said = [
            f"{words} ({percentile_in_words(norm, values)})"
            for words, norm, values in zip(said, norms, ends, strict=True)
        ]
    label = f"paper: gradient norm {', '.join(said)}"
    marks = Line2D([0, 1], norms, color=PAPER, linestyle="none", marker=PAPERS, label=label)
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
