"""The criteria as they were first registered, for the column `as first registered` of the claims table.

They asked for every seed, and some measured too coarsely; docs/registration.md says what was wrong with each.
They stay so that nobody need take our word for what a change of criterion did to a verdict. Any claim that is
neither in `CHANGED` nor in `UNCHANGED` was registered later, or is a user's: it has no first criterion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from grokflow.artifacts.results import PathResults, RunResults
from grokflow.claims.criteria import NotJudged, point_of
from grokflow.dynamics import (
    ROUNDING,
    Coincidence,
    Quantity,
    coincidence_test,
    find_collapses,
    is_late,
    saw_tooth,
)

ALMOST_NO_ERROR = 0.01
PERIODIC = 3
CHANCE = 0.05
LOSS_AND_NORM = ("train_loss_l2", "gradient_norm")


def first_verdict(findings: Sequence[bool | None]) -> str:
    """The first rule, from whether the claim holds for each seed; None: the seed could not be judged.

    `reproduced` when it holds for all judged seeds, `not reproduced` when for at most half of them,
    `inconclusive` between, or when fewer than half of all seeds could be judged.
    """
    judged = [finding for finding in findings if finding is not None]
    if not judged or 2 * len(judged) < len(findings):
        return "inconclusive"
    if all(judged):
        return "reproduced"
    return "not reproduced" if 2 * sum(judged) <= len(judged) else "inconclusive"


def _m1(run: RunResults) -> bool:
    point_1, point_2 = point_of(run, "point_1"), point_of(run, "point_2")
    return is_late(point_1["epoch"], point_2["epoch"]) and point_1["validation_error"] >= 0.5


def _m2(run: RunResults, against: RunResults) -> bool:
    needed = point_of(against, "point_2")["epoch"]
    point_of(run, "point_1")
    final = run.points["final"]
    if final["epoch"] < needed:
        raise NotJudged("censored", f"trained for {final['epoch']} epochs only, point 2 takes {needed}")
    return run.points["point_2"] is None and final["validation_error"] >= 0.5


def _m3(path: PathResults) -> bool:
    error = path.metrics["train_error"]
    return bool(error.max() - max(error.iloc[0], error.iloc[-1]) >= ALMOST_NO_ERROR)


def _m5(path: PathResults) -> bool:
    norm = path.metrics["gradient_norm"]
    return bool(norm.iloc[-1] <= 0.1 * norm.iloc[0])


def _m6(path: PathResults) -> bool:
    return bool(path.metrics["train_error"].max() == 0)


def _m7(path: PathResults) -> bool:
    metrics = path.metrics
    last = metrics[metrics["segment"] == metrics["segment"].max()]
    first = metrics[: int((metrics["segment"] == 0).sum()) + 1]
    if len(last) == len(metrics):
        raise NotJudged("nothing to compare", "the chain has one segment only")
    ranges = ([part[name].max() - part[name].min() for part in (first, last)] for name in LOSS_AND_NORM)
    return bool(min(large / max(small, 1e-300) for large, small in ranges) >= 5)


def _m8(path: PathResults, against: PathResults) -> bool:
    norm, error = path.metrics["gradient_norm"], path.metrics["train_error"].max()
    earlier = _plateau(path.metrics) < _plateau(against.metrics)
    return bool(error <= ALMOST_NO_ERROR and norm.iloc[-1] <= 0.5 * norm.iloc[0] and earlier)


def _plateau(metrics: pd.DataFrame) -> float:
    above = metrics["t"][metrics["validation_error"] > ALMOST_NO_ERROR]
    after = metrics["t"] if above.empty else metrics["t"][metrics["t"] > above.max()]
    return math.inf if after.empty else float(after.iloc[0])


def _m9(path: PathResults) -> bool:
    metrics = path.metrics
    validation = metrics["validation_error"]
    lowest = validation.idxmin()
    return bool(
        metrics["train_error"].max() <= ALMOST_NO_ERROR
        and abs(metrics["t"][lowest] - 0.5) <= 0.15 + ROUNDING
        and validation[lowest] <= min(validation.iloc[0], validation.iloc[-1]) / 2
    )


def _m10(path: PathResults) -> bool:
    metrics, loss = path.metrics, path.metrics["train_loss_l2"]
    change = (loss.max() - loss.min()) / max(loss.iloc[0], loss.iloc[-1])
    little_error = (
        metrics["train_error"].max() <= ALMOST_NO_ERROR and metrics["validation_error"].max() <= 0.05
    )
    return bool(little_error and change <= 0.5)


def _groks(run: RunResults) -> bool:
    point_1, point_2 = point_of(run, "point_1"), run.points["point_2"]
    if point_2 is None:
        final = run.points["final"]["epoch"]
        if not is_late(point_1["epoch"], final):
            raise NotJudged("censored", f"no point 2 in {final} epochs")
        return False
    return is_late(point_1["epoch"], point_2["epoch"]) and point_1["validation_error"] >= 0.5


def _p2(rows: pd.DataFrame) -> bool:
    rows = _by_value(rows, "dataset.train_fraction")
    smallest, largest = rows.iloc[0], rows.iloc[-1]
    never = pd.isna(smallest["point_2"]) and smallest["validation_error"] >= 0.5
    at_once = largest["point_2"] < 2 * largest["point_1"]  # false where a point is missing
    between = rows.iloc[1:-1]
    groks = (between["point_2"] >= 2 * between["point_1"]).any()
    return bool(never and at_once and largest["point_1"] > 0 and groks)


def _p3(rows: pd.DataFrame) -> bool:
    rows = _by_value(rows, "optimizer.weight_decay")
    without, others = rows.iloc[0], rows.iloc[1:]
    if without[rows.columns[0]] != 0:
        raise NotJudged("nothing to compare", "the sweep has no member without decay")
    memorises = pd.notna(without["point_1"]) and pd.isna(without["point_2"])
    return bool(memorises and (others["point_2"] >= 2 * others["point_1"]).any())


def _by_value(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    varied = list(rows.columns[: list(rows.columns).index("seed")])
    if varied != [key]:
        raise NotJudged("nothing to compare", f"the sweep varies {', '.join(varied)}")
    if rows["diverged"].notna().any():
        raise NotJudged("diverged", "a member diverged")
    return rows.sort_values(key).reset_index(drop=True)


def _p5(run: RunResults) -> bool:
    periods = run.periods
    if len(periods) < PERIODIC:
        return False
    before = run.epoch_of("point_2")
    early = periods[periods["end"].notna() & (periods["start"] < (math.inf if before is None else before))]
    if len(early) < 2:
        raise NotJudged("nothing to compare", f"{len(early)} collapses before point 2")
    logged = run.history[["epoch", "validation_error"]].dropna()
    lifts = [_logged_lift(logged, start, end) for start, end in early[["start", "end"]].to_numpy(float)]
    higher = sum(lift > 0 for lift in lifts)  # False for one that is not known
    test = _coincidence(run, "logged_validation_accuracy", before)
    return bool(higher >= 0.75 * len(early) and test.p <= CHANCE)


def _logged_lift(logged: pd.DataFrame, start: float, end: float) -> float:
    """Validation accuracy at the first logged epoch from `end` on, less that at the last up to `start`."""
    before = logged["validation_error"][logged["epoch"] <= start]
    after = logged["validation_error"][logged["epoch"] >= end]
    return math.nan if before.empty or after.empty else float(before.iloc[-1] - after.iloc[0])


def _p5_float64(run: RunResults, against: RunResults) -> bool:
    return _collapses_in_common(run, against) >= PERIODIC


def _p6(run: RunResults) -> bool:
    ended = int(run.periods["end"].notna().sum())
    if ended < 2:
        raise NotJudged("nothing to compare", f"{ended} collapses that ended")
    point_1 = run.points["point_1"]
    start = point_1["epoch"] if point_1 else run.periods["start"].min()
    rate = run.epochs["effective_learning_rate"][run.epochs["epoch"] >= start]
    teeth = saw_tooth(rate.to_numpy(float), share_of_range=0.1)
    is_saw = teeth.teeth >= PERIODIC and teeth.rise >= 2 * teeth.fall
    tests = [_coincidence(run, of).p for of in ("effective_learning_rate", "effective_gradient_norm")]
    return bool(is_saw and max(tests) <= CHANCE)


def _p9(run: RunResults, against: RunResults) -> bool:
    return _collapses_in_common(run, against) < PERIODIC


def _p9_sphere(run: RunResults, against: RunResults) -> bool:
    rate = run.epochs["invariant_effective_learning_rate"].to_numpy(float)
    few = _collapses_in_common(run, against) < PERIODIC
    return few and saw_tooth(rate, share_of_range=0.1).teeth == 0


def _collapses_in_common(run: RunResults, against: RunResults) -> int:
    epochs = min(int(each.epochs["epoch"].max()) for each in (run, against))
    own, other = (int((each.periods["start"] <= epochs).sum()) for each in (run, against))
    if other < PERIODIC:
        raise NotJudged("nothing to compare", f"the run to compare with has {other} collapses only")
    return own


def _coincidence(run: RunResults, of: Quantity, before: int | None = None) -> Coincidence:
    collapses = find_collapses(run.epochs["epoch"].to_numpy(), run.epochs["train_error"].to_numpy(float))
    return coincidence_test(run.epochs, run.history, collapses, of, before)


CHANGED: dict[str, Callable[..., bool]] = {
    "M1": _m1,
    "M2": _m2,
    "M3": _m3,
    "M5": _m5,
    "M6": _m6,
    "M7": _m7,
    "M8": _m8,
    "M9": _m9,
    "M10": _m10,
    "P1": _groks,
    "P2": _p2,
    "P3": _p3,
    "P4": _groks,
    "P5": _p5,
    "P5-float64": _p5_float64,
    "P6": _p6,
    "P9": _p9,
    "P9-sphere": _p9_sphere,
}
"""For each claim whose criterion was changed: whether it held for a seed, as first registered."""

UNCHANGED = frozenset({"M4", "M11", "P3-norm", "P7", "P8", "P8-wholly"})
"""The claims whose criterion is the first one still."""

FIRST = UNCHANGED.union(CHANGED)
"""The claims that were made at first: only they have a verdict `as first registered`."""
