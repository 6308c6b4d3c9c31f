"""The page that a picture is drawn for: a screen, or one or two columns of a journal.

All lengths in the code of the figures are those on a screen. On a journal's page a picture is drawn on a
narrower sheet and shrunk as a whole, letters, lines and marks alike, so that 9 points become 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Page:
    """How wide a picture is printed, and by how much it is shrunk for that."""

    printed_width: float
    """Inches."""
    scale: float
    """Printed lengths over drawn ones."""
    dots_per_inch: int
    """Of the PNG, per printed inch."""
    has_notes: bool
    """Whether the sentences for the reader stand in the picture; a journal sets them in the caption."""

    @property
    def width(self) -> float:
        """Inches of the sheet that is drawn on."""
        return self.printed_width / self.scale

    def fitting(self, inches: float) -> int:
        """How many panels of so many drawn inches stand side by side; at least one."""
        return max(1, int(self.width // inches))


PRINTED = 7 / 9
"""The scale that makes 7 points, the most that Nature takes, of the 9 points on a screen."""

PAGES: Mapping[str, Page] = {
    "screen": Page(11.0, 1.0, 160, has_notes=True),
    "column": Page(89 / 25.4, PRINTED, 600, has_notes=False),
    "two_columns": Page(183 / 25.4, PRINTED, 400, has_notes=False),
}
"""The styles of a figure. Widths of columns as in Nature; those of other journals differ by millimetres."""

_PAGE: ContextVar[Page] = ContextVar("page", default=PAGES["screen"])


def page() -> Page:
    """The page that is drawn for."""
    return _PAGE.get()


@contextmanager
def on_page(style: str) -> Iterator[Page]:
    """Draw for the page of a style."""
    token = _PAGE.set(PAGES[style])
    try:
        yield PAGES[style]
    finally:
        _PAGE.reset(token)


class Sheet(Figure):
    """A picture that knows its page, and the sentences for the reader: in it, or for its caption."""

    def __init__(self, height: float, notes: Sequence[str]) -> None:
        self.page = page()
        self.notes = tuple(notes)
        self.lettered = True
        """Whether its panels have letters, where there are several."""
        super().__init__(figsize=(self.page.width, height), dpi=self.page.dots_per_inch * self.page.scale)
