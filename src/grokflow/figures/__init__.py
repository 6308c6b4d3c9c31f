"""Tables in, pictures out. No torch here: a figure is drawn in a second.

Each kind of figure is one module with a function `draw(members, reference, dataset)`, where
`members` are the seeds (`0`) or pairs of seeds (`0-1`) with the folders of their tables. To add a
kind: write the module and name it in `KINDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

    from grokflow.config import Figure


class Kind(NamedTuple):
    """What a kind of figure shows, "run" or "path", and which keys its `reference` may have."""

    subject: str
    reference: frozenset[str] = frozenset()


KINDS = {
    "accuracy_and_table": Kind("run", frozenset({"epochs"})),
    "checkpoints": Kind("run", frozenset({"epochs"})),
    "path": Kind("path", frozenset({"t", "gradient_norm"})),
    "chain": Kind("path"),
}
"""Every kind of figure; its module has the same name."""


def draw(figure: Figure, members: Mapping[str, str], dataset: str) -> Picture:
    """The picture of a figure of the configuration.

    Parameters
    ----------
    members : folders of the tables, by seed or pair of seeds.
    dataset : file of the dataset's table.
    """
    module = importlib.import_module(f"grokflow.figures.{figure.kind}")
    picture: Picture = module.draw(members, figure.reference, dataset)
    return picture


def save(picture: Picture, *, png: str, svg: str) -> None:
    """Write the picture in both formats, the same bytes for the same picture."""
    from grokflow.figures.style import save as write

    write(picture, png=png, svg=svg)
