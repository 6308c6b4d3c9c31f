"""All claims on one page (a forest plot): how many seeds each holds in, its verdict, and its effect.

A row is a claim: the share of the judged seeds in which it holds with its 95 % interval, beside the one seed
of the paper, which showed it; then the number that the claim is about, beside the paper's.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.artifacts.provenance import AGAIN
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

ROW_HEIGHT = 0.33
"""Inches of a claim: two lines of text."""

COLUMNS = {
    "Claim": 1.15,
    "": 2.85,
    "Share of the seeds": 1.7,
    "Verdict, holding of judged": 2.1,
    "Effect": 3.2,
}
"""The headings of the columns, with their widths in inches."""

SMALL = 7.5
"""Points of the text of a row."""

CHARACTERS = 16.5
"""Characters of that text in an inch."""


@dataclass(frozen=True)
class Look:
    """How a verdict is told: by the shape and the filling of its mark, and by colour."""

    marker: str
    filled: bool
    colour: str


LOOKS = {
    "reproduced": Look("o", True, "#00674e"),
    "mostly reproduced": Look("o", False, "#00674e"),
    "undecided": Look("s", False, "#8a6100"),
    "not reproduced": Look("X", True, "#a33b00"),
}

OTHER = Look("D", False, TEXT)
"""The look of any other verdict."""


@styled
def draw(shown: Shown) -> Figure:
    """A row for each claim, in the order of the table, a heading for each paper."""
    table = read_table(
        shown["claims"], CLAIMS, numbers=("holding", "judged", "low", "high", "needed", "p"), mend=AGAIN
    )
    columns = ("seeds", "median", "low", "high", "paper", "percentile")
    numbers = read_table(shown["numbers"], NUMBERS, numbers=columns, mend=AGAIN)
    claims = table.to_dict("records")
    effects = {name: rows.iloc[0].to_dict() for name, rows in numbers.groupby("claim", sort=False)}
    places = _places(claims)
    height = max(places, default=0) + 1.0
    picture, panels = make_sheet(
        0.45 + ROW_HEIGHT * height,
        _symbols(claims),
        [],
        [
            "Line: the 95 % Wilson interval of the share of judged seeds in which the claim holds; dashed: "
            "one half and 0.9, which it must clear. +: seeds that could not be judged. Effect: the median "
            "over the seeds with its 95 % interval, and the percentile of the paper's value among them.",
        ],
    )
    grid = panels.subplots(1, len(COLUMNS), sharey=True, width_ratios=[*COLUMNS.values()])
    for axes, heading in zip(grid, COLUMNS, strict=True):
        axes.set_title(heading, fontsize=9, fontweight="bold")
        axes.set_xlim(0, 1)
        axes.set_ylim(height - 0.4, -0.4)
    names, statements, shares, verdicts, effect = grid
    for axes in (names, statements, verdicts, effect):
        axes.axis("off")
    _finish_shares(shares)
    for claim, place in zip(claims, places, strict=True):
        for axes in grid:
            axes.axhline(place + 0.5, color="#e6e6e6", linewidth=0.5, zorder=0, label="row")
        names.text(0, place, claim["claim"], fontsize=SMALL, fontweight="bold", va="center", color=TEXT)
        _write(statements, place, claim["statement"], COLUMNS[""])
        _draw_share(shares, place, claim)
        _write(verdicts, place, _verdict(claim), COLUMNS["Verdict, holding of judged"])
        _write(effect, place, _effect(effects.get(claim["claim"]), claim["p"]), COLUMNS["Effect"])
    _head_papers(names, claims, places)
    return picture


def _places(claims: Sequence[dict[str, Any]]) -> list[float]:
    """The row of each claim, one left free before each paper for its heading."""
    places, row, paper = [], 0.0, None
    for claim in claims:
        row += claim["paper"] != paper
        paper = claim["paper"]
        places.append(row)
        row += 1
    return places


def _head_papers(axes: Axes, claims: Sequence[dict[str, Any]], places: Sequence[float]) -> None:
    for number, claim in enumerate(claims):
        if number == 0 or claims[number - 1]["paper"] != claim["paper"]:
            axes.text(0, places[number] - 0.9, f"Paper {claim['paper']}", fontsize=9, va="center", color=TEXT)


def _draw_share(axes: Axes, place: float, claim: dict[str, Any]) -> None:
    """The share with its interval, and the paper's seed behind it."""
    axes.plot([1], [place], marker="d", markersize=11, color=PAPER, markerfacecolor="white", label="paper")
    if not claim["judged"] > 0:
        axes.text(0.45, place, "none judged", ha="center", va="center", fontsize=SMALL, color=TEXT)
        return
    look = LOOKS.get(claim["verdict"], OTHER)
    axes.plot(
        [claim["low"], claim["high"]],
        [place] * 2,
        color=look.colour,
        linewidth=1.8,
        label=f"interval {claim['claim']}",
    )
    (mark,) = axes.plot(
        [claim["holding"] / claim["judged"]], [place], marker=look.marker, color=look.colour, zorder=4
    )
    mark.set(markersize=6, markeredgewidth=1.3, label=f"share {claim['claim']}")
    mark.set_markerfacecolor(look.colour if look.filled else "white")


