"""The claims of paper P about what grokking needs (P1 to P4). docs/registration.md has the reasons."""

from __future__ import annotations

import math

import pandas as pd

from grokflow.artifacts.results import RunResults
from grokflow.claims.criteria import Finding, NotJudged, Number, criterion, point_of
from grokflow.claims.grokking import RULE, groks, numbers_of_grokking
from grokflow.dynamics import UNLEARNED, regime

LEARNED = 0.01
"""Validation error at which a member of a sweep has generalised, whatever its last pairs do."""

criterion(
    "P1",
    figure="P-fig1",
    statement="The original recipe groks (two layers, AdamW, weight decay 1, tokens a ∘ b =).",
    criterion=RULE,
    subject="run",
    numbers=numbers_of_grokking(),
)(groks)

criterion(
    "P4",
    figure="P-fig4",
    statement="The LayerNorm model groks with plain SGD.",
    criterion=RULE,
    subject="run",
    numbers=numbers_of_grokking(),
)(groks)


@criterion(
    "P2",
    figure="sweep-train-fraction",
    statement="The train fraction decides: too small and validation never rises, large enough and both rise "
    "together, between them grokking.",
    criterion=f"at the smallest fraction no point 2 and validation error ends at least {UNLEARNED:g}; at the "
    f"largest it is below {UNLEARNED:g} at point 1 and at most {LEARNED:g} at the end; at one between, "
    f"point 2 comes at twice point 1 or later, with validation error at least {UNLEARNED:g} at point 1",
    subject="sweep",
    numbers=(
        Number("validation error at point 1, largest fraction"),
        Number("validation error at the end, smallest fraction"),
    ),
)
def fraction_decides(rows: pd.DataFrame) -> Finding:
    rows = _by_value(rows, "dataset.train_fraction")
    smallest, largest = rows.iloc[0], rows.iloc[-1]
    never = pd.isna(smallest["point_2"]) and smallest["validation_error"] >= UNLEARNED
    found = _regimes(rows)
    together = largest["validation_error_at_point_1"] < UNLEARNED and largest["validation_error"] <= LEARNED
    return Finding(
        bool(never and together and "groks" in found[1:-1]),
        _points(rows),
        (float(largest["validation_error_at_point_1"]), float(smallest["validation_error"])),
    )


@criterion(
    "P3",
    figure="sweep-weight-decay",
    statement="A weight regulariser is necessary: without it there is no grokking.",
    criterion=f"without decay point 1 is reached and validation error ends at least {UNLEARNED:g}; with at "
    f"least one decay point 2 comes at twice point 1 or later, with validation error at least {UNLEARNED:g} "
    "at point 1",
    subject="sweep",
    numbers=(Number("validation error without decay at the end"),),
)
def decay_is_necessary(rows: pd.DataFrame) -> Finding:
    rows = _by_value(rows, "optimizer.weight_decay")
    without = rows.iloc[0]
    if without[rows.columns[0]] != 0:
        raise NotJudged("nothing to compare", "the sweep has no member without decay")
    found = _regimes(rows)
    only_memorises = found[0] == "memorises" and without["validation_error"] >= UNLEARNED
    holds = bool(only_memorises and "groks" in found[1:])
    return Finding(holds, _points(rows), (float(without["validation_error"]),))


@criterion(
    "P3-norm",
    presupposes_points=True,
    figure="weight-norm",
    statement="The weight norm shows why: with decay it falls between memorisation and generalisation, "
    "without decay it does not.",
    criterion="with decay ‖θ‖ is smaller at point 2 than at point 1; without it, it is not smaller at the "
    "last epoch than at point 1, and point 2 is not reached, in at least as many epochs",
    subject="run",
    against="run",
    numbers=(
        Number("‖θ‖ at point 2 over that at point 1, with decay"),
        Number("‖θ‖ at the last epoch over that at point 1, without decay"),
    ),
)
def norm_shows_why(run: RunResults, against: RunResults) -> Finding:
    point_1, point_2 = (point_of(against, name, " with decay") for name in ("point_1", "point_2"))
    first, last = _norm_at(against, point_1["epoch"]), _norm_at(against, point_2["epoch"])
    own_1, final = point_of(run, "point_1", " without decay"), run.points["final"]
    if final["epoch"] < point_2["epoch"]:
        message = f"trained for {final['epoch']} epochs, with decay point 2 takes {point_2['epoch']}"
        raise NotJudged("censored", message, (last / first, math.nan))
    own_first, own_last = _norm_at(run, own_1["epoch"]), _norm_at(run, final["epoch"])
    holds = last < first and own_last >= own_first and run.points["point_2"] is None
    reached = "no point 2" if run.points["point_2"] is None else "point 2"
    return Finding(
        bool(holds),
        f"with decay {first:.1f} to {last:.1f}, without {own_first:.1f} to {own_last:.1f} and {reached}",
        (last / first, own_last / own_first),
    )


def _by_value(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """The rows of a sweep over `key` alone, in rising order of its value.

    Raises
    ------
    NotJudged : when the sweep varies something else, or a member diverged.
    """
    varied = list(rows.columns[: list(rows.columns).index("seed")])
    if varied != [key]:
        message = f"the sweep varies {', '.join(varied)}; the claim is about {key} alone"
        raise NotJudged("nothing to compare", message)
    rows = rows.sort_values(key).reset_index(drop=True)
    if rows["diverged"].notna().any():
        raise NotJudged("diverged", f"a member diverged; {_points(rows)}")
    return rows


def _regimes(rows: pd.DataFrame) -> list[str]:
    """The regime at each value of the varied key."""
    columns = ["point_1", "point_2", "validation_error_at_point_1"]
    return [regime(*measured) for measured in rows[columns].itertuples(index=False)]


def _points(rows: pd.DataFrame) -> str:
    """The epochs of points 1 and 2 for each value of the varied key, with its regime."""
    parts = []
    for (_, row), found in zip(rows.iterrows(), _regimes(rows), strict=True):
        points = [f"{row[name]:.0f}" if pd.notna(row[name]) else "never" for name in ("point_1", "point_2")]
        parts.append(f"{row.iloc[0]:g}: {' / '.join(points)}, {found}")
    return "points 1 / 2 at " + "; ".join(parts)


def _norm_at(run: RunResults, epoch: int) -> float:
    return float(run.history.set_index("epoch")["weight_norm"][epoch])
