"""Every criterion of paper P on both sides of its threshold, on tables made for it; diverged runs, sweeps."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts.columns import EPOCHS, HISTORY, OUTCOMES, SETTLING
from grokflow.artifacts.results import RunResults, SweepResults
from grokflow.claims import CRITERIA, SUBJECTS, Subject, judge, write_claims
from grokflow.claims.criteria import Finding, Undecided
from grokflow.claims.periodic_behaviour import ATTENTION, CHANCE, PERIODIC
from grokflow.config import Claim, Config
from grokflow.dynamics import periods
from grokflow.loading import load_config
from grokflow.model.transformer import make_model

ROOT = Path(__file__).parents[2]

LENGTH = 200
"""Epochs of a made run, the first of them memorised: so p is a multiple of 1/200."""

P5_LENGTH = 2 * LENGTH
"""The same for P5, whose changes last until a collapse has settled."""

CHANCE_EPOCHS = round(CHANCE * LENGTH)
"""Length of a collapse over which a single step coincides at just as many positions as are chance."""

STARTS = (21, 58, 104, 155)
"""Four collapses with no distance twice, so that a shift brings at most one onto another."""

DIVERGED = "epoch 12, step 93: train loss nan"

Starts = Sequence[int]
Values = np.ndarray | Sequence[float]


def point(epoch: int, validation_error: float = 0.0, train_error: float = 0.0) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "step": epoch,
        "train_error": train_error,
        "validation_error": validation_error,
    }


def make_run(
    folder: Path,
    starts: Starts = (),
    *,
    epochs: int = LENGTH,
    lasts: int = 4,
    ends: bool = True,
    point_1: dict[str, Any] | None = None,
    point_2: dict[str, Any] | None = None,
    final: dict[str, Any] | None = None,
    diverged: str | None = None,
    history: dict[str, Values] | None = None,
    **columns: Values,
) -> RunResults:
    """A run that has memorised from epoch 1 and collapses after each of `starts` for `lasts` − 1 epochs.

    Parameters
    ----------
    lasts : from the start of a collapse to its end.
    ends : False: the last collapse goes on to the last epoch.
    history : columns of history.csv, for epochs 0 … `epochs`.
    columns : columns of epochs.csv, for epochs 1 … `epochs`; those not given are constant.
    """
    epoch = np.arange(1, epochs + 1)
    error = np.zeros(epochs)
    for start in starts:
        error[start : start + lasts - 1] = 0.5
    if not ends:
        error[starts[-1] :] = 0.5
    statistics = {
        f"{whose}{name}": np.ones(epochs)
        for whose in ("", "invariant_")
        for name in ("weight_norm", "effective_learning_rate", "effective_gradient_norm")
    }
    every = pd.DataFrame({"epoch": epoch, "train_error": error, **statistics, **columns})
    logged = pd.DataFrame({"epoch": np.arange(epochs + 1)})
    defaults = {"validation_error": 0.9, "weight_norm": 1.0, "effective_gradient_norm": 1.0}
    logged = logged.assign(**{**defaults, **(history or {})})
    points = {"initial": point(0, 1.0, 1.0), "point_1": point_1, "point_2": point_2}
    points["final"] = final or point(epochs)
    reasons = {name: f"reason {name[-1]}" for name in ("point_1", "point_2") if points[name] is None}

    folder.mkdir(parents=True)
    for table, file, header in ((every, "epochs.csv", EPOCHS), (logged, "history.csv", HISTORY)):
        assert set(table) <= set(header)
        table.reindex(columns=header).to_csv(folder / file, index=False)
    periods(every.reindex(columns=EPOCHS), logged).to_csv(folder / "periods.csv", index=False)
    content = {**points, "reasons": reasons, "checkpoints": [], "diverged": diverged}
    (folder / "points.json").write_text(json.dumps(content))
    return RunResults(folder)


def judged(claim: str, *results: RunResults | pd.DataFrame) -> Finding:
    finding = CRITERIA[claim].judge(*results)
    assert type(finding.holds) is bool
    assert finding.measured
    assert "; seed" not in finding.measured  # this is where the table is split into seeds
    return finding


def undecided(claim: str, *results: RunResults | pd.DataFrame) -> str:
    with pytest.raises(Undecided) as reason:
        CRITERIA[claim].judge(*results)
    return str(reason.value)


def p_values(measured: str) -> list[float]:
    return [float(p) for p in re.findall(r"\(p = ([\d.]+)\)", measured)]


# P1 and P4


@pytest.mark.parametrize("claim", ["P1", "P4"])
@pytest.mark.parametrize(
    ("first", "second", "error", "expected"),
    [
        (100, 200, 0.5, True),
        (20, 400, 0.95, True),
        (100, 199, 0.5, False),
        (100, 200, 0.499, False),
        (100, 100, 0.0, False),
    ],
)
def test_p1_and_p4_point_2_twice_as_late_and_nothing_general_at_point_1(
    claim: str, first: int, second: int, error: float, expected: bool, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "0", point_1=point(first, error), point_2=point(second), final=point(999))
    finding = judged(claim, run)
    assert finding.holds == expected
    assert finding.measured == (
        f"validation error {error:.3f} at point 1, epoch {first}; point 2 at epoch {second}"
    )


@pytest.mark.parametrize("claim", ["P1", "P4"])
def test_p1_and_p4_without_point_2_do_not_hold_once_twice_point_1_has_passed(
    claim: str, tmp_path: Path
) -> None:
    long_enough = make_run(tmp_path / "long", point_1=point(100, 0.9), final=point(200, 0.3))
    finding = judged(claim, long_enough)
    assert not finding.holds
    assert finding.measured.endswith("at point 1, epoch 100; no point 2: 0.3000 at epoch 200")
    too_short = make_run(tmp_path / "short", point_1=point(100, 0.9), final=point(199, 0.3))
    assert undecided(claim, too_short).endswith("at point 1, epoch 100; no point 2 in 199 epochs")


@pytest.mark.parametrize("claim", ["P1", "P4"])
def test_p1_and_p4_are_undecided_without_point_1(claim: str, tmp_path: Path) -> None:
    assert undecided(claim, make_run(tmp_path / "0")) == "no point 1: reason 1"


def test_stacked_decorators_register_both_claims_with_one_judge() -> None:
    assert CRITERIA["P1"].judge is CRITERIA["P4"].judge
    assert (CRITERIA["P1"].id, CRITERIA["P4"].id) == ("P1", "P4")
    assert (CRITERIA["P1"].figure, CRITERIA["P4"].figure) == ("P-fig1", "P-fig4")
    assert CRITERIA["P1"].statement != CRITERIA["P4"].statement
    assert SUBJECTS["P1"] == SUBJECTS["P4"] == Subject("run")


# P2 and P3: sweeps

Row = tuple[float | str, int | None, int | None, float]
"""Value of the varied key, points 1 and 2, validation error at the end."""


def make_sweep(
    folder: Path, key: str, rows: Sequence[Row], *, seed: int = 0, diverged: Sequence[int] = ()
) -> Path:
    """The file of a sweep, with a second seed that must not matter; `diverged`: numbers of rows."""
    table = [
        {
            key: value,
            "seed": of,
            "point_1": first,
            "point_2": second,
            "epochs": 400,
            "train_error": 0.0,
            "validation_error": error,
            "validation_error_at_point_1": 0.9,
            "diverged": "epoch 40" if of == seed and number in diverged else None,
        }
        for number, (value, first, second, error) in enumerate(rows)
        for of in (seed, seed + 1)
    ]
    other = [row["seed"] != seed for row in table]
    frame = pd.DataFrame(table, columns=[key, *OUTCOMES])
    frame = frame.astype({"point_1": "Int64", "point_2": "Int64"})
    frame.loc[other, ["point_1", "point_2"]] = 7
    frame.loc[other, "validation_error"] = 0.123
    folder.mkdir(parents=True)
    frame.sample(frac=1, random_state=0).to_csv(folder / "sweep.csv", index=False)
    return folder / "sweep.csv"


def rows_of(folder: Path, key: str, rows: Sequence[Row], *, seed: int = 0, **how: Any) -> pd.DataFrame:
    """What a criterion sees of such a sweep: the rows of the one seed."""
    return SweepResults(make_sweep(folder, key, rows, seed=seed, **how)).of_seed(seed)


NEVER: Row = (0.1, 10, None, 0.5)
GROKS: Row = (0.4, 50, 100, 0.0)
AT_ONCE: Row = (0.9, 50, 99, 0.0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([NEVER, GROKS, AT_ONCE], True),
        ([NEVER, (0.2, 10, None, 0.7), GROKS, (0.5, 50, 60, 0.0), AT_ONCE], True),
        ([AT_ONCE, GROKS, NEVER], True),  # sorted by value, whatever the order in the file
        ([(0.1, None, None, 0.9), GROKS, AT_ONCE], True),
        ([(0.1, 10, None, 0.499), GROKS, AT_ONCE], False),
        ([(0.1, 10, 300, 0.5), GROKS, AT_ONCE], False),
        ([NEVER, (0.4, 50, 99, 0.0), AT_ONCE], False),
        ([NEVER, (0.4, 50, None, 0.2), AT_ONCE], False),
        ([NEVER, (0.4, None, None, 0.2), AT_ONCE], False),
        ([NEVER, GROKS, (0.9, 50, 100, 0.0)], False),
        ([NEVER, GROKS, (0.9, 50, None, 0.01)], False),
        ([NEVER, GROKS, (0.9, None, None, 0.9)], False),
        ([NEVER, AT_ONCE], False),
    ],
)
def test_p2_never_grokking_at_once_by_train_fraction(rows: list[Row], expected: bool, tmp_path: Path) -> None:
    sweep = rows_of(tmp_path / "0", "dataset.train_fraction", rows)
    assert judged("P2", sweep).holds == expected


def test_p2_measures_every_fraction_in_rising_order(tmp_path: Path) -> None:
    rows = [AT_ONCE, (0.25, None, None, 0.9), NEVER, GROKS]
    sweep = rows_of(tmp_path / "0", "dataset.train_fraction", rows)
    assert judged("P2", sweep).measured == (
        "points 1 / 2 at 0.1: 10 / never, 0.25: never / never, 0.4: 50 / 100, 0.9: 50 / 99"
    )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_p2_is_undecided_when_a_member_diverged(number: int, tmp_path: Path) -> None:
    sweep = rows_of(tmp_path / "0", "dataset.train_fraction", [NEVER, GROKS, AT_ONCE], diverged=[number])
    assert undecided("P2", sweep).startswith("a member diverged; points 1 / 2 at 0.1: 10 / never, ")


WITHOUT: Row = (0.0, 10, None, 0.9)
DECAYS: Row = (1.0, 20, 40, 0.0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([WITHOUT, DECAYS], True),
        ([DECAYS, WITHOUT], True),
        ([WITHOUT, (0.1, 20, None, 0.9), DECAYS, (3.0, None, None, 0.9)], True),
        ([WITHOUT, (1.0, 20, 39, 0.0)], False),
        ([WITHOUT, (0.1, 20, 39, 0.0), (1.0, 20, None, 0.9)], False),
        ([WITHOUT, (1.0, 20, None, 0.0)], False),
        ([WITHOUT, (1.0, None, None, 0.9)], False),
        ([(0.0, 10, 300, 0.0), DECAYS], False),
        ([(0.0, None, None, 0.9), DECAYS], False),
        ([WITHOUT], False),
    ],
)
def test_p3_grokking_with_a_decay_and_none_without(rows: list[Row], expected: bool, tmp_path: Path) -> None:
    assert judged("P3", rows_of(tmp_path / "0", "optimizer.weight_decay", rows)).holds == expected


def test_p3_measures_every_decay(tmp_path: Path) -> None:
    sweep = rows_of(tmp_path / "0", "optimizer.weight_decay", [DECAYS, WITHOUT], seed=3)
    assert judged("P3", sweep).measured == "points 1 / 2 at 0: 10 / never, 1: 20 / 40"


def test_p3_is_undecided_without_a_member_without_decay(tmp_path: Path) -> None:
    sweep = rows_of(tmp_path / "0", "optimizer.weight_decay", [(0.1, 10, None, 0.9), DECAYS])
    assert undecided("P3", sweep) == "the sweep has no member without decay"


def test_p3_is_undecided_when_the_member_without_decay_diverged(tmp_path: Path) -> None:
    sweep = rows_of(tmp_path / "0", "optimizer.weight_decay", [WITHOUT, DECAYS], diverged=[0])
    assert "diverged" in undecided("P3", sweep)


@pytest.mark.parametrize("claim", ["P2", "P3"])
def test_a_sweep_over_two_keys_leaves_its_claim_undecided(claim: str, tmp_path: Path) -> None:
    file = make_sweep(tmp_path / "0", "optimizer.weight_decay", [WITHOUT, DECAYS])
    table = pd.read_csv(file)
    table.assign(other=1)[["other", *table.columns]].to_csv(file, index=False)
    key = {"P2": "dataset.train_fraction", "P3": "optimizer.weight_decay"}[claim]
    assert undecided(claim, SweepResults(file).of_seed(0)) == (
        f"the sweep varies other, optimizer.weight_decay; the claim is about {key} alone"
    )


@pytest.mark.parametrize("claim", ["P2", "P3"])
def test_a_sweep_over_texts_does_not_end_the_judging(claim: str, tmp_path: Path) -> None:
    rows: list[Row] = [("layer_norm", 10, None, 0.9), ("none", 20, 40, 0.0)]
    undecided(claim, rows_of(tmp_path / "0", "model.normalization", rows))


# P3-norm


def norm_from(values: dict[int, float]) -> dict[str, Values]:
    """A history with these norms at these epochs and 99 elsewhere."""
    norm = np.full(LENGTH + 1, 99.0)
    norm[list(values)] = list(values.values())
    return {"weight_norm": norm}


def norms(
    folder: Path, decay: tuple[float, float], plain: tuple[float, float], **changes: Any
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
    reached = "point 2" if "point_2" in changes else "no point 2"
    assert finding.measured == (
        f"with decay {decay[0]:.1f} to {decay[1]:.1f}, without {plain[0]:.1f} to {plain[1]:.1f} and {reached}"
    )


def test_p3_norm_is_undecided_without_points_and_with_too_few_epochs(tmp_path: Path) -> None:
    run, against = norms(tmp_path / "short", (50, 49), (60, 61), final=point(119, 0.9))
    assert undecided("P3-norm", run, against) == "trained for 119 epochs only, point 2 takes 120"
    run, against = norms(tmp_path / "learns nothing", (50, 49), (60, 61), point_1=None)
    assert undecided("P3-norm", run, against) == "no point 1: reason 1"
    run, _ = norms(tmp_path / "no point 2", (50, 49), (60, 61))
    assert undecided("P3-norm", run, run) == "no point 2: reason 2"


# P5


def p5_run(folder: Path, starts: Starts = (), **changes: Any) -> RunResults:
    return make_run(folder, starts, epochs=P5_LENGTH, **changes)


def validation(*steps: tuple[int, float]) -> dict[str, Values]:
    """A validation error that is 0.9 and falls by so much from epoch to epoch + 1."""
    error = np.full(P5_LENGTH + 1, 0.9)
    for epoch, fall in steps:
        error[epoch + 1 :] -= fall
    return {"validation_error": error}


def lifts(falls: Sequence[float], lasts: int = 4, starts: Starts = STARTS) -> dict[str, Values]:
    """A step of validation error in the middle of each collapse."""
    return validation(*((start + lasts // 2, fall) for start, fall in zip(starts, falls, strict=False)))


@pytest.mark.parametrize(
    ("falls", "higher", "expected"),
    [
        ([0.1, 0.1, 0.1, 0.1], 4, True),
        ([0.1, 0.1, 0.1, -0.01], 3, True),
        ([0.1, 0.1, 0.1, 0.0], 3, True),  # no change is not higher, but three of four are enough
        ([0.2, 0.2, -0.01, -0.01], 2, False),
        ([0.2, 0.2, 0.0, 0.0], 2, False),
        ([0.1, 0.1, 0.1], 3, True),
        ([0.1, 0.1, -0.01], 2, False),
    ],
)
def test_p5_validation_is_higher_after_three_of_four(
    falls: list[float], higher: int, expected: bool, tmp_path: Path
) -> None:
    count = len(falls)
    run = p5_run(tmp_path / "0", STARTS[:count], history=lifts(falls))
    finding = judged("P5", run)
    assert max(p_values(finding.measured)) <= CHANCE  # so it is the count that decides
    assert f"{count} collapses, {count} before point 2, validation higher after {higher} of these" in (
        finding.measured
    )
    assert finding.holds == expected


@pytest.mark.parametrize(("lasts", "expected"), [(CHANCE_EPOCHS, True), (CHANCE_EPOCHS + 1, False)])
def test_p5_by_more_than_at_chance_positions(lasts: int, expected: bool, tmp_path: Path) -> None:
    run = p5_run(tmp_path / "0", STARTS[:3], lasts=lasts, history=lifts([0.1] * 3, lasts))
    finding = judged("P5", run)
    assert p_values(finding.measured) == pytest.approx([(lasts + SETTLING) / P5_LENGTH], abs=1e-3)
    assert finding.holds == expected


def test_p5_says_how_much_and_how_often(tmp_path: Path) -> None:
    finding = judged("P5", p5_run(tmp_path / "0", STARTS, history=lifts([0.1, 0.2, 0.1, 0.2])))
    assert finding.measured == (
        "4 collapses, 4 before point 2, validation higher after 4 of these, by 0.150 on average "
        "(p = 0.035), period 46 epochs (median)"
    )


def test_p5_a_rise_that_has_nothing_to_do_with_collapses(tmp_path: Path) -> None:
    steady = {"validation_error": np.linspace(0.9, 0.1, P5_LENGTH + 1)}
    finding = judged("P5", p5_run(tmp_path / "steady", STARTS, history=steady))
    assert "validation higher after 4 of these" in finding.measured
    assert not finding.holds
    between = validation(*((start - 8, 0.15) for start in STARTS))
    assert not judged("P5", p5_run(tmp_path / "between", STARTS, history=between)).holds


@pytest.mark.parametrize(("count", "said"), [(0, "0 collapses"), (1, "1 collapse"), (2, "2 collapses")])
def test_p5_fewer_than_three_collapses_are_no_periods(count: int, said: str, tmp_path: Path) -> None:
    assert PERIODIC == 3
    run = p5_run(tmp_path / "0", STARTS[:count], history=lifts([0.1] * count))
    assert judged("P5", run) == Finding(False, said)


def test_p5_counts_only_collapses_before_point_2(tmp_path: Path) -> None:
    late = [start + LENGTH for start in STARTS]  # so that the window is long
    falls = [0.3, 0.3, -0.1, -0.1]
    before = p5_run(tmp_path / "0", late, history=lifts(falls, starts=late), point_2=point(late[2]))
    finding = judged("P5", before)
    assert "4 collapses, 2 before point 2, validation higher after 2 of these, by 0.300" in finding.measured
    one_more = p5_run(tmp_path / "1", late, history=lifts(falls, starts=late), point_2=point(late[2] + 1))
    assert "4 collapses, 3 before point 2" in judged("P5", one_more).measured
    assert not judged("P5", one_more).holds


@pytest.mark.parametrize(("epoch", "count"), [(STARTS[0], 0), (STARTS[0] + 1, 1), (STARTS[1], 1)])
def test_p5_is_undecided_with_fewer_than_two_collapses_before_point_2(
    epoch: int, count: int, tmp_path: Path
) -> None:
    run = p5_run(tmp_path / "0", STARTS, history=lifts([0.1] * 4), point_2=point(epoch))
    assert undecided("P5", run) == f"4 collapses, {count} of them before point 2"


def test_p5_leaves_out_a_collapse_that_never_ended(tmp_path: Path) -> None:
    run = p5_run(tmp_path / "0", STARTS[:3], ends=False, history=lifts([0.1, 0.1]))
    finding = judged("P5", run)
    assert finding.holds
    assert finding.measured.startswith("3 collapses, 2 before point 2, validation higher after 2 of these")


# P5-float64, P9 and P9-sphere: collapses in common epochs


@pytest.mark.parametrize(
    ("claim", "own", "expected", "measured"),
    [
        ("P5-float64", 3, True, "3 collapses in 200 epochs (float32: 3)"),
        ("P5-float64", 2, False, "2 collapses in 200 epochs (float32: 3)"),
        ("P5-float64", 4, True, "4 collapses in 200 epochs (float32: 3)"),
        ("P5-float64", 0, False, "0 collapses in 200 epochs (float32: 3)"),
        ("P9", 0, True, "0 collapses in 200 epochs (with both: 3)"),
        ("P9", 1, True, "1 collapse in 200 epochs (with both: 3)"),
        ("P9", 2, True, "2 collapses in 200 epochs (with both: 3)"),
        ("P9", 3, False, "3 collapses in 200 epochs (with both: 3)"),
        ("P9-sphere", 0, True, "0 teeth, 0 collapses in 200 epochs (with the norm free: 3)"),
        ("P9-sphere", 2, True, "0 teeth, 2 collapses in 200 epochs (with the norm free: 3)"),
        ("P9-sphere", 3, False, "0 teeth, 3 collapses in 200 epochs (with the norm free: 3)"),
    ],
)
def test_three_collapses_make_a_run_periodic(
    claim: str, own: int, expected: bool, measured: str, tmp_path: Path
) -> None:
    against = make_run(tmp_path / "against" / "0", STARTS[:3])
    assert judged(claim, make_run(tmp_path / "run" / "0", STARTS[:own]), against) == Finding(
        expected, measured
    )


@pytest.mark.parametrize("claim", ["P5-float64", "P9", "P9-sphere"])
@pytest.mark.parametrize(("count", "said"), [(2, "2 collapses"), (1, "1 collapse"), (0, "0 collapses")])
def test_a_run_that_is_not_periodic_is_nothing_to_compare_with(
    claim: str, count: int, said: str, tmp_path: Path
) -> None:
    run, against = make_run(tmp_path / "run", STARTS), make_run(tmp_path / "against", STARTS[:count])
    assert undecided(claim, run, against) == f"the run to compare with has {said} only in 200 epochs"


@pytest.mark.parametrize("claim", ["P5-float64", "P9", "P9-sphere"])
def test_only_epochs_that_both_runs_have_are_compared(claim: str, tmp_path: Path) -> None:
    short = STARTS[2] + 20
    for long, brief in ((STARTS, STARTS[:3]), (STARTS[:3], STARTS[:3])):
        folder = tmp_path / str(len(long))
        run = make_run(folder / "run", long)
        against = make_run(folder / "against", brief, epochs=short)
        finding = judged(claim, run, against)
        assert f"3 collapses in {short} epochs" in finding.measured
        assert finding.holds == (claim == "P5-float64")
    run = make_run(tmp_path / "run", STARTS[:1], epochs=STARTS[1] - 1)
    against = make_run(tmp_path / "against", STARTS)
    assert undecided(claim, run, against) == "the run to compare with has 1 collapse only in 57 epochs"


# P6


def saw(*teeth: tuple[int, int], before: int = 0, tail: int = 12, length: int = LENGTH) -> np.ndarray:
    """log η_eff from 0 to 1 and back for each (rise, fall), steady from epoch to epoch; then part of a rise.

    It is 0 for `before` epochs first; what is left of `length` stands where the last rise ended.
    """
    parts = [np.zeros(before + 1)]
    for rise, fall in teeth:
        parts += [np.linspace(0, 1, rise + 1)[1:], np.linspace(1, 0, fall + 1)[1:]]
    parts.append(np.linspace(0, 0.5, tail + 1)[1:])
    values = np.concatenate(parts)
    return np.exp(np.concatenate([values, np.full(length - len(values), values[-1])]))


def tops(*teeth: tuple[int, int], before: int = 0) -> list[int]:
    """The epochs at which the falls of `saw` begin."""
    places, here = [], before + 1
    for rise, fall in teeth:
        places.append(here + rise)
        here += rise + fall
    return places


def spikes(starts: Starts, height: float = 3.0) -> np.ndarray:
    """‖g_eff‖ 1 everywhere but in the middle of each collapse."""
    values = np.ones(LENGTH)
    values[np.array(starts) + 1] = height
    return values


def saw_run(folder: Path, *teeth: tuple[int, int], before: int = 0, **changes: Any) -> RunResults:
    """A saw-tooth whose every fall of three epochs or more is a collapse."""
    starts = tops(*teeth, before=before)
    columns = {
        "effective_learning_rate": saw(*teeth, before=before),
        "effective_gradient_norm": spikes(starts),
        "point_1": point(1),
    }
    return make_run(folder, starts, lasts=teeth[0][1], **{**columns, **changes})


@pytest.mark.parametrize(
    ("teeth", "expected"),
    [
        ([(20, 4), (26, 4), (31, 4)], True),
        ([(8, 4), (8, 4), (8, 4)], True),
        ([(8, 4), (7, 4), (30, 4)], True),  # medians
        ([(7, 4), (7, 4), (7, 4)], False),
        ([(7, 4), (7, 4), (30, 4)], False),
        ([(4, 4), (4, 4), (4, 4)], False),
        ([(20, 4), (26, 4)], False),
    ],
)
def test_p6_three_teeth_that_rise_twice_as_long_as_they_fall(
    teeth: list[tuple[int, int]], expected: bool, tmp_path: Path
) -> None:
    finding = judged("P6", saw_run(tmp_path / "0", *teeth))
    assert max(p_values(finding.measured)[:2]) <= CHANCE  # so it is the teeth that decide
    rise = np.median([rise for rise, _ in teeth])
    assert finding.measured.startswith(
        f"{len(teeth)} teeth, rises of {rise:.0f} and falls of 4 epochs; at collapses log η_eff falls by 1."
    )
    assert finding.holds == expected


TEETH = [(20, 4), (26, 4), (31, 4)]


def test_p6_says_what_it_found_over_all_and_over_the_invariant_weights(tmp_path: Path) -> None:
    half = np.sqrt(saw(*TEETH))
    run = saw_run(
        tmp_path / "0",
        *TEETH,
        invariant_effective_learning_rate=half,
        invariant_effective_gradient_norm=spikes(tops(*TEETH), np.e),
    )
    assert judged("P6", run).measured == (
        "3 teeth, rises of 26 and falls of 4 epochs; at collapses log η_eff falls by 1.000 (p = 0.005) and "
        "log ‖g_eff‖ jumps by 1.10 (p = 0.020); over the invariant weights 0.500 (p = 0.005) and 1.00 "
        "(p = 0.020)"
    )


def test_p6_the_invariant_weights_do_not_decide(tmp_path: Path) -> None:
    blank = np.full(LENGTH, np.nan)
    run = saw_run(
        tmp_path / "0",
        *TEETH,
        invariant_effective_learning_rate=blank,
        invariant_effective_gradient_norm=blank,
    )
    assert judged("P6", run).holds


@pytest.mark.parametrize(("lasts", "expected"), [(CHANCE_EPOCHS, True), (CHANCE_EPOCHS + 1, False)])
def test_p6_gradient_by_more_than_at_chance_positions(lasts: int, expected: bool, tmp_path: Path) -> None:
    teeth = [(25, lasts), (31, lasts), (38, lasts)]
    finding = judged("P6", saw_run(tmp_path / "0", *teeth))
    assert p_values(finding.measured)[:2] == [1 / LENGTH, lasts / LENGTH]
    assert finding.holds == expected


@pytest.mark.parametrize(("lasts", "expected"), [(CHANCE_EPOCHS, True), (CHANCE_EPOCHS + 1, False)])
def test_p6_rate_by_more_than_at_chance_positions(lasts: int, expected: bool, tmp_path: Path) -> None:
    starts = np.array(STARTS[:3])
    falls = starts + lasts // 2  # each in one epoch, steady for `lasts` epochs before and after
    steady = [(falls - lasts, 1), (falls - 1, 1), (falls, 0), (falls + lasts - 1, 0)]
    corners = sorted([(0, 0), (LENGTH, 1), *((at, y) for places, y in steady for at in places)])
    rate = np.interp(np.arange(LENGTH), *zip(*corners, strict=True))
    gradient = np.ones(LENGTH)
    gradient[starts - 1] = 0.1
    finding = judged(
        "P6",
        make_run(
            tmp_path / "0",
            list(starts),
            lasts=lasts,
            point_1=point(1),
            effective_learning_rate=np.exp(rate),
            effective_gradient_norm=gradient,
        ),
    )
    assert finding.measured.startswith("3 teeth, rises of ")
    assert p_values(finding.measured)[:2] == [lasts / LENGTH, 1 / LENGTH]
    assert finding.holds == expected


@pytest.mark.parametrize("flat", ["effective_learning_rate", "effective_gradient_norm"])
def test_p6_both_must_coincide(flat: str, tmp_path: Path) -> None:
    run = saw_run(tmp_path / "0", *TEETH, **{flat: np.roll(spikes(tops(*TEETH)), 12)})
    assert not judged("P6", run).holds


def test_p6_a_saw_tooth_elsewhere_does_not_coincide(tmp_path: Path) -> None:
    starts = [top - 12 for top in tops(*TEETH)]
    run = make_run(
        tmp_path / "0",
        starts,
        point_1=point(1),
        effective_learning_rate=saw(*TEETH),
        effective_gradient_norm=spikes(starts),
    )
    finding = judged("P6", run)
    assert finding.measured.startswith("3 teeth")
    assert p_values(finding.measured)[0] > CHANCE
    assert not finding.holds


def test_p6_teeth_count_from_memorisation_on(tmp_path: Path) -> None:
    starts = tops(*TEETH)
    first_top = starts[0]
    from_start = judged("P6", saw_run(tmp_path / "0", *TEETH, point_1=point(first_top - 5)))
    assert (from_start.holds, from_start.measured[:7]) == (True, "3 teeth")
    later = judged("P6", saw_run(tmp_path / "1", *TEETH, point_1=point(first_top + 1)))
    assert (later.holds, later.measured[:7]) == (False, "2 teeth")
    unknown = judged("P6", saw_run(tmp_path / "2", *TEETH, point_1=None))  # then from the first collapse on
    assert (unknown.holds, unknown.measured[:7]) == (False, "2 teeth")


@pytest.mark.parametrize(("count", "said"), [(0, "0 collapses"), (1, "1 collapse")])
def test_p6_is_undecided_with_nothing_to_coincide(count: int, said: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", STARTS[:count], effective_learning_rate=saw(*TEETH))
    assert undecided("P6", run) == f"{said} that ended, nothing to coincide"


def test_p6_two_collapses_are_enough_to_coincide(tmp_path: Path) -> None:
    starts = tops(*TEETH)[:2]
    run = saw_run(tmp_path / "0", *TEETH, effective_gradient_norm=spikes(starts))
    only_two = make_run(
        tmp_path / "1",
        starts,
        point_1=point(1),
        effective_learning_rate=pd.read_csv(run.folder / "epochs.csv")["effective_learning_rate"],
        effective_gradient_norm=spikes(starts),
    )
    assert judged("P6", only_two).holds


def test_p6_is_undecided_when_one_of_two_collapses_never_ended(tmp_path: Path) -> None:
    run = make_run(tmp_path / "0", STARTS[:2], ends=False, effective_learning_rate=saw(*TEETH))
    assert "nothing to coincide" in undecided("P6", run)


# P7


def gradient_run(folder: Path, ends: tuple[float, float], between: Sequence[float]) -> RunResults:
    """Points 1 and 2 at epoch 10 and len(between) − 1 later; 50 and −50 around must not matter."""
    last = 10 + len(between) - 1
    logged, every = np.full(LENGTH + 1, 50.0), np.full(LENGTH, 50.0)
    logged[[10, last]] = ends
    every[9:last] = between
    every[last:] = -50
    return make_run(
        folder,
        point_1=point(10, 0.9),
        point_2=point(last),
        history={"effective_gradient_norm": logged},
        effective_gradient_norm=every,
    )


@pytest.mark.parametrize(
    ("ends", "between", "correlation", "expected"),
    [
        ((2.0, 1.99), [3, 1, 2], -0.5, True),
        ((2.0, 2.0), [3, 1, 2], -0.5, False),
        ((2.0, 2.01), [3, 2, 1], -1.0, False),
        ((2.0, 1.0), [2, 5, 1, 3, 4], 0.2, False),
        ((2.0, 1.0), [4, 3, 5, 2, 1], -0.7, True),
        ((2.0, 1.0), [3, 5, 4, 1, 2], -0.6, True),
        ((2.0, 1.0), [4, 1, 3, 2], -0.4, False),
        ((2.0, 1.0), [900, 0.1, 0.2], -0.5, True),  # of ranks, not of values
        ((2.0, 1.0), [1, 2, 3], 1.0, False),
    ],
)
def test_p7_effective_gradient_falls_from_point_1_to_point_2(
    ends: tuple[float, float],
    between: list[float],
    correlation: float,
    expected: bool,
    tmp_path: Path,
) -> None:
    assert judged("P7", gradient_run(tmp_path / "0", ends, between)) == Finding(
        expected, f"from {ends[0]:.2f} to {ends[1]:.2f}, rank correlation {correlation:.2f}"
    )


def test_p7_at_one_and_the_same_epoch_nothing_falls(tmp_path: Path) -> None:
    assert "0 epochs apart" in undecided("P7", gradient_run(tmp_path / "0", (1.0, 1.0), [1]))


def test_p7_is_undecided_without_points(tmp_path: Path) -> None:
    assert undecided("P7", make_run(tmp_path / "0")) == "no point 1: reason 1"
    assert undecided("P7", make_run(tmp_path / "1", point_1=point(3))) == "no point 2: reason 2"


# P8 and P8-wholly

GROUPS = [
    "token_embedding",
    "layer_0.attention.norm",
    "layer_0.attention.query",
    "layer_0.attention.key",
    "layer_0.attention.value",
    "layer_1.attention.query",
    "layer_1.attention.key",
    "layer_1.mlp.in",
    "final_norm",
    "unembedding",
    "residual stream",
    "all",
]
STREAM = {"layer_1.mlp.in", "residual stream"}
"""What is invariant in the partly invariant model."""


def make_audit(
    folder: Path,
    invariant: set[str],
    *,
    frozen: set[str] | None = None,
    points: Sequence[str] = ("initial", "point_1", "point_2"),
    flipped: Sequence[tuple[str, str]] = (),
) -> RunResults:
    """invariance.csv; `flipped`: (point, group) where it is the other way round."""
    rows = []
    for at in points:
        for number, group in enumerate(GROUPS):
            is_invariant = (group in invariant) != ((at, group) in flipped)
            rows.append(
                {
                    "point": at,
                    "epoch": 0,
                    "group": group,
                    "trained": group not in (frozen or set()),
                    "change": 2e-13 if is_invariant else 0.5 + number,
                    "radial_gradient": 3e-16 if is_invariant else 0.25,
                    "tolerance": 1e-9,
                    "invariant": is_invariant,
                }
            )
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "invariance.csv", index=False)
    return RunResults(folder)


EVERY_POINT = ["initial", "point_1", "point_2"]
QUERIES_AND_KEYS = [group for group in GROUPS if group.endswith(ATTENTION)]


def test_p8_residual_stream_invariant_queries_and_keys_not(tmp_path: Path) -> None:
    assert judged("P8", make_audit(tmp_path / "0", STREAM)) == Finding(
        True,
        "invariant at all points: layer_1.mlp.in, residual stream; queries and keys change log p by 2.5 or "
        "more; outside attention not invariant either: final_norm, token_embedding, unembedding",
    )
    only_initial = make_audit(tmp_path / "1", STREAM, points=["initial"])
    assert judged("P8", only_initial).holds


@pytest.mark.parametrize("at", EVERY_POINT)
def test_p8_at_every_point_and_in_every_layer(at: str, tmp_path: Path) -> None:
    for group in ("residual stream", *QUERIES_AND_KEYS):
        assert not judged("P8", make_audit(tmp_path / group, STREAM, flipped=[(at, group)])).holds


@pytest.mark.parametrize("group", ["token_embedding", "layer_0.attention.value", "final_norm", "unembedding"])
def test_p8_other_groups_do_not_decide(group: str, tmp_path: Path) -> None:
    assert judged("P8", make_audit(tmp_path / "0", {*STREAM, group})).holds
    assert judged("P8", make_audit(tmp_path / "1", STREAM, flipped=[("point_1", group)])).holds


def test_p8_neither_wholly_invariant_nor_not_at_all(tmp_path: Path) -> None:
    nothing = judged("P8", make_audit(tmp_path / "0", set()))
    assert not nothing.holds
    assert nothing.measured.startswith("invariant at all points: none;")
    everything = judged("P8", make_audit(tmp_path / "1", set(GROUPS)))
    assert not everything.holds
    assert everything.measured.endswith("outside attention not invariant either: none")


def test_p8_looks_for_the_names_that_the_model_gives_its_groups() -> None:
    for config in (loaded("config.yaml"), loaded("config/quick.yaml")):
        run = config.runs[str(config.claims["P8"].run)]
        model, dataset = config.models[run.model], config.datasets[run.dataset]
        names = list(make_model(model, dataset).layout.groups)
        found = [name for name in names if name.endswith(ATTENTION)]
        assert len(found) == 2 * model.layers
        assert all(".attention." in name for name in found)


FROZEN = {"unembedding"}
WHOLLY = set(GROUPS) - FROZEN


def test_p8_wholly_every_trained_group_at_every_point(tmp_path: Path) -> None:
    assert judged("P8-wholly", make_audit(tmp_path / "0", WHOLLY, frozen=FROZEN)) == Finding(
        True, "largest change of log p 2.0e-13, largest θ·g/(‖θ‖‖g‖) 3.0e-16"
    )
    finding = judged("P8-wholly", make_audit(tmp_path / "1", WHOLLY))  # not invariant, and trained
    assert finding == Finding(False, "largest change of log p 9.5e+00, largest θ·g/(‖θ‖‖g‖) 2.5e-01")


@pytest.mark.parametrize("at", EVERY_POINT)
def test_p8_wholly_not_one_group_at_one_point(at: str, tmp_path: Path) -> None:
    for group in WHOLLY:
        audit = make_audit(tmp_path / group, WHOLLY, frozen=FROZEN, flipped=[(at, group)])
        assert not judged("P8-wholly", audit).holds


# P9-sphere


@pytest.mark.parametrize(
    ("rate", "teeth", "expected"),
    [
        (np.ones(LENGTH), 0, True),
        (np.linspace(1, 2, LENGTH), 0, True),
        (saw((20, 4)) ** 1e-4, 0, True),  # rounding of a norm that is held
        (saw((20, 4)), 1, False),
        (saw(*TEETH), 3, False),
    ],
)
def test_p9_sphere_has_no_teeth_at_all(rate: np.ndarray, teeth: int, expected: bool, tmp_path: Path) -> None:
    against = make_run(tmp_path / "free", STARTS)
    run = make_run(
        tmp_path / "sphere",
        STARTS[:2],
        invariant_effective_learning_rate=rate,
        effective_learning_rate=saw(*TEETH),  # that of all weights is another matter
    )
    finding = judged("P9-sphere", run, against)
    assert finding == Finding(expected, f"{teeth} teeth, 2 collapses in 200 epochs (with the norm free: 4)")


# What the texts say


def loaded(name: str) -> Config:
    return load_config([ROOT / name])


PAPER_P = [name for name in CRITERIA if name.startswith("P")]


def test_paper_p_has_these_claims_about_these_subjects() -> None:
    assert {name: SUBJECTS[name] for name in sorted(PAPER_P)} == {
        "P1": ("run", None),
        "P2": ("sweep", None),
        "P3": ("sweep", None),
        "P3-norm": ("run", "run"),
        "P4": ("run", None),
        "P5": ("run", None),
        "P5-float64": ("run", "run"),
        "P6": ("run", None),
        "P7": ("run", None),
        "P8": ("run", None),
        "P8-wholly": ("run", None),
        "P9": ("run", "run"),
        "P9-sphere": ("run", "run"),
    }
    for name in PAPER_P:
        criterion = CRITERIA[name]
        assert (criterion.id, criterion.paper) == (name, "P")
        assert criterion.statement.endswith(".")
        assert not criterion.threshold.endswith(".")  # a sentence of claims.md goes on after it
        for text in (criterion.statement, criterion.threshold):
            assert "  " not in text
            assert text == text.strip()


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        ("P1", ["at least twice", "≥ 0.5"]),
        ("P4", ["at least twice", "≥ 0.5"]),
        ("P2", ["≥ 0.5", "before twice", "at twice point 1 or later"]),
        ("P3", ["at twice point 1 or later"]),
        ("P5", [f"at least {PERIODIC} collapses", "three of four", f"p ≤ {CHANCE}"]),
        ("P5-float64", [f"at least {PERIODIC} collapses", f"has at least {PERIODIC}"]),
        ("P6", [f"at least {PERIODIC} teeth", "at least twice as long", f"p ≤ {CHANCE}"]),
        ("P7", ["≤ −0.5"]),
        ("P9", [f"fewer than {PERIODIC} collapses", f"at least {PERIODIC} with both"]),
        ("P9-sphere", [f"fewer than {PERIODIC} collapses", f"at least {PERIODIC} when", "no teeth"]),
    ],
)
def test_thresholds_name_the_numbers_that_the_code_goes_by(claim: str, named: list[str]) -> None:
    for part in named:
        assert part in CRITERIA[claim].threshold


CONFIGS = ["config.yaml", "config/quick.yaml"]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_claim_of_the_configurations_has_a_criterion_and_its_subject(name: str) -> None:
    config = loaded(name)
    assert {claim.claim or name for name, claim in config.claims.items()} == set(CRITERIA)
    for entry, claim in config.claims.items():
        kind, against = SUBJECTS[claim.claim or entry]
        given = {key for key in ("run", "path", "sweep", "against") if getattr(claim, key) is not None}
        assert given == {kind, *(["against"] if against else [])}, entry


@pytest.mark.parametrize("name", CONFIGS)
def test_every_claim_is_drawn_in_a_figure_of_the_configurations(name: str) -> None:
    config = loaded(name)
    assert {criterion.figure for criterion in CRITERIA.values()} <= set(config.figures)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_figure_of_a_claim_shows_what_the_claim_is_about(name: str) -> None:
    config, wrong = loaded(name), []
    for entry, claim in config.claims.items():
        figure = config.figures[claim.figure or CRITERIA[claim.claim or entry].figure]
        shown = {figure.run, *(figure.runs or ()), figure.path, figure.sweep}
        if entry.startswith("P") and not {claim.run, claim.sweep} & shown - {None}:
            wrong.append(entry)
    assert wrong == []


# The table

RUN_CLAIMS = {
    "P1": Claim(run="wild"),
    "P4": Claim(run="wild"),
    "P5": Claim(run="wild"),
    "P6": Claim(run="wild"),
    "P7": Claim(run="wild"),
    "P8": Claim(run="wild"),
    "P8-wholly": Claim(run="wild"),
    "P3-norm": Claim(run="wild", against="calm"),
    "P5-float64": Claim(run="wild", against="calm"),
    "P9": Claim(run="wild", against="calm"),
    "P9-sphere": Claim(run="wild", against="calm"),
    "M1": Claim(run="wild"),
    "M2": Claim(run="wild", against="calm"),
}


def with_audit(run: RunResults) -> RunResults:
    audit = make_audit(run.folder / "audit", STREAM)
    (audit.folder / "invariance.csv").rename(run.folder / "invariance.csv")
    return run


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Any]:
    """`wild` has diverged with seed 0 and with seed 1; `calm` groks, and is periodic."""
    groks = {"point_1": point(10, 0.9), "point_2": point(100), "final": point(LENGTH)}
    for seed in "01":
        with_audit(make_run(tmp_path / "wild" / seed, STARTS, diverged=DIVERGED, **groks))
        with_audit(make_run(tmp_path / "calm" / seed, STARTS, **groks))
    make_sweep(tmp_path / "fraction", "dataset.train_fraction", [NEVER, GROKS, AT_ONCE], seed=9)
    make_sweep(tmp_path / "decay", "optimizer.weight_decay", [WITHOUT, DECAYS], seed=0)
    return {
        "runs": {name: {seed: str(tmp_path / name / seed) for seed in "01"} for name in ("wild", "calm")},
        "paths": {},
        "sweeps": {name: {name: str(tmp_path / name / "sweep.csv")} for name in ("fraction", "decay")},
    }


def test_every_claim_about_a_run_is_tried() -> None:
    assert set(RUN_CLAIMS) == {name for name, subject in SUBJECTS.items() if subject.kind == "run"}


@pytest.mark.parametrize("claim", RUN_CLAIMS)
def test_a_diverged_run_leaves_its_claim_inconclusive_and_says_so(claim: str, places: dict) -> None:
    (row,) = judge({claim: RUN_CLAIMS[claim]}, places).itertuples()
    assert row.measured == f"seed 0: wild diverged at {DIVERGED}; seed 1: wild diverged at {DIVERGED}"
    assert (row.verdict, row.seeds_holding, row.seeds_total) == ("inconclusive", 0, 2)


@pytest.mark.parametrize("claim", [name for name, claim in RUN_CLAIMS.items() if claim.against])
def test_a_diverged_run_to_compare_with_does_so_too(claim: str, places: dict) -> None:
    (row,) = judge({claim: Claim(run="calm", against="wild")}, places).itertuples()
    assert row.verdict == "inconclusive"
    assert row.measured.count(DIVERGED) == 2


def test_a_diverged_run_without_a_single_epoch_is_no_crash(places: dict) -> None:
    for seed, folder in places["runs"]["wild"].items():
        for table in ("history", "epochs", "periods", "invariance"):
            path = Path(folder) / f"{table}.csv"
            pd.read_csv(path).iloc[:0].to_csv(path, index=False)
        points = json.loads((Path(folder) / "points.json").read_text())
        points |= {"point_1": None, "point_2": None, "final": point(0, 1.0, 1.0)}
        (Path(folder) / "points.json").write_text(json.dumps(points))
        assert seed in "01"
    assert set(judge(RUN_CLAIMS, places)["verdict"]) == {"inconclusive"}


def test_the_seeds_that_did_not_diverge_are_judged(places: dict) -> None:
    path = Path(places["runs"]["wild"]["1"]) / "points.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "diverged": None}))
    (row,) = judge({"P1": Claim(run="wild")}, places).itertuples()
    assert (row.verdict, row.seeds_holding, row.seeds_total) == ("reproduced", 1, 2)
    assert row.measured == (
        f"seed 0: wild diverged at {DIVERGED}; "
        "seed 1: validation error 0.900 at point 1, epoch 10; point 2 at epoch 100"
    )


def test_every_claim_about_runs_can_be_judged_on_runs_that_did_not_diverge(places: dict) -> None:
    claims = {
        name: Claim(run="calm", against="calm" if claim.against else None)
        for name, claim in RUN_CLAIMS.items()
    }
    rows = judge(claims, places).set_index("claim")
    assert rows["seeds_total"].tolist() == [2] * len(claims)
    assert "diverged" not in " ".join(rows["measured"])


def test_a_sweep_claim_is_judged_on_each_seed_of_its_table(places: dict, tmp_path: Path) -> None:
    claims = {
        "P2": Claim(sweep="fraction"),
        "P3": Claim(sweep="decay"),
        "P2-9": Claim(claim="P2", sweep="decay"),
    }
    rows = judge(claims, places).set_index("claim")
    assert rows["seeds_total"].tolist() == [2, 2, 2]
    assert rows.loc["P2", "measured"] == (
        "seed 9: points 1 / 2 at 0.1: 10 / never, 0.4: 50 / 100, 0.9: 50 / 99; "
        "seed 10: points 1 / 2 at 0.1: 7 / 7, 0.4: 7 / 7, 0.9: 7 / 7"
    )
    assert rows["seeds_holding"].tolist() == [1, 1, 0]
    assert rows["verdict"].tolist() == ["not reproduced", "not reproduced", "inconclusive"]
    assert rows.loc["P2", "figure"] == "sweep-train-fraction"
    write_claims(rows.reset_index(), csv=tmp_path / "claims.csv", markdown=tmp_path / "claims.md")
    text = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert "\n  - seed 9: points 1 / 2 at 0.1: 10 / never, 0.4: 50 / 100, 0.9: 50 / 99\n  - seed 10: " in text


def test_a_sweep_whose_every_member_diverged_can_be_judged(tmp_path: Path) -> None:
    rows: list[Row] = [(0.1, None, None, np.nan), (0.4, None, None, np.nan), (0.9, None, None, np.nan)]
    table = make_sweep(tmp_path / "0", "dataset.train_fraction", rows, diverged=[0, 1, 2])
    frame = pd.read_csv(table)
    frame[frame["seed"] == 0].to_csv(table, index=False)
    (row,) = judge(
        {"P2": Claim(sweep="s")}, {"runs": {}, "paths": {}, "sweeps": {"s": {"s": str(table)}}}
    ).itertuples()
    assert (row.verdict, row.seeds_total) == ("inconclusive", 1)
    assert row.measured == (
        "seed 0: a member diverged; points 1 / 2 at "
        "0.1: never / never, 0.4: never / never, 0.9: never / never"
    )
