"""The forest plot of all claims: every row is what the tables say, and 45 of them fit on the page."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from layouts import assert_apart, assert_on_the_page, assert_without_noise, boxes_of
from matplotlib.axes import Axes

from grokflow.artifacts.provenance import write_provenance
from grokflow.claims import CRITERIA
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
    {"claim": "M1", "number": "validation error at point 1", "median": 0.6, "low": 0.5, "high": 0.7},
    {"claim": "M1", "number": "epoch of point 1", "median": 600, "low": 570, "high": 610, "paper": 585},
    {"claim": "M2", "number": "epoch of point 2", "median": float("inf"), "seeds": 3, "paper": 2402},
    {
        "claim": "P1",
        "number": "t",
        "median": None,
        "seeds": 0,
        "paper": 0.5,
        "percentile": None,
        "unit": None,
    },
    {"claim": "P5", "number": "change of accuracy", "median": 0.0756, "low": 0.05, "high": 0.1, "unit": None},
]


def write(
    root: Path, claims: list[dict[str, Any]], numbers: list[dict[str, Any]] = NUMBERS
) -> dict[str, str]:
    """The tables of the claims, by name."""
    rows = [{**NUMBER, "percentile": 48.4 if "paper" in number else None, **number} for number in numbers]
    pd.DataFrame([{**USUAL, **claim} for claim in claims]).to_csv(root / "claims.csv", index=False)
    pd.DataFrame(rows).to_csv(root / "claims_numbers.csv", index=False)
    return {"claims": str(root / "claims.csv"), "numbers": str(root / "claims_numbers.csv")}


def picture_of(root: Path, claims: list[dict[str, Any]], numbers: list[dict[str, Any]] = NUMBERS) -> Any:
    """The forest plot."""
    return draw(Figure(kind="claims"), write(root, claims, numbers), "")


def written(axes: Axes) -> str:
    """What is written in a column, its lines joined."""
    return " ".join(text.get_text().replace("\xa0", " ") for text in axes.texts)


def test_a_claim_is_its_share_with_its_interval_beside_the_papers_seed(tmp_path: Path) -> None:
    control = {**CLAIMS[0], "claim": "M1-without-zero"}
    claims = [*CLAIMS[:1], control, *CLAIMS[1:]]
    picture = picture_of(tmp_path, claims)
    shares = picture.subfigs[0].axes[2]
    drawn = {str(line.get_label()): line for line in shares.lines}
    papers = [line for line in shares.lines if line.get_label() == "paper"]
    assert [list(line.get_xdata()) for line in papers] == [[1]] * 5  # no paper showed the control
    for claim, paper in zip(CLAIMS[:4], papers, strict=False):
        share, interval = drawn[f"share {claim['claim']}"], drawn[f"interval {claim['claim']}"]
        assert list(share.get_xdata()) == [claim["holding"] / 60]
        assert list(interval.get_xdata()) == [claim["low"], claim["high"]]
        assert list(interval.get_ydata()) == [paper.get_ydata()[0]] * 2
        look = LOOKS[claim["verdict"]]
        assert share.get_marker() == look.marker
        assert (share.get_markerfacecolor() == "white") == (not look.filled)
    assert "share M1-without-zero" in drawn
    assert "share P6" not in drawn
    assert written(shares) == "none judged"
    assert {line.get_xdata()[0] for label, line in drawn.items() if label.startswith("limit")} == {0.5, 0.9}
    rows = [line.get_ydata()[0] for line in papers]
    assert rows == sorted(set(rows))


def test_verdicts_stand_in_words(tmp_path: Path) -> None:
    names, statements, _, verdicts, *_ = picture_of(tmp_path, CLAIMS).subfigs[0].axes
    assert written(names) == "M1 M2 P1 P5 P6 Paper M Paper P"
    assert written(statements) == "The setup groks." + " The same as M1, of another setup." * 4
    assert written(verdicts) == (
        "reproduced 60 of 60 not judged: 3 diverged, 1 censored "
        "mostly reproduced 45 of 60 not judged: 3 diverged, 1 censored "
        "undecided 31 of 60 140 seeds would decide not judged: 3 diverged, 1 censored "
        "not reproduced 3 of 60 not judged: 3 diverged, 1 censored "
        "undecided 0 of 0 not judged: 60 diverged"
    )


def test_the_effect_and_every_number_that_the_paper_printed_stand_beside_their_percentile(
    tmp_path: Path,
) -> None:
    *_, effects, percentiles = picture_of(tmp_path, CLAIMS).subfigs[0].axes
    assert written(effects) == (
        "epoch of point 2: 2402 [2290, 2519] epochs; paper 2402 "
        "epoch of point 1: 600 [570, 610] epochs; paper 585 "
        "epoch of point 2: ∞ epochs; paper 2402 "
        "t: none; paper 0.5 "
        "change of accuracy: 0.0756 [0.05, 0.1] test at collapses: p = 0.0034"
    )
    marks = {line.get_label(): line for line in percentiles.lines if line.get_label() != "row"}
    assert {label: list(line.get_xdata()) for label, line in marks.items()} == {
        "M1: epoch of point 2": [48.4],
        "M1: epoch of point 1": [48.4],
        "M2: epoch of point 2": [48.4],
    }
    heights = {text.get_text().partition(":")[0]: text.get_position()[1] for text in effects.texts}
    assert marks["M1: epoch of point 1"].get_ydata()[0] == pytest.approx(heights["epoch of point 1"])
    assert written(percentiles) == "48 48 48 no seed"
    notes = picture_of(tmp_path, CLAIMS).subfigs[1].texts
    assert notes[-1].get_text() == "No interval is given of a median over fewer than 6 seeds."


def test_each_verdict_that_occurs_is_told_by_shape_in_the_key(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, CLAIMS)
    verdicts, paper = picture.subfigs[1].legends
    assert [text.get_text() for text in verdicts.get_texts()] == [
        "reproduced: 1 claim",
        "mostly reproduced: 1 claim",
        "undecided: 2 claims",
        "not reproduced: 1 claim",
    ]
    assert paper.get_texts()[0].get_text() == "the paper's single seed, which showed it"
    looks = {(look.marker, look.filled) for look in LOOKS.values()}
    assert len(looks) == len(LOOKS)


def test_a_page_holds_the_registered_claims(tmp_path: Path) -> None:
    """All of them, and those of paper P that are judged for one layer too."""
    again = [name for name in CRITERIA if name in ("P4", "P5", "P6", "P7", "P8")]
    claims, numbers = [], []
    for claim in [*CRITERIA, *(f"{name}-1layer" for name in again)]:
        criterion = CRITERIA[claim.removesuffix("-1layer")]
        told = {"claim": claim, "paper": claim[0], "statement": criterion.statement}
        claims.append({**CLAIMS[1], **told, "p": 0.01 if criterion.tested else None})
        for number in criterion.numbers:
            values = {"median": 0.1234, "low": 0.1111, "high": 0.1999, "unit": number.unit}
            numbers.append({"claim": claim, "number": number.name, "paper": number.paper, **values})
    picture = picture_of(tmp_path, claims, numbers)
    width, height = picture.get_size_inches()
    assert height / width < 297 / 190  # A4 with margins at the sides
    printed = [number for number in numbers if number["paper"] is not None]
    marks = [line for line in picture.subfigs[0].axes[5].lines if line.get_marker() == "D"]
    assert len(marks) == len(printed) >= 8


@pytest.mark.parametrize("count", [1, 37])
def test_every_word_stands_apart_in_its_column(tmp_path: Path, count: int) -> None:
    statement = "On the optimised polyline train error is nearly 0 and the gradient norm falls, {}."
    claims = [
        {
            **CLAIMS[number % 5],
            "claim": f"P9-without-decay-{number}" if number % 5 else f"M{number}",
            "statement": statement.format(number),
            "paper": "MP"[number > 20],
        }
        for number in range(count)
    ]
    numbers = [
        {**number, "claim": claim["claim"], "number": "t of the lowest validation error on the curve"}
        for claim in claims
        for number in NUMBERS[: 1 + 2 * (claim["claim"] == "M5")]
    ]
    picture = picture_of(tmp_path, claims, numbers)
    assert_on_the_page(picture)
    assert_without_noise(picture)
    columns = picture.subfigs[0].axes
    assert "falls, 0." in written(columns[1])
    boxes = [boxes_of(picture, [text for text in axes.texts if text.get_text()]) for axes in columns]
    for texts in boxes:
        assert_apart(texts)
    for texts, following in pairwise([boxes[0], boxes[1], boxes[3], boxes[4]]):
        assert max(box.x1 for box in texts) < min(box.x0 for box in following)
    for place in (1, 4):
        assert max(box.x1 for box in boxes[place]) < columns[place + 1].get_window_extent().x0
    assert max(box.x1 for box in boxes[5]) < picture.bbox.x1


@pytest.mark.parametrize("file", ["claims.csv", "claims_numbers.csv"])
def test_a_damaged_table_is_named(tmp_path: Path, file: str) -> None:
    tables = write(tmp_path, CLAIMS)
    (tmp_path / file).write_text("claim\nM1\n")
    with pytest.raises(ArtifactError, match=rf"{file}: expected the columns"):
        draw(Figure(kind="claims"), tables, "")


@pytest.mark.parametrize("miniature", [False, True])
def test_the_claims_of_a_miniature_are_drawn_without_a_paper(miniature: bool, tmp_path: Path) -> None:
    shown = write(tmp_path, CLAIMS, [{**number, "paper": None} for number in NUMBERS])
    about = {"miniature": True} if miniature else {}
    write_provenance(tmp_path / "claims.provenance.json", [*shown.values()], {"claims": {}, **about})
    picture = draw(Figure(kind="claims"), shown, "")
    visible = [axes for axes in picture.get_axes() if axes.get_visible()]
    marks = [line for axes in visible for line in axes.lines if line.get_label() == "paper"]
    assert len(marks) == (0 if miniature else len(CLAIMS))
    texts = [text.get_text() for part in picture.subfigs for text in part.texts]
    texts += [text.get_text() for axes in visible for text in (*axes.texts, axes.title)]
    texts += [
        text.get_text() for part in picture.subfigs for legend in part.legends for text in legend.get_texts()
    ]
    assert any("paper" in text.lower() for text in texts) != miniature
    assert ("miniature" in picture.get_suptitle()) == miniature
