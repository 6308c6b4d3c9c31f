"""Figures: tables in, pictures out.

Comes in: the results of runs, paths and sweeps, and a figure of the configuration. Goes out: the picture as
PNG and SVG. Called by the rule `draw_figure`; no PyTorch, so a figure is drawn in a second.

Each kind of figure is one module with a function `draw(shown)`; `shown.Shown` says what it is given. To add a
kind: write the module, and an entry of the same name in `FIGURE_KINDS` (`kinds.py`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from grokflow.errors import ConfigError, kind_of_value
from grokflow.figures.kinds import FIGURE_KINDS, TABLES, FigureKind, kind_of
from grokflow.figures.names import names_of_runs
from grokflow.figures.sentences import sentence_of
from grokflow.figures.shown import Shown
from grokflow.user_code import is_code, parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

    from grokflow.config import Figure

__all__ = ["FIGURE_KINDS", "TABLES", "FigureKind", "Shown", "draw", "kind_of", "save", "sentence_of"]


def draw(figure: Figure, shown: Mapping[str, str], dataset: str) -> Picture:
    """The picture of a figure of the configuration.

    Parameters
    ----------
    shown : folders of the tables, by seed or pair of seeds; or a sweep's table; or the tables `claims` and
        `numbers` of the claims.
    dataset : file of the dataset's table, for the kinds that show it.
    """
    from grokflow.figures.page import (
        on_page,
    )  # imports matplotlib, which a workflow that only plans needs not

    names = names_of_runs(shown, figure.names) if figure.runs else {}
    given = Shown(shown, figure.reference, dataset, names)
    with on_page(figure.style or "screen"):
        if is_code(figure.kind):
            return _drawn_by_user(figure.kind, given)
        module = importlib.import_module(f"grokflow.figures.{figure.kind}")
        picture: Picture = module.draw(given)
    return picture


def _drawn_by_user(kind: str, shown: Shown) -> Picture:
    """What a function of the user's own draws."""
    from matplotlib.figure import Figure as Picture

    code = parse(kind)
    picture = code.load()(shown)
    if not isinstance(picture, Picture):
        expected = "a function that returns a matplotlib.figure.Figure"
        raise ConfigError(code.shown, expected=expected, found=kind_of_value(picture))
    return picture


def save(picture: Picture, *, png: str, svg: str) -> None:
    """Write the picture in both formats, the same bytes for the same picture."""
    from grokflow.figures.style import save as write

    write(picture, png=png, svg=svg)
