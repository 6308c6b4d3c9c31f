"""The claims of paper M, one function each. docs/registration.md has the reason for every criterion."""

from __future__ import annotations

import math

import pandas as pd

from grokflow.artifacts.results import PathResults, RunResults
from grokflow.claims.criteria import Finding, NotJudged, Number, criterion, point_of
from grokflow.claims.grokking import PER_CENT, RULE, epoch_of_generalisation, groks, numbers_of_grokking
from grokflow.dynamics import UNLEARNED

ZERO_ERROR = 0.001
"""Train error below which a path that is not optimised has none: rounding moves single pairs of 3 724."""

ALMOST_NO_ERROR = 0.02
"""Train error that counts as ≈ 0 on an optimised path: the width of the line with which the paper draws
it."""

PLATEAU = 0.01
"""Validation error on the plateau at the end of a path."""

ALLOWED_RISE = 0.01
"""How far a curve that falls monotonically may rise again: wrong pairs come and go by ones."""

ROUNDING = 1e-9
"""Slack of a bound on t that a value of t may meet exactly."""


criterion(
    "M1",
    figure="M-fig1",
    statement="The setup groks: train accuracy reaches 100 % long before validation accuracy.",
    criterion=RULE,
    subject="run",
    numbers=numbers_of_grokking(point_1=585, point_2=2402),
)(groks)


@criterion(
    "M2",
    figure="M-fig1",
    statement="Without the regulariser there is no grokking.",
    criterion=f"with weight decay validation accuracy reaches {PER_CENT}; without it validation error is at "
    f"least {UNLEARNED:g} at every logged epoch from point 1 to the last, which is no earlier than that of "
    f"{PER_CENT} with decay",
    subject="run",
    against="run",
    numbers=(
        Number("lowest validation error without decay from point 1 on"),
        Number("validation error without decay at the last epoch"),
    ),
)
def no_grokking_without_decay(run: RunResults, against: RunResults) -> Finding:
    point_1, final = point_of(run, "point_1", " without decay"), run.points["final"]
    after = run.history[run.history["epoch"] >= point_1["epoch"]]
    lowest = float(after["validation_error"].min())
    numbers = (lowest, final["validation_error"])
    needed = epoch_of_generalisation(against, " with decay", numbers)
    if final["epoch"] < needed:
        message = f"trained for {final['epoch']} epochs, with decay {PER_CENT} takes {needed:.0f}"
        raise NotJudged("censored", message, numbers)
    return Finding(
        lowest >= UNLEARNED,
        f"validation error {final['validation_error']:.3f} at epoch {final['epoch']}, never below "
        f"{lowest:.3f} after point 1; with decay {PER_CENT} accuracy at epoch {needed:.0f}",
        numbers,
    )


@criterion(
    "M3",
    figure="M-fig2",
    statement="On the segment 1→2 the train error has a hump inside (paper: peak at t ≈ 0.35).",
    criterion=f"largest train error inside at least {ZERO_ERROR:g} above both ends",
    subject="path",
    numbers=(Number("height of the hump"), Number("t of the hump", "", 0.35)),
)
def hump_on_segment(path: PathResults) -> Finding:
    metrics = path.metrics
    error = metrics["train_error"]
    height = float(error.max() - max(error.iloc[0], error.iloc[-1]))
    place = _middle(metrics["t"][error == error.max()])
    return Finding(
        height >= ZERO_ERROR,
        f"peak {error.max():.4f} at t = {place:.2f}",
        (height, place if height > 0 else math.nan),
    )


@criterion(
    "M4",
    figure="M-fig2",
    statement="On the segment 1→2 the validation error falls monotonically.",
    criterion=f"never more than {ALLOWED_RISE:g} above its smallest value so far, and lower at the end",
    subject="path",
    numbers=(Number("largest rise of validation error"),),
)
def validation_falls_on_segment(path: PathResults) -> Finding:
    error = path.metrics["validation_error"]
    rise = float((error - error.cummin()).max())
    return Finding(
        rise <= ALLOWED_RISE and bool(error.iloc[-1] < error.iloc[0]),
        f"largest rise {rise:.4f}, from {error.iloc[0]:.3f} to {error.iloc[-1]:.3f}",
        (rise,),
    )


