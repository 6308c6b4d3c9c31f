"""All claims on one page (a forest plot): how many seeds each holds in, its verdict, its effect, the paper.

A row is a claim: the share of the judged seeds in which it holds with its 95 % interval, beside the one seed
of the paper, which showed it; then the number that the claim is about, its effect, and every number that the
paper printed, with its percentile among our seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.lines import Line2D

from grokflow.artifacts.provenance import AGAIN
from grokflow.artifacts.reference import is_miniature
from grokflow.artifacts.tables import read_table
from grokflow.figures.sheet import make_sheet, mark_symbol
from grokflow.figures.shown import Shown
from grokflow.figures.style import PAPER, TEXT, styled

CLAIMS = (
    "claim",
    "paper",
    "statement",
    "holding",
    "judged",
    "not_judged",
    "low",
    "high",
    "verdict",
    "needed",
    "p",
)
"""The columns of claims.csv that are drawn."""

NUMBERS = ("claim", "number", "unit", "seeds", "median", "low", "high", "paper", "percentile")
"""The columns of claims_numbers.csv that are drawn."""

SIZE = 7.8
"""Points of the text of a row."""

LINE = 0.12
"""Inches of one of its lines."""

GAP = 0.035
"""Inches between a row's text and its border."""

HEADING = 0.27
"""Inches of the heading of a paper."""

COLUMNS = {
    "Claim": 0.9,
    "Statement": 2.8,
    "Share of the seeds": 1.25,
    "Verdict": 1.75,
    "Effect, and what the paper printed": 3.35,
    "Paper's\npercentile": 0.95,
}
"""The headings of the columns, with their widths in inches."""

KEPT = "\N{NO-BREAK SPACE}"
"""At which no line ends."""

BETWEEN = 0.12
"""Inches between the text of a column and the next one."""

OURS = ("M1-without-zero", "P5-float64", "P8-cause", "P8-alone", "P8-wholly", "P9-sphere")
"""Claims about controls of our own, which no paper makes."""

OF_A_MINIATURE = (
    "These claims are about a miniature: small datasets and models that train briefly. They show that every "
    "step of the workflow runs."
)

TYPICAL = (2.5, 97.5)
"""Percentiles between which 95 % of single seeds lie."""


@dataclass(frozen=True)
class Look:
    """How a verdict is told: by the shape and the filling of its mark, and by colour."""

    marker: str
    filled: bool
    colour: str

    @property
    def filling(self) -> str:
        """The colour inside its mark."""
        return self.colour if self.filled else "white"


LOOKS = {
    "reproduced": Look("o", True, "#00674e"),
    "mostly reproduced": Look("o", False, "#00674e"),
    "undecided": Look("s", False, "#8a6100"),
    "not reproduced": Look("X", True, "#a33b00"),
}

OTHER = Look("D", False, TEXT)
"""The look of any other verdict."""


@dataclass
class Row:
    """A claim with its words on lines, and where it stands, in inches from the top."""

    claim: dict[str, Any]
    name: list[str]
    statement: list[str]
    not_yet: list[str]
    numbers: list[tuple[list[str], dict[str, Any]]]
    """The lines of each number, with its row of the table."""
    top: float = field(default=0.0)

    @property
    def look(self) -> Look:
        """The look of its verdict."""
        return LOOKS.get(self.claim["verdict"], OTHER)

    @property
    def height(self) -> float:
        """Inches."""
        effects = sum(len(lines) for lines, _ in self.numbers)
        return LINE * max(len(self.name), len(self.statement), 1 + len(self.not_yet), effects) + 2 * GAP

    def at(self, line: float) -> float:
        """The middle of one of its lines of text, counted from 0."""
        return self.top + GAP + LINE * (line + 0.5)


