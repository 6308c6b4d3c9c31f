"""One look for every figure: how a split and a seed are drawn, and bytes that never change.

A split (train, validation) is told by hue and by line style, a seed or a pair of seeds
by shade and by marker; a series (a run, a kind of quantity) has a hue, a line style and a marker of
its own. So every curve is recognised without colour too.

A mark means the same in every figure: a circle is a point of a run (hollow: point 1, filled: point 2), a
diamond or a grey dotted line what the paper printed, a stroke a checkpoint, a cross a divergence, a star the
end of a fit; a square, a plus and a thick X are verdicts. What else is marked has another shape.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeAlias

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from grokflow.artifacts.files import write_bytes
from grokflow.figures.page import Sheet

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
    "font.family": "sans-serif",
    # The first comes with matplotlib, so every machine draws with it. In an SVG text stays text; where that
    # is shown without the first, the next two are as wide.
    "font.sans-serif": ["DejaVu Sans", "Bitstream Vera Sans", "Verdana", "sans-serif"],
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}

LARGEST_SPAN = 20
"""A linear axis shows positive values up to this many times the smallest."""

HUES = {"train": "#0072b2", "validation": "#d55e00"}
"""Blue and vermilion of Okabe & Ito, told apart by every kind of colour blindness."""

LineStyle: TypeAlias = Literal["-", "none"] | tuple[float, Sequence[float]]

LINES: dict[str, LineStyle] = {"train": "-", "validation": (0, (5, 2))}

HATCHES = ("", "/////", "\\\\\\\\\\", ".....", "|||||", "-----", "xxxxx")
"""On the bands of many seeds: of a split, or of a series."""

MARKERS = "^v<>phd8"
"""Of seeds and of series: none that has a meaning of its own."""

POINT = "o"
"""Of the points of a run, hollow and filled, where no seed is told by its shape."""

CHECKPOINT = "|"

END_MARK = "*"
"""Of the end of a fit, filled if it converged."""

DIVERGED = "x"

PAPER = "#757575"
"""What the paper printed, for comparison."""

PAPERS = "D"
"""The mark of it."""

PAPER_LINE: LineStyle = (0, (1, 1.5))
"""Through what the paper printed."""

ENDED_LINE: LineStyle = (0, (7, 2.5, 1, 2.5))
"""Where training ended, or ends for some."""

TEXT = "#444444"

COLLAPSE = "#dcdcdc"
"""Behind the epochs of a collapse."""

COLLAPSE_BAR = "#a6a6a6"
"""Of a collapse where it is no background."""

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

LETTERS = "abcdefghijklmnopqrstuvwxyz"

LETTER_GAP = 7
"""Points from a panel's letter to its left edge."""


_Arguments = ParamSpec("_Arguments")


def styled(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Let `draw` make its picture in this style, whatever this machine's settings of matplotlib."""

    @wraps(draw)
    def draw_styled(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            picture = draw(*arguments, **named)
            _letter(picture)
            _settle(picture)
        return picture

    return draw_styled


def _letter(picture: Figure) -> None:
    """A letter above the left edge of every panel, in reading order, where there are several."""
    panels = [axes for axes in picture.findobj(Axes) if axes.axison and axes.get_label() != "<colorbar>"]
    if len(panels) < 2 or not (isinstance(picture, Sheet) and picture.lettered):
        return
    for axes, letter in zip(sorted(panels, key=_place_of), LETTERS * len(panels), strict=False):
        # The middle one of the three titles that a panel may have: it keeps the height of the left one.
        axes.title.set_text(letter)
        left = ScaledTranslation(-LETTER_GAP / 72, 0, picture.dpi_scale_trans)
        axes.title.set(x=0, ha="right", fontweight="bold", transform=axes.title.get_transform() + left)


def _place_of(axes: Axes) -> tuple[int, int]:
    """Row and column of a panel."""
    spec = axes.get_subplotspec()
    return (spec.rowspan.start, spec.colspan.start) if spec else (0, 0)


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
        """The shape on its curves, and of its points; of a seed alone that of points."""
        return POINT if self.count == 1 else MARKERS[self.number % len(MARKERS)]

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
        """Which of the rising values `x` carry the marker: the ends and some inside; none of a seed alone."""
        if self.count == 1:
            return []
        if len(x) < 2:
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
        return MARKERS[self.number % len(MARKERS)]

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
    """Write the picture in both formats; the same picture always gives the same bytes.

    Its notes are the description in both files.
    """
    sheet = picture if isinstance(picture, Sheet) else None
    said = " ".join(sheet.notes) if sheet else ""
    described = {"Description": said} if said else {}
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.style.context(["default", STYLE, {"svg.hashsalt": "grokflow"}]):
        raster = _rendered(picture, "png", {"Software": None, **described})
        vector = _rendered(picture, "svg", {**nothing, **described})
    write_bytes(png, raster)
    write_bytes(svg, _shrunk(vector, sheet.page.scale if sheet else 1.0))


def _rendered(picture: Figure, file_format: str, metadata: dict[str, str | None]) -> bytes:
    content = io.BytesIO()
    settings: dict[str, Any] = {}
    if file_format == "png" and isinstance(picture, Sheet):  # the file says how large it is printed
        settings["pil_kwargs"] = {"dpi": (picture.page.dots_per_inch,) * 2}
    picture.savefig(content, format=file_format, metadata=metadata, **settings)
    return content.getvalue()


def _shrunk(svg: bytes, scale: float) -> bytes:
    """The same drawing, printed smaller."""

    def shorter(match: re.Match[bytes]) -> bytes:
        return b'%s="%.6gpt"' % (match[1], float(match[2]) * scale)

    start, tag, rest = svg.partition(b"<svg ")
    head, end, body = rest.partition(b">")
    return start + tag + re.sub(rb'(width|height)="([\d.]+)pt"', shorter, head) + end + body
