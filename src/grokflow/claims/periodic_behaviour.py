"""The claims of paper P about periods (P5 to P7, P9). docs/registration.md has the reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from grokflow.artifacts.results import RunResults
from grokflow.claims.criteria import Finding, NotJudged, Number, criterion, point_of
from grokflow.dynamics import (
    ROUNDING,
    Coincidence,
    Quantity,
    SawTooth,
    coincidence_test,
    find_collapses,
    saw_tooth,
)

PERIODIC = 3
"""Collapses from which on a training is periodic: two could be chance."""

MOST = 0.75
"""Share of a seed's collapses at which what a claim says must happen."""

FEWER = 1 / 3
"""Collapses of a control over those of the run it is compared with, up to which its periods are gone."""


def _lift(run: RunResults) -> Mapping[str, Coincidence]:
    return {"lift of validation accuracy": _coincidence(run, "validation_accuracy", _before(run))}


@criterion(
    "P5",
    figure="P-fig4",
    statement="Training is periodic: train accuracy repeatedly collapses, and validation accuracy jumps up "
    "after each collapse.",
    criterion=f"at least {PERIODIC} collapses; of those that start before point 2 and settle (at least two, "
    f"else the seed is not judged), validation accuracy is higher after than before at least {100 * MOST:g} "
    "%, and on average by more than at rotated places",
    also="over all seeds together the lift is larger than at rotated places (p ≤ 0.05, corrected)",
    subject="run",
    numbers=(
        Number("lift of validation accuracy by a collapse before point 2, above rotated places"),
        Number("the lift itself"),
        Number("collapses"),
        Number("median period", "epochs"),
    ),
    tested=_lift,
)
def collapses_lift_validation(run: RunResults) -> Finding:
    periods, before = run.periods, _before(run)
    count, period = len(periods), float(periods["period"].median())
    early = periods[periods["start"] < (math.inf if before is None else before)]
    lifts = (early["validation_accuracy_after"] - early["validation_accuracy_before"]).dropna()
    mean = float(lifts.mean()) if len(lifts) else math.nan
    (excess,) = map(_excess, _lift(run).values())
    numbers = (excess, mean, float(count), period)
    if count < PERIODIC:
        return Finding(False, _count(count), numbers)
    if len(lifts) < 2:
        message = f"{_count(count)}, {len(lifts)} of them settled before point 2"
        raise NotJudged("nothing to compare", message)
    higher = int((lifts > 0).sum())
    return Finding(
        higher >= MOST * len(lifts) and excess > ROUNDING,
        f"{_count(count)}, {len(lifts)} settled before point 2, validation accuracy higher after {higher} of "
        f"these, by {mean:.4f} on average, {excess:.4f} more than at rotated places; period {period:.0f} "
        "epochs (median)",
        numbers,
    )


@criterion(
    "P5-float64",
    figure="periods",
    statement="The periods are no rounding artefact: they are there in float64.",
    criterion=f"at least {PERIODIC} collapses in the epochs in which both have memorised; the float32 run "
    f"has at least {PERIODIC} in them",
    subject="run",
    against="run",
    numbers=(Number("collapses in float64 over those in float32"),),
)
def periods_in_float64(run: RunResults, against: RunResults) -> Finding:
    own, other, epochs = _collapses_in_common(run, against)
    return Finding(own >= PERIODIC, f"{_count(own)} in {epochs} epochs (float32: {other})", (own / other,))


def _jumps(run: RunResults) -> Mapping[str, Coincidence]:
    return {
        "fall of log η_eff": _coincidence(run, "effective_learning_rate"),
        "jump of log ‖g_eff‖": _coincidence(run, "effective_gradient_norm"),
    }


@criterion(
    "P6",
    figure="P-fig5",
    statement="The effective learning rate is a saw-tooth, and collapses coincide with its jumps and with "
    "jumps of the effective gradient's norm.",
    criterion=f"over all weights, from point 1 on (or the first collapse): at least {PERIODIC} teeth of 5 % "
    "or more, rises at least twice as long as falls (medians); η_eff is lower after than before at least "
    f"{100 * MOST:g} % of the collapses that end (at least two, else the seed is not judged)",
    also="over all seeds together η_eff falls and ‖g_eff‖ jumps at the collapses by more than at rotated "
    "places (p ≤ 0.05, corrected)",
    subject="run",
    numbers=(
        Number("fall of log η_eff at a collapse, above rotated places"),
        Number("jump of log ‖g_eff‖ at a collapse, above rotated places"),
        Number("teeth"),
        Number("median rise over median fall, in epochs"),
    ),
    tested=_jumps,
)
def collapses_at_jumps(run: RunResults) -> Finding:
    ended = run.periods[run.periods["end"].notna()]
    if len(ended) < 2:
        message = f"{_count(len(ended))} that ended, nothing to coincide"
        raise NotJudged("nothing to compare", message)
    start = ended["start"].min()
    point_1 = run.points["point_1"]
    epochs = run.epochs[run.epochs["epoch"] >= (point_1["epoch"] if point_1 else start)]
    teeth = saw_tooth(epochs["effective_learning_rate"].to_numpy(float))
    rate, gradient = map(_excess, _jumps(run).values())
    lower = int((ended["effective_learning_rate_jump"] < 1).sum())
    is_saw = teeth.teeth >= PERIODIC and teeth.rise >= 2 * teeth.fall
    return Finding(
        bool(is_saw and lower >= MOST * len(ended)),
        f"{_teeth(teeth)}; η_eff lower after {lower} of {len(ended)} collapses; more than at rotated places "
        f"log η_eff falls by {rate:.3f}, log ‖g_eff‖ jumps by {gradient:.2f}",
        (rate, gradient, float(teeth.teeth), teeth.rise / teeth.fall if teeth.teeth else math.nan),
    )


