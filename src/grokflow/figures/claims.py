"""All claims on one page (a forest plot): how many seeds each holds in, its verdict, its effect, the paper.

A row is a claim: the share of the judged seeds in which it holds with its 95 % interval, beside the one seed
of the paper, which showed it; then the number that the claim is about, its effect, and every number that the
paper printed, with its percentile among our seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokflow.artifacts.provenance import AGAIN
from grokflow.artifacts.results import is_miniature
from grokflow.artifacts.tables import read_table
from grokflow.figures.claim_rows import (
    CLAIM,
    EFFECT,
    HEADING,
    LOOKS,
    OTHER,
    PERCENTILE,
    SHARE,
    SIZE,
    STATEMENT,
    VERDICT,
    Row,
    blank,
    columns_of_page,
    place_rows,
    rows_of,
    width_of,
)
from grokflow.figures.sheet import make_sheet, mark_symbol, wrapped
from grokflow.figures.shown import Shown
from grokflow.figures.style import PAPER, PAPERS, TEXT, styled

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

OURS = ("M1-without-zero", "P5-float64", "P8-cause", "P8-alone", "P8-wholly", "P9-sphere")
"""Claims about controls of our own, which no paper makes."""

OF_A_MINIATURE = (
    "These claims are about a miniature: small datasets and models that train briefly. They show that every "
    "step of the workflow runs."
)

TYPICAL = (2.5, 97.5)
"""Percentiles between which 95 % of single seeds lie."""


@styled
def draw(shown: Shown) -> Figure:
    """A row for each claim, in the order of the table, a heading for each paper."""
    table = read_table(
        shown["claims"], CLAIMS, numbers=("holding", "judged", "low", "high", "needed", "p"), mend=AGAIN
    )
    columns = ("seeds", "median", "low", "high", "paper", "percentile")
    numbers = read_table(shown["numbers"], NUMBERS, numbers=columns, mend=AGAIN)
    rows, inches = rows_of(table.to_dict("records"), numbers), columns_of_page()
    height = place_rows(rows)
    miniature = is_miniature(Path(shown["claims"]).parent)
    symbols = [] if miniature else _paper_symbols(PERCENTILE in inches)
    notes = [*([OF_A_MINIATURE] if miniature else []), *_notes(rows)]
    picture, panels = make_sheet(height + 0.85, _verdict_symbols(rows), symbols, notes)
    picture.lettered = False  # its columns are those of a table
    row_of_axes = panels.subplots(1, len(inches), sharey=True, width_ratios=[*inches.values()])
    grid = dict(zip(inches, row_of_axes, strict=True))
    for heading, axes in grid.items():
        axes.set_title(
            wrapped(heading, inches[heading]) if heading == EFFECT else heading, fontsize=9, fontweight="bold"
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(height, 0)
        for row in rows:
            axes.axhline(row.top + row.height, color="#dddddd", linewidth=0.6, zorder=0, label="row")
    picture.set_layout_engine("constrained", w_pad=0.02, wspace=0)
    for heading in {CLAIM, STATEMENT, VERDICT, EFFECT} & grid.keys():
        grid[heading].axis("off")
    _finish_shares(grid[SHARE])
    for row in rows:
        _write(grid[CLAIM], row, row.name, bold=True)
        _draw_share(grid[SHARE], row, paper=not miniature and is_of_a_paper(row.claim))
        _write_verdict(grid[VERDICT], row)
    if PERCENTILE in grid:
        _finish_percentiles(grid[PERCENTILE])
        for row in rows:
            _write(grid[STATEMENT], row, row.statement)
            _draw_numbers(grid[EFFECT], grid[PERCENTILE], row)
    if miniature:
        picture.suptitle("Claims of a miniature, which say nothing about any paper", fontweight="bold")
        if PERCENTILE in grid:
            grid[EFFECT].set_title("Effect", fontsize=9, fontweight="bold")
            grid[PERCENTILE].set_visible(False)
    _head_papers(grid[CLAIM], rows, "Claims" if miniature else "Paper")
    return picture


def is_of_a_paper(claim: dict[str, Any]) -> bool:
    """Whether a paper makes the claim, and not this project or its user."""
    return claim["paper"] != "own" and claim["claim"] not in OURS


def _head_papers(axes: Axes, rows: Sequence[Row], heading: str) -> None:
    paper = None
    for row in rows:
        if row.claim["paper"] != paper:
            paper = row.claim["paper"]
            said = "Your own claims" if paper == "own" else f"{heading} {paper}"
            axes.text(0, row.top - HEADING / 2, said, fontsize=9, va="center", color=TEXT)


def _draw_share(axes: Axes, row: Row, *, paper: bool) -> None:
    """The share with its interval, and behind it the seed of a paper that makes the claim."""
    claim, middle = row.claim, row.top + row.height / 2
    if paper:
        (seed,) = axes.plot([1], [middle], marker=PAPERS, markersize=9, color=PAPER)
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
    right = 72 * (width_of(verdict, bold=True) + 0.07)
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
        if blank(number.get("paper")):
            continue
        label = f"{row.claim['claim']}: {number['number']}"
        if blank(number["percentile"]):
            percentiles.text(50, place, "no seed", ha="center", va="center", fontsize=SIZE, color=TEXT)
            continue
        at = float(number["percentile"])
        (mark,) = percentiles.plot([at], [place], marker=PAPERS, markersize=4.5, color=TEXT, label=label)
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


def _paper_symbols(with_numbers: bool) -> list[Line2D]:
    """The key of the paper's seed in both scales."""
    single = mark_symbol("the paper's single seed, which showed it", marker=PAPERS, size=8)
    single.set(color=PAPER, markerfacecolor="white")
    printed = "percentile of the paper's number among our seeds; shaded: the middle 95 % of them"
    return [single, *[mark_symbol(printed, marker=PAPERS, size=4.5)] * with_numbers]


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [
        "Bar: the 95 % Wilson interval of the share of judged seeds in which a claim holds. Reproduced: all "
        "of it at 0.9 or above; mostly: above one half; not: below one half; else undecided. The test at "
        "collapses, or many seeds that could not be judged, can lower the verdict. Numbers: the median "
        "over the seeds that have one [95 % interval].",
    ]
    numbers = [number for row in rows for _, number in row.numbers if number and number["seeds"] > 0]
    if any(blank(number["low"]) for number in numbers):
        notes.append("No interval is given of a median over fewer than 6 seeds.")
    return notes
