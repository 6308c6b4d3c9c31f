"""The claims of paper M, one function each. Thresholds were fixed before any path was measured."""

from __future__ import annotations

import pandas as pd

from grokflow.artifacts.results import PathResults, RunResults
from grokflow.claims.criteria import Finding, Undecided, criterion, point_of
from grokflow.dynamics import is_late

ALMOST_NO_ERROR = 0.01
"""An error (1 − accuracy) that counts as ≈ 0: one pair in a hundred."""


ROUNDING = 1e-9
"""Slack of a bound on t that a value of t may meet exactly."""


@criterion(
    "M1",
    figure="M-fig1",
    statement="The setup groks: train accuracy reaches 100 % long before validation accuracy.",
    threshold="point 2 at least twice as many epochs as point 1; validation error at point 1 ≥ 0.5",
    subject="run",
)
def groks(run: RunResults) -> Finding:
    point_1, point_2 = point_of(run, "point_1"), point_of(run, "point_2")
    late = is_late(point_1["epoch"], point_2["epoch"])
    holds = late and point_1["validation_error"] >= 0.5
    return Finding(
        holds,
        f"epochs {point_1['epoch']} and {point_2['epoch']}, "
        f"validation error {point_1['validation_error']:.3f} at point 1",
    )


@criterion(
    "M2",
    figure="M-fig1",
    statement="Without the regulariser there is no grokking.",
    threshold="with weight decay point 2 is reached; without it point 1 is, point 2 is not in as many "
    "epochs, and validation error ends ≥ 0.5",
    subject="run",
    against="run",
)
def no_grokking_without_decay(run: RunResults, against: RunResults) -> Finding:
    needed = point_of(against, "point_2")["epoch"]
    point_of(run, "point_1")
    final = run.points["final"]
    if final["epoch"] < needed:
        raise Undecided(f"trained for {final['epoch']} epochs only, point 2 takes {needed}")
    holds = run.points["point_2"] is None and final["validation_error"] >= 0.5
    return Finding(holds, f"validation error {final['validation_error']:.3f} at epoch {final['epoch']}")


@criterion(
    "M3",
    figure="M-fig2",
    statement="On the segment 1→2 the train error has a hump inside (paper: peak at t ≈ 0.35).",
    threshold="largest train error inside ≥ 0.01 above both ends",
    subject="path",
)
def hump_on_segment(path: PathResults) -> Finding:
    metrics = path.metrics
    error = metrics["train_error"]
    peak = error.idxmax()
    ends = max(error.iloc[0], error.iloc[-1])
    return Finding(
        bool(error[peak] - ends >= ALMOST_NO_ERROR),
        f"peak {error[peak]:.3f} at t = {metrics['t'][peak]:.2f}",
    )


@criterion(
    "M4",
    figure="M-fig2",
    statement="On the segment 1→2 the validation error falls monotonically.",
    threshold="never more than 0.01 above its smallest value so far, and lower at the end",
    subject="path",
)
def validation_falls_on_segment(path: PathResults) -> Finding:
    error = path.metrics["validation_error"]
    rise = float((error - error.cummin()).max())
    return Finding(
        rise <= ALMOST_NO_ERROR and bool(error.iloc[-1] < error.iloc[0]),
        f"largest rise {rise:.4f}, from {error.iloc[0]:.3f} to {error.iloc[-1]:.3f}",
    )


@criterion(
    "M5",
    figure="M-fig2",
    statement="Along 1→2 the gradient norm goes from ≈ 0.75 to nearly 0.",
    threshold="at t = 1 at most a tenth of what it is at t = 0",
    subject="path",
)
def gradient_vanishes_on_segment(path: PathResults) -> Finding:
    first, last = _ends(path.metrics, "gradient_norm")
    return Finding(last <= 0.1 * first, f"from {first:.3f} to {last:.3f}")


@criterion(
    "M6",
    figure="M-fig4",
    statement="On the chain the train error is 0 all the way from point 1 to point 2.",
    threshold="largest train error exactly 0",
    subject="path",
)
def chain_without_error(path: PathResults) -> Finding:
    error = path.metrics["train_error"]
    where = path.metrics["t"][error.idxmax()]
    measured = f"largest {error.max():.5f}" + (f" at t = {where:.3f}" if error.max() > 0 else "")
    return Finding(bool(error.max() == 0), measured)


@criterion(
    "M7",
    figure="M-fig4",
    statement="On the chain loss and gradient norm change a lot on the first segment and hardly on the last.",
    threshold="range on the first segment at least 5 times that on the last, for CE + L2 and for the "
    "gradient norm",
    subject="path",
)
def chain_changes_at_first(path: PathResults) -> Finding:
    metrics = path.metrics
    last = metrics[metrics["segment"] == metrics["segment"].max()]
    first = metrics[: int((metrics["segment"] == 0).sum()) + 1]  # with the knot that ends it
    if len(last) == len(metrics):
        raise Undecided("the chain has one segment only")
    names = ("train_loss_l2", "gradient_norm")
    ratios = [_range(first[name]) / max(_range(last[name]), 1e-300) for name in names]
    return Finding(min(ratios) >= 5, f"loss {ratios[0]:.1f} times, gradient norm {ratios[1]:.1f} times")


