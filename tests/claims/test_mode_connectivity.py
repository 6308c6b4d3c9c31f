"""Every criterion just inside and just outside its threshold, the verdicts, and the written table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grokflow.artifacts.columns import CLAIMS, METRICS
from grokflow.artifacts.results import PathResults, RunResults
from grokflow.claims import CRITERIA, SUBJECTS, Subject, judge, overview, write_claims
from grokflow.claims.criteria import Finding, Undecided
from grokflow.claims.table import verdict
from grokflow.config import Claim

Columns = dict[str, list[float]]

NOT_REACHED = {"point_1": "train error is 0.3", "point_2": "validation error is 0.4"}


def point(epoch: int, validation_error: float, train_error: float = 0.0) -> dict[str, float]:
    return {
        "epoch": epoch,
        "step": epoch,
        "train_error": train_error,
        "validation_error": validation_error,
    }


def make_run(folder: Path, point_1: dict | None, point_2: dict | None, final: dict) -> RunResults:
    points = {"initial": point(0, 1.0, 1.0), "point_1": point_1, "point_2": point_2, "final": final}
    reasons = {name: NOT_REACHED[name] for name in ("point_1", "point_2") if points[name] is None}
    content = {**points, "reasons": reasons, "checkpoints": [], "diverged": None}
    folder.mkdir(parents=True)
    (folder / "points.json").write_text(json.dumps(content))
    return RunResults(folder)


def make_path(folder: Path, columns: Columns | None) -> PathResults:
    """A path measured at even t unless `columns` has its own; None: a skipped path."""
    folder.mkdir(parents=True)
    metrics = pd.DataFrame(columns=METRICS)
    if columns is not None:
        count = len(next(iter(columns.values())))
        metrics = pd.DataFrame({"t": [i / (count - 1) for i in range(count)], **columns})
        assert set(columns) <= set(METRICS)
    metrics.reindex(columns=METRICS).to_csv(folder / "metrics.csv", index=False)
    ends = {end: {"seed": 0, "point": point, "epoch": None} for end, point in ENDS.items()}
    skipped = "seed 0 has no point_2" if columns is None else None
    record = {"kind": "segment", "skipped": skipped, **ends, "control_points": []}
    record |= {"converged": None, "fit_epochs": None}
    (folder / "path.json").write_text(json.dumps(record))
    return PathResults(folder)


ENDS = {"from": "point_1", "to": "point_2"}


def holds(claim: str, *results: RunResults | PathResults) -> bool:
    finding = CRITERIA[claim].judge(*results)
    assert type(finding.holds) is bool
    assert finding.measured
    return finding.holds


@pytest.mark.parametrize(
    ("epochs", "error", "expected"),
    [
        ((100, 200), 0.5, True),
        ((585, 2402), 0.9, True),
        ((100, 199), 0.5, False),
        ((100, 200), 0.49, False),
    ],
)
def test_m1_point_2_twice_as_late_and_nothing_general_at_point_1(
    epochs: tuple[int, int], error: float, expected: bool, tmp_path: Path
) -> None:
    first, second = epochs
    run = make_run(tmp_path / "0", point(first, error), point(second, 0), point(second, 0))
    assert holds("M1", run) == expected


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((point(100, 0.9), None, point(6000, 0.5)), True),
        ((point(100, 0.9), None, point(6000, 0.49)), False),
        ((point(100, 0.9), point(5000, 0), point(6000, 0)), False),
        ((point(100, 0.9), point(5000, 0), point(6000, 0.6)), False),
    ],
)
def test_m2_without_decay_memorised_and_never_general(without: tuple, expected: bool, tmp_path: Path) -> None:
    with_decay = make_run(tmp_path / "with", point(585, 0.9), point(2400, 0), point(2500, 0))
    assert holds("M2", make_run(tmp_path / "without", *without), with_decay) == expected


def test_m2_is_undecided_when_too_few_epochs_were_trained_without_decay(tmp_path: Path) -> None:
    with_decay = make_run(tmp_path / "with", point(585, 0.9), point(2400, 0), point(2500, 0))
    without = make_run(tmp_path / "without", point(100, 0.9), None, point(1000, 0.9))
    with pytest.raises(Undecided, match="1000 epochs only"):
        holds("M2", without, with_decay)


@pytest.mark.parametrize(
    ("train_error", "expected"),
    [
        ([0, 0, 0.01, 0, 0], True),
        ([0, 0, 0.0099, 0, 0], False),
        ([0.002, 0.013, 0, 0, 0], True),
        ([0, 0, 0.013, 0, 0.004], False),
        ([0, 0, 0, 0, 0], False),
        ([0.5, 0.2, 0.1, 0, 0], False),
    ],
)
def test_m3_a_hump_inside_above_both_ends(train_error: list[float], expected: bool, tmp_path: Path) -> None:
    assert holds("M3", make_path(tmp_path / "0", {"train_error": train_error})) == expected


@pytest.mark.parametrize(
    ("validation_error", "expected"),
    [
        ([0.9, 0.6, 0.3, 0.1, 0], True),
        ([0.9, 0.6, 0.609, 0.3, 0], True),
        ([0.9, 0.6, 0.611, 0.3, 0], False),
        ([0.9, 0.605, 0.6, 0.609, 0], True),
        ([0.9, 0.5, 0.505, 0.509, 0.512], False),  # creeping up by small steps is a rise too
        ([0.9, 0.9, 0.9, 0.9, 0.9], False),
        ([0, 0.002, 0.004, 0.006, 0.008], False),
    ],
)
def test_m4_validation_error_falls_all_the_way(
    validation_error: list[float], expected: bool, tmp_path: Path
) -> None:
    path = make_path(tmp_path / "0", {"validation_error": validation_error})
    assert holds("M4", path) == expected


@pytest.mark.parametrize(
    ("gradient_norm", "expected"),
    [([0.75, 2, 0.075], True), ([0.75, 0.01, 0.0751], False), ([0.75, 0.4, 0.0], True)],
)
def test_m5_gradient_vanishes_at_the_end(gradient_norm: list[float], expected: bool, tmp_path: Path) -> None:
    assert holds("M5", make_path(tmp_path / "0", {"gradient_norm": gradient_norm})) == expected


@pytest.mark.parametrize(("train_error", "expected"), [([0, 0, 0, 0], True), ([0, 0, 1 / 3724, 0], False)])
def test_m6_no_train_error_at_all_on_the_chain(
    train_error: list[float], expected: bool, tmp_path: Path
) -> None:
    assert holds("M6", make_path(tmp_path / "0", {"train_error": train_error})) == expected


def chain(loss: list[float], norm: list[float]) -> Columns:
    """Three segments; the middle one changes wildly after its first knot and must not matter."""

    def with_knot(values: list[float]) -> list[float]:
        return [*values[:2], values[1], *values[2:]]

    return {
        "segment": [0, 0, 1, 1, 1, 2, 2],
        "train_loss_l2": with_knot(loss),
        "gradient_norm": with_knot(norm),
    }


def test_m7_counts_the_knot_that_ends_the_first_segment(tmp_path: Path) -> None:
    values = [2.0, 1.9, 1.5, 9.0, 1.0, 0.9]
    columns = {"segment": [0, 0, 1, 1, 2, 2], "train_loss_l2": values, "gradient_norm": values}
    assert holds("M7", make_path(tmp_path / "0", columns))


@pytest.mark.parametrize(
    ("loss", "norm", "expected"),
    [
        ([2, 1.5, 9, 0, 1, 0.9], [5, 0, 9, 0, 1, 0], True),
        ([2, 1.5, 9, 0, 1, 0.899], [5, 0, 9, 0, 1, 0], False),
        ([2, 1.5, 9, 0, 1, 0.9], [4.99, 0, 9, 0, 1, 0], False),
        ([1.5, 2, 9, 0, 1, 1], [0, 1, 9, 0, 3, 3], True),
    ],
)
def test_m7_changes_on_the_first_segment_not_on_the_last(
    loss: list[float], norm: list[float], expected: bool, tmp_path: Path
) -> None:
    assert holds("M7", make_path(tmp_path / "0", chain(loss, norm))) == expected


def test_m7_cannot_be_judged_on_one_segment(tmp_path: Path) -> None:
    columns = {"segment": [0, 0], "train_loss_l2": [1, 2], "gradient_norm": [1, 2]}
    with pytest.raises(Undecided, match="one segment"):
        CRITERIA["M7"].judge(make_path(tmp_path / "0", columns))


POLYLINE = {
    "train_error": [0, 0.01, 0.01, 0, 0],
    "gradient_norm": [1, 3, 0.2, 0.4, 0.5],
    "validation_error": [0.9, 0.5, 0.01, 0.005, 0],  # its plateau begins at 0.5
}
SEGMENT = {"validation_error": [0.9, 0.6, 0.02, 0.01, 0]}  # at 0.75


@pytest.mark.parametrize(
    ("changed", "segment", "expected"),
    [
        ({}, SEGMENT, True),
        ({"train_error": [0, 0.0101, 0, 0, 0]}, SEGMENT, False),
        ({"gradient_norm": [1, 3, 0.2, 0.4, 0.501]}, SEGMENT, False),
        ({"validation_error": [0.9, 0.5, 0.0101, 0.005, 0]}, SEGMENT, False),
        ({"validation_error": [0.9, 0.001, 0.001, 0.02, 0]}, SEGMENT, False),
        ({}, {"validation_error": [0.9, 0.6, 0.01, 0.01, 0]}, False),
        ({}, {"validation_error": [0.9, 0.6, 0.5, 0.4, 0.3]}, True),  # the segment never gets there
        ({"validation_error": [0.9, 0.6, 0.5, 0.4, 0.3]}, SEGMENT, False),
        ({"validation_error": [0, 0, 0, 0, 0]}, SEGMENT, True),
    ],
)
def test_m8_the_polyline_generalises_before_the_segment(
    changed: Columns, segment: Columns, expected: bool, tmp_path: Path
) -> None:
    polyline = make_path(tmp_path / "polyline", {**POLYLINE, **changed})
    assert holds("M8", polyline, make_path(tmp_path / "segment", segment)) == expected


def dip(at: float, depth: float, train: float = 0.01) -> Columns:
    """Validation error 0.8 and 0.6 at the ends and `depth` at `at`."""
    return {
        "t": [0, 0.2, at, 0.8, 1],
        "train_error": [0, train, 0, 0, 0],
        "validation_error": [0.8, 0.7, depth, 0.7, 0.6],
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (dip(0.5, 0.3), True),
        (dip(0.5, 0.301), False),
        (dip(0.5, 0.1, train=0.0101), False),
        (dip(0.36, 0.1), True),
        (dip(0.64, 0.1), True),
        (dip(0.34, 0.1), False),
        (dip(0.66, 0.1), False),
        (dip(21 / 60, 0.1), True),
        (dip(39 / 60, 0.1), True),
    ],
)
def test_m9_a_deep_minimum_in_the_middle(columns: Columns, expected: bool, tmp_path: Path) -> None:
    assert holds("M9", make_path(tmp_path / "0-1", columns)) == expected


STAYS = {
    "train_error": [0, 0.01, 0, 0],
    "validation_error": [0, 0.05, 0.03, 0],
    "train_loss_l2": [1.0, 0.75, 1.25, 0.9],
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"train_error": [0, 0.0101, 0, 0]}, False),
        ({"validation_error": [0, 0.051, 0, 0]}, False),
        ({"train_loss_l2": [1.0, 0.75, 1.251, 0.9]}, False),
        ({"train_loss_l2": [0.9, 0.75, 1.251, 1.01]}, True),  # relative to the larger end
        ({"train_loss_l2": [1.0, 0.49, 1.0, 1.0]}, False),
    ],
)
def test_m10_nothing_changes_much_between_two_general_points(
    changed: Columns, expected: bool, tmp_path: Path
) -> None:
    assert holds("M10", make_path(tmp_path / "0-1", {**STAYS, **changed})) == expected


def hills(left: float, right: float, *, ends: float = 1.0, middle: float = 1.0, places=(2, 8)) -> Columns:
    """A gradient norm on t = 0, 0.1, … 1 that is flat but for two hills."""
    norm = [0.9 * ends] * 11
    norm[0] = norm[10] = ends
    norm[5] = middle
    norm[places[0]], norm[places[1]] = left, right
    return {"gradient_norm": norm}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (hills(1.5, 1.5), True),
        (hills(1.11, 1.5), True),
        (hills(1.09, 1.5), False),
        (hills(1.5, 1.09), False),
        (hills(1.2, 1.79), True),
        (hills(1.2, 1.81), False),
        (hills(1.81, 1.2), False),
        (hills(1.5, 1.5, middle=1.36), True),
        (hills(1.5, 1.5, middle=1.37), False),
        (hills(1.5, 1.5, places=(2, 9)), True),
        (hills(1.5, 1.5, places=(1, 6)), False),
        (hills(1.5, 1.5, places=(4, 9)), False),
        (hills(1.0, 1.0), False),
    ],
)
def test_m11_two_hills_alike_and_symmetric(columns: Columns, expected: bool, tmp_path: Path) -> None:
    assert holds("M11", make_path(tmp_path / "0-1", columns)) == expected


def test_every_claim_of_paper_m_has_a_criterion() -> None:
    assert [name for name in CRITERIA if name.startswith("M")] == [f"M{i}" for i in range(1, 12)]
    for name, criterion in CRITERIA.items():
        if criterion.paper != "M":
            continue
        assert criterion.id == name
        assert criterion.figure.startswith("M-fig")
        assert criterion.statement.endswith(".")
        assert criterion.threshold
        assert SUBJECTS[name] is criterion.subject
        assert criterion.subject in {
            Subject("run"), Subject("path"), Subject("run", "run"), Subject("path", "path"),
        }  # fmt: skip


OF_PATHS = [name for name, subject in SUBJECTS.items() if subject.kind == "path"]


@pytest.mark.parametrize("claim", OF_PATHS)
def test_a_skipped_path_leaves_its_claim_undecided(claim: str, tmp_path: Path) -> None:
    make_path(tmp_path / "skipped" / "0", None)
    against = "skipped" if SUBJECTS[claim].against else None
    places = {"runs": {}, "paths": {"skipped": {"0": str(tmp_path / "skipped" / "0")}}}
    (row,) = judge({claim: Claim(path="skipped", against=against)}, places).itertuples()
    assert row.measured == "seed 0: seed 0 has no point_2"
    assert (row.verdict, row.seeds_holding, row.seeds_total) == ("inconclusive", 0, 1)


def test_a_skipped_path_to_compare_with_does_so_too(tmp_path: Path) -> None:
    make_path(tmp_path / "polyline" / "0", POLYLINE)
    make_path(tmp_path / "segment" / "0", None)
    places = {"paths": {name: {"0": str(tmp_path / name / "0")} for name in ("polyline", "segment")}}
    (row,) = judge({"M8": Claim(path="polyline", against="segment")}, places).itertuples()
    assert (row.measured, row.verdict) == ("seed 0: seed 0 has no point_2", "inconclusive")


@pytest.mark.parametrize(
    ("point_1", "point_2", "why"),
    [(None, None, "no point 1: train error is 0.3"), (point(9, 0.9), None, "no point 2: valid")],
)
def test_a_run_without_its_point_leaves_m1_undecided(
    point_1: dict | None, point_2: dict | None, why: str, tmp_path: Path
) -> None:
    with pytest.raises(Undecided, match=why):
        CRITERIA["M1"].judge(make_run(tmp_path / "0", point_1, point_2, point(99, 0.9)))


def test_m2_is_undecided_unless_the_run_with_decay_groks_and_the_other_memorises(
    tmp_path: Path,
) -> None:
    memorised = make_run(tmp_path / "memorised", point(9, 0.9), None, point(99, 0.9))
    learnt_nothing = make_run(tmp_path / "nothing", None, None, point(99, 0.9, 0.3))
    groks = make_run(tmp_path / "groks", point(9, 0.9), point(90, 0), point(99, 0))
    with pytest.raises(Undecided, match="no point 2"):
        CRITERIA["M2"].judge(memorised, memorised)
    with pytest.raises(Undecided, match="no point 1"):
        CRITERIA["M2"].judge(learnt_nothing, groks)


YES, NO, OPEN = Finding(True, ""), Finding(False, ""), None


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([YES], "reproduced"),
        ([YES, YES, YES], "reproduced"),
        ([NO], "not reproduced"),
        ([NO, NO, NO], "not reproduced"),
        ([YES, NO], "not reproduced"),
        ([YES, NO, NO], "not reproduced"),
        ([YES, YES, NO], "inconclusive"),
        ([YES, YES, OPEN], "reproduced"),
        ([NO, NO, OPEN], "not reproduced"),
        ([YES, OPEN], "reproduced"),
        ([YES, OPEN, OPEN], "inconclusive"),
        ([NO, OPEN, OPEN], "inconclusive"),
        ([OPEN], "inconclusive"),
        ([], "inconclusive"),
    ],
)
def test_verdict_weighs_the_seeds_that_could_be_judged(findings: list[Finding | None], expected: str) -> None:
    assert verdict(findings) == expected


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Any]:
    """Two seeds that grok, one that does not, and their paths; the third path is skipped."""
    for seed in "01":
        make_run(tmp_path / "groks" / seed, point(100, 0.9), point(900, 0), point(999, 0))
        make_run(tmp_path / "plain" / seed, point(90, 0.9), None, point(999, 0.9))
        make_path(tmp_path / "segment" / seed, {**POLYLINE, **SEGMENT})
        make_path(tmp_path / "polyline" / seed, POLYLINE)
    make_run(tmp_path / "groks" / "2", point(100, 0.9), None, point(999, 0.9))
    make_run(tmp_path / "plain" / "2", point(90, 0.9), None, point(999, 0.9))
    make_path(tmp_path / "segment" / "2", None)
    make_path(tmp_path / "between" / "0-1", STAYS)

    def folders(name: str) -> dict[str, str]:
        return {path.name: str(path) for path in sorted((tmp_path / name).iterdir())}

    return {
        "runs": {name: folders(name) for name in ("groks", "plain")},
        "paths": {name: folders(name) for name in ("segment", "polyline", "between")},
    }


ASKED = {
    "M1": Claim(run="groks"),
    "M2": Claim(run="plain", against="groks"),
    "M4": Claim(path="segment"),
    "M8": Claim(path="polyline", against="segment"),
    "M10": Claim(path="between"),
    "M4-again": Claim(claim="M4", path="segment"),
}


def test_every_claim_is_judged_on_every_seed(places: dict) -> None:
    rows = judge(ASKED, places)
    assert list(rows.columns) == CLAIMS
    assert rows["claim"].tolist() == list(ASKED)
    found = rows.set_index("claim")
    assert found["seeds_total"].to_dict() == {
        "M1": 3, "M2": 3, "M4": 3, "M8": 2, "M10": 1, "M4-again": 3,
    }  # fmt: skip
    assert found["seeds_holding"].to_dict() == {
        "M1": 2, "M2": 2, "M4": 2, "M8": 2, "M10": 1, "M4-again": 2,
    }  # fmt: skip
    assert set(found["verdict"]) == {"reproduced"}
    assert found["paper"].tolist() == ["M"] * 6
    assert found.loc["M4-again", "statement"] == CRITERIA["M4"].statement
    assert found.loc["M8", "threshold"] == CRITERIA["M8"].threshold
    assert found.loc["M10", "figure"] == "M-fig7"


def test_measured_names_every_seed_and_why_it_is_undecided(places: dict) -> None:
    found = judge(ASKED, places).set_index("claim")["measured"]
    assert found["M1"].startswith("seed 0: epochs 100 and 900, validation error 0.900 at point 1; seed 1: ")
    assert found["M1"].endswith("seed 2: no point 2: validation error is 0.4")
    assert found["M4"].endswith("seed 2: seed 0 has no point_2")
    assert found["M10"].startswith("seeds 0-1: ")


def test_a_seed_without_its_counterpart_is_undecided(places: dict) -> None:
    del places["paths"]["segment"]["1"]
    (row,) = judge({"M8": ASKED["M8"]}, places).itertuples()
    assert (row.seeds_holding, row.seeds_total) == (1, 2)
    assert "seed 1: segment has no such seed to compare with" in row.measured


def test_the_table_is_written_for_machines_and_for_readers(places: dict, tmp_path: Path) -> None:
    rows = judge(ASKED, places)
    csv, markdown = tmp_path / "claims.csv", tmp_path / "claims.md"
    write_claims(rows, csv=csv, markdown=markdown)
    pd.testing.assert_frame_equal(pd.read_csv(csv), rows, check_dtype=False)
    text = markdown.read_text(encoding="utf-8")
    for row in rows.itertuples():
        line = f"| {row.claim} | **{row.verdict}** | {row.seeds_holding} of {row.seeds_total} | "
        assert line + row.statement in text
        assert f"## {row.claim}: {row.verdict}" in text
        assert row.threshold in text
    assert "\n  - seed 0: epochs 100 and 900" in text
    assert "\n  - seed 2: no point 2: validation error is 0.4\n" in text
    assert "\n  - seed 2: seed 0 has no point_2\n" in text


def test_the_overview_has_a_short_line_for_each_claim(places: dict[str, Any], tmp_path: Path) -> None:
    rows = judge(ASKED, places)
    rows.loc[rows["claim"] == "M2", "verdict"] = "inconclusive"
    write_claims(rows, csv=tmp_path / "claims.csv", markdown=tmp_path / "claims.md")
    first, *lines = overview(tmp_path / "claims.csv").splitlines()
    assert first.endswith(": 5 reproduced, 1 inconclusive.")
    assert [line.split()[0] for line in lines] == list(ASKED)
    assert lines[1].startswith("  M2        inconclusive  2 of 3  Without the regulariser")
    assert lines[4].startswith("  M10       reproduced    1 of 1  On the polyline")
    assert lines[3].endswith(" …")
    assert max(map(len, lines)) <= 110


def test_no_claims_make_an_empty_table(tmp_path: Path) -> None:
    rows = judge({}, {"runs": {}, "paths": {}})
    write_claims(rows, csv=tmp_path / "claims.csv", markdown=tmp_path / "claims.md")
    assert (tmp_path / "claims.csv").read_text().split() == [",".join(CLAIMS)]
    assert overview(tmp_path / "claims.csv") == "No claims were asked for."
