"""What is said of a figure: what to see, and in which part of the report it stands."""

from __future__ import annotations

from grokflow.config import Figure
from grokflow.figures import kind_of

OWN = "Your own"
"""The category of figures that belong to neither paper, unless the configuration names another."""

PAPERS = {"M-": "Paper M", "P-": "Paper P"}
"""How the names of a paper's figures begin."""


def see_of(figure: Figure) -> str:
    """What to look for: as the configuration says of this figure, or else as its kind says."""
    return figure.caption or kind_of(figure).see


def category_of(name: str, figure: Figure) -> str:
    """The part of the report in which a figure stands."""
    papers = (paper for start, paper in PAPERS.items() if name.startswith(start))
    return figure.category or next(papers, OWN)


def subjects_of(figure: Figure) -> list[str]:
    """The runs, the paths or the sweep that a figure shows."""
    named = [figure.run, figure.path, figure.sweep, *(figure.runs or ()), *(figure.paths or ())]
    return [name for name in named if name is not None]
