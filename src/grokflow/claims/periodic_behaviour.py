"""The claims of paper P, one function each. Thresholds were fixed before any run of setup P was judged."""

from __future__ import annotations

import pandas as pd

from grokflow.artifacts.results import RunResults
from grokflow.claims.criteria import Finding, Undecided, criterion, point_of
from grokflow.dynamics import (
    ROUNDING,
    Coincidence,
    Quantity,
    SawTooth,
    coincidence_test,
    find_collapses,
    is_late,
    regime,
    saw_tooth,
)

PERIODIC = 3
"""Collapses from which on a training is periodic: two could be an accident and its echo."""

CHANCE = 0.05
"""Largest share of positions at which collapses coincide as well with something as where they are."""

ATTENTION = ("attention.query", "attention.key")


@criterion(
    "P1",
    figure="P-fig1",
    statement="The original recipe groks (two layers, AdamW, weight decay 1, tokens a ∘ b =).",
    threshold="point 2 at least twice as many epochs as point 1; validation error at point 1 ≥ 0.5",
    subject="run",
)
@criterion(
    "P4",
    figure="P-fig4",
    statement="The LayerNorm model groks with plain SGD.",
    threshold="point 2 at least twice as many epochs as point 1; validation error at point 1 ≥ 0.5",
    subject="run",
)
def groks(run: RunResults) -> Finding:
    point_1 = point_of(run, "point_1")
    point_2 = run.points["point_2"]
    before = f"validation error {point_1['validation_error']:.3f} at point 1, epoch {point_1['epoch']}"
    if point_2 is None:
        final = run.points["final"]
        if not is_late(point_1["epoch"], final["epoch"]):
            raise Undecided(f"{before}; no point 2 in {final['epoch']} epochs")
        return Finding(
            False, f"{before}; no point 2: {final['validation_error']:.4f} at epoch {final['epoch']}"
        )
    late = is_late(point_1["epoch"], point_2["epoch"])
    holds = late and point_1["validation_error"] >= 0.5
    return Finding(holds, f"{before}; point 2 at epoch {point_2['epoch']}")


@criterion(
    "P2",
    figure="sweep-train-fraction",
    statement="The train fraction decides: too small and validation never rises, large enough and both rise "
    "together, between them grokking.",
    threshold="at the smallest fraction no point 2 and validation error ends ≥ 0.5; at the largest point 2 "
    "before twice point 1; at one between, point 2 at twice point 1 or later",
    subject="sweep",
)
def fraction_decides(rows: pd.DataFrame) -> Finding:
    rows = _by_value(rows, "dataset.train_fraction")
    smallest, largest = rows.iloc[0], rows.iloc[-1]
    never = pd.isna(smallest["point_2"]) and smallest["validation_error"] >= 0.5
    points = rows[["point_1", "point_2", "validation_error_at_point_1"]]
    found = [regime(*each) for each in points.itertuples(index=False)]
    at_once = found[-1] == "generalises at once" and largest["point_1"] > 0
    return Finding(bool(never and at_once and "groks" in found[1:-1]), _regimes(rows))


@criterion(
    "P3",
    figure="sweep-weight-decay",
    statement="A weight regulariser is necessary: without it there is no grokking.",
    threshold="without decay point 1 is reached and point 2 is not; with at least one decay point 2 is, at "
    "twice point 1 or later",
    subject="sweep",
)
def decay_is_necessary(rows: pd.DataFrame) -> Finding:
    rows = _by_value(rows, "optimizer.weight_decay")
    without, others = rows.iloc[0], rows.iloc[1:]
    if without[rows.columns[0]] != 0:
        raise Undecided("the sweep has no member without decay")
    holds = (
        pd.notna(without["point_1"])
        and pd.isna(without["point_2"])
        and any(is_late(*points) for points in others[["point_1", "point_2"]].itertuples(index=False))
    )
    return Finding(bool(holds), _regimes(rows))


@criterion(
    "P3-norm",
    figure="weight-norm",
    statement="The weight norm shows why: with decay it falls between memorisation and generalisation, "
    "without decay it does not.",
    threshold="with decay ‖θ‖ is smaller at point 2 than at point 1; without it, it is not smaller at the "
    "last epoch than at point 1, and point 2 is not reached, in at least as many epochs",
    subject="run",
    against="run",
)
def norm_shows_why(run: RunResults, against: RunResults) -> Finding:
    point_1, point_2 = point_of(against, "point_1"), point_of(against, "point_2")
    first, last = _norm_at(against, point_1["epoch"]), _norm_at(against, point_2["epoch"])
    own_1, final = point_of(run, "point_1"), run.points["final"]
    if final["epoch"] < point_2["epoch"]:
        raise Undecided(f"trained for {final['epoch']} epochs only, point 2 takes {point_2['epoch']}")
    own_first, own_last = _norm_at(run, own_1["epoch"]), _norm_at(run, final["epoch"])
    holds = last < first and own_last >= own_first and run.points["point_2"] is None
    reached = "no point 2" if run.points["point_2"] is None else "point 2"
    return Finding(
        bool(holds),
        f"with decay {first:.1f} to {last:.1f}, without {own_first:.1f} to {own_last:.1f} and {reached}",
    )


