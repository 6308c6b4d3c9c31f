"""Every criterion of paper M just inside and just outside each of its bounds, and the numbers it measures."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from made import (
    LENGTH,
    Columns,
    falling,
    judged,
    make_path,
    make_run,
    not_judged,
    point,
)

from grokflow.claims import CRITERIA, SUBJECTS, Subject
from grokflow.claims.criteria import NotJudged

# M1, and with it P1 and P4, which ask the same

GROKS = ["M1", "P1", "P4"]


@pytest.mark.parametrize("claim", GROKS)
@pytest.mark.parametrize(
    ("first", "error", "generalised", "expected"),
    [
        (50, 0.5, 100, True),
        (20, 0.9, 190, True),
        (50, 0.5, 99, False),
        (50, 0.499, 100, False),
        (100, 0.9, 90, False),
    ],
)
def test_groks_if_99_per_cent_come_twice_as_late_and_nothing_was_general_at_point_1(
    claim: str, first: int, error: float, generalised: int, expected: bool, tmp_path: Path
) -> None:
    run = make_run(
        tmp_path / "0", point_1=point(first, error), point_2=point(195), history=falling((generalised, 0.01))
    )
    finding = judged(claim, run)
    assert finding.holds == expected
    assert finding.numbers == (generalised / first, first, 195, generalised, error)
    assert finding.measured == (
        f"point 1 at epoch {first} with validation error {error:.3f}, 99 % at epoch {generalised}, "
        "point 2: epoch 195"
    )


@pytest.mark.parametrize("claim", GROKS)
def test_a_point_2_that_is_not_reached_does_not_decide(claim: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", point_1=point(50, 0.9), history=falling((150, 0.01)))
    finding = judged(claim, run)
    assert finding.holds
    assert finding.numbers == (3, 50, math.inf, 150, 0.9)
    assert finding.measured.endswith("point 2: not in 200 epochs")


@pytest.mark.parametrize("claim", GROKS)
def test_the_first_epoch_with_99_per_cent_counts(claim: str, tmp_path: Path) -> None:
    history = falling((60, 0.0101), (120, 0.01), (130, 0.3), (160, 0.0))
    finding = judged(claim, make_run(tmp_path / "0", point_1=point(50, 0.9), history=history))
    assert (finding.holds, finding.numbers[3]) == (True, 120)


@pytest.mark.parametrize("claim", GROKS)
def test_a_run_that_ends_before_99_per_cent_is_censored(claim: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", point_1=point(50, 0.9), history=falling((60, 0.0101)))
    reason, said = not_judged(claim, run)
    assert reason == "censored"
    assert said == (
        "99 % validation accuracy is not reached: validation error is 0.0101 at epoch 200, the last"
    )


@pytest.mark.parametrize("claim", GROKS)
def test_a_censored_run_has_numbers_all_the_same(claim: str, tmp_path: Path) -> None:
    """Point 1 is known; what comes after the end counts as infinitely late."""
    run = make_run(tmp_path / "0", point_1=point(50, 0.9), history=falling((60, 0.0101)))
    with pytest.raises(NotJudged) as why:
        CRITERIA[claim].judge(run)
    assert why.value.numbers == (math.inf, 50, math.inf, math.inf, 0.9)
    with pytest.raises(NotJudged) as why:
        CRITERIA[claim].judge(make_run(tmp_path / "1"))
    assert why.value.numbers == ()  # without point 1 nothing is known


@pytest.mark.parametrize("claim", GROKS)
@pytest.mark.parametrize(("error", "fails"), [(0.499, True), (0.5, False)])
def test_a_run_that_had_learned_half_by_point_1_fails_however_long_it_takes(
    claim: str, error: float, fails: bool, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "0", point_1=point(50, error), history=falling((60, 0.0101)))
    if fails:
        finding = judged(claim, run)
        assert not finding.holds
        assert finding.numbers == (math.inf, 50, math.inf, math.inf, error)
    else:
        assert not_judged(claim, run)[0] == "censored"


@pytest.mark.parametrize("claim", GROKS)
def test_a_run_without_point_1_is_not_judged(claim: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", history=falling((60, 0.0)))
    assert not_judged(claim, run) == ("no point", "no point 1: train error is 0.3")


def test_one_rule_for_every_claim_that_asks_whether_a_run_groks() -> None:
    assert len({CRITERIA[claim].criterion for claim in GROKS}) == 1
    assert len({CRITERIA[claim].judge for claim in GROKS}) == 1
    for part in ("99 %", "2 times the epoch of point 1", "at least 0.5 at point 1"):
        assert part in CRITERIA["M1"].criterion
    papers = [[number.paper for number in CRITERIA[claim].numbers] for claim in GROKS]
    assert papers == [[None, 585, 2402, None, None], [None] * 5, [None] * 5]


# M2


@pytest.mark.parametrize(
    ("history", "epochs", "expected", "lowest"),
    [
        ({"first": 0.5}, LENGTH, True, 0.5),
        ({"first": 0.499}, LENGTH, False, 0.499),
        ({"first": 0.9}, 120, True, 0.9),  # as many epochs as it takes with decay
        ({"first": 0.2, "later": [(30, 0.8)]}, LENGTH, True, 0.8),  # before point 1 it does not matter
        ({"first": 0.2, "later": [(31, 0.8)]}, LENGTH, False, 0.2),
        ({"first": 0.9, "later": [(100, 0.4), (101, 0.9)]}, LENGTH, False, 0.4),  # to the last epoch
    ],
)
def test_m2_without_decay_validation_error_never_falls(
    history: dict, epochs: int, expected: bool, lowest: float, tmp_path: Path
) -> None:
    decays = make_run(tmp_path / "with", point_1=point(40, 0.9), history=falling((120, 0.01)))
    errors = falling(*history.get("later", []), first=history["first"], epochs=epochs)
    run = make_run(tmp_path / "without", epochs=epochs, point_1=point(30, 0.9), history=errors)
    finding = judged("M2", run, decays)
    last = errors["validation_error"][-1]
    assert finding.holds == expected
    assert finding.numbers == (lowest, last)
    assert finding.measured == (
        f"validation error {last:.3f} at epoch {epochs}, never below {lowest:.3f} after point 1; with decay "
        "99 % accuracy at epoch 120"
    )


def test_m2_is_not_judged_unless_one_generalises_and_the_other_memorises_for_as_long(tmp_path: Path) -> None:
    decays = make_run(tmp_path / "with", point_1=point(40, 0.9), history=falling((120, 0.01)))
    short = make_run(tmp_path / "short", epochs=119, point_1=point(30, 0.9))
    assert not_judged("M2", short, decays) == (
        "censored", "trained for 119 epochs, with decay 99 % takes 120",
    )  # fmt: skip
    unlearned = make_run(tmp_path / "unlearned")
    assert not_judged("M2", unlearned, decays) == ("no point", "no point 1 without decay: train error is 0.3")
    memorised = make_run(tmp_path / "memorised", point_1=point(30, 0.9))
    reason, said = not_judged("M2", memorised, memorised)
    assert (reason, said[:52]) == ("censored", "99 % validation accuracy is not reached with decay: ")
    for against in (
        decays,
        memorised,
    ):  # too few epochs here, or no 99 % there: the error is known all the same
        with pytest.raises(NotJudged) as why:
            CRITERIA["M2"].judge(short, against)
        assert why.value.numbers == (0.9, 0.9)


# M3 to M5: the segment


@pytest.mark.parametrize(
    ("train_error", "expected", "height", "place"),
    [
        ([0, 0, 0.001, 0, 0], True, 0.001, 0.5),
        ([0, 0, 0.00099, 0, 0], False, 0.00099, 0.5),
        ([0.002, 0.0031, 0, 0, 0], True, 0.0011, 0.25),
        ([0, 0, 0, 0.0049, 0.004], False, 0.0009, 0.75),
        # the middle of all t with the largest error, also where it is less between them
        ([0, 0.01, 0.02, 0.02, 0], True, 0.02, 0.625),
        ([0, 0.02, 0.02, 0.02, 0], True, 0.02, 0.5),
        ([0, 0.02, 0.01, 0.02, 0.001], True, 0.019, 0.5),
        ([0, 0, 0, 0, 0], False, 0, math.nan),
        ([0.5, 0.2, 0.1, 0, 0], False, 0, math.nan),
        ([0, 0, 0, 0.1, 0.1], False, 0, math.nan),
    ],
)
def test_m3_a_hump_inside_above_both_ends(
    train_error: list[float], expected: bool, height: float, place: float, tmp_path: Path
) -> None:
    finding = judged("M3", make_path(tmp_path / "0", {"train_error": train_error}))
    assert finding.holds == expected
    assert finding.numbers == pytest.approx((height, place), nan_ok=True)


@pytest.mark.parametrize(
    ("validation_error", "expected", "rise"),
    [
        ([0.9, 0.6, 0.3, 0.1, 0], True, 0),
        ([0.9, 0.6, 0.609, 0.3, 0], True, 0.009),
        ([0.9, 0.6, 0.611, 0.3, 0], False, 0.011),
        ([0.9, 0.605, 0.6, 0.609, 0], True, 0.009),
        ([0.9, 0.5, 0.505, 0.509, 0.512], False, 0.012),  # creeping up by small steps is a rise too
        ([0.9, 0.9, 0.9, 0.9, 0.9], False, 0),
        ([0, 0.002, 0.004, 0.006, 0.008], False, 0.008),
    ],
)
def test_m4_validation_error_falls_all_the_way(
    validation_error: list[float], expected: bool, rise: float, tmp_path: Path
) -> None:
    finding = judged("M4", make_path(tmp_path / "0", {"validation_error": validation_error}))
    assert finding.holds == expected
    assert finding.numbers == pytest.approx((rise,))


@pytest.mark.parametrize(
    ("gradient_norm", "expected"),
    [([0.8, 2, 0.2], True), ([0.8, 0.01, 0.2001], False), ([0.8, 0.4, 0.0], True)],
)
def test_m5_gradient_norm_falls_to_a_quarter(
    gradient_norm: list[float], expected: bool, tmp_path: Path
) -> None:
    finding = judged("M5", make_path(tmp_path / "0", {"gradient_norm": gradient_norm}))
    first, _, last = gradient_norm
    assert finding.holds == expected
    assert finding.numbers == pytest.approx((last / first, first, last))


# M6 and M7: the chain


@pytest.mark.parametrize(
    ("train_error", "expected", "measured"),
    [
        ([0, 0, 0, 0, 0], True, "largest 0.00000"),
        ([0, 0, 3 / 3724, 0, 0], True, "largest 0.00081 at t = 0.500"),
        ([0, 0, 0, 4 / 3724, 0], False, "largest 0.00107 at t = 0.750"),
        ([0, 0.001, 0, 0, 0], False, "largest 0.00100 at t = 0.250"),
    ],
)
def test_m6_next_to_no_train_error_on_the_chain(
    train_error: list[float], expected: bool, measured: str, tmp_path: Path
) -> None:
    finding = judged("M6", make_path(tmp_path / "0", {"train_error": train_error}))
    assert (finding.holds, finding.measured) == (expected, measured)
    assert finding.numbers == (max(train_error),)


def chain(loss: list[float], norm: list[float]) -> Columns:
    """Three segments; the middle one changes wildly after its first knot and must not matter."""

    def with_knot(values: list[float]) -> list[float]:
        return [*values[:2], values[1], *values[2:]]

    return {
        "segment": [0, 0, 1, 1, 1, 2, 2],
        "train_loss_l2": with_knot(loss),
        "gradient_norm": with_knot(norm),
    }


WHOLE = ("epoch 600", "epoch 700", "epoch 800", "epoch 900")
"""A chain whose first and last segments are as long."""


def test_m7_counts_the_knot_that_ends_the_first_segment(tmp_path: Path) -> None:
    values = [2.0, 1.9, 1.5, 9.0, 1.0, 0.9]
    columns = {"segment": [0, 0, 1, 1, 2, 2], "train_loss_l2": values, "gradient_norm": values}
    finding = judged("M7", make_path(tmp_path / "0", columns, control_points=WHOLE))
    assert finding.holds
    assert finding.numbers == pytest.approx((5, 5))


@pytest.mark.parametrize(
    ("loss", "norm", "expected", "ratios"),
    [
        ([2, 1.5, 9, 0, 1, 0.9], [5, 0, 9, 0, 1, 0], True, (5, 5)),
        ([2, 1.5, 9, 0, 1, 0.899], [5, 0, 9, 0, 1, 0], False, (0.5 / 0.101, 5)),
        ([2, 1.5, 9, 0, 1, 0.9], [4.99, 0, 9, 0, 1, 0], False, (5, 4.99)),
        ([1.5, 2, 9, 0, 1, 0.95], [0, 1, 9, 0, 3, 2.9], True, (10, 10)),
    ],
)
def test_m7_changes_on_the_first_segment_not_on_the_last(
    loss: list[float], norm: list[float], expected: bool, ratios: tuple[float, float], tmp_path: Path
) -> None:
    finding = judged("M7", make_path(tmp_path / "0", chain(loss, norm), control_points=WHOLE))
    assert finding.holds == expected
    assert finding.numbers == pytest.approx(ratios)


@pytest.mark.parametrize(
    ("points", "ratio", "expected"),
    [
        # 8 on the first segment, 1 on the last
        (("epoch 604", "epoch 700", "epoch 800", "epoch 832"), (8 / 96) / (1 / 32), False),
        (("epoch 604", "epoch 700", "epoch 800", "epoch 860"), (8 / 96) / (1 / 60), True),  # just 5
        (("epoch 604", "epoch 700", "epoch 800", "epoch 859"), (8 / 96) / (1 / 59), False),
        (("epoch 699", "epoch 700", "epoch 800", "epoch 801"), 8, True),
        (("epoch 690", "epoch 700", "epoch 2400", "epoch 2402"), (8 / 10) / (1 / 2), False),
        (("epoch 690", "epoch 700", "epoch 2400", "epoch 2500"), (8 / 10) / (1 / 100), True),
    ],
)
def test_m7_counts_per_epoch_because_neither_segment_need_have_all_its_epochs(
    points: tuple[str, ...], ratio: float, expected: bool, tmp_path: Path
) -> None:
    values = [9.0, 1.0, 20.0, 0.0, 0.75, 1.75]
    finding = judged("M7", make_path(tmp_path / "0", chain(values, values), control_points=points))
    assert finding.numbers == pytest.approx((ratio, ratio))
    assert finding.holds == expected
    assert finding.measured == f"per epoch loss {ratio:.1f} times, gradient norm {ratio:.1f} times"


def test_m7_is_about_the_smaller_of_loss_and_gradient_norm(tmp_path: Path) -> None:
    steep, flat = [9.0, 1.0, 5.0, 5.0, 1.0, 2.0], [8.9, 1.0, 5.0, 5.0, 1.0, 2.0]
    points = ("epoch 604", "epoch 700", "epoch 800", "epoch 860")
    for name, loss, norm in (("loss", flat, steep), ("norm", steep, flat)):
        finding = judged("M7", make_path(tmp_path / name, chain(loss, norm), control_points=points))
        assert not finding.holds
        assert min(finding.numbers) == pytest.approx(7.9 * 60 / 96)
        assert max(finding.numbers) == pytest.approx(8 * 60 / 96)


def test_m7_nothing_on_the_last_segment_is_hardly_anything(tmp_path: Path) -> None:
    values = [9.0, 1.0, 5.0, 5.0, 1.0, 1.0]
    assert judged("M7", make_path(tmp_path / "0", chain(values, values))).holds


def test_m7_cannot_be_judged_on_one_segment(tmp_path: Path) -> None:
    columns = {"segment": [0, 0], "train_loss_l2": [1, 2], "gradient_norm": [1, 2]}
    path = make_path(tmp_path / "0", columns, control_points=("epoch 610", "epoch 650"))
    assert not_judged("M7", path) == (
        "nothing to compare", "the chain has one segment only",
    )  # fmt: skip


# M8 to M11: polylines

POLYLINE = {
    "train_error": [0, 0.02, 0.01, 0, 0],
    "gradient_norm": [1, 3, 0.2, 0.4, 0.5],
    "validation_error": [0.9, 0.5, 0.01, 0.005, 0],  # its plateau begins at 0.5
}
SEGMENT = {"validation_error": [0.9, 0.6, 0.02, 0.01, 0]}  # at 0.75

FITTED = (None, 0.03, None, 0.004, None, 0.029)
"""The largest train error on the curve at the checks of a fit."""


@pytest.mark.parametrize(
    ("changed", "segment", "expected", "plateaus"),
    [
        ({}, SEGMENT, True, (0.5, 0.75)),
        ({"train_error": [0, 0.0201, 0, 0, 0]}, SEGMENT, False, (0.5, 0.75)),
        ({"gradient_norm": [1, 3, 0.2, 0.4, 0.501]}, SEGMENT, False, (0.5, 0.75)),
        ({"validation_error": [0.9, 0.5, 0.0101, 0.005, 0]}, SEGMENT, False, (0.75, 0.75)),
        ({"validation_error": [0.9, 0.001, 0.001, 0.02, 0]}, SEGMENT, False, (1, 0.75)),
        ({}, {"validation_error": [0.9, 0.6, 0.01, 0.01, 0]}, False, (0.5, 0.5)),
        ({}, {"validation_error": [0.9, 0.6, 0.5, 0.4, 0.3]}, True, (0.5, math.inf)),
        ({"validation_error": [0.9, 0.6, 0.5, 0.4, 0.3]}, SEGMENT, False, (math.inf, 0.75)),
        ({"validation_error": [0, 0, 0, 0, 0]}, SEGMENT, True, (0, 0.75)),
    ],
)
def test_m8_the_polyline_generalises_before_the_segment(
    changed: Columns, segment: Columns, expected: bool, plateaus: tuple[float, float], tmp_path: Path
) -> None:
    columns = {**POLYLINE, **changed}
    polyline = make_path(tmp_path / "polyline", columns, fit=FITTED)
    finding = judged("M8", polyline, make_path(tmp_path / "segment", segment))
    assert finding.holds == expected
    first, *_, last = columns["gradient_norm"]
    assert finding.numbers == pytest.approx((*plateaus, max(columns["train_error"]), 0.004, last / first))


@pytest.mark.parametrize(
    ("fit", "smallest"),
    [
        ((None, 0.03, None, 0.004, None, 0.029), 0.004),
        ((0.0, 0.5), 0.0),
        ((None, 0.7), 0.7),
        ((None, None), math.nan),  # no check was due
    ],
)
def test_the_smallest_train_error_is_that_of_a_check_of_the_fit_and_does_not_decide(
    fit: tuple[float | None, ...], smallest: float, tmp_path: Path
) -> None:
    """The bound is on what the fit ended with."""
    segment = make_path(tmp_path / "segment", SEGMENT)
    for error, expected in ((0.02, True), (0.029, False)):
        columns = {**POLYLINE, "train_error": [0, error, 0.01, 0, 0]}
        m8 = judged("M8", make_path(tmp_path / f"m8 {error}", columns, fit=fit), segment)
        m9 = judged("M9", make_path(tmp_path / f"m9 {error}", dip(0.5, 0.1, error), fit=fit))
        for finding, place in ((m8, 2), (m9, 2)):
            assert finding.holds == expected
            assert finding.numbers[place : place + 2] == pytest.approx((error, smallest), nan_ok=True)


def dip(at: float, depth: float, train: float = 0.02) -> Columns:
    """Validation error 0.8 and 0.6 at the ends and `depth` at `at`."""
    return {
        "t": [0, 0.2, at, 0.8, 1],
        "train_error": [0, train, 0, 0, 0],
        "validation_error": [0.8, 0.7, depth, 0.7, 0.6],
    }


@pytest.mark.parametrize(
    ("at", "depth", "train", "expected"),
    [
        (0.5, 0.3, 0.02, True),
        (0.5, 0.301, 0.02, False),
        (0.5, 0.1, 0.0201, False),
        (0.36, 0.1, 0.02, True),
        (0.64, 0.1, 0.02, True),
        (0.34, 0.1, 0.02, False),
        (0.66, 0.1, 0.02, False),
        (21 / 60, 0.1, 0.02, True),
        (39 / 60, 0.1, 0.02, True),
    ],
)
def test_m9_a_deep_minimum_in_the_middle(
    at: float, depth: float, train: float, expected: bool, tmp_path: Path
) -> None:
    finding = judged("M9", make_path(tmp_path / "0-1", dip(at, depth, train), fit=FITTED))
    assert finding.holds == expected
    assert finding.numbers == pytest.approx((depth, at, train, 0.004))


@pytest.mark.parametrize(
    ("t", "place", "expected"),
    [
        ((0.1, 0.4, 0.6, 0.7), 0.4, True),  # lowest at 0.1 … 0.7; the first of them is far out
        ((0.0625, 0.3, 0.5, 0.6365), 0.34950, False),
        ((0.0625, 0.3, 0.5, 0.6375), 0.35, True),
        ((0.4, 0.6, 0.8, 0.9), 0.65, True),
        ((0.4, 0.6, 0.8, 0.902), 0.651, False),
        ((0.2, 0.3, 0.4, 0.45), 0.325, False),  # though the last of them is near the middle
    ],
)
def test_m9_the_middle_of_all_t_with_the_lowest_error_counts(
    t: tuple[float, ...], place: float, expected: bool, tmp_path: Path
) -> None:
    """Also where the error is larger at one between them."""
    columns = {
        "t": [0, *t, 1],
        "train_error": [0] * 6,
        "validation_error": [0.8, 0.1, 0.2, 0.1, 0.1, 0.6],
    }
    finding = judged("M9", make_path(tmp_path / "0-1", columns))
    assert finding.holds == expected
    assert finding.numbers[:2] == pytest.approx((0.1, place))


STAYS = {
    "train_error": [0, 0.02, 0, 0],
    "validation_error": [0, 0.05, 0.03, 0],
    "train_loss_l2": [1.0, 0.75, 1.25, 0.9],
}


@pytest.mark.parametrize(
    ("changed", "expected", "numbers"),
    [
        ({}, True, (0.05, 0.02, 0.5)),
        ({"train_error": [0, 0.0201, 0, 0]}, False, (0.05, 0.0201, 0.5)),
        ({"validation_error": [0, 0.051, 0, 0]}, False, (0.051, 0.02, 0.5)),
        ({"train_loss_l2": [1.0, 0.75, 1.251, 0.9]}, False, (0.05, 0.02, 0.501)),
        # relative to the larger end
        ({"train_loss_l2": [0.9, 0.75, 1.251, 1.01]}, True, (0.05, 0.02, 0.501 / 1.01)),
        ({"train_loss_l2": [1.0, 0.49, 1.0, 1.0]}, False, (0.05, 0.02, 0.51)),
    ],
)
def test_m10_nothing_changes_much_between_two_general_points(
    changed: Columns, expected: bool, numbers: tuple[float, ...], tmp_path: Path
) -> None:
    finding = judged("M10", make_path(tmp_path / "0-1", {**STAYS, **changed}))
    assert finding.holds == expected
    assert finding.numbers == pytest.approx(numbers)


def hills(
    left: float,
    right: float,
    *,
    ends: float = 1.0,
    middle: float = 1.0,
    places: tuple[int, int] = (2, 8),
) -> Columns:
    """A gradient norm on t = 0, 0.1, … 1 that is flat but for two hills."""
    norm = [0.9 * ends] * 11
    norm[0] = norm[10] = ends
    norm[5] = middle
    norm[places[0]], norm[places[1]] = left, right
    return {"gradient_norm": norm}


@pytest.mark.parametrize(
    ("columns", "expected", "numbers"),
    [
        (hills(1.5, 1.5), True, (1.5, 1, 0)),
        (hills(1.11, 1.5), True, (1.11, 1.5 / 1.11, 0)),
        (hills(1.09, 1.5), False, (1.09, 1.5 / 1.09, 0)),
        (hills(1.5, 1.09), False, (1.09, 1.5 / 1.09, 0)),
        (hills(1.2, 1.79), True, (1.2, 1.79 / 1.2, 0)),
        (hills(1.2, 1.81), False, (1.2, 1.81 / 1.2, 0)),
        (hills(1.81, 1.2), False, (1.2, 1.81 / 1.2, 0)),
        (hills(1.5, 1.5, middle=1.36), True, (1.5 / 1.36, 1, 0)),
        (hills(1.5, 1.5, middle=1.37), False, (1.5 / 1.37, 1, 0)),
        (hills(1.5, 1.5, places=(2, 9)), True, (1.5, 1, 0.1)),
        (hills(1.5, 1.5, places=(2, 6)), True, (1.5, 1, -0.2)),
        (hills(1.5, 1.5, places=(1, 6)), False, (1.5, 1, -0.3)),
        (hills(1.5, 1.5, places=(4, 9)), False, (1.5, 1, 0.3)),
        (hills(1.0, 1.0), False, (1, 1, 0)),
    ],
)
def test_m11_two_hills_alike_and_symmetric(
    columns: Columns, expected: bool, numbers: tuple[float, ...], tmp_path: Path
) -> None:
    finding = judged("M11", make_path(tmp_path / "0-1", columns))
    assert finding.holds == expected
    if columns == hills(1.0, 1.0):  # the largest of each half is then an end
        numbers = (*numbers[:2], finding.numbers[2])
    assert finding.numbers == pytest.approx(numbers, abs=1e-12)


# What the texts say


def test_every_claim_of_paper_m_has_a_criterion() -> None:
    assert [name for name in CRITERIA if name.startswith("M")] == [f"M{i}" for i in range(1, 12)]
    subjects = {
        Subject("run"): ["M1"],
        Subject("run", "run"): ["M2"],
        Subject("path"): ["M3", "M4", "M5", "M6", "M7", "M9", "M10", "M11"],
        Subject("path", "path"): ["M8"],
    }
    for subject, claims in subjects.items():
        assert all(SUBJECTS[claim] == CRITERIA[claim].subject == subject for claim in claims)
    for name, criterion in CRITERIA.items():
        if criterion.paper == "M":
            assert criterion.id == name
            assert criterion.figure.startswith("M-fig")


def test_every_number_that_paper_m_printed_is_measured() -> None:
    printed = {
        (criterion.id, number.paper)
        for criterion in CRITERIA.values()
        for number in criterion.numbers
        if number.paper
    }
    assert printed == {
        ("M1", 585), ("M1", 2402), ("M3", 0.35), ("M5", 0.75), ("M8", 0.6), ("M9", 0.5),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        ("M2", ["99 %", "at least 0.5 at every logged epoch from point 1 to the last", "no earlier than"]),
        ("M3", ["at least 0.001"]),
        ("M4", ["more than 0.01"]),
        ("M5", ["a quarter"]),
        ("M6", ["below 0.001"]),
        ("M7", ["range per epoch", "at least 5 times"]),
        ("M8", ["train error at most 0.02", "at most half", "at most 0.01 from a smaller t"]),
        ("M9", ["train error at most 0.02", "0.35 ≤ t ≤ 0.65", "at most half"]),
        ("M10", ["train error at most 0.02", "at most 0.05", "at most half"]),
        ("M11", ["1.1 times", "within a factor 1.5", "within 0.2"]),
    ],
)
def test_criteria_name_the_bounds_that_the_code_goes_by(claim: str, named: list[str]) -> None:
    for part in named:
        assert part in CRITERIA[claim].criterion


def test_texts_are_sentences_without_spare_blanks() -> None:
    for name, criterion in CRITERIA.items():
        assert criterion.statement.endswith("."), name
        assert not criterion.criterion.endswith("."), name  # a sentence of the page goes on after it
        assert criterion.numbers, name
        assert len({number.name for number in criterion.numbers}) == len(criterion.numbers), name
        names = (number.name for number in criterion.numbers)
        for text in (criterion.statement, criterion.criterion, criterion.also, *names):
            assert "  " not in text, name
            assert text == text.strip(), name
