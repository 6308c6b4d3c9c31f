"""The panels of paper M along a path: cross-entropy + L2, error, mean stochastic gradient norm.

A y axis is linear and starts at zero, as the paper's do, where its claims are about how much a quantity
changes ("hardly", "symmetric hills"). Where they say that one is nearly zero, the axis is logarithmic, with
a place for zero: on a linear one an error of 0.02 and one of 0 look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.figures.bands import (
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
from grokflow.figures.shown import REACHED, ShownPath, listed, readable
from grokflow.figures.style import PAPER, PAPER_LINE, TEXT, SeedStyle, draw_curve


@dataclass(frozen=True)
class Panel:
    """What a panel shows: the column of metrics.csv for each split that has one.

    `shortest`: up to where a linear y axis reaches at least, so that single wrong pairs are no hump.
    `near_zero`: the kinds of path along which a claim says that it is nearly zero.
    """

    label: str
    columns: dict[str, str]
    shortest: float = 0.0
    near_zero: tuple[str, ...] = ()


PANELS = (
    Panel(
        "cross-entropy + L2 (nats)",
        {"train": "train_loss_l2", "validation": "validation_loss_l2"},
    ),
    Panel(
        "error",
        {"train": "train_error", "validation": "validation_error"},
        shortest=0.02,
        near_zero=("chain", "polyline", "bezier"),  # claims M6, M8, M9, M10
    ),
    Panel(
        "mean stochastic\ngradient norm",
        {"train": "gradient_norm"},
        near_zero=("segment",),  # claim M5
    ),
)

NOTHING = "nothing to draw"

Part: TypeAlias = Callable[[ShownPath], tuple[np.ndarray, pd.DataFrame]]
"""Which rows of a path's metrics are drawn, and where on the x axis."""


def draw_panels(
    row: Sequence[Axes],
    measured: Sequence[ShownPath],
    styles: dict[str, SeedStyle],
    part: Part,
) -> None:
    """Draw paths in three panels; where there are none, the panels say so.

    Parameters
    ----------
    part : for a path, where on the x axis to draw which rows of its metrics.
    """
    for axes, panel in zip(row, PANELS, strict=True):
        _begin(axes, panel, measured)
        for path in measured:
            x, metrics = part(path)
            for split, column in panel.columns.items():
                y = metrics[column].to_numpy(float)
                draw_curve(axes, x, y, split=split, seed=path.name, style=styles[path.name])
        _scale(axes, panel, measured)


def draw_panel_bands(
    row: Sequence[Axes],
    measured: Sequence[ShownPath],
    part: Part,
) -> None:
    """Draw the median and the bands of many paths, and three of them; `part` as for `draw_panels`."""
    parts = {path.name: part(path) for path in measured}
    single = [path.name for path in _single(measured)]
    for axes, panel in zip(row, PANELS, strict=True):
        _begin(axes, panel, measured)
        for split, column in panel.columns.items() if measured else ():
            curves = {
                name: SeedCurve(x, metrics[column].to_numpy(float)) for name, (x, metrics) in parts.items()
            }
            grid, style = common_grid([*curves.values()]), BandStyle.of_split(split)
            levels = quantiles(np.array([curve.at(grid) for curve in curves.values()]))
            draw_bands(axes, grid, levels, style, split)
            for name in single:
                draw_single(axes, curves[name].x, curves[name].y, style, f"{split} {name}")
        _scale(axes, panel, measured)


def path_band_symbols(measured: Sequence[ShownPath]) -> list[Line2D]:
    """The key of the bands of many paths."""
    if not measured:
        return []
    pairs = "-" in measured[0].name
    who = f"{len(measured)} {'pairs of seeds' if pairs else 'seeds'}"
    return band_symbols(who, [path.name for path in _single(measured)])


def missing_of_many(paths: Sequence[ShownPath]) -> list[str]:
    """A sentence when some of many paths do not exist: how many, and of which seeds, for each reason."""
    skipped = [path for path in paths if path.skipped]
    if not skipped:
        return []
    folder, *others = dict.fromkeys(path.name.rpartition("/")[0] for path in skipped)
    heading = skipped[0].heading
    of = f" of the {heading[0].lower()}{heading[1:]}" if folder and not others else ""
    reasons: dict[str, list[str]] = {}
    for path in skipped:
        name = path.name.removeprefix(f"{folder}/") if of else path.name
        reasons.setdefault(_reason(path), []).append(name)
    said = ", ".join(f"{len(names)} {reason}{listed(names)}" for reason, names in reasons.items())
    return [f"Not drawn: {len(skipped)} of {len(paths)}{of}: {said}."]


def _reason(path: ShownPath) -> str:
    """Why one of many paths does not exist, in a few words; its record has the rest."""
    points = [readable(point) for point in REACHED if f"has no {point}" in str(path.skipped)]
    if not points:
        return f"because {path.why_missing}"
    ended = "diverged" if "diverged" in str(path.skipped) else "ended"
    return f"whose training {ended} before {' and '.join(points)}"


def _single(measured: Sequence[ShownPath]) -> list[ShownPath]:
    """Three paths, chosen by the epoch of what lies at t = 1."""
    return spread_over(measured, lambda path: path.record["to"]["epoch"])


def _begin(axes: Axes, panel: Panel, measured: Sequence[ShownPath]) -> None:
    """The y axis of a panel; without a path it says that there is nothing to draw."""
    label, loss = panel.label, measured[0].loss if measured else None
    axes.set_ylabel(label if loss is None else label.replace("cross-entropy", loss).replace(" (nats)", ""))
    if not measured:
        axes.text(0.5, 0.5, NOTHING, transform=axes.transAxes, ha="center", color=TEXT)
        axes.set_yticks([])
        axes.set_xticks([])
        axes.set_yticks([])


def _scale(axes: Axes, panel: Panel, measured: Sequence[ShownPath]) -> None:
    if not measured:
        return
    columns = [path.metrics[column] for path in measured for column in panel.columns.values()]
    if all(column.isna().all() for column in columns):  # the error of a regression
        axes.text(0.5, 0.5, "not defined", transform=axes.transAxes, ha="center", color=TEXT)
    elif measured[0].record["kind"] in panel.near_zero:
        scale_near_zero(axes, np.concatenate(columns))
    else:
        axes.update_datalim([(0, 0), (0, panel.shortest)], updatex=False)


def mark_knots(axes: Axes, knots: Mapping[float, str], label: str, *, wide: bool = True) -> None:
    """The x axis of a path's parameter, with what lies at which t: both ends and any bends.

    `wide`: there is room for more ticks than these.
    """
    for t in list(knots)[1:-1]:
        axes.axvline(t, color="#bbbbbb", linewidth=0.9, zorder=1, label="bend")
    places = sorted({*knots, *((0.25, 0.5, 0.75) if len(knots) < 4 and wide else ())})
    axes.set_xticks(places, [f"{t:.3g}\n{knots.get(t, '')}".rstrip() for t in places])
    if not wide:  # inside the panel's width, where the next panel's are close
        words = axes.get_xticklabels()
        words[0].set_horizontalalignment("left")
        words[-1].set_horizontalalignment("right")
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel(label)


def mark_place(axes: Axes, x: float, label: str) -> None:
    """A light line at a place that the paper names, labelled above the panel."""
    axes.axvline(x, color=PAPER, linewidth=1, linestyle=PAPER_LINE, zorder=1, label=label)
    axes.annotate(
        label,
        (x, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8,
        color=PAPER,
    )