@criterion(
    "M8",
    figure="M-fig5",
    statement="On the optimised polyline 1→2 train error is ≈ 0, the gradient norm falls, and validation "
    "reaches its plateau earlier than on the segment (paper: t ≈ 0.6).",
    threshold="train error ≤ 0.01; gradient norm at t = 1 at most half of that at t = 0; validation error "
    "stays ≤ 0.01 from a smaller t on than on the segment",
    subject="path",
    against="path",
)
def polyline_generalises_early(path: PathResults, against: PathResults) -> Finding:
    first, last = _ends(path.metrics, "gradient_norm")
    plateau, of_segment = _plateau(path.metrics), _plateau(against.metrics)
    error = path.metrics["train_error"].max()
    return Finding(
        bool(error <= ALMOST_NO_ERROR and last <= 0.5 * first and plateau < of_segment),
        f"train error ≤ {error:.4f}, gradient norm {first:.3f} to {last:.3f}, "
        f"plateau from t = {plateau:.2f} (segment {of_segment:.2f})",
    )


@criterion(
    "M9",
    figure="M-fig6",
    statement="On the polyline 1→1′ train error is ≈ 0 and validation error has a deep minimum near t = 0.5.",
    threshold="train error ≤ 0.01; validation error smallest for 0.35 ≤ t ≤ 0.65, there at most half of "
    "either end's",
    subject="path",
)
def polyline_dips_in_the_middle(path: PathResults) -> Finding:
    metrics = path.metrics
    validation, train = metrics["validation_error"], metrics["train_error"].max()
    lowest = validation.idxmin()
    ends = min(_ends(metrics, "validation_error"))
    holds = (
        train <= ALMOST_NO_ERROR
        and abs(metrics["t"][lowest] - 0.5) <= 0.15 + ROUNDING
        and validation[lowest] <= ends / 2
    )
    return Finding(
        bool(holds),
        f"train error ≤ {train:.4f}, validation error {validation[lowest]:.3f} "
        f"at t = {metrics['t'][lowest]:.2f} (ends {ends:.3f} or more)",
    )


@criterion(
    "M10",
    figure="M-fig7",
    statement="On the polyline 2→2′ everything changes little and validation error stays low.",
    threshold="train error ≤ 0.01, validation error ≤ 0.05, range of CE + L2 at most half of its larger "
    "end value",
    subject="path",
)
def polyline_stays_general(path: PathResults) -> Finding:
    metrics = path.metrics
    train, validation = metrics["train_error"].max(), metrics["validation_error"].max()
    change = _range(metrics["train_loss_l2"]) / max(_ends(metrics, "train_loss_l2"))
    return Finding(
        bool(train <= ALMOST_NO_ERROR and validation <= 0.05 and change <= 0.5),
        f"train error ≤ {train:.4f}, validation error ≤ {validation:.4f}, loss changes by {change:.2f}",
    )


@criterion(
    "M11",
    figure="M-fig7",
    statement="On the polyline 2→2′ the gradient norm has two symmetric hills.",
    threshold="a maximum in each half ≥ 1.1 times the ends and the middle; heights within a factor 1.5; "
    "places symmetric about 0.5 to within 0.2",
    subject="path",
)
def two_hills(path: PathResults) -> Finding:
    metrics = path.metrics
    norm, t = metrics["gradient_norm"], metrics["t"]
    left, right = norm[t < 0.5].idxmax(), norm[t > 0.5].idxmax()
    middle = norm[(t - 0.5).abs().idxmin()]
    level = 1.1 * max(*_ends(metrics, "gradient_norm"), middle)
    heights = sorted((norm[left], norm[right]))
    symmetric = abs(t[left] + t[right] - 1) <= 0.2 + ROUNDING and heights[1] <= 1.5 * heights[0]
    return Finding(
        bool(heights[0] >= level and symmetric),
        f"{norm[left]:.3f} at t = {t[left]:.2f} and {norm[right]:.3f} at t = {t[right]:.2f}; "
        f"ends {norm.iloc[0]:.3f} and {norm.iloc[-1]:.3f}, middle {middle:.3f}",
    )


def _ends(metrics: pd.DataFrame, name: str) -> tuple[float, float]:
    return float(metrics[name].iloc[0]), float(metrics[name].iloc[-1])


def _range(values: pd.Series) -> float:
    return float(values.max() - values.min())


def _plateau(metrics: pd.DataFrame) -> float:
    """The smallest t from which on the validation error stays ≤ 0.01; infinite when it never does."""
    above = metrics["t"][metrics["validation_error"] > ALMOST_NO_ERROR]
    after = metrics["t"] if above.empty else metrics["t"][metrics["t"] > above.max()]
    return float("inf") if after.empty else float(after.iloc[0])
