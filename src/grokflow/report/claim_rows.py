"""What the first page says of each claim: the paper's numbers beside ours, the verdict, and the agreement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.agreement import Agreement, Line, compare, of_the_same_setup
from grokflow.artifacts.reference import is_miniature, read_judgement
from grokflow.claims import located, written, written_interval
from grokflow.errors import ArtifactError

OWN = "own"
"""In place of a paper's letter in claims.csv: a claim of the user's."""

NONE_JUDGED = "none judged"

MEND = "Run the workflow: it judges the claims."


@dataclass(frozen=True)
class NumberRow:
    """A number of a claim: what the paper printed, and what came out here."""

    name: str
    paper: str
    """Empty where the paper prints none."""
    percentile: str
    """Of the paper's number among our seeds; empty where there is none."""
    ours: str
    """The median with its interval."""
    spread: str
    """Where one further seed is expected with 95 %; empty where that is unknown."""


@dataclass(frozen=True)
class ClaimRow:
    """A claim as the first page shows it."""

    name: str
    paper: str
    """Which paper makes it; empty for a claim of one's own."""
    statement: str
    criterion: str
    about: str
    figure: str
    verdict: str
    share: str
    """For how many seeds it holds, such as `2 of 3 [0.21, 0.94]`; NONE_JUDGED if that is unknown of all."""
    not_judged: str
    numbers: list[NumberRow]
    agreement: str
    """What the comparison with the reference run says of it; empty without one."""

    @property
    def outcome(self) -> str:
        """For how many seeds it holds, in a sentence."""
        return "no seed could be judged" if self.share == NONE_JUDGED else f"holds for {self.share}"


@dataclass(frozen=True)
class Comparison:
    """The comparison with the reference run as a reader needs it."""

    summary: str
    of_claim: Mapping[str, str]


def claim_rows(results: Path, comparison: Comparison) -> list[ClaimRow]:
    """Every claim of claims.csv, in its order."""
    claims = pd.read_csv(results / "claims.csv")
    numbers = pd.read_csv(results / "claims_numbers.csv")
    return [
        ClaimRow(
            name=row.claim,
            paper="" if row.paper == OWN else _text(row.paper),
            statement=row.statement,
            criterion=row.criterion,
            about=" against ".join(_text(row.about).split(" against ")),
            figure=_text(row.figure),
            verdict=row.verdict,
            share=_share(row),
            not_judged=_text(row.not_judged),
            numbers=list(_numbers(numbers[numbers["claim"] == row.claim])),
            agreement=comparison.of_claim.get(row.claim, ""),
        )
        for row in claims.itertuples()
    ]


def compare_with(reference: Path, results: Path) -> Comparison:
    """What the comparison with a reference run says in all, and of each claim."""
    try:
        if is_miniature(results):
            return Comparison("These claims are about a miniature, and say nothing about any paper.", {})
        if not (reference / "claims.csv").is_file():
            return Comparison("There is no reference run to compare with.", {})
        mine, theirs = (read_judgement(folder, mend=MEND) for folder in (results, reference))
        alike = of_the_same_setup(mine, theirs)
        agreement = compare(alike, theirs) if len(alike.claims) else None
    except ArtifactError as error:
        return Comparison(f"Not compared with the reference run: {error}", {})
    said = dict.fromkeys(mine.claims.index, "not compared: another setup")
    said |= dict.fromkeys(mine.claims.index.difference(theirs.claims.index), "not in the reference")
    if agreement is None:
        return Comparison("Not compared with the reference run: no claim is about a setup that it has.", said)
    said |= {claim: _of_claim(claim, agreement) for claim in alike.claims.index}
    return Comparison(_summary(agreement, len(mine.claims)), said)


def _of_claim(claim: str, agreement: Agreement) -> str:
    lines = [line for line in agreement.lines if line.claim == claim]
    decided = [line for line in lines if line.decided]
    if not decided:
        return "too few seeds to say"
    apart = [_what(line) for line in lines if line.differs]
    if apart:
        return f"differs in {'; '.join(apart)}"
    untold = len(lines) - len(decided)
    return f"{len(decided)} of {len(lines)} agree" + (f", {untold} cannot be told" if untold else "")


def _what(line: Line) -> str:
    if line.unit or line.low == line.low:  # a number
        return f"{line.what} ({written(line.mine)}, reference {written(line.reference)})"
    here, there = f"{line.mine:g} of {line.mine_of:g}", f"{line.reference:g} of {line.reference_of:g}"
    return f"{line.what} ({here}, reference {there})"


def _summary(agreement: Agreement, claims: int) -> str:
    """What all lines say together, and of how many of my claims they are."""
    compared = len(agreement.mine.claims)
    of = "" if compared == claims else f"{compared} of {claims} claims are about the reference run's setup. "
    if not agreement.can_say:
        return f"{of}Too few seeds to tell these results from the reference run's."
    verdict = "differ from" if agreement.differs else "agree with"
    shown = len(agreement.differing)
    shows = f"{shown or 'none'} {'shows' if shown < 2 else 'show'} one"
    by_number = f"by chance alone, more than {agreement.most_by_chance} would in one report of 100"
    certain = f"; not by chance: {', '.join(agreement.certain)}" if agreement.certain else ""
    return (
        f"{of}These results {verdict} the reference run: of {len(agreement.decided)} comparisons with enough "
        f"seeds to show a difference, {shows} ({by_number}{certain})."
    )


def _numbers(numbers: pd.DataFrame) -> Iterator[NumberRow]:
    """The effect, which is the first number, and every other one that the paper printed."""
    for place, (_, row) in enumerate(numbers.iterrows()):
        if place and pd.isna(row["paper"]):
            continue
        known = not (pd.isna(row["spread_low"]) or pd.isna(row["spread_high"]))
        yield NumberRow(
            name=str(row["number"]),
            paper="" if pd.isna(row["paper"]) else f"{row['paper']:g}",
            percentile="" if pd.isna(row["percentile"]) else f"{row['percentile']:.0f}",
            ours=located(row),
            spread=f"{written(row['spread_low'])} to {written(row['spread_high'])}" if known else "",
        )


def _share(row: Any) -> str:
    if not row.judged:
        return NONE_JUDGED
    return f"{row.holding} of {row.judged} {written_interval(row.low, row.high)}"


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)
