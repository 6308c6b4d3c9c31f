"""The sheet that a picture is drawn on: panels above, their key and notes in words below.

Nothing of the key lies inside a panel, so no legend ever hides a curve.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from grokflow.figures.style import HUES, LINES, TEXT, WIDTH, SeedStyle

LINE_HEIGHT = 0.19
"""Inches of one line of the key."""

LINE_CHARACTERS = 140
"""Characters that fit on one line of the key."""

TITLE_CHARACTERS = 13
"""Characters of a panel's title that fit in an inch."""


def make_sheet(
    panels_height: float,
    symbols: Sequence[Line2D],
    seeds: Sequence[Artist],
    notes: Sequence[str],
) -> tuple[Figure, SubFigure]:
    """The picture, and the part of it for the panels, `panels_height` inches high.

    Parameters
    ----------
    symbols : what the lines and marks of the panels mean, on the key's first lines.
    seeds : the marks of the seeds, on the lines below.
    notes : sentences for the reader, such as which seed is missing and why.
    """
    rows = [row for handles in (symbols, seeds) for row in _rows(handles)]
    lines = [line for note in notes for line in textwrap.wrap(note, LINE_CHARACTERS)]
    key_height = LINE_HEIGHT * (len(rows) + len(lines)) + 0.12
    picture = Figure(figsize=(WIDTH, panels_height + key_height))
    parts = picture.subfigures(2, 1, height_ratios=[panels_height, key_height], hspace=0, squeeze=False)
    panels, key = parts[:, 0]

    def place(line: int) -> float:
        return 1 - (line * LINE_HEIGHT + 0.02) / key_height

    for number, row in enumerate(rows):
        legend = key.legend(
            handles=row,
            loc="upper center",
            bbox_to_anchor=(0.5, place(number)),
            ncols=len(row),
            borderaxespad=0,
            borderpad=0,
            columnspacing=1.8,
            handlelength=2.4,
        )
        legend.set_in_layout(False)
    for number, line in enumerate(lines, start=len(rows)):
        text = key.text(0.5, place(number), line, ha="center", va="top", fontsize=8.5, color=TEXT)
        text.set_in_layout(False)
    return picture, panels


def _rows(handles: Sequence[Artist]) -> list[list[Artist]]:
    """The handles on as many lines of the key as they need."""
    rows: list[list[Artist]] = []
    room = 0
    for handle in handles:
        characters = len(str(handle.get_label())) + 8  # the handle itself and a gap
        if characters > room:
            rows.append([])
            room = LINE_CHARACTERS
        rows[-1].append(handle)
        room -= characters
    return rows


def columns_of(count: int, most: int) -> int:
    """Columns for `count` drawings of which at most `most` stand side by side, the rows about equal."""
    rows = -(-count // most)
    return -(-count // rows)


def wrapped(title: str, inches: float) -> str:
    """A panel's title on as many lines as its width needs."""
    return textwrap.fill(title, max(9, int(inches * TITLE_CHARACTERS)))


def split_symbols() -> list[Line2D]:
    """The key of train and validation."""
    return [Line2D([], [], color=HUES[split], linestyle=LINES[split], label=split) for split in HUES]


def mark_symbol(label: str, *, marker: str = "o", filled: bool = True, size: float = 7) -> Line2D:
    """The key of a mark on a curve."""
    return Line2D(
        [],
        [],
        color=TEXT,
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=TEXT if filled else "white",
        label=label,
    )


def seed_symbol(title: str, style: SeedStyle) -> Line2D:
    """The key of a seed or a pair of seeds."""
    return Line2D([], [], color=style.grey, marker=style.marker, markersize=5.5, label=title)
