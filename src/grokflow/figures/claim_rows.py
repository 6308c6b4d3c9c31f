"""The rows of the forest plot of claims: each claim in words, on lines as wide as its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags

from grokflow.figures.page import page
from grokflow.figures.style import TEXT

SIZE = 7.8
"""Points of the text of a row."""

LINE = 0.12
"""Inches of one of its lines."""

GAP = 0.035
"""Inches between a row's text and its border."""

HEADING = 0.27
"""Inches of the heading of a paper."""

CLAIM, STATEMENT, SHARE, VERDICT, EFFECT, PERCENTILE = (
    "Claim",
    "Statement",
    "Share of the seeds",
    "Verdict",
    "Effect, and what the paper printed",
    "Paper's\npercentile",
)
"""The headings of the columns."""

KEPT = "\N{NO-BREAK SPACE}"
"""At which no line ends."""

BETWEEN = 0.12
"""Inches between the text of a column and the next one."""


def columns_of_page() -> dict[str, float]:
    """The columns that the page has room for, with their widths in inches; a narrow one leaves out words."""
    width = page().width
    if width < 8:
        return {CLAIM: 1.0, SHARE: 1.3, VERDICT: width - 2.3}
    words = width - 4.85
    found = {CLAIM: 0.9, STATEMENT: 0.455 * words, SHARE: 1.25, VERDICT: 1.75, EFFECT: 0.545 * words}
    return {**found, PERCENTILE: 0.95}


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
    "reproduced": Look("s", True, "#00674e"),
    "mostly reproduced": Look("s", False, "#00674e"),
    "undecided": Look("P", False, "#8a6100"),
    "not reproduced": Look("X", True, "#a33b00"),
}

OTHER = Look("H", False, TEXT)
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


def rows_of(claims: Sequence[dict[str, Any]], numbers: pd.DataFrame) -> list[Row]:
    """Each claim in words: of its numbers the first one, which is its effect, and those the paper printed."""
    rows: list[Row] = []
    first: dict[str, str] = {}
    for claim in claims:
        name, statement = claim["claim"], claim["statement"]
        same = first.setdefault(statement, name)
        own = numbers[numbers["claim"] == name].to_dict("records")
        told = [number for place, number in enumerate(own) if place == 0 or not blank(number["paper"])]
        words = [(wrap(_number(number), EFFECT), number) for number in told]
        if not blank(claim["p"]):
            words.append((wrap(f"test at collapses: p = {claim['p']:.2g}", EFFECT), {}))
        said = statement if same == name else f"The same as {same}, of another setup."
        rows.append(Row(claim, wrap(name, CLAIM, bold=True), wrap(said, STATEMENT), _not_yet(claim), words))
    return rows


def place_rows(rows: Sequence[Row]) -> float:
    """Stack the rows, a heading before those of each paper; the height of all of them in inches."""
    top, paper = 0.0, None
    for row in rows:
        if row.claim["paper"] != paper:
            top += HEADING
        paper, row.top = row.claim["paper"], top
        top += row.height
    return top


def _not_yet(claim: dict[str, Any]) -> list[str]:
    """How many seeds would decide, and who could not be judged."""
    said = [] if blank(claim["needed"]) else [f"{claim['needed']:g} seeds would decide"]
    said += [] if blank(claim["not_judged"]) else [f"not judged: {claim['not_judged']}"]
    return [line for text in said for line in wrap(text, VERDICT)]


def _number(number: dict[str, Any]) -> str:
    """A number of a claim over the seeds, with its interval, and what the paper printed."""
    if blank(number["median"]):
        found = "none"
    else:
        interval = (
            "" if blank(number["low"]) else f" [{_short(number['low'])},{KEPT}{_short(number['high'])}]"
        )
        found = f"{_short(number['median'])}{interval}"
        found += "" if blank(number["unit"]) else f" {number['unit']}"
    printed = "" if blank(number["paper"]) else f"; paper{KEPT}{_short(number['paper'])}"
    return f"{number['number']}: {found}{printed}"


def _short(value: float) -> str:
    """A number in three digits, a whole one above a hundred."""
    if np.isinf(value):
        return "∞"
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text.replace("-", "−")  # at a hyphen a line may end


def blank(value: object) -> bool:
    return value is None or bool(pd.isna(value)) or value == ""


def wrap(text: str, column: str, *, bold: bool = False) -> list[str]:
    """The text on as many lines as the column needs, none without the column; a hyphen may end a line."""
    inches = columns_of_page().get(column)
    if inches is None:
        return []
    lines = [""]
    for word in text.replace("-", "-\n").replace(" ", " \n").split("\n"):
        longer = lines[-1] + word
        if lines[-1] and width_of(longer.rstrip(), bold=bold) > inches - BETWEEN:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line.rstrip() for line in lines]


@lru_cache(maxsize=4096)
def width_of(text: str, *, bold: bool = False) -> float:
    """How wide the text of a row is, in inches."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(SIZE, 72)
    ends = []
    for part in (f"{text}|", "|"):  # a space at the end has no outline: measured before a mark that has one
        font.set_text(part, 0, flags=LoadFlags.NO_HINTING)
        ends.append(font.get_width_height()[0] / 64)
    return (ends[0] - ends[1]) / 72