def _finish_shares(axes: Axes) -> None:
    axes.set_xlim(-0.04, 1.06)
    axes.set_xticks([0, 0.5, 0.9, 1], ["0", "0.5", "0.9", ""])
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.tick_params(axis="x", bottom=True, top=True, labeltop=True)
    axes.grid(False)
    for limit in (0.5, 0.9):
        axes.axvline(
            limit, color=PAPER, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0.5, label=f"limit {limit:g}"
        )


def _verdict(claim: dict[str, Any]) -> str:
    """The verdict with k of n; below it who could not be judged, and how many seeds would decide."""
    first = f"{claim['verdict']}, {claim['holding']:g} of {claim['judged']:g}"
    more = [] if _blank(claim["not_judged"]) else [f"+{claim['not_judged']}"]
    more += [] if _blank(claim["needed"]) else [f"needs {claim['needed']:g}"]
    return "\n".join([first, "; ".join(more)]).rstrip()


def _effect(number: dict[str, Any] | None, p: float) -> str:
    """The number that a claim is about, and the corrected p where a test decides; below it its values."""
    tested = "" if _blank(p) else f"p = {p:.2g}"
    if number is None or _blank(number["median"]):
        return tested
    unit = "" if _blank(number["unit"]) else f" {number['unit']}"
    interval = "" if _blank(number["low"]) else f" [{_short(number['low'])}, {_short(number['high'])}]"
    found = f"{_short(number['median'])}{interval}{unit}"
    if not _blank(number["paper"]):
        found += f"; paper {_short(number['paper'])}"
        if not _blank(number["percentile"]):
            found += f" (percentile {number['percentile']:.0f})"
    return f"{f'{tested}; ' if tested else ''}{number['number']}\n{found}"


def _short(value: float) -> str:
    """A number in three digits, a whole one above a hundred."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _blank(value: object) -> bool:
    return bool(pd.isna(value)) or value == ""


def _write(axes: Axes, place: float, text: str, inches: float) -> None:
    """Text on two lines: those that it has, each as far as there is room, or one wrapped."""
    width = int(inches * CHARACTERS)
    first, _, second = text.partition("\n")
    if not second:
        first, *rest = textwrap.wrap(text, width) or [""]
        second = " ".join(rest)
    lines = [textwrap.shorten(line, width, placeholder=" …") for line in (first, second) if line]
    axes.text(0, place, "\n".join(lines), fontsize=SMALL, va="center", color=TEXT, linespacing=1.1)


def _symbols(claims: Sequence[dict[str, Any]]) -> list[Line2D]:
    """The key of the verdicts that occur, and of the paper's seed."""
    symbols = []
    for verdict in dict.fromkeys([*LOOKS, *(claim["verdict"] for claim in claims)]):
        if any(claim["verdict"] == verdict and claim["judged"] > 0 for claim in claims):
            look = LOOKS.get(verdict, OTHER)
            symbol = mark_symbol(verdict, marker=look.marker, size=6)
            symbol.set(color=look.colour, markerfacecolor=look.colour if look.filled else "white")
            symbols.append(symbol)
    paper = mark_symbol("the paper's single seed", marker="d", size=10)
    paper.set(color=PAPER, markerfacecolor="white")
    return [*symbols, paper]
