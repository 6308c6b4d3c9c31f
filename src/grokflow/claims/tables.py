"""The tables of claims: a row for each claim, for each of its numbers, and for each of its seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from grokflow.artifacts.columns import CLAIM_NUMBERS, CLAIM_SEEDS, CLAIM_VALUES, CLAIMS
from grokflow.claims.judging import JudgedClaim, verdict
from grokflow.statistics import holm, median_of, percentile_of, spread


class ClaimTables(NamedTuple):
    """What came out for the claims, as tables."""

    claims: pd.DataFrame
    """`columns.CLAIMS`, a row for each claim."""
    numbers: pd.DataFrame
    """`columns.CLAIM_NUMBERS`, a row for each number of each claim."""
    seeds: pd.DataFrame
    """`columns.CLAIM_SEEDS`, a row for each claim and seed."""
    values: pd.DataFrame
    """`columns.CLAIM_VALUES`, a row for each number and seed of which it is known."""


def tabulate(judged: Sequence[JudgedClaim]) -> ClaimTables:
    """All tables of the claims; the tested ones are corrected together (Holm)."""
    corrected = holm({claim.name: claim.p for claim in judged if claim.p is not None})
    claims = pd.DataFrame([_claim(claim, corrected.get(claim.name)) for claim in judged], columns=CLAIMS)
    return ClaimTables(
        claims.astype({"needed": "Int64"}),
        pd.DataFrame([row for claim in judged for row in _numbers(claim)], columns=CLAIM_NUMBERS),
        pd.DataFrame([row for claim in judged for row in _seeds(claim)], columns=CLAIM_SEEDS),
        pd.DataFrame([row for claim in judged for row in _values(claim)], columns=CLAIM_VALUES),
    )


def _claim(claim: JudgedClaim, p: float | None) -> dict[str, Any]:
    found, decided = claim.proportion, verdict(claim, p)
    return {
        "claim": claim.name,
        "paper": claim.criterion.paper,
        "figure": claim.figure,
        "about": claim.about,
        "statement": claim.criterion.statement,
        "criterion": claim.criterion.in_full,
        "holding": found.holding,
        "judged": found.judged,
        "seeds": len(claim.seeds),
        "considered": claim.considered,
        "not_judged": claim.not_judged,
        "low": found.low,
        "high": found.high,
        "verdict": decided,
        "needed": found.needed if decided == "undecided" else None,
        "p": p,
        "as_first_registered": claim.first,
    }


def _numbers(claim: JudgedClaim) -> list[dict[str, Any]]:
    rows = []
    for place, number in enumerate(claim.criterion.numbers):
        values = [value for value in claim.values(place).values() if not math.isnan(value)]
        median, typical = median_of(values), spread(values)
        # What the paper printed is about its own setup, not about a control judged by the same criterion.
        paper = number.paper if claim.name == claim.criterion.id else None
        rows.append(
            {
                "claim": claim.name,
                "number": number.name,
                "unit": number.unit,
                "seeds": len(values),
                "median": median.median,
                "low": median.low,
                "high": median.high,
                "spread_low": typical[0],
                "spread_high": typical[1],
                "paper": paper,
                "percentile": None if paper is None or not values else percentile_of(paper, values),
            }
        )
    return rows


def _seeds(claim: JudgedClaim) -> list[dict[str, Any]]:
    first = {None: "not judged", True: "holds", False: "does not hold"}
    return [
        {
            "claim": claim.name,
            "seed": seed.seed,
            "outcome": seed.outcome,
            "reason": seed.reason,
            "as_first_registered": None if claim.is_new else first[seed.first],
            "measured": seed.measured,
        }
        for seed in claim.seeds
    ]


def _values(claim: JudgedClaim) -> list[dict[str, Any]]:
    return [
        {"claim": claim.name, "number": number.name, "seed": seed, "value": value}
        for place, number in enumerate(claim.criterion.numbers)
        for seed, value in claim.values(place).items()
    ]