@criterion(
    "P7",
    presupposes_points=True,
    figure="P-fig5",
    statement="The effective gradient's norm tends to fall from point 1 to point 2.",
    criterion="smaller at point 2 than at point 1, and its rank correlation with the epoch between "
    "them at most −0.5",
    subject="run",
    numbers=(
        Number("rank correlation of ‖g_eff‖ with the epoch"),
        Number("‖g_eff‖ at point 2 over that at point 1"),
    ),
)
def effective_gradient_falls(run: RunResults) -> Finding:
    first, last = point_of(run, "point_1")["epoch"], point_of(run, "point_2")["epoch"]
    if last - first < 2:
        raise NotJudged("nothing to compare", f"points 1 and 2 are {last - first} epochs apart")
    history = run.history.set_index("epoch")["effective_gradient_norm"]
    between = run.epochs[run.epochs["epoch"].between(first, last)]
    ranks = between[["epoch", "effective_gradient_norm"]].rank()
    correlation = float(ranks["epoch"].corr(ranks["effective_gradient_norm"]))
    return Finding(
        bool(history[last] < history[first] and correlation <= -0.5 + ROUNDING),
        f"from {history[first]:.2f} to {history[last]:.2f}, rank correlation {correlation:.2f}",
        (correlation, float(history[last] / history[first])),
    )


@criterion(
    "P9",
    figure="periods",
    statement="The periods need both normalisation and weight decay.",
    criterion="without one of them at most a third as many collapses as with both, in the epochs in which "
    f"both have memorised; the run with both has at least {PERIODIC} in them",
    subject="run",
    against="run",
    numbers=(Number("collapses over those with both"),),
)
def periods_need_both(run: RunResults, against: RunResults) -> Finding:
    own, other, epochs = _collapses_in_common(run, against)
    measured = f"{_count(own)} in {epochs} epochs (with both: {other})"
    return Finding(own <= FEWER * other + ROUNDING, measured, (own / other,))


@criterion(
    "P9-sphere",
    figure="periods",
    statement="With the invariant weights held at constant norm there is no saw-tooth and there are no "
    "periods.",
    criterion="the invariant weights' η_eff has no teeth; at most a third as many collapses as with the norm "
    "free, in the epochs in which both have memorised; the run with a free norm has at least "
    f"{PERIODIC} in them",
    subject="run",
    against="run",
    numbers=(
        Number("collapses over those with the norm free"),
        Number("teeth of the invariant weights' η_eff"),
    ),
)
def no_periods_on_sphere(run: RunResults, against: RunResults) -> Finding:
    own, other, epochs = _collapses_in_common(run, against)
    teeth = saw_tooth(run.epochs["invariant_effective_learning_rate"].to_numpy(float)).teeth
    return Finding(
        teeth == 0 and own <= FEWER * other + ROUNDING,
        f"{teeth} teeth, {_count(own)} in {epochs} epochs (with the norm free: {other})",
        (own / other, float(teeth)),
    )


def _teeth(saw: SawTooth) -> str:
    if not saw.teeth:
        return "no teeth"
    return f"{saw.teeth} teeth, rises of {saw.rise:.0f} and falls of {saw.fall:.0f} epochs"


def _count(collapses: int) -> str:
    return f"{collapses} collapse{'s' if collapses != 1 else ''}"


def _before(run: RunResults) -> int | None:
    """The epoch of point 2, before which a collapse can lift validation accuracy; None: not reached."""
    return run.epoch_of("point_2")


def _coincidence(run: RunResults, of: Quantity, before: int | None = None) -> Coincidence:
    collapses = find_collapses(run.epochs["epoch"].to_numpy(), run.epochs["train_error"].to_numpy(float))
    return coincidence_test(run.epochs, run.history, collapses, of, before)


def _excess(found: Coincidence) -> float:
    """The mean change at the collapses less that at all rotated places."""
    known = found.of_shifts[~np.isnan(found.of_shifts)]
    return found.mean - float(known.mean()) if len(known) else math.nan


def _collapses_in_common(run: RunResults, against: RunResults) -> tuple[int, int, int]:
    """Collapses that start in the epochs in which both runs have memorised, of each; how many epochs.

    Raises
    ------
    NotJudged : when a run does not memorise, or the run to compare with is not periodic in these epochs.
    """
    first = max(int(point_of(each, "point_1")["epoch"]) for each in (run, against))
    last = min(int(each.epochs["epoch"].max()) for each in (run, against))
    own, other = (int(each.periods["start"].between(first, last).sum()) for each in (run, against))
    epochs = max(last - first, 0)
    if other < PERIODIC:
        message = f"the run to compare with has {_count(other)} only in {epochs} epochs"
        raise NotJudged("nothing to compare", message)
    return own, other, epochs
