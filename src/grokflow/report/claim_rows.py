"""What the first page says of each claim: the paper's numbers beside ours, the verdict, and the agreement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from grokflow.claims import NONE_JUDGED, located, written, written_share
from grokflow.comparison import BriefComparison, Line

OWN = "own"
"""In place of a paper's letter in claims.csv: a claim of the user's."""


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


def claim_rows(results: Path, comparison: BriefComparison | None = None) -> list[ClaimRow]:
    """Every claim of claims.csv, in its order; without a comparison nothing is said of the agreement."""
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
            share=written_share(row),
            not_judged=_text(row.not_judged),
            numbers=list(_numbers(numbers[numbers["claim"] == row.claim])),
            agreement=_agreement(row.claim, comparison) if comparison else "",
        )
        for row in claims.itertuples()
    ]


def _agreement(claim: str, comparison: BriefComparison) -> str:
    if claim in comparison.left_out:
        return comparison.left_out[claim]
    if comparison.agreement is None:
        return ""
    lines = comparison.agreement.lines_of(claim)
    match comparison.agreement.verdict_of(claim):
        case "cannot say":
            return "too few seeds to say"
        case "differs":
            return f"differs in {'; '.join(_what(line) for line in lines if line.differs)}"
        case "agrees":
            decided = sum(line.decided for line in lines)
            untold = len(lines) - decided
            return f"{decided} of {len(lines)} agree" + (f", {untold} cannot be told" if untold else "")


def _what(line: Line) -> str:
    if line.unit or line.low == line.low:  # a number
        return f"{line.what} ({written(line.mine)}, reference {written(line.reference)})"
    here, there = f"{line.mine:g} of {line.mine_of:g}", f"{line.reference:g} of {line.reference_of:g}"
    return f"{line.what} ({here}, reference {there})"


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


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)
