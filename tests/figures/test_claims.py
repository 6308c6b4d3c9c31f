"""The forest plot of all claims: every row is what the tables say, and 45 of them fit on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from layouts import assert_apart, assert_on_the_page, assert_without_noise, boxes_of
from matplotlib.axes import Axes

from grokflow.config import Figure
from grokflow.errors import ArtifactError
from grokflow.figures import draw
from grokflow.figures.claims import LOOKS

CLAIMS = [
    {
        "claim": "M1",
        "paper": "M",
        "holding": 60,
        "low": 0.94,
        "high": 1.0,
        "verdict": "reproduced",
        "p": None,
    },
    {"claim": "M2", "paper": "M", "holding": 45, "low": 0.63, "high": 0.84, "verdict": "mostly reproduced"},
    {
        "claim": "P1",
        "paper": "P",
        "holding": 31,
        "low": 0.39,
        "high": 0.64,
        "verdict": "undecided",
        "needed": 140,
    },
    {
        "claim": "P5",
        "paper": "P",
        "holding": 3,
        "low": 0.02,
        "high": 0.14,
        "verdict": "not reproduced",
        "p": 0.0034,
    },
    {
        "claim": "P6",
        "paper": "P",
        "holding": 0,
        "judged": 0,
        "verdict": "undecided",
        "not_judged": "60 diverged",
    },
]

USUAL: dict[str, Any] = {
    "figure": "M-fig1",
    "statement": "The setup groks.",
    "criterion": "point 2 comes late",
    "judged": 60,
    "seeds": 64,
    "not_judged": "3 diverged, 1 censored",
    "low": None,
    "high": None,
    "needed": None,
    "p": None,
    "as_first_registered": "reproduced",
}

NUMBER: dict[str, Any] = {"unit": "epochs", "seeds": 60, "spread_low": 100, "spread_high": 9000}

NUMBERS = [
    {"claim": "M1", "number": "epoch of point 2", "median": 2402.4, "low": 2290, "high": 2519, "paper": 2402},
    {"claim": "M1", "number": "epoch of point 1", "median": 585, "low": 570, "high": 600},
    {"claim": "P5", "number": "change of accuracy", "median": 0.0756, "low": 0.05, "high": 0.1, "unit": None},
]


def write(root: Path, claims: list[dict[str, Any]]) -> dict[str, str]:
    """The tables of the claims, by name."""
    rows = [{**NUMBER, "percentile": 48.4 if "paper" in number else None, **number} for number in NUMBERS]
    pd.DataFrame([{**USUAL, **claim} for claim in claims]).to_csv(root / "claims.csv", index=False)
    pd.DataFrame(rows).to_csv(root / "claims_numbers.csv", index=False)
    return {"claims": str(root / "claims.csv"), "numbers": str(root / "claims_numbers.csv")}


def picture_of(root: Path, claims: list[dict[str, Any]]) -> Any:
    """The forest plot."""
    return draw(Figure(kind="claims"), write(root, claims), "")


def written(axes: Axes) -> list[str]:
    """What is written in a column."""
    return [text.get_text() for text in axes.texts]


def test_a_claim_is_its_share_with_its_interval_beside_the_papers_seed(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, CLAIMS)
    shares = picture.subfigs[0].axes[2]
    drawn = {str(line.get_label()): line for line in shares.lines}
    papers = [line for line in shares.lines if line.get_label() == "paper"]
    assert [list(line.get_xdata()) for line in papers] == [[1]] * 5
    for claim, paper in zip(CLAIMS[:4], papers, strict=False):
        share, interval = drawn[f"share {claim['claim']}"], drawn[f"interval {claim['claim']}"]
        assert list(share.get_xdata()) == [claim["holding"] / 60]
        assert list(interval.get_xdata()) == [claim["low"], claim["high"]]
        assert list(interval.get_ydata()) == [paper.get_ydata()[0]] * 2
        look = LOOKS[claim["verdict"]]
        assert share.get_marker() == look.marker
        assert (share.get_markerfacecolor() == "white") == (not look.filled)
    assert "share P6" not in drawn
    assert written(shares) == ["none judged"]
    assert {line.get_xdata()[0] for label, line in drawn.items() if label.startswith("limit")} == {0.5, 0.9}
    rows = [line.get_ydata()[0] for line in papers]
    assert rows == sorted(set(rows))


def test_verdict_and_effect_stand_in_words(tmp_path: Path) -> None:
    names, _, _, verdicts, effects = picture_of(tmp_path, CLAIMS).subfigs[0].axes
    assert written(names) == ["M1", "M2", "P1", "P5", "P6", "Paper M", "Paper P"]
    assert written(verdicts) == [
        "reproduced, 60 of 60\n+3 diverged, 1 censored",
        "mostly reproduced, 45 of 60\n+3 diverged, 1 censored",
        "undecided, 31 of 60\n+3 diverged, 1 censored; needs 140",
        "not reproduced, 3 of 60\n+3 diverged, 1 censored",
        "undecided, 0 of 0\n+60 diverged",
    ]
    assert [text for text in written(effects) if text] == [
        "epoch of point 2\n2402 [2290, 2519] epochs; paper 2402 (percentile 48)",
        "p = 0.0034; change of accuracy\n0.0756 [0.05, 0.1]",
    ]


def test_each_verdict_that_occurs_is_told_by_shape_in_the_key(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, CLAIMS)
    (legend,) = picture.subfigs[1].legends
    assert [text.get_text() for text in legend.get_texts()] == [*LOOKS, "the paper's single seed"]
    looks = {(look.marker, look.filled) for look in LOOKS.values()}
    assert len(looks) == len(LOOKS)


@pytest.mark.parametrize("count", [1, 30, 45])
def test_a_page_holds_all_claims(tmp_path: Path, count: int) -> None:
    statement = "On the optimised polyline train error is nearly 0 and the gradient norm falls. " * 2
    claims = [
        {
            **CLAIMS[number % 5],
            "claim": f"P9-without-decay-{number}",
            "statement": statement,
            "paper": "MP"[number > 20],
        }
        for number in range(count)
    ]
    picture = picture_of(tmp_path, claims)
    assert_on_the_page(picture)
    assert_without_noise(picture)
    width, height = picture.get_size_inches()
    assert height / width < 297 / 190  # a page with margins at the sides
    names, statements, shares, verdicts, effects = picture.subfigs[0].axes
    for axes in (names, statements, verdicts, effects):
        assert_apart(boxes_of(picture, [text for text in axes.texts if text.get_text()]))
    right = max(box.x1 for box in boxes_of(picture, names.texts))
    assert right < min(box.x0 for box in boxes_of(picture, statements.texts))
    assert max(box.x1 for box in boxes_of(picture, statements.texts)) < shares.get_window_extent().x0


@pytest.mark.parametrize("file", ["claims.csv", "claims_numbers.csv"])
def test_a_damaged_table_is_named(tmp_path: Path, file: str) -> None:
    tables = write(tmp_path, CLAIMS)
    (tmp_path / file).write_text("claim\nM1\n")
    with pytest.raises(ArtifactError, match=rf"{file}: expected the columns"):
        draw(Figure(kind="claims"), tables, "")
