"""Many seeds in one panel: their median, the bands that hold 50 % and 90 % of them, and a few single ones.

A band is taken pointwise: at each x the quantiles over the seeds. It needs the same x of every seed, so
curves are interpolated onto a common grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from grokflow.figures.style import HATCHES, HUES, LINES, LineStyle, SeriesStyle
from grokflow.statistics import percentile_of

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles that are drawn: the ends of both bands, and the median."""

MOST_PLACES = 500
"""Places on the common grid of curves that have more among them."""

SINGLE = (0.1, 0.5, 0.9)
"""Where the seeds that are drawn one by one stand in their order."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class SeedCurve:
    """The curve of one seed: `y` at the rising `x`, both (N,).

    `lost`: nothing is known of it after its last x, as when training diverged. Else it keeps its last value.
    """

    x: np.ndarray
    y: np.ndarray
    lost: bool = False

    def at(self, grid: np.ndarray, between: Literal["linear", "previous"] = "linear") -> np.ndarray:
        """Its values on the grid; NaN before its first x, and after its last where it is lost.

        `between`: a straight line between its values, or the value before.
        """
        known = np.isfinite(self.y)
        x, y = self.x[known], self.y[known]
        if len(x) == 0:
            return np.full(len(grid), np.nan)
        if between == "linear":
            values = np.interp(grid, x, y)
        else:
            values = y[np.searchsorted(x, grid, side="right").clip(1) - 1]
        outside = (grid < x[0]) | ((grid > x[-1]) & self.lost)
        return np.where(outside, np.nan, values)


def common_grid(curves: Sequence[SeedCurve]) -> np.ndarray:
    """Every x of the curves, or where these are very many, as many evenly spaced ones between their ends."""
    places = np.unique(np.concatenate([curve.x for curve in curves]))
    if len(places) <= MOST_PLACES:
        return places
    return np.linspace(places[0], places[-1], MOST_PLACES)


def quantiles(values: np.ndarray) -> np.ndarray:
    """The quantiles `LEVELS` of each column of `values` (S, N), NaN left out: (5, N)."""
    found = np.full((len(LEVELS), values.shape[1]), np.nan)
    known = ~np.isnan(values).all(axis=0)
    if known.any():
        found[:, known] = np.nanquantile(values[:, known], LEVELS, axis=0)
    return found


def spread_over(items: Sequence[_Item], order: Callable[[_Item], float | None]) -> list[_Item]:
    """The items at 10, 50 and 90 % of their order (`SINGLE`); None comes last."""
    keys = [order(item) for item in items]
    ranked = sorted(range(len(items)), key=lambda i: (keys[i] is None, keys[i] or 0, i))
    ranks = np.round(np.array(SINGLE) * (len(items) - 1)).astype(int)
    return [items[ranked[rank]] for rank in dict.fromkeys(ranks.tolist())] if ranked else []


@dataclass(frozen=True)
class BandStyle:
    """How the bands of a split or of a series are told: by hue, by the line of the median, by hatching."""

    colour: str
    line: LineStyle
    hatch: str

    @classmethod
    def of_split(cls, split: str) -> BandStyle:
        """Of `train` or `validation`."""
        return cls(HUES[split], LINES[split], HATCHES[list(HUES).index(split)])

    @classmethod
    def of_series(cls, series: SeriesStyle) -> BandStyle:
        """Of a run or a kind of quantity."""
        return cls(series.colour, series.line, HATCHES[series.number % len(HATCHES)])


def draw_bands(axes: Axes, grid: np.ndarray, levels: np.ndarray, style: BandStyle, label: str) -> None:
    """Both bands and the median between them.

    Parameters
    ----------
    levels : what `quantiles` found on the grid, (5, len(grid)).
    label : what is drawn: `median {label}` of the line, `50 % {label}` and `90 % {label}` of the bands.
    """
    low, lower, median, upper, high = levels
    for share, bottom, top, alpha in (("90 %", low, high, 0.18), ("50 %", lower, upper, 0.36)):
        label_of_band = f"{share} {label}"
        band = axes.fill_between(grid, bottom, top, linewidth=0, zorder=1.5, label=label_of_band)
        band.set(color=style.colour, alpha=alpha)
    if style.hatch:  # by itself: in an SVG the hatches of a filled band have the band's own colour
        hatches = axes.fill_between(grid, low, high, linewidth=0, zorder=1.6, label=f"hatches {label}")
        hatches.set(facecolor="none", edgecolor=(*to_rgb(style.colour), 0.4), hatch=style.hatch)
    (line,) = axes.plot(grid, median, color=style.colour, linestyle=style.line, linewidth=2.2, zorder=3)
    line.set_label(f"median {label}")


def draw_interval(
    axes: Axes, place: float, levels: np.ndarray, colour: str, *, size: float, upright: bool, label: str
) -> None:
    """The median and both bands of one distribution: bars `size` wide across `place` on the other axis.

    `levels` : the five quantiles `LEVELS`; `upright`: they go along y.
    """
    low, lower, median, upper, high = levels.tolist()
    draw = axes.bar if upright else axes.barh
    across = ("width", "bottom") if upright else ("height", "left")
    for share, start, end, alpha in (("90 %", low, high, 0.25), ("50 %", lower, upper, 0.5)):
        settings = dict(zip(across, (size, start), strict=True))
        draw(
            [place],
            [end - start],
            **settings,
            color=colour,
            alpha=alpha,
            linewidth=0,
            label=f"{share} {label}",
        )
    ends = [place - size / 2, place + size / 2]
    x, y = (ends, [median] * 2) if upright else ([median] * 2, ends)
    axes.plot(x, y, color=colour, linewidth=2.2, solid_capstyle="butt", zorder=3, label=f"median {label}")


def draw_single(axes: Axes, x: np.ndarray, y: np.ndarray, style: BandStyle, label: str) -> None:
    """A seed's own curve, thin and dark."""
    dark = tuple(0.6 * part for part in to_rgb(style.colour))
    axes.plot(x, y, color=dark, linestyle=style.line, linewidth=0.7, zorder=2, label=label)


def band_symbols(who: str, single: Sequence[str] | int = ()) -> list[Line2D]:
    """The key of bands over `who`, such as "64 seeds", read as one sentence, and of the `single` ones.

    `single`: their names, or how many where every panel has its own.
    """
    colour = "#666666"
    symbols = [
        Line2D([], [], color=colour, linewidth=2.2, label=f"{who}: median,"),
        Line2D([], [], color=colour, linewidth=8, alpha=0.48, solid_capstyle="butt", label="50 %"),
        Line2D(
            [], [], color=colour, linewidth=8, alpha=0.18, solid_capstyle="butt", label="and 90 % of them"
        ),
    ]
    if single:
        if isinstance(single, int):
            one = f"{single} single ones"
        else:
            one = f"single {'seed' if len(single) == 1 else 'seeds'} {', '.join(single)}"
        symbols.append(Line2D([], [], color=colour, linewidth=0.7, label=one))
    return symbols


def percentile_in_words(value: float, values: Sequence[float]) -> str:
    """Such as "percentile 37 among 61"; of none, "no seed has one"."""
    if not values:
        return "no seed has one"
    return f"percentile {percentile_of(value, values):.0f} among {len(values)}"