@criterion(
    "M5",
    figure="M-fig2",
    statement="Along 1→2 the gradient norm goes from ≈ 0.75 to nearly 0.",
    criterion="at t = 1 at most a quarter of what it is at t = 0",
    subject="path",
    numbers=(
        Number("gradient norm at t = 1 over that at t = 0", "", 0.0),
        Number("gradient norm at t = 0", "", 0.75),
        Number("gradient norm at t = 1", "", 0.0),
    ),
)
def gradient_vanishes_on_segment(path: PathResults) -> Finding:
    first, last = _ends(path.metrics, "gradient_norm")
    ratio = last / first
    measured = f"from {first:.3f} to {last:.3f}: {ratio:.3f} times"
    return Finding(ratio <= 0.25, measured, (ratio, first, last))


@criterion(
    "M6",
    figure="M-fig4",
    statement="On the chain the train error is 0 all the way from point 1 to point 2.",
    criterion=f"largest train error below {ZERO_ERROR:g}",
    subject="path",
    numbers=(Number("largest train error on the chain"),),
)
def chain_without_error(path: PathResults) -> Finding:
    error = path.metrics["train_error"]
    where = path.metrics["t"][error.idxmax()]
    measured = f"largest {error.max():.5f}" + (f" at t = {where:.3f}" if error.max() > 0 else "")
    return Finding(bool(error.max() < ZERO_ERROR), measured, (float(error.max()),))


@criterion(
    "M7",
    figure="M-fig4",
    statement="On the chain loss and gradient norm change a lot on the first segment and hardly on the last.",
    criterion="range per epoch on the first segment at least 5 times that on the last, for CE + L2 and for "
    "the gradient norm",
    subject="path",
    numbers=(
        Number("range of CE + L2 per epoch, first segment over last"),
        Number("range of the gradient norm per epoch, first segment over last"),
    ),
)
def chain_changes_at_first(path: PathResults) -> Finding:
    metrics = path.metrics
    last = metrics[metrics["segment"] == metrics["segment"].max()]
    first = metrics[: int((metrics["segment"] == 0).sum()) + 1]  # with the knot that ends it
    if len(last) == len(metrics):
        raise NotJudged("nothing to compare", "the chain has one segment only")
    # Points 1 and 2 fall anywhere between two checkpoints, so neither segment need have all its epochs.
    epochs = [float(name.removeprefix("epoch ")) for name in path.record["control_points"]]
    lengths = (epochs[-1] - epochs[-2]) / (epochs[1] - epochs[0])
    names = ("train_loss_l2", "gradient_norm")
    loss, norm = (lengths * _range(first[name]) / max(_range(last[name]), 1e-300) for name in names)
    measured = f"per epoch loss {loss:.1f} times, gradient norm {norm:.1f} times"
    return Finding(min(loss, norm) >= 5, measured, (loss, norm))


@criterion(
    "M8",
    figure="M-fig5",
    statement="On the optimised polyline 1→2 train error is ≈ 0, the gradient norm falls, and validation "
    "reaches its plateau earlier than on the segment (paper: t ≈ 0.6).",
    criterion=f"train error at most {ALMOST_NO_ERROR:g}; gradient norm at t = 1 at most half of that at "
    f"t = 0; validation error stays at most {PLATEAU:g} from a smaller t on than on the segment",
    subject="path",
    against="path",
    numbers=(
        Number("t from which validation error is on its plateau", "", 0.6),
        Number("the same on the segment"),
        Number("largest train error"),
        Number("the same when it was smallest, during the fit"),
        Number("gradient norm at t = 1 over that at t = 0"),
    ),
)
def polyline_generalises_early(path: PathResults, against: PathResults) -> Finding:
    first, last = _ends(path.metrics, "gradient_norm")
    plateau, of_segment = _plateau(path.metrics), _plateau(against.metrics)
    error = float(path.metrics["train_error"].max())
    return Finding(
        bool(error <= ALMOST_NO_ERROR and last <= 0.5 * first and plateau < of_segment),
        f"train error ≤ {error:.4f}, gradient norm {first:.3f} to {last:.3f}, "
        f"plateau from t = {plateau:.2f} (segment {of_segment:.2f})",
        (plateau, of_segment, error, _smallest_in_fit(path), last / first),
    )


