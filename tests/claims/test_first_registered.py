"""Every criterion as first registered on both sides of its first bounds, and the first rule of verdicts."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from made import (
    LENGTH,
    STARTS,
    Columns,
    Member,
    Results,
    falling,
    make_path,
    make_run,
    members_of,
    point,
)

from grokflow.artifacts.results import RunResults
from grokflow.claims import CRITERIA, judge, tabulate
from grokflow.claims.criteria import NotJudged
from grokflow.claims.first_registered import CHANCE, CHANGED, FIRST, UNCHANGED, first_verdict
from grokflow.config import Claim

CHANCE_EPOCHS = round(CHANCE * LENGTH)
"""Length of a collapse over which a single step coincides at just as many positions as are chance."""


def held(claim: str, *results: Results) -> bool:
    found = CHANGED[claim](*results)
    assert type(found) is bool
    return found


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([True], "reproduced"),
        ([True, True, True], "reproduced"),
        ([False], "not reproduced"),
        ([False, False, False], "not reproduced"),
        ([True, False], "not reproduced"),
        ([True, False, False], "not reproduced"),
        ([True, True, False], "inconclusive"),
        ([True, True, None], "reproduced"),
        ([False, False, None], "not reproduced"),
        ([True, None], "reproduced"),
        ([True, None, None], "inconclusive"),
        ([False, None, None], "inconclusive"),
        ([None], "inconclusive"),
        ([], "inconclusive"),
    ],
)
def test_the_first_verdict_needed_every_judged_seed(findings: list[bool | None], expected: str) -> None:
    assert first_verdict(findings) == expected


def test_claims_that_were_made_at_first_are_those_of_which_the_page_of_registration_says_so() -> None:
    page = (Path(__file__).parents[2] / "docs/registration.md").read_text(encoding="utf-8")
    said = re.findall(r"^### (\S+)\n[^#]*^- First registered: (.+)$", page, re.MULTILINE)
    assert {claim for claim, first in said if first != "There was none."} == FIRST
    assert UNCHANGED.isdisjoint(CHANGED)
    for claim, first in said:
        if claim in UNCHANGED:
            assert re.match("Unchanged|The criterion is unchanged|The statement said", first), claim


def test_a_claim_that_is_registered_later_has_no_first_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = dataclasses.replace(CRITERIA["P4"], id="P10")
    monkeypatch.setitem(CRITERIA, "P10", later)
    make_run(tmp_path / "0", point_1=point(50, 0.9), point_2=point(190))
    places = {"runs": {"run": {"0": str(tmp_path / "0")}}}
    tables = tabulate(judge({"P4": Claim(run="run"), "P10": Claim(run="run")}, places))
    assert tables.claims["as_first_registered"].fillna("none").tolist() == ["reproduced", "none"]
    assert tables.seeds["as_first_registered"].fillna("none").tolist() == ["holds", "none"]


# Grokking


@pytest.mark.parametrize("claim", ["M1", "P1", "P4"])
@pytest.mark.parametrize(
    ("first", "second", "error", "expected"),
    [(100, 200, 0.5, True), (20, 190, 0.9, True), (100, 199, 0.5, False), (100, 200, 0.499, False)],
)
def test_point_2_twice_as_late_and_nothing_general_at_point_1(
    claim: str, first: int, second: int, error: float, expected: bool, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "0", point_1=point(first, error), point_2=point(second))
    assert held(claim, run) == expected


def test_a_run_without_point_2_was_undecided_in_m1_and_failed_in_p1(tmp_path: Path) -> None:
    """The fault for which one rule took the place of both."""
    long = make_run(tmp_path / "long", point_1=point(100, 0.9))
    short = make_run(tmp_path / "short", point_1=point(100, 0.9), final=point(199, 0.3))
    for claim in ("P1", "P4"):
        assert not held(claim, long)
        with pytest.raises(NotJudged):
            held(claim, short)
    for run in (long, short):
        with pytest.raises(NotJudged):
            held("M1", run)
    for claim in ("M1", "P1", "P4"):
        with pytest.raises(NotJudged):
            held(claim, make_run(tmp_path / claim))


@pytest.mark.parametrize(
    ("point_2", "final", "expected"),
    [
        (None, point(LENGTH, 0.5), True),
        (None, point(120, 0.9), True),
        (None, point(LENGTH, 0.499), False),
        (point(150), point(LENGTH, 0.9), False),
    ],
)
def test_m2_no_point_2_and_a_final_error_of_a_half(
    point_2: dict | None, final: dict, expected: bool, tmp_path: Path
) -> None:
    decays = make_run(tmp_path / "with", point_1=point(40, 0.9), point_2=point(120))
    run = make_run(tmp_path / "without", point_1=point(30, 0.9), point_2=point_2, final=final)
    assert held("M2", run, decays) == expected


def test_m2_needed_both_points_and_as_many_epochs(tmp_path: Path) -> None:
    decays = make_run(tmp_path / "with", point_1=point(40, 0.9), point_2=point(120))
    short = make_run(tmp_path / "short", point_1=point(30, 0.9), final=point(119, 0.9))
    memorised = make_run(tmp_path / "memorised", point_1=point(30, 0.9))
    unlearned = make_run(tmp_path / "unlearned")
    for run, against in ((short, decays), (unlearned, decays), (memorised, memorised)):
        with pytest.raises(NotJudged):
            held("M2", run, against)


# Paths


@pytest.mark.parametrize(
    ("claim", "columns", "expected"),
    [
        ("M3", {"train_error": [0, 0.01, 0]}, True),
        ("M3", {"train_error": [0, 0.0099, 0]}, False),
        ("M3", {"train_error": [0.002, 0.011, 0.002]}, False),
        ("M5", {"gradient_norm": [0.75, 2, 0.075]}, True),
        ("M5", {"gradient_norm": [0.75, 0.01, 0.0751]}, False),
        ("M6", {"train_error": [0, 0, 0]}, True),
        ("M6", {"train_error": [0, 1 / 3724, 0]}, False),
    ],
)
def test_m3_m5_m6(claim: str, columns: Columns, expected: bool, tmp_path: Path) -> None:
    assert held(claim, make_path(tmp_path / "0", columns)) == expected


@pytest.mark.parametrize(
    ("loss", "norm", "expected"),
    [
        ([2, 1.5, 9, 0, 1, 0.9], [5, 0, 9, 0, 1, 0], True),
        ([2, 1.5, 9, 0, 1, 0.899], [5, 0, 9, 0, 1, 0], False),
        ([2, 1.5, 9, 0, 1, 0.9], [4.99, 0, 9, 0, 1, 0], False),
        ([2, 1.5, 9, 0, 1, 1], [5, 0, 9, 0, 1, 1], True),
    ],
)
@pytest.mark.parametrize("last", [801, 900])
def test_m7_five_times_whatever_the_lengths_of_the_segments(
    loss: list[float], norm: list[float], expected: bool, last: int, tmp_path: Path
) -> None:
    """The middle segment changes wildly after its first knot, which ends the first segment."""
    loss, norm = ([*values[:2], values[1], *values[2:]] for values in (loss, norm))
    columns = {"segment": [0, 0, 1, 1, 1, 2, 2], "train_loss_l2": loss, "gradient_norm": norm}
    points = ("epoch 601", "epoch 700", "epoch 800", f"epoch {last}")
    assert held("M7", make_path(tmp_path / "0", columns, control_points=points)) == expected


def test_m7_needed_two_segments(tmp_path: Path) -> None:
    columns = {"segment": [0, 0], "train_loss_l2": [1, 2], "gradient_norm": [1, 2]}
    with pytest.raises(NotJudged):
        held("M7", make_path(tmp_path / "0", columns))


def test_m7_turned_on_where_the_points_fell(tmp_path: Path) -> None:
    """Why it is counted per epoch: five times the range, on a first segment of 100 epochs and a last of 4."""
    values = [2.0, 1.0, 1.0, 1.0, 0.5, 0.3]
    columns = {"segment": [0, 0, 1, 1, 2, 2], "train_loss_l2": values, "gradient_norm": values}
    points = ("epoch 600", "epoch 700", "epoch 800", "epoch 804")
    path = make_path(tmp_path / "0", columns, control_points=points)
    assert held("M7", path)
    assert not CRITERIA["M7"].judge(path).holds


POLYLINE = {
    "train_error": [0, 0.01, 0.01, 0, 0],
    "gradient_norm": [1, 3, 0.2, 0.4, 0.5],
    "validation_error": [0.9, 0.5, 0.01, 0.005, 0],  # its plateau begins at 0.5
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"train_error": [0, 0.0101, 0, 0, 0]}, False),
        ({"gradient_norm": [1, 3, 0.2, 0.4, 0.501]}, False),
        ({"validation_error": [0.9, 0.5, 0.0101, 0.005, 0]}, False),
        ({"validation_error": [0.9, 0.6, 0.5, 0.4, 0.3]}, False),
        ({"validation_error": [0, 0, 0, 0, 0]}, True),
    ],
)
def test_m8(changed: Columns, expected: bool, tmp_path: Path) -> None:
    segment = make_path(tmp_path / "segment", {"validation_error": [0.9, 0.6, 0.02, 0.01, 0]})
    assert held("M8", make_path(tmp_path / "polyline", {**POLYLINE, **changed}), segment) == expected


@pytest.mark.parametrize(
    ("at", "depth", "train", "expected"),
    [
        (0.5, 0.3, 0.01, True),
        (0.5, 0.301, 0.01, False),
        (0.5, 0.1, 0.0101, False),
        (21 / 60, 0.1, 0.01, True),
        (39 / 60, 0.1, 0.01, True),
        (0.34, 0.1, 0.01, False),
        (0.66, 0.1, 0.01, False),
    ],
)
def test_m9(at: float, depth: float, train: float, expected: bool, tmp_path: Path) -> None:
    columns = {
        "t": [0, 0.2, at, 0.8, 1],
        "train_error": [0, train, 0, 0, 0],
        "validation_error": [0.8, 0.7, depth, 0.7, 0.6],
    }
    assert held("M9", make_path(tmp_path / "0-1", columns)) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"train_error": [0, 0.0101, 0, 0]}, False),
        ({"validation_error": [0, 0.051, 0, 0]}, False),
        ({"train_loss_l2": [1.0, 0.75, 1.251, 0.9]}, False),
    ],
)
def test_m10(changed: Columns, expected: bool, tmp_path: Path) -> None:
    columns = {
        "train_error": [0, 0.01, 0, 0],
        "validation_error": [0, 0.05, 0.03, 0],
        "train_loss_l2": [1.0, 0.75, 1.25, 0.9],
        **changed,
    }
    assert held("M10", make_path(tmp_path / "0-1", columns)) == expected


# Sweeps

NEVER: Member = (0.1, 10, None, 0.9, 0.5)
GROKS: Member = (0.4, 50, 100, 0.1, 0.0)
AT_ONCE: Member = (0.9, 50, 99, 0.9, 0.0)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([NEVER, GROKS, AT_ONCE], True),
        ([AT_ONCE, GROKS, NEVER], True),
        ([(0.1, 10, None, 0.9, 0.499), GROKS, AT_ONCE], False),
        ([(0.1, 10, 300, 0.9, 0.5), GROKS, AT_ONCE], False),
        ([NEVER, (0.4, 50, 99, 0.9, 0.0), AT_ONCE], False),
        ([NEVER, (0.4, 50, None, 0.9, 0.2), AT_ONCE], False),
        ([NEVER, GROKS, (0.9, 50, 100, 0.02, 0.0)], False),  # whatever the error at point 1
        ([NEVER, GROKS, (0.9, 50, None, 0.1, 0.01)], False),
        ([NEVER, GROKS, (0.9, None, None, None, 0.9)], False),
        ([NEVER, AT_ONCE], False),
    ],
)
def test_p2_twice_decided_alone(members: list[Member], expected: bool, tmp_path: Path) -> None:
    assert held("P2", members_of(tmp_path / "0", "dataset.train_fraction", members)) == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([(0.0, 10, None, 0.9, 0.9), (1.0, 20, 40, 0.1, 0.0)], True),
        ([(0.0, 10, None, 0.9, 0.9), (1.0, 20, 39, 0.9, 0.0)], False),
        ([(0.0, 10, None, 0.9, 0.9), (1.0, 20, None, 0.9, 0.0)], False),
        ([(0.0, 10, 300, 0.9, 0.0), (1.0, 20, 40, 0.9, 0.0)], False),
        ([(0.0, None, None, None, 0.9), (1.0, 20, 40, 0.9, 0.0)], False),
        ([(0.0, 10, None, 0.9, 0.9)], False),
    ],
)
def test_p3_twice_decided_alone(members: list[Member], expected: bool, tmp_path: Path) -> None:
    assert held("P3", members_of(tmp_path / "0", "optimizer.weight_decay", members)) == expected


def test_a_sweep_of_something_else_or_with_a_diverged_member_was_not_judged(tmp_path: Path) -> None:
    members = [NEVER, GROKS, AT_ONCE]
    for claim, key in (("P2", "optimizer.weight_decay"), ("P3", "dataset.train_fraction")):
        with pytest.raises(NotJudged):
            held(claim, members_of(tmp_path / claim, key, members))
    with pytest.raises(NotJudged):
        held("P2", members_of(tmp_path / "0", "dataset.train_fraction", members, diverged=[1]))
    with pytest.raises(NotJudged):  # no member without decay
        held("P3", members_of(tmp_path / "1", "optimizer.weight_decay", members))


# Periods


def lifts(falls: Sequence[float], lasts: int = 4) -> dict[str, np.ndarray]:
    """A step of validation error in the middle of each collapse."""
    error = np.full(LENGTH + 1, 0.9)
    for start, fall in zip(STARTS, falls, strict=False):
        error[start + lasts // 2 + 1 :] -= fall
    return {"validation_error": error}


@pytest.mark.parametrize(
    ("falls", "expected"),
    [
        ([0.1, 0.1, 0.1, -0.01], True),
        ([0.1, 0.1, 0.1, 0.0], True),
        ([0.2, 0.2, -0.01, -0.01], False),
        ([0.1, 0.1, -0.01], False),
        ([0.1, 0.1], False),
    ],
)
def test_p5_three_of_four(falls: list[float], expected: bool, tmp_path: Path) -> None:
    assert held("P5", make_run(tmp_path / "0", STARTS[: len(falls)], history=lifts(falls))) == expected


@pytest.mark.parametrize(("lasts", "expected"), [(CHANCE_EPOCHS, True), (CHANCE_EPOCHS + 1, False)])
def test_p5_by_more_than_at_chance_positions_in_each_seed(lasts: int, expected: bool, tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", STARTS[:3], lasts=lasts, history=lifts([0.1] * 3, lasts))
    assert held("P5", run) == expected


def test_p5_was_measured_at_the_end_of_a_collapse_and_at_logged_epochs(tmp_path: Path) -> None:
    """What was wrong with it: a lift that comes a few epochs later, with every epoch logged, was a fall."""
    error = np.full(LENGTH + 1, 0.9)
    for start in STARTS:
        error[start + 1 :] = error[start] + 0.05
        error[start + 8 :] = error[start] - 0.1
    run = make_run(tmp_path / "0", STARTS, history={"validation_error": error})
    assert not held("P5", run)
    assert CRITERIA["P5"].judge(run).holds


def test_p5_was_not_judged_with_fewer_than_two_collapses_before_point_2(tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", STARTS, history=lifts([0.1] * 4), point_2=point(STARTS[1]))
    with pytest.raises(NotJudged):
        held("P5", run)
    enough = make_run(tmp_path / "1", STARTS, history=lifts([0.1, 0.1, -1, -1]), point_2=point(STARTS[1] + 1))
    held("P5", enough)


def saw(*teeth: tuple[int, int], height: float = 1.0, tail: int = 12) -> np.ndarray:
    """log η_eff from 0 to `height` and back for each (rise, fall); then half a rise, and steady."""
    parts = [np.zeros(1)]
    for rise, fall in teeth:
        parts += [np.linspace(0, 1, rise + 1)[1:], np.linspace(1, 0, fall + 1)[1:]]
    parts.append(np.linspace(0, 0.5, tail + 1)[1:])
    values = np.concatenate(parts)
    return np.exp(height * np.concatenate([values, np.full(LENGTH - len(values), values[-1])]))


def saw_run(folder: Path, teeth: Sequence[tuple[int, int]], **changes: np.ndarray) -> RunResults:
    tops = [1 + sum(map(sum, teeth[:number])) + rise for number, (rise, _) in enumerate(teeth)]
    gradient = np.ones(LENGTH)
    gradient[np.array(tops) + 1] = 3
    columns = {"effective_learning_rate": saw(*teeth), "effective_gradient_norm": gradient}
    return make_run(folder, tops, lasts=teeth[0][1], point_1=point(1), **{**columns, **changes})


@pytest.mark.parametrize(
    ("teeth", "expected"),
    [
        ([(20, 4), (26, 4), (31, 4)], True),
        ([(8, 4), (8, 4), (8, 4)], True),
        ([(7, 4), (7, 4), (7, 4)], False),
        ([(20, 4), (26, 4)], False),
        ([(25, CHANCE_EPOCHS), (31, CHANCE_EPOCHS), (38, CHANCE_EPOCHS)], True),
        ([(25, CHANCE_EPOCHS + 1), (31, CHANCE_EPOCHS + 1), (38, CHANCE_EPOCHS + 1)], False),
    ],
)
def test_p6_teeth_and_chance_in_each_seed(
    teeth: list[tuple[int, int]], expected: bool, tmp_path: Path
) -> None:
    assert held("P6", saw_run(tmp_path / "0", teeth)) == expected


def test_p6_counted_teeth_against_the_range_of_the_whole_curve(tmp_path: Path) -> None:
    teeth = [(20, 4), (26, 4), (31, 4)]
    rate = saw(*teeth, height=math.log(1.2))
    assert held("P6", saw_run(tmp_path / "0", teeth, effective_learning_rate=rate))
    rate[-5:] *= 10
    run = saw_run(tmp_path / "1", teeth, effective_learning_rate=rate)
    assert not held("P6", run)
    assert CRITERIA["P6"].judge(run).holds


def test_p6_both_had_to_coincide_and_two_collapses_to_end(tmp_path: Path) -> None:
    teeth = [(20, 4), (26, 4), (31, 4)]
    for flat in ("effective_learning_rate", "effective_gradient_norm"):
        assert not held("P6", saw_run(tmp_path / flat, teeth, **{flat: np.ones(LENGTH)}))
    with pytest.raises(NotJudged):
        held("P6", make_run(tmp_path / "1", STARTS[:2], ends=False))


@pytest.mark.parametrize("claim", ["P9", "P9-sphere"])
@pytest.mark.parametrize(("own", "expected"), [(0, True), (2, True), (3, False)])
def test_p9_fewer_than_three_collapses(claim: str, own: int, expected: bool, tmp_path: Path) -> None:
    against = make_run(tmp_path / "against", STARTS[:3])
    assert held(claim, make_run(tmp_path / "run", STARTS[:own]), against) == expected
    with pytest.raises(NotJudged):
        held(claim, against, make_run(tmp_path / "calm", STARTS[:2]))


@pytest.mark.parametrize(("own", "expected"), [(3, True), (4, True), (2, False), (0, False)])
def test_p5_float64_three_collapses(own: int, expected: bool, tmp_path: Path) -> None:
    against = make_run(tmp_path / "against", STARTS[:3])
    assert held("P5-float64", make_run(tmp_path / "run", STARTS[:own]), against) == expected
    with pytest.raises(NotJudged):
        held("P5-float64", against, make_run(tmp_path / "calm", STARTS[:2]))


@pytest.mark.parametrize("claim", ["P5-float64", "P9", "P9-sphere"])
def test_all_common_epochs_counted_whether_both_had_memorised_or_not(claim: str, tmp_path: Path) -> None:
    """A control that never memorises had no collapse, and so no periods."""
    against = make_run(tmp_path / "against", STARTS[:3], point_1=point(STARTS[2]))
    never = make_run(tmp_path / "never")
    assert held(claim, never, against) == (claim != "P5-float64")
    for run in (never, against):
        with pytest.raises(NotJudged):
            CRITERIA[claim].judge(run, against)


def test_p9_sphere_had_no_teeth_of_a_tenth_of_the_range(tmp_path: Path) -> None:
    against = make_run(tmp_path / "against", STARTS[:3])
    for height, expected in ((1e-4, True), (0.04, False), (1.0, False)):  # 0.04: teeth of 4 %
        rate = saw((20, 4), (20, 4), height=height)
        run = make_run(tmp_path / str(height), invariant_effective_learning_rate=rate)
        assert held("P9-sphere", run, against) == expected


def test_a_history_says_nothing_to_the_first_criteria(tmp_path: Path) -> None:
    """99 % long before point 2: today it is the former that counts."""
    run = make_run(tmp_path / "0", point_1=point(50, 0.9), point_2=point(190), history=falling((60, 0.01)))
    assert held("M1", run)
    assert not CRITERIA["M1"].judge(run).holds
