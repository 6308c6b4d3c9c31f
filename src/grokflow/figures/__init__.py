"""Figures: tables in, pictures out.

Comes in: the results of runs, paths and sweeps, and a figure of the configuration. Goes out: the picture as
PNG and SVG. Called by the rule `draw_figure`; no PyTorch, so a figure is drawn in a second.

Each kind of figure is one module with a function `draw(shown)`; `shown.Shown` says what it is given. To add a
kind: write the module and name it in `FIGURE_KINDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from grokflow.errors import ConfigError
from grokflow.figures.names import names_of_runs
from grokflow.figures.sentences import sentence_of
from grokflow.figures.shown import Shown
from grokflow.user_code import is_code, parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

    from grokflow.config import Figure

__all__ = ["FIGURE_KINDS", "TABLES", "FigureKind", "Shown", "draw", "kind_of", "save", "sentence_of"]


class FigureKind(NamedTuple):
    """What a kind of figure shows and reads."""

    subject: str | None
    """`run`, `runs`, `path`, `paths` or `sweep`, the key that names what is shown; None: the claims."""
    files: tuple[str, ...] = ()
    """The tables it reads from the folder of each seed."""
    reference: frozenset[str] = frozenset()
    """The keys that its `reference` may have."""
    shows_dataset: bool = False
    one_at_a_time: bool = False
    """Whether it draws the sweeps that try one key at a time; another kind of sweep draws the others."""


RUN = ("history.csv", "points.json")
PATH = ("metrics.csv", "path.json")
RECORD = "provenance.json"
"""Of a run: a figure of several runs calls each by words that are made from its configuration."""

FIGURE_KINDS = {
    "accuracy_and_table": FigureKind("run", RUN, frozenset({"epochs"}), shows_dataset=True),
    "checkpoints": FigureKind("run", RUN, frozenset({"epochs"})),
    "path": FigureKind("path", PATH, frozenset({"t", "gradient_norm"})),
    "chain": FigureKind("path", PATH),
    "fit_budget": FigureKind("paths", ("fit.csv", "path.json")),
    "accuracy_and_loss": FigureKind("runs", (*RUN, RECORD)),
    "ray": FigureKind("runs", ("rays.csv", "invariance.csv", RECORD)),
    "block": FigureKind("runs", (RECORD,)),
    "collapses": FigureKind("runs", (*RUN, "epochs.csv", "periods.csv", RECORD)),
    "effective_statistics": FigureKind("runs", (*RUN, "epochs.csv", "periods.csv", RECORD)),
    "periods": FigureKind("runs", (*RUN, "epochs.csv", "periods.csv", RECORD)),
    "invariance": FigureKind("runs", ("invariance.csv", RECORD)),
    "weight_norm": FigureKind("runs", (*RUN, RECORD)),
    "sweep": FigureKind("sweep"),
    "variance": FigureKind("sweep", one_at_a_time=True),
    "claims": FigureKind(None),
}
"""Every kind of figure but those of users' own files; its module has the same name."""

TABLES = {
    "run": (*RUN, "epochs.csv", "periods.csv"),
    "runs": (*RUN, "epochs.csv", "periods.csv", RECORD),
    "path": (*PATH, "fit.csv"),
    "paths": (*PATH, "fit.csv"),
    "sweep": (),
}
"""By what is shown: the tables of the folder of each seed that claims and users' own kinds of figure read."""


def kind_of(figure: Figure) -> FigureKind:
    """The kind of a figure of the configuration; one of a user's own file may read whatever it shows."""
    if is_code(figure.kind):
        return FigureKind(figure.subjects[0], TABLES[figure.subjects[0]])
    return FIGURE_KINDS[figure.kind]


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
        raise ConfigError(code.shown, expected=expected, found=f"a {type(picture).__name__}")
    return picture


def save(picture: Picture, *, png: str, svg: str) -> None:
    """Write the picture in both formats, the same bytes for the same picture."""
    from grokflow.figures.style import save as write

    write(picture, png=png, svg=svg)