@styled
def draw(shown: Shown) -> Figure:
    """A row for each claim, in the order of the table, a heading for each paper."""
    table = read_table(
        shown["claims"], CLAIMS, numbers=("holding", "judged", "low", "high", "needed", "p"), mend=AGAIN
    )
    columns = ("seeds", "median", "low", "high", "paper", "percentile")
    numbers = read_table(shown["numbers"], NUMBERS, numbers=columns, mend=AGAIN)
    rows = _rows(table.to_dict("records"), numbers)
    height = _place(rows)
    miniature = is_miniature(Path(shown["claims"]).parent)
    symbols, notes = ([], [OF_A_MINIATURE]) if miniature else (_paper_symbols(), [])
    picture, panels = make_sheet(height + 0.85, _verdict_symbols(rows), symbols, notes + _notes(rows))
    grid = panels.subplots(1, len(COLUMNS), sharey=True, width_ratios=[*COLUMNS.values()])
    for axes, heading in zip(grid, COLUMNS, strict=True):
        axes.set_title(heading, fontsize=9, fontweight="bold")
        axes.set_xlim(0, 1)
        axes.set_ylim(height, 0)
        for row in rows:
            axes.axhline(row.top + row.height, color="#dddddd", linewidth=0.6, zorder=0, label="row")
    picture.set_layout_engine("constrained", w_pad=0.02, wspace=0)
    names, statements, shares, verdicts, effects, percentiles = grid
    for axes in (names, statements, verdicts, effects):
        axes.axis("off")
    _finish_shares(shares)
    _finish_percentiles(percentiles)
    for row in rows:
        _write(names, row, row.name, bold=True)
        _write(statements, row, row.statement)
        _draw_share(shares, row, paper=not miniature and row.claim["claim"] not in OURS)
        _write_verdict(verdicts, row)
        _draw_numbers(effects, percentiles, row)
    if miniature:
        picture.suptitle("Claims of a miniature, which say nothing about any paper", fontweight="bold")
        effects.set_title("Effect", fontsize=9, fontweight="bold")
        percentiles.set_visible(False)
    _head_papers(names, rows, "Claims" if miniature else "Paper")
    return picture


def _rows(claims: Sequence[dict[str, Any]], numbers: pd.DataFrame) -> list[Row]:
    """Each claim in words: of its numbers the first one, which is its effect, and those the paper printed."""
    rows: list[Row] = []
    first: dict[str, str] = {}
    for claim in claims:
        name, statement = claim["claim"], claim["statement"]
        same = first.setdefault(statement, name)
        own = numbers[numbers["claim"] == name].to_dict("records")
        told = [number for place, number in enumerate(own) if place == 0 or not _blank(number["paper"])]
        words = [(_wrap(_number(number), "Effect, and what the paper printed"), number) for number in told]
        if not _blank(claim["p"]):
            words.append(([f"test at collapses: p = {claim['p']:.2g}"], {}))
        said = statement if same == name else f"The same as {same}, of another setup."
        rows.append(
            Row(claim, _wrap(name, "Claim", bold=True), _wrap(said, "Statement"), _not_yet(claim), words)
        )
    return rows


def _place(rows: Sequence[Row]) -> float:
    """Stack the rows, a heading before those of each paper; the height of all of them in inches."""
    top, paper = 0.0, None
    for row in rows:
        if row.claim["paper"] != paper:
            top += HEADING
        paper, row.top = row.claim["paper"], top
        top += row.height
    return top


def _head_papers(axes: Axes, rows: Sequence[Row], heading: str) -> None:
    paper = None
    for row in rows:
        if row.claim["paper"] != paper:
            paper = row.claim["paper"]
            axes.text(0, row.top - HEADING / 2, f"{heading} {paper}", fontsize=9, va="center", color=TEXT)