@criterion(
    "P5",
    figure="P-fig4",
    statement="Training is periodic: train accuracy repeatedly collapses, and validation accuracy jumps up "
    "after each collapse.",
    threshold="at least 3 collapses; before point 2, validation accuracy is higher after at least three of "
    "four of them than before, by more than at chance positions (p ≤ 0.05)",
    subject="run",
)
def collapses_lift_validation(run: RunResults) -> Finding:
    periods = run.periods
    if len(periods) < PERIODIC:
        return Finding(False, _count(len(periods)))
    before = run.points["point_2"] and run.points["point_2"]["epoch"]
    early = periods[periods["settled"].notna() & (periods["start"] < (before or float("inf")))]
    if len(early) < 2:
        raise Undecided(f"{_count(len(periods))}, {len(early)} of them before point 2")
    higher = int((early["validation_accuracy_after"] > early["validation_accuracy_before"]).sum())
    test = _coincidence(run, "validation_accuracy", before)
    return Finding(
        bool(higher >= 0.75 * len(early) and test.p <= CHANCE),
        f"{_count(len(periods))}, {len(early)} before point 2, validation higher after {higher} of these, "
        f"by {test.mean:.3f} on average (p = {test.p:.3f}), {_length(periods)}",
    )


@criterion(
    "P5-float64",
    figure="periods",
    statement="The periods are no rounding artefact: they are there in float64.",
    threshold="at least 3 collapses in as many epochs as the float32 run, which has at least 3",
    subject="run",
    against="run",
)
def periods_in_float64(run: RunResults, against: RunResults) -> Finding:
    own, other, epochs = _collapses_in_common(run, against)
    return Finding(own >= PERIODIC, f"{_count(own)} in {epochs} epochs (float32: {other})")


@criterion(
    "P6",
    figure="P-fig5",
    statement="The effective learning rate is a saw-tooth, and collapses coincide with its jumps and with "
    "jumps of the effective gradient's norm.",
    threshold="over all weights, from memorisation on: at least 3 teeth, rises at least twice as long as "
    "falls (medians); η_eff falls and ‖g_eff‖ jumps at the collapses by more than at chance positions "
    "(p ≤ 0.05 each)",
    subject="run",
)
def collapses_at_jumps(run: RunResults) -> Finding:
    ended = int(run.periods["end"].notna().sum())
    if ended < 2:
        raise Undecided(f"{_count(ended)} that ended, nothing to coincide")
    start = run.periods["start"].min()
    point_1 = run.points["point_1"]
    epochs = run.epochs[run.epochs["epoch"] >= (point_1["epoch"] if point_1 else start)]
    teeth = saw_tooth(epochs["effective_learning_rate"].to_numpy(float))
    rate = _coincidence(run, "effective_learning_rate")
    gradient = _coincidence(run, "effective_gradient_norm")
    own_rate = _coincidence(run, "invariant_effective_learning_rate")
    own_gradient = _coincidence(run, "invariant_effective_gradient_norm")
    is_saw = teeth.teeth >= PERIODIC and teeth.rise >= 2 * teeth.fall
    return Finding(
        bool(is_saw and rate.p <= CHANCE and gradient.p <= CHANCE),
        f"{_teeth(teeth)}; at collapses "
        f"log η_eff falls by {rate.mean:.3f} (p = {rate.p:.3f}) and log ‖g_eff‖ jumps by {gradient.mean:.2f} "
        f"(p = {gradient.p:.3f}); over the invariant weights {own_rate.mean:.3f} (p = {own_rate.p:.3f}) "
        f"and {own_gradient.mean:.2f} (p = {own_gradient.p:.3f})",
    )


@criterion(
    "P7",
    figure="P-fig5",
    statement="The effective gradient's norm tends to fall from point 1 to point 2.",
    threshold="smaller at point 2 than at point 1, and its rank correlation with the epoch between "
    "them ≤ −0.5",
    subject="run",
)
def effective_gradient_falls(run: RunResults) -> Finding:
    first, last = point_of(run, "point_1")["epoch"], point_of(run, "point_2")["epoch"]
    if last - first < 2:
        raise Undecided(f"points 1 and 2 are {last - first} epochs apart, too few for a tendency")
    history = run.history.set_index("epoch")["effective_gradient_norm"]
    between = run.epochs[run.epochs["epoch"].between(first, last)]
    ranks = between[["epoch", "effective_gradient_norm"]].rank()
    correlation = float(ranks["epoch"].corr(ranks["effective_gradient_norm"]))
    return Finding(
        bool(history[last] < history[first] and correlation <= -0.5 + ROUNDING),
        f"from {history[first]:.2f} to {history[last]:.2f}, rank correlation {correlation:.2f}",
    )


