"""What README and the page of results say about the claims is what the kept reference run came to."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from docs.keep_reference import PAGE, PART, README, REFERENCE, counts_of_claims, lines_of_claims

from grokflow.artifacts.columns import CLAIM_NUMBERS, CLAIMS


def test_a_line_says_verdict_share_effect_and_every_number_of_the_paper(tmp_path: Path) -> None:
    claims = [
        {"claim": "M1", "statement": "It groks.", "verdict": "reproduced", "holding": 60, "judged": 62,
         "low": 0.89, "high": 0.99, "not_judged": "2 diverged", "as_first_registered": "inconclusive"},
        {"claim": "M4", "statement": "It falls.", "verdict": "undecided", "holding": 3, "judged": 3,
         "low": 0.44, "high": 1.0},
        {"claim": "M1-other", "statement": "It groks.", "verdict": "undecided", "holding": 3, "judged": 3,
         "low": 0.44, "high": 1.0, "about": "other_run"},
    ]  # fmt: skip
    numbers = [
        {"claim": "M1", "number": "delay", "seeds": 62, "median": 4.25, "low": 4.0, "high": 4.5},
        {"claim": "M1", "number": "point 1", "unit": "epochs", "seeds": 62, "median": 600.0, "low": 590.0,
         "high": 610.0, "paper": 585.0, "percentile": 33.3},
        {"claim": "M1", "number": "point 2", "seeds": 62, "median": 2500.0, "paper": 2402.0,
         "percentile": 41.0},
        {"claim": "M4", "number": "rise", "seeds": 3, "median": 0.0},
        {"claim": "M1-other", "number": "delay", "seeds": 3, "median": 3.0},
    ]  # fmt: skip
    pd.DataFrame(claims, columns=CLAIMS).to_csv(tmp_path / "claims.csv", index=False)
    pd.DataFrame(numbers, columns=CLAIM_NUMBERS).to_csv(tmp_path / "claims_numbers.csv", index=False)
    counts, _, _, _, *lines = lines_of_claims(tmp_path).splitlines()
    assert counts == "Of 3 claims: 1 reproduced, 2 undecided (M4, M1-other)."
    assert lines == [
        "| M1 It groks | reproduced | 60 of 62 [0.89, 0.99]; 2 diverged | delay: 4.25 [4, 4.5] | "
        "point 1: 585 (percentile 33); point 2: 2402 (percentile 41) | inconclusive |",
        "| M4 It falls | undecided | 3 of 3 [0.44, 1.00] | rise: 0 | – | – |",
        "| M1-other The same as M1, of `other_run` | undecided | 3 of 3 [0.44, 1.00] | delay: 3 | – | – |",
    ]


def test_readme_and_the_page_of_results_say_what_the_reference_run_came_to() -> None:
    assert PART.findall(README.read_text(encoding="utf-8")) == [counts_of_claims(REFERENCE)]
    assert PART.findall(PAGE.read_text(encoding="utf-8")) == [lines_of_claims(REFERENCE)]