def _draw_share(axes: Axes, row: Row, *, paper: bool) -> None:
    """The share with its interval, and behind it the seed of a paper that makes the claim."""
    claim, middle = row.claim, row.top + row.height / 2
    if paper:
        (seed,) = axes.plot([1], [middle], marker="D", markersize=9, color=PAPER)
        seed.set(markerfacecolor="white", clip_on=False, label="paper")
    if not claim["judged"] > 0:
        text = axes.text(0.5, middle, "none judged", ha="center", va="center", fontsize=SIZE, color=TEXT)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})  # over the dashed line
        return
    (interval,) = axes.plot([claim["low"], claim["high"]], [middle] * 2, color=row.look.colour)
    interval.set(linewidth=1.8, solid_capstyle="butt", label=f"interval {claim['claim']}")
    (mark,) = axes.plot([claim["holding"] / claim["judged"]], [middle], marker=row.look.marker, zorder=4)
    mark.set(color=row.look.colour, markersize=6, markeredgewidth=1.3, label=f"share {claim['claim']}")
    mark.set_markerfacecolor(row.look.filling)


def _write_verdict(axes: Axes, row: Row) -> None:
    """The verdict with k of n beside it, and what is not known yet below."""
    verdict, claim = row.claim["verdict"], row.claim
    _write(axes, row, [verdict], colour=row.look.colour, bold=True)
    counted = f"{claim['holding']:g} of {claim['judged']:g}"
    right = 72 * (_width(verdict, bold=True) + 0.07)
    text = axes.annotate(counted, (0, row.at(0)), (right, 0), textcoords="offset points", va="center")
    text.set(fontsize=SIZE, color=TEXT, in_layout=False)
    _write(axes, row, row.not_yet, start=1)


def _draw_numbers(texts: Axes, percentiles: Axes, row: Row) -> None:
    """The effect and the paper's numbers in words, each of the latter beside its percentile."""
    start = 0
    for lines, number in row.numbers:
        _write(texts, row, lines, start=start)
        place = row.at(start + (len(lines) - 1) / 2)
        start += len(lines)
        if _blank(number.get("paper")):
            continue
        label = f"{row.claim['claim']}: {number['number']}"
        if _blank(number["percentile"]):
            percentiles.text(50, place, "no seed", ha="center", va="center", fontsize=SIZE, color=TEXT)
            continue
        at = float(number["percentile"])
        (mark,) = percentiles.plot([at], [place], marker="D", markersize=4.5, color=TEXT, label=label)
        mark.set_clip_on(False)
        percentiles.text(148, place, f"{at:.0f}", ha="right", va="center", fontsize=SIZE, color=TEXT)


def _finish_shares(axes: Axes) -> None:
    axes.set_xlim(-0.04, 1.14)
    _finish_scale(axes, [0, 0.5, 0.9, 1], ["0", "0.5", "0.9", ""])
    for limit in (0.5, 0.9):
        axes.axvline(
            limit, color=PAPER, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0.5, label=f"limit {limit:g}"
        )


def _finish_percentiles(axes: Axes) -> None:
    axes.set_xlim(-8, 150)
    _finish_scale(axes, [0, 50, 100], ["0", "50", "100"])
    axes.axvspan(*TYPICAL, color="#efefef", linewidth=0, zorder=-1, label="typical")


def _finish_scale(axes: Axes, places: Sequence[float], labels: Sequence[str]) -> None:
    """Its scale above and below, so that no row is far from it."""
    axes.set_xticks(places, labels)
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.tick_params(axis="x", bottom=True, top=True, labeltop=True)
    axes.spines[:].set_visible(False)
    axes.grid(False)


def _not_yet(claim: dict[str, Any]) -> list[str]:
    """How many seeds would decide, and who could not be judged."""
    said = [] if _blank(claim["needed"]) else [f"{claim['needed']:g} seeds would decide"]
    said += [] if _blank(claim["not_judged"]) else [f"not judged: {claim['not_judged']}"]
    return [line for text in said for line in _wrap(text, "Verdict")]


