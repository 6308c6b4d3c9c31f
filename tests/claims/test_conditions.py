"""The criteria of P2, P3 and P3-norm on both sides of each bound. P1 and P4 stand with M1: one rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made import LENGTH, Member, Values, judged, make_run, make_sweep, members_of, not_judged, point

from grokflow.artifacts.results import RunResults, SweepResults
from grokflow.claims import CRITERIA
from grokflow.claims.criteria import NotJudged

FRACTION = "dataset.train_fraction"
DECAY = "optimizer.weight_decay"

NEVER: Member = (0.1, 10, None, 0.9, 0.5)
GROKS: Member = (0.4, 50, 100, 0.5, 0.0)
AT_ONCE: Member = (0.9, 50, 99, 0.4, 0.0)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([NEVER, GROKS, AT_ONCE], True),
        ([NEVER, (0.2, 10, None, 0.9, 0.7), GROKS, (0.5, 50, 60, 0.9, 0.0), AT_ONCE], True),
        ([AT_ONCE, GROKS, NEVER], True),  # sorted by value, whatever the order in the file
        ([(0.1, None, None, None, 0.5), GROKS, AT_ONCE], True),
        ([(0.1, 10, None, 0.9, 0.499), GROKS, AT_ONCE], False),
        ([(0.1, 10, 300, 0.9, 0.5), GROKS, AT_ONCE], False),
        ([NEVER, (0.4, 50, 99, 0.9, 0.0), AT_ONCE], False),
        ([NEVER, (0.4, 50, 100, 0.499, 0.0), AT_ONCE], False),
        ([NEVER, (0.4, 50, None, 0.9, 0.2), AT_ONCE], False),
        ([NEVER, (0.4, None, None, None, 0.2), AT_ONCE], False),
        # the largest: both curves have risen by point 1, whenever point 2 comes, if it does
        ([NEVER, GROKS, (0.9, 50, 100, 0.499, 0.01)], True),
        ([NEVER, GROKS, (0.9, 5, 30, 0.02, 0.0)], True),
        ([NEVER, GROKS, (0.9, 50, None, 0.499, 0.01)], True),
        ([NEVER, GROKS, (0.9, 50, None, 0.499, 0.0101)], False),
        ([NEVER, GROKS, (0.9, 50, 51, 0.5, 0.0)], False),
        ([NEVER, GROKS, (0.9, 50, 51, 0.9, 0.0)], False),
        ([NEVER, GROKS, (0.9, None, None, None, 0.0)], False),
        ([NEVER, AT_ONCE], False),
        # only one between counts: neither the smallest nor the largest
        ([NEVER, (0.4, 50, 60, 0.9, 0.0), (0.9, 50, 100, 0.499, 0.0)], False),
    ],
)
def test_p2_never_grokking_at_once_by_train_fraction(
    members: list[Member], expected: bool, tmp_path: Path
) -> None:
    finding = judged("P2", members_of(tmp_path / "0", FRACTION, members))
    largest, smallest = max(members), min(members)
    assert finding.holds == expected
    at_point_1 = math.nan if largest[3] is None else largest[3]
    assert finding.numbers == pytest.approx((at_point_1, smallest[4]), nan_ok=True)


def test_p2_measures_every_fraction_in_rising_order(tmp_path: Path) -> None:
    members = [AT_ONCE, (0.25, None, None, None, 0.9), NEVER, GROKS]
    assert judged("P2", members_of(tmp_path / "0", FRACTION, members)).measured == (
        "points 1 / 2 at 0.1: 10 / never, memorises; 0.25: never / never, does not memorise; "
        "0.4: 50 / 100, groks; 0.9: 50 / 99, generalises at once"
    )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_p2_is_not_judged_when_a_member_diverged(number: int, tmp_path: Path) -> None:
    sweep = members_of(tmp_path / "0", FRACTION, [NEVER, GROKS, AT_ONCE], diverged=[number])
    reason, said = not_judged("P2", sweep)
    assert reason == "diverged"
    assert said.startswith("a member diverged; points 1 / 2 at 0.1: 10 / never, ")


def test_p2_is_not_judged_when_every_member_diverged(tmp_path: Path) -> None:
    members = [(value, None, None, None, np.nan) for value in (0.1, 0.4, 0.9)]
    sweep = members_of(tmp_path / "0", FRACTION, members, diverged=[0, 1, 2])
    assert not_judged("P2", sweep)[0] == "diverged"


WITHOUT: Member = (0.0, 10, None, 0.9, 0.9)
DECAYS: Member = (1.0, 20, 40, 0.5, 0.0)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([WITHOUT, DECAYS], True),
        ([DECAYS, WITHOUT], True),
        ([WITHOUT, (0.1, 20, None, 0.9, 0.9), DECAYS, (3.0, None, None, None, 0.9)], True),
        ([WITHOUT, (1.0, 20, 39, 0.9, 0.0)], False),
        ([WITHOUT, (1.0, 20, 40, 0.499, 0.0)], False),
        ([WITHOUT, (0.1, 20, 39, 0.9, 0.0), (1.0, 20, None, 0.9, 0.9)], False),
        ([WITHOUT, (1.0, 20, None, 0.9, 0.0)], False),
        ([WITHOUT, (1.0, None, None, None, 0.9)], False),
        ([(0.0, 10, 300, 0.9, 0.0), DECAYS], False),
        ([(0.0, None, None, None, 0.9), DECAYS], False),
        # without decay not only the last pair is wrong
        ([(0.0, 10, None, 0.9, 0.5), DECAYS], True),
        ([(0.0, 10, None, 0.9, 0.499), DECAYS], False),
        ([(0.0, 10, None, 0.9, 1 / 5646), DECAYS], False),
        ([WITHOUT], False),
    ],
)
def test_p3_grokking_with_a_decay_and_none_without(
    members: list[Member], expected: bool, tmp_path: Path
) -> None:
    finding = judged("P3", members_of(tmp_path / "0", DECAY, members))
    assert finding.holds == expected
    assert finding.numbers == (min(members)[4],)


def test_p3_measures_every_decay(tmp_path: Path) -> None:
    assert judged("P3", members_of(tmp_path / "0", DECAY, [DECAYS, WITHOUT], seed=3)).measured == (
        "points 1 / 2 at 0: 10 / never, memorises; 1: 20 / 40, groks"
    )


def test_p3_is_not_judged_without_a_member_without_decay(tmp_path: Path) -> None:
    sweep = members_of(tmp_path / "0", DECAY, [(0.1, 10, None, 0.9, 0.9), DECAYS])
    assert not_judged("P3", sweep) == ("nothing to compare", "the sweep has no member without decay")


def test_p3_is_not_judged_when_the_member_without_decay_diverged(tmp_path: Path) -> None:
    sweep = members_of(tmp_path / "0", DECAY, [WITHOUT, DECAYS], diverged=[0])
    assert not_judged("P3", sweep)[0] == "diverged"


@pytest.mark.parametrize(("claim", "key"), [("P2", FRACTION), ("P3", DECAY)])
def test_a_sweep_over_two_keys_is_nothing_to_compare(claim: str, key: str, tmp_path: Path) -> None:
    file = make_sweep(tmp_path / "0", DECAY, [WITHOUT, DECAYS])
    table = pd.read_csv(file)
    table.assign(other=1)[["other", *table.columns]].to_csv(file, index=False)
    assert not_judged(claim, SweepResults(file).of_seed(0)) == (
        "nothing to compare",
        f"the sweep varies other, optimizer.weight_decay; the claim is about {key} alone",
    )


@pytest.mark.parametrize("claim", ["P2", "P3"])
def test_a_sweep_over_texts_does_not_end_the_judging(claim: str, tmp_path: Path) -> None:
    members: list[Member] = [("layer_norm", 10, None, 0.9, 0.9), ("none", 20, 40, 0.9, 0.0)]
    sweep = members_of(tmp_path / "0", "model.normalization", members)
    assert not_judged(claim, sweep)[0] == "nothing to compare"


# P3-norm


def norm_from(values: dict[int, float]) -> dict[str, Values]:
    """A history with these norms at these epochs and 99 elsewhere."""
    norm = np.full(LENGTH + 1, 99.0)
    norm[list(values)] = list(values.values())
    return {"weight_norm": norm}


def norms(
    folder: Path, decay: Sequence[float], plain: Sequence[float], **changes: Any
) -> tuple[RunResults, RunResults]:
    """A run without decay and one with it, point 1 at 30 and 20, point 2 of the other at 120."""
    others = {"point_1": point(30, 0.9), "final": point(LENGTH, 0.9), **changes}
    last = others["final"]["epoch"]
    run = make_run(folder / "plain" / "0", history=norm_from({30: plain[0], last: plain[1]}), **others)
    against = make_run(
        folder / "decay" / "0",
        history=norm_from({20: decay[0], 120: decay[1]}),
        point_1=point(20, 0.9),
        point_2=point(120),
    )
    return run, against


@pytest.mark.parametrize(
    ("decay", "plain", "changes", "expected"),
    [
        ((50.0, 49.9), (60.0, 60.0), {}, True),
        ((50.0, 20.0), (60.0, 70.0), {}, True),
        ((50.0, 50.0), (60.0, 60.0), {}, False),
        ((50.0, 50.1), (60.0, 60.0), {}, False),
        ((50.0, 49.9), (60.0, 59.9), {}, False),
        ((50.0, 49.9), (60.0, 60.0), {"point_2": point(120)}, False),
        ((50.0, 49.9), (60.0, 60.0), {"final": point(120, 0.9)}, True),
    ],
)
def test_p3_norm_falls_with_decay_and_not_without(
    decay: tuple, plain: tuple, changes: dict, expected: bool, tmp_path: Path
) -> None:
    finding = judged("P3-norm", *norms(tmp_path, decay, plain, **changes))
    assert finding.holds == expected
    assert finding.numbers == pytest.approx((decay[1] / decay[0], plain[1] / plain[0]))
    reached = "point 2" if "point_2" in changes else "no point 2"
    assert finding.measured == (
        f"with decay {decay[0]:.1f} to {decay[1]:.1f}, without {plain[0]:.1f} to {plain[1]:.1f} and {reached}"
    )


def test_p3_norm_is_not_judged_without_points_and_with_too_few_epochs(tmp_path: Path) -> None:
    run, against = norms(tmp_path / "short", (50, 49), (60, 61), final=point(119, 0.9))
    assert not_judged("P3-norm", run, against) == (
        "censored", "trained for 119 epochs, with decay point 2 takes 120",
    )  # fmt: skip
    with pytest.raises(NotJudged) as why:  # the norm with decay is known all the same
        CRITERIA["P3-norm"].judge(run, against)
    assert why.value.numbers == pytest.approx((49 / 50, math.nan), nan_ok=True)
    run, against = norms(tmp_path / "learns nothing", (50, 49), (60, 61), point_1=None)
    assert not_judged("P3-norm", run, against) == ("no point", "no point 1 without decay: train error is 0.3")
    run, _ = norms(tmp_path / "no point 2", (50, 49), (60, 61))
    assert not_judged("P3-norm", run, run) == ("no point", "no point 2 with decay: validation error is 0.4")


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        (
            "P2",
            [
                "no point 2 and validation error ends at least 0.5",
                "below 0.5 at point 1 and at most 0.01 at the end",
                "at twice point 1 or later, with validation error at least 0.5 at point 1",
            ],
        ),
        (
            "P3",
            [
                "point 1 is reached and validation error ends at least 0.5",
                "at twice point 1 or later, with validation error at least 0.5 at point 1",
            ],
        ),
        ("P3-norm", ["smaller at point 2", "not smaller at the last epoch", "in at least as many epochs"]),
    ],
)
def test_criteria_name_the_bounds_that_the_code_goes_by(claim: str, named: list[str]) -> None:
    for part in named:
        assert part in CRITERIA[claim].criterion