@criterion(
    "M9",
    figure="M-fig6",
    statement="On the polyline 1→1′ train error is ≈ 0 and validation error has a deep minimum near t = 0.5.",
    criterion=f"train error at most {ALMOST_NO_ERROR:g}; validation error smallest for 0.35 ≤ t ≤ 0.65, "
    "there at most half of either end's",
    subject="path",
    numbers=(
        Number("lowest validation error"),
        Number("t of the lowest validation error", "", 0.5),
        Number("largest train error"),
        Number("the same when it was smallest, during the fit"),
    ),
)
def polyline_dips_in_the_middle(path: PathResults) -> Finding:
    metrics = path.metrics
    validation, train = metrics["validation_error"], float(metrics["train_error"].max())
    bottom = float(validation.min())
    place = _middle(metrics["t"][validation == bottom])
    ends = min(_ends(metrics, "validation_error"))
    holds = train <= ALMOST_NO_ERROR and abs(place - 0.5) <= 0.15 + ROUNDING and bottom <= ends / 2
    return Finding(
        holds,
        f"train error ≤ {train:.4f}, validation error {bottom:.3f} at t = {place:.2f} (ends {ends:.3f} or "
        "more)",
        (bottom, place, train, _smallest_in_fit(path)),
    )


@criterion(
    "M10",
    figure="M-fig7",
    statement="On the polyline 2→2′ everything changes little and validation error stays low.",
    criterion=f"train error at most {ALMOST_NO_ERROR:g}, validation error at most 0.05, range of CE + L2 at "
    "most half of its larger end value",
    subject="path",
    numbers=(
        Number("largest validation error"),
        Number("largest train error"),
        Number("range of CE + L2 over its larger end value"),
    ),
)
def polyline_stays_general(path: PathResults) -> Finding:
    metrics = path.metrics
    train, validation = (float(metrics[f"{split}_error"].max()) for split in ("train", "validation"))
    change = _range(metrics["train_loss_l2"]) / max(_ends(metrics, "train_loss_l2"))
    return Finding(
        train <= ALMOST_NO_ERROR and validation <= 0.05 and change <= 0.5,
        f"train error ≤ {train:.4f}, validation error ≤ {validation:.4f}, loss changes by {change:.2f}",
        (validation, train, change),
    )


@criterion(
    "M11",
    figure="M-fig7",
    statement="On the polyline 2→2′ the gradient norm has two symmetric hills.",
    criterion="a maximum in each half at least 1.1 times the ends and the middle; heights within a factor "
    "1.5; places symmetric about 0.5 to within 0.2",
    subject="path",
    numbers=(
        Number("lower hill over the largest of ends and middle"),
        Number("higher hill over lower hill"),
        Number("sum of both places less 1"),
    ),
)
def two_hills(path: PathResults) -> Finding:
    metrics = path.metrics
    norm, t = metrics["gradient_norm"], metrics["t"]
    left, right = norm[t < 0.5].idxmax(), norm[t > 0.5].idxmax()
    middle = norm[(t - 0.5).abs().idxmin()]
    low, high = sorted((float(norm[left]), float(norm[right])))
    between = max(*_ends(metrics, "gradient_norm"), middle)
    shift = float(t[left] + t[right] - 1)
    return Finding(
        bool(low >= 1.1 * between and abs(shift) <= 0.2 + ROUNDING and high <= 1.5 * low),
        f"{norm[left]:.3f} at t = {t[left]:.2f} and {norm[right]:.3f} at t = {t[right]:.2f}; "
        f"ends {norm.iloc[0]:.3f} and {norm.iloc[-1]:.3f}, middle {middle:.3f}",
        (low / between, high / low, shift),
    )


def _ends(metrics: pd.DataFrame, name: str) -> tuple[float, float]:
    return float(metrics[name].iloc[0]), float(metrics[name].iloc[-1])


def _middle(places: pd.Series) -> float:
    """The middle of the values of t at which an extreme is met, often one alone."""
    return float(places.iloc[0] + places.iloc[-1]) / 2


def _smallest_in_fit(path: PathResults) -> float:
    """The largest train error on the curve at the check of its fit at which it was smallest."""
    return float(path.fit["largest_train_error"].min())


def _range(values: pd.Series) -> float:
    return float(values.max() - values.min())


def _plateau(metrics: pd.DataFrame) -> float:
    """The smallest t from which on the validation error stays on its plateau; infinite when it never does."""
    above = metrics["t"][metrics["validation_error"] > PLATEAU]
    after = metrics["t"] if above.empty else metrics["t"][metrics["t"] > above.max()]
    return math.inf if after.empty else float(after.iloc[0])
