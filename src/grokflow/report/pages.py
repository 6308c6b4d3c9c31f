"""The pages of the report: every claim with its verdict, and each figure with its caption."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from grokflow import __version__
from grokflow.artifacts.results import CLAIM_FILES, is_miniature
from grokflow.comparison import with_reference
from grokflow.config import Config, Figure
from grokflow.figures import kind_of
from grokflow.report.captions import OWN, category_of, see_of, subjects_of
from grokflow.report.claim_rows import ClaimRow, claim_rows
from grokflow.report.origin import origin_of
from grokflow.report.rendering import picture_uri, render
from grokflow.report.runtimes import runtimes_of
from grokflow.user_code import as_written

FOREST_PLOT = "claims"
"""The kind of figure that shows all claims."""

VERDICTS = {
    "reproduced": ("●", "yes"),
    "mostly reproduced": ("○", "mostly"),
    "undecided": ("□", "open"),
    "not reproduced": ("✕", "no"),
}
"""The mark of a verdict, as the forest plot draws it, and the class of its colour."""


TITLES = {
    "M": "On the loss landscape in grokking: mode connectivity",
    "P": "On the Periodic Behavior of DNNs training on the example of the Grokking effect",
}
"""Of the papers, by their letter, as CITATION.cff has them."""


class Entry(NamedTuple):
    """A figure in the list of the first page."""

    name: str
    see: str


def claims_page(results: Path, config: Config, reference: Path) -> str:
    """The first page: every claim, the forest plot, and the list of all figures.

    Parameters
    ----------
    reference : the folder of the reference run; where it has no tables, nothing is compared.
    """
    comparison = with_reference(results, reference) if config.claims else None
    rows = claim_rows(results, comparison) if comparison else []
    miniature = is_miniature(results) if config.claims else config.miniature
    forest = [name for name, figure in config.figures.items() if figure.kind == FOREST_PLOT]
    return render(
        "claims.html",
        papers=_by_paper(rows, miniature),
        titles={paper: title for paper, title in TITLES.items() if paper in {row.paper for row in rows}},
        own=any(not row.paper for row in rows),
        origin=origin_of(results, config),
        results=config.results,
        miniature=miniature,
        compared=any(row.agreement for row in rows),
        summary=comparison.sentence if comparison else "",
        counts=_counts(rows),
        verdicts=VERDICTS,
        forest=picture_uri(results / "figures" / f"{forest[0]}.png") if forest and rows else "",
        alt=_alt_of_forest(rows),
        categories=_by_category(config, miniature),
        figures=set(config.figures),
        version=__version__,
    )


def figure_page(results: Path, config: Config, name: str) -> str:
    """The picture of a figure with what to see, what was measured and how it was made."""
    figure = config.figures[name]
    entry = figure.model_dump(mode="json", exclude_defaults=True, exclude={"caption", "category"})
    entry["kind"] = as_written(figure.kind)
    return render(
        "figure.html",
        name=name,
        category=category_of(name, figure),
        see=see_of(figure),
        measured=kind_of(figure).measured,
        uri=picture_uri(results / "figures" / f"{name}.png"),
        alt=alt_of(name, figure),
        entry=yaml.safe_dump({name: entry}, sort_keys=False, allow_unicode=True).strip(),
        runtimes=runtimes_of(results, config, name, figure),
        tables=tables_of(figure),
        claims=[row for row in _judged_claims(results, config) if row.figure == name],
        verdicts=VERDICTS,
    )


def alt_of(name: str, figure: Figure) -> str:
    """A picture in words."""
    subjects = ", ".join(subjects_of(figure)) or "the claims"
    return f"{name}, of {subjects}. {see_of(figure)}"


def tables_of(figure: Figure) -> list[str]:
    """Where the tables lie that a figure was drawn from, relative to the results."""
    runs = [name for name in (figure.run, *(figure.runs or ())) if name]
    paths = [name for name in (figure.path, *(figure.paths or ())) if name]
    sweeps = [f"sweeps/{figure.sweep}.csv"] if figure.sweep else []
    tables = [*(f"runs/{name}/" for name in runs), *(f"paths/{name}/" for name in paths), *sweeps]
    return tables or list(CLAIM_FILES)


def _judged_claims(results: Path, config: Config) -> list[ClaimRow]:
    return claim_rows(results) if config.claims else []


def _by_paper(rows: list[ClaimRow], miniature: bool) -> Mapping[str, list[ClaimRow]]:
    """The claims under the heading of their paper."""
    grouped: dict[str, list[ClaimRow]] = {}
    for row in rows:
        heading = _heading(f"Paper {row.paper}" if row.paper else OWN, "claims", miniature)
        grouped.setdefault(heading, []).append(row)
    return grouped


def _heading(whose: str, what: str, miniature: bool) -> str:
    """Such as `Paper M: claims`; of a miniature, which says nothing about a paper, `Claims M`."""
    if whose == OWN:
        return f"{whose} {what}"
    letter = whose.removeprefix("Paper ")
    return f"{what.capitalize()} {letter}" if miniature and letter in TITLES else f"{whose}: {what}"


def _by_category(config: Config, miniature: bool) -> Mapping[str, list[Entry]]:
    """The figures under the heading of their category, those of the papers first."""
    grouped: dict[str, list[Entry]] = {}
    for name, figure in config.figures.items():
        grouped.setdefault(category_of(name, figure), []).append(Entry(name, see_of(figure)))
    ordered = sorted(grouped.items(), key=lambda item: not item[0].startswith("Paper"))
    return {_heading(category, "figures", miniature): entries for category, entries in ordered}


def _counts(rows: list[ClaimRow]) -> str:
    verdicts = [row.verdict for row in rows]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts)


def _alt_of_forest(rows: list[ClaimRow]) -> str:
    said = "; ".join(f"{row.name} {row.verdict}, {row.share}" for row in rows)
    return (
        f"Forest plot: for each claim the share of seeds for which it holds, with its 95 % interval. {said}."
    )
