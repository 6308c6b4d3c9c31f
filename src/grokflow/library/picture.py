"""Pictures as a notebook shows them, drawn by the same code as the workflow's figures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from grokflow import figures
from grokflow.artifacts.files import write_bytes, write_json
from grokflow.artifacts.tables import write_table
from grokflow.config import Figure
from grokflow.errors import ConfigError, nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that a notebook displays. `figure`: matplotlib's, to change what you like."""

    figure: MatplotlibFigure

    def save(self, path: str | Path) -> None:
        """Write it as PNG or SVG, whichever the name ends in.

        Raises
        ------
        ConfigError : when it ends in neither.
        """
        path = Path(path)
        if path.suffix not in (".png", ".svg"):
            raise ConfigError(path, expected="a name that ends in .png or .svg", found=f"'{path.suffix}'")
        write_bytes(path, self._rendered(path.suffix))

    def _rendered(self, suffix: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            png, svg = (str(Path(folder) / f"picture{each}") for each in (".png", ".svg"))
            figures.save(self.figure, png=png, svg=svg)
            return Path(folder, f"picture{suffix}").read_bytes()

    def _repr_png_(self) -> bytes:
        return self._rendered(".png")


def check_kind(kind: str, kinds: Sequence[str]) -> None:
    """Refuse a kind of figure for which there are no tables.

    Raises
    ------
    ConfigError : when it is none of `kinds`.
    """
    if kind not in kinds:
        expected, mend = f"one of {', '.join(kinds)}", nearest(kind, kinds)
        raise ConfigError("kind", expected=expected, found=f"'{kind}'", mend=mend)


def drawn(kind: str, name: str, files: Mapping[str, pd.DataFrame | Mapping[str, Any]]) -> Picture:
    """A figure of some kind of tables and records in memory, given by the names of their files."""
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            if isinstance(content, pd.DataFrame):
                write_table(Path(folder) / file, content)
            else:
                write_json(Path(folder) / file, content)
        return drawn_from(kind, name, folder)


def drawn_from(kind: str, name: str, folder: str | Path, dataset: str = "") -> Picture:
    """A figure of some kind of the files in a folder."""
    return Picture(figures.draw(Figure(kind=kind), {name: str(folder)}, dataset))