@criterion(
    "P8",
    figure="P-fig2",
    statement="The model is only partly scale-invariant, because of attention.",
    threshold="at initialisation and at every point reached, the audit finds the residual stream invariant, "
    "and queries and keys not",
    subject="run",
    files=("invariance.csv",),
)
def partly_invariant(run: RunResults) -> Finding:
    audit = run.invariance
    verdicts = audit.groupby("group")["invariant"].all()
    attention = audit[audit["group"].str.endswith(ATTENTION)]
    holds = bool(verdicts["residual stream"]) and not attention["invariant"].any()
    varied = audit[~audit["invariant"]].groupby("group")["change"].min()
    others = [g for g in varied.index if ".attention." not in g and g != "all"]
    return Finding(
        holds,
        f"invariant at all points: {', '.join(verdicts.index[verdicts]) or 'none'}; queries and keys change "
        f"log p by {attention['change'].min():.2g} or more; outside attention not invariant either: "
        f"{', '.join(others) or 'none'}",
    )


@criterion(
    "P8-wholly",
    figure="invariance",
    statement="With queries, keys and all that enters the residual stream normalised and the unembedding "
    "frozen, the model is wholly scale-invariant.",
    threshold="at initialisation and at every point reached, the audit finds every trained group invariant",
    subject="run",
    files=("invariance.csv",),
)
def wholly_invariant(run: RunResults) -> Finding:
    trained = run.invariance[run.invariance["trained"]]
    return Finding(
        bool(trained["invariant"].all()),
        f"largest change of log p {trained['change'].max():.1e}, "
        f"largest θ·g/(‖θ‖‖g‖) {trained['radial_gradient'].max():.1e}",
    )


@criterion(
    "P9",
    figure="periods",
    statement="The periods need both normalisation and weight decay.",
    threshold="without one of them fewer than 3 collapses, in as many epochs as give at least 3 with both",
    subject="run",
    against="run",
)
def periods_need_both(run: RunResults, against: RunResults) -> Finding:
    own, other, epochs = _collapses_in_common(run, against)
    return Finding(own < PERIODIC, f"{_count(own)} in {epochs} epochs (with both: {other})")


@criterion(
    "P9-sphere",
    figure="periods",
    statement="With the invariant weights held at constant norm there is no saw-tooth and there are no "
    "periods.",
    threshold="the invariant weights' η_eff has no teeth; fewer than 3 collapses, in as many epochs as give "
    "at least 3 when the norm is free",
    subject="run",
    against="run",
)
def no_periods_on_sphere(run: RunResults, against: RunResults) -> Finding:
    own, other, epochs = _collapses_in_common(run, against)
    teeth = saw_tooth(run.epochs["invariant_effective_learning_rate"].to_numpy(float)).teeth
    measured = f"{teeth} teeth, {_count(own)} in {epochs} epochs (with the norm free: {other})"
    return Finding(bool(teeth == 0 and own < PERIODIC), measured)


def _by_value(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """The rows of a sweep over `key` alone, in rising order of its value.

    Raises
    ------
    Undecided : when the sweep varies something else, or a member diverged.
    """
    varied = list(rows.columns[: list(rows.columns).index("seed")])
    if varied != [key]:
        raise Undecided(f"the sweep varies {', '.join(varied)}; the claim is about {key} alone")
    rows = rows.sort_values(key).reset_index(drop=True)
    if rows["diverged"].notna().any():
        raise Undecided(f"a member diverged; {_regimes(rows)}")
    return rows


def _teeth(saw: SawTooth) -> str:
    if not saw.teeth:
        return "no teeth"
    return f"{saw.teeth} teeth, rises of {saw.rise:.0f} and falls of {saw.fall:.0f} epochs"


def _regimes(rows: pd.DataFrame) -> str:
    """The epochs of points 1 and 2 for each value of the varied key."""
    parts = []
    for _, row in rows.iterrows():
        points = [f"{row[name]:.0f}" if pd.notna(row[name]) else "never" for name in ("point_1", "point_2")]
        parts.append(f"{row.iloc[0]:g}: {' / '.join(points)}")
    return "points 1 / 2 at " + ", ".join(parts)


def _norm_at(run: RunResults, epoch: int) -> float:
    return float(run.history.set_index("epoch")["weight_norm"][epoch])


def _count(collapses: int) -> str:
    return f"{collapses} collapse{'s' if collapses != 1 else ''}"


def _length(periods: pd.DataFrame) -> str:
    return f"period {periods['period'].median():.0f} epochs (median)"


def _coincidence(run: RunResults, of: Quantity, before: int | None = None) -> Coincidence:
    collapses = find_collapses(run.epochs["epoch"].to_numpy(), run.epochs["train_error"].to_numpy(float))
    return coincidence_test(run.epochs, run.history, collapses, of, before)


def _collapses_in_common(run: RunResults, against: RunResults) -> tuple[int, int, int]:
    """Collapses that start in the epochs that both runs have, of each; and how many epochs these are.

    Raises
    ------
    Undecided : when the run to compare with is not periodic in them.
    """
    epochs = min(int(each.epochs["epoch"].max()) for each in (run, against))
    own, other = (int((each.periods["start"] <= epochs).sum()) for each in (run, against))
    if other < PERIODIC:
        raise Undecided(f"the run to compare with has {_count(other)} only in {epochs} epochs")
    return own, other, epochs
