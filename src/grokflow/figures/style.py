"""One look for every figure: how a split and a seed are drawn, and bytes that never change.

A split (train, validation) is told by hue and by line style, a seed or a pair of seeds
by shade and by marker; a series (a run, a kind of quantity) has a hue, a line style and a marker of
its own. So every curve is recognised without colour too.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Literal, ParamSpec, TypeAlias

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from grokflow.artifacts.files import write_bytes

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 160,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}

WIDTH = 11.0
"""Inches; with the dots per inch of `STYLE`, 1760 pixels."""

LARGEST_SPAN = 20
"""A linear axis shows positive values up to this many times the smallest."""

HUES = {"train": "#0072b2", "validation": "#d55e00"}
"""Blue and vermilion of Okabe & Ito, told apart by every kind of colour blindness."""

LineStyle: TypeAlias = Literal["-", "none"] | tuple[float, Sequence[float]]

LINES: dict[str, LineStyle] = {"train": "-", "validation": (0, (5, 2))}

HATCHES = ("", "/////", "\\\\\\\\\\", ".....", "|||||", "-----", "xxxxx")
"""On the bands of many seeds: of a split, or of a series."""

MARKERS = "os^DvPX*<>hp"

SERIES_MARKERS = MARKERS[1:]
"""Of series: without the disc, which stands for a point that is reached."""

PAPER = "#757575"
"""What the paper printed, for comparison."""

TEXT = "#444444"

COLLAPSE = "#dcdcdc"
"""Behind the epochs of a collapse."""

SERIES_HUES = (
    "#333333",
    "#009e73",
    "#c2639a",
    "#d99000",
    "#3f9fd6",
    "#8c6d46",
    "#6a51a3",
    "#8a8a8a",
    "#7d7d00",
)

SERIES_LINES: tuple[LineStyle, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.3)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (2.5, 1.5)),
    (0, (6, 1.5, 1, 1.5, 1, 1.5)),
    (0, (9, 3)),
)

_Arguments = ParamSpec("_Arguments")


def styled(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Let `draw` make its picture in this style, whatever this machine's settings of matplotlib."""

    @wraps(draw)
    def draw_styled(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            picture = draw(*arguments, **named)
            _settle(picture)
        return picture

    return draw_styled


def _settle(picture: Figure) -> None:
    """Work out the layout once: anew for each format it would move by fractions of a pixel."""
    picture.draw_without_rendering()
    picture.set_layout_engine("none")
    # The solver's last digits depend on where objects lie in memory, and the bytes on those digits.
    for part in picture.findobj(SubFigure):
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 9))
    for axes in picture.findobj(Axes):
        x, y, width, height = (round(float(v), 9) for v in axes.get_position(original=True).bounds)
        axes.set_position((x, y, width, height))


@dataclass(frozen=True)
class SeedStyle:
    """How a seed or a pair of seeds is drawn: the `number`-th of `count`."""

    number: int
    count: int

    @property
    def marker(self) -> str:
        """The shape on its curves."""
        return MARKERS[self.number % len(MARKERS)]

    def colour(self, split: str) -> str:
        """The split's hue in the seed's shade, from dark to light."""
        return self._shade(HUES[split])

    @property
    def grey(self) -> str:
        """The seed's shade without a hue, for the legend."""
        return self._shade("#777777")

    def _shade(self, colour: str) -> str:
        if self.count == 1:
            return colour
        lightness = -0.35 + 0.75 * self.number / (self.count - 1)
        towards = 1.0 if lightness > 0 else 0.0
        red, green, blue = ((1 - abs(lightness)) * part + abs(lightness) * towards for part in to_rgb(colour))
        return to_hex((red, green, blue))

    def marked(self, x: np.ndarray) -> list[int]:
        """Which of the rising values `x` carry the marker: the ends and some inside."""
        if len(x) < 2 or self.count == 1:
            return [0, len(x) - 1][: len(x)]
        shift = (self.number % self.count + 1) / (self.count + 1)
        inner = x[0] + (x[-1] - x[0]) * (np.arange(4) + shift) / 4
        return sorted({0, len(x) - 1, *np.searchsorted(x, inner).tolist()} & set(range(len(x))))


def seed_styles(names: Iterable[str]) -> dict[str, SeedStyle]:
    """The style of each seed; the same for the same seeds, whichever of them were measured."""
    names = list(names)
    return {name: SeedStyle(number, len(names)) for number, name in enumerate(names)}


@dataclass(frozen=True)
class SeriesStyle:
    """How all curves of a run, or of a kind of quantity, are drawn: the `number`-th of a figure.

    Told by hue, by line style and by marker; no hue is a split's.
    """

    number: int

    @property
    def colour(self) -> str:
        """The series' hue."""
        return SERIES_HUES[self.number % len(SERIES_HUES)]

    @property
    def line(self) -> LineStyle:
        """The series' line style."""
        return SERIES_LINES[self.number % len(SERIES_LINES)]

    @property
    def marker(self) -> str:
        """The shape on its curves."""
        return SERIES_MARKERS[self.number % len(SERIES_MARKERS)]

    def draw(self, axes: Axes, x: np.ndarray, y: np.ndarray, label: str, shift: int = 0) -> Line2D:
        """A curve of the series; `shift` keeps the markers of several curves apart."""
        (line,) = axes.plot(
            x,
            y,
            color=self.colour,
            linestyle=self.line,
            marker=self.marker,
            markersize=4.5,
            markeredgewidth=0,
            markevery=SeedStyle(shift, 5).marked(x),
            label=label,
        )
        return line

    def symbol(self, label: str) -> Line2D:
        """The key of the series."""
        return Line2D([], [], color=self.colour, linestyle=self.line, marker=self.marker, label=label)


ALONE = SeedStyle(0, 1)
"""The style of a seed that has a panel to itself."""


def draw_curve(
    axes: Axes, x: np.ndarray, y: np.ndarray, *, split: str, seed: str, style: SeedStyle
) -> Line2D:
    """The curve of one split of one seed.

    The line's label is `{split} {seed}`.
    """
    (line,) = axes.plot(
        x,
        y,
        color=style.colour(split),
        linestyle=LINES[split],
        marker=style.marker,
        markersize=4.5,
        markeredgewidth=0,
        markevery=style.marked(x),
        label=f"{split} {seed}",
    )
    return line


def save(picture: Figure, *, png: str, svg: str) -> None:
    """Write the picture in both formats; the same picture always gives the same bytes."""
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.style.context(["default", STYLE, {"svg.hashsalt": "grokflow"}]):
        write_bytes(png, _rendered(picture, "png", {"Software": None}))
        write_bytes(svg, _rendered(picture, "svg", nothing))


def _rendered(picture: Figure, file_format: str, metadata: dict[str, str | None]) -> bytes:
    content = io.BytesIO()
    picture.savefig(content, format=file_format, metadata=metadata)
    return content.getvalue()
