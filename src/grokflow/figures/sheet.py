"""The sheet that a picture is drawn on: panels above, their key and notes in words below.

Nothing of the key lies inside a panel, so no legend ever hides a curve.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from grokflow.figures.page import Sheet, page
from grokflow.figures.style import HUES, LINES, POINT, TEXT, SeedStyle

LINE_HEIGHT = 0.19
"""Inches of one line of the key."""

LINE_CHARACTERS = 12.73
"""Characters of the key that fit in an inch of a line."""

HANDLE = 8
"""Characters that a handle and the gap before it take, on a printed page two less."""

TITLE_CHARACTERS = 13
"""Characters of a panel's title that fit in an inch."""


def make_sheet(
    panels_height: float,
    symbols: Sequence[Line2D],
    seeds: Sequence[Artist],
    notes: Sequence[str],
) -> tuple[Sheet, SubFigure]:
    """The picture, and the part of it for the panels, `panels_height` inches high.

    Parameters
    ----------
    symbols : what the lines and marks of the panels mean, on the key's first lines.
    seeds : the marks of the seeds, on the lines below.
    notes : sentences for the reader, such as which seed is missing and why; below the key where the page
        has notes.
    """
    picture = Sheet(panels_height, notes)
    characters = int(LINE_CHARACTERS * picture.page.width)
    rows = [row for handles in (symbols, seeds) for row in _rows(handles, characters)]
    lines = [line for note in notes for line in textwrap.wrap(note, characters)] * picture.page.has_notes
    heights = [max(str(handle.get_label()).count("\n") + 1 for handle in row) for row in rows]
    key_height = LINE_HEIGHT * (sum(heights) + len(lines)) + 0.12
    picture.set_size_inches(picture.page.width, panels_height + key_height)
    parts = picture.subfigures(2, 1, height_ratios=[panels_height, key_height], hspace=0, squeeze=False)
    panels, key = parts[:, 0]

    def place(line: int) -> float:
        return 1 - (line * LINE_HEIGHT + 0.02) / key_height

    for number, row in enumerate(rows):
        legend = key.legend(
            handles=row,
            loc="upper center",
            bbox_to_anchor=(0.5, place(sum(heights[:number]))),
            ncols=len(row),
            borderaxespad=0,
            borderpad=0,
            columnspacing=1.8 if picture.page.has_notes else 1.2,
            handlelength=2.4 if picture.page.has_notes else 2.0,
        )
        legend.set_in_layout(False)
    for number, line in enumerate(lines, start=sum(heights)):
        text = key.text(0.5, place(number), line, ha="center", va="top", fontsize=8.5, color=TEXT)
        text.set_in_layout(False)
    return picture, panels


def _rows(handles: Sequence[Artist], characters: int) -> list[list[Artist]]:
    """The handles on as many lines of the key as they need; a long one has several of its own."""
    rows: list[list[Artist]] = []
    room, own = 0, HANDLE if page().has_notes else HANDLE - 2
    for handle in handles:
        handle.set_label(textwrap.fill(str(handle.get_label()), characters - own))
        needed = max(map(len, str(handle.get_label()).splitlines()), default=0) + own
        if needed > room:
            rows.append([])
            room = characters
        rows[-1].append(handle)
        room -= needed
    return rows


def columns_of(count: int, most: int) -> int:
    """Columns for `count` drawings of which at most `most` stand side by side, the rows about equal."""
    rows = -(-count // most)
    return -(-count // rows)


def fitting(count: int, inches: float) -> tuple[int, int]:
    """Rows and columns for `count` panels of at least so many inches, the rows about equally long."""
    columns = columns_of(count, page().fitting(inches))
    return -(-count // columns), columns


def wrapped(title: str, inches: float) -> str:
    """A panel's title on as many lines as its width needs, which are about equally long."""
    width = max(9, int(inches * TITLE_CHARACTERS))
    needed = len(textwrap.wrap(title, width))
    longest = max(map(len, title.split()), default=0)
    while width > max(9, longest) and len(textwrap.wrap(title, width - 1)) == needed:
        width -= 1
    return textwrap.fill(title, width)


def split_symbols() -> list[Line2D]:
    """The key of train and validation."""
    return [Line2D([], [], color=HUES[split], linestyle=LINES[split], label=split) for split in HUES]


def mark_symbol(label: str, *, marker: str = POINT, filled: bool = True, size: float = 7) -> Line2D:
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