def _number(number: dict[str, Any]) -> str:
    """A number of a claim over the seeds, with its interval, and what the paper printed."""
    if _blank(number["median"]):
        found = "none"
    else:
        interval = (
            "" if _blank(number["low"]) else f" [{_short(number['low'])},{KEPT}{_short(number['high'])}]"
        )
        found = f"{_short(number['median'])}{interval}"
        found += "" if _blank(number["unit"]) else f" {number['unit']}"
    printed = "" if _blank(number["paper"]) else f"; paper{KEPT}{_short(number['paper'])}"
    return f"{number['number']}: {found}{printed}"


def _short(value: float) -> str:
    """A number in three digits, a whole one above a hundred."""
    if np.isinf(value):
        return "∞"
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text.replace("-", "−")  # at a hyphen a line may end


def _blank(value: object) -> bool:
    return value is None or bool(pd.isna(value)) or value == ""


def _wrap(text: str, column: str, *, bold: bool = False) -> list[str]:
    """The text on as many lines as the column needs; a hyphen may end a line."""
    lines = [""]
    for word in text.replace("-", "-\n").replace(" ", " \n").split("\n"):
        longer = lines[-1] + word
        if lines[-1] and _width(longer.rstrip(), bold=bold) > COLUMNS[column] - BETWEEN:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line.rstrip() for line in lines]


@lru_cache(maxsize=4096)
def _width(text: str, *, bold: bool = False) -> float:
    """How wide the text of a row is, in inches."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(SIZE, 72)
    ends = []
    for part in (f"{text}|", "|"):  # a space at the end has no outline: measured before a mark that has one
        font.set_text(part, 0, flags=LoadFlags.NO_HINTING)
        ends.append(font.get_width_height()[0] / 64)
    return (ends[0] - ends[1]) / 72


def _write(
    axes: Axes, row: Row, lines: Sequence[str], *, start: int = 0, colour: str = TEXT, bold: bool = False
) -> None:
    """Lines of text in a row, the first at its line `start`."""
    weight = "bold" if bold else "normal"
    for number, line in enumerate(lines, start=start):
        text = axes.text(0, row.at(number), line, va="center", fontsize=SIZE, color=colour)
        text.set(fontweight=weight, in_layout=False)  # it is as wide as its column, which so stays as wide


def _verdict_symbols(rows: Sequence[Row]) -> list[Line2D]:
    """The key of the verdicts that occur, with how many claims have each."""
    symbols = []
    for verdict in dict.fromkeys([*LOOKS, *(row.claim["verdict"] for row in rows)]):
        count = sum(row.claim["verdict"] == verdict for row in rows)
        if count:
            look = LOOKS.get(verdict, OTHER)
            symbol = mark_symbol(
                f"{verdict}: {count} {'claim' if count == 1 else 'claims'}", marker=look.marker, size=6
            )
            symbol.set(color=look.colour, markerfacecolor=look.filling)
            symbols.append(symbol)
    return symbols


def _paper_symbols() -> list[Line2D]:
    """The key of the paper's seed in both scales."""
    single = mark_symbol("the paper's single seed, which showed it", marker="D", size=8)
    single.set(color=PAPER, markerfacecolor="white")
    printed = "percentile of the paper's number among our seeds; shaded: the middle 95 % of them"
    return [single, mark_symbol(printed, marker="D", size=4.5)]


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [
        "Bar: the 95 % Wilson interval of the share of judged seeds in which a claim holds. Reproduced: all "
        "of it at 0.9 or above; mostly: above one half; not: below one half; else undecided. The test at "
        "collapses, or many seeds that could not be judged, can lower the verdict. Numbers: the median "
        "over the seeds that have one [95 % interval].",
    ]
    numbers = [number for row in rows for _, number in row.numbers if number and number["seeds"] > 0]
    if any(_blank(number["low"]) for number in numbers):
        notes.append("No interval is given of a median over fewer than 6 seeds.")
    return notes
