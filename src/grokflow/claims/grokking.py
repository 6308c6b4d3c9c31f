"""Whether a run groks: one rule for every claim that asks (M1, P1, P4)."""

from __future__ import annotations

import math

from grokflow.artifacts.results import RunResults
from grokflow.claims.criteria import Finding, NotJudged, Number, point_of
from grokflow.dynamics import LATE, UNLEARNED, is_grokking

GENERALISED = 0.99
"""Validation accuracy from which a run generalises. The last pair comes right when it will: at 100 % a claim
would turn on one pair in thousands."""

PER_CENT = f"{100 * GENERALISED:g} %"

RULE = (
    f"validation accuracy reaches {PER_CENT} at {LATE:g} times the epoch of point 1 or later, and "
    f"validation error is at least {UNLEARNED:g} at point 1"
)
"""What `groks` asks."""


def epoch_of_accuracy(run: RunResults, accuracy: float) -> float:
    """The first logged epoch at which validation accuracy is at least this; infinite if it never is."""
    reached = run.history["epoch"][run.history["validation_error"] <= 1 - accuracy + 1e-12]
    return math.inf if reached.empty else float(reached.iloc[0])


def epoch_of_generalisation(run: RunResults, which: str = "", numbers: tuple[float, ...] = ()) -> float:
    """The first logged epoch with 99 % validation accuracy.

    Parameters
    ----------
    which : of which run a message tells, such as " with decay", where a claim is about two.
    numbers : the claim's numbers where it is not reached.

    Raises
    ------
    NotJudged : when training ended before.
    """
    epoch = epoch_of_accuracy(run, GENERALISED)
    if math.isinf(epoch):
        final = run.points["final"]
        error = f"validation error is {final['validation_error']:.4f} at epoch {final['epoch']}, the last"
        message = f"{PER_CENT} validation accuracy is not reached{which}: {error}"
        raise NotJudged("censored", message, numbers)
    return epoch


def numbers_of_grokking(point_1: float | None = None, point_2: float | None = None) -> tuple[Number, ...]:
    """What `groks` measures, with the epochs that the paper printed."""
    return (
        Number(f"epoch of {PER_CENT} validation accuracy over that of point 1"),
        Number("epoch of point 1", "epochs", point_1),
        Number("epoch of point 2", "epochs", point_2),
        Number(f"epoch of {PER_CENT} validation accuracy", "epochs"),
        Number("validation error at point 1"),
    )


def groks(run: RunResults) -> Finding:
    """Judge a run by `RULE`; a point 2 that it did not reach counts as an infinite epoch."""
    point_1 = point_of(run, "point_1")
    first, error = point_1["epoch"], point_1["validation_error"]
    never = (math.inf, first, math.inf, math.inf, error)
    if error < UNLEARNED and math.isinf(epoch_of_accuracy(run, GENERALISED)):
        return Finding(False, f"point 1 at epoch {first} with validation error {error:.3f}", never)
    generalised = epoch_of_generalisation(run, numbers=never)
    second = run.epoch_of("point_2")
    last = f"epoch {second}" if second is not None else f"not in {run.points['final']['epoch']} epochs"
    return Finding(
        is_grokking(first, generalised, error),
        f"point 1 at epoch {first} with validation error {error:.3f}, {PER_CENT} at epoch "
        f"{generalised:.0f}, point 2: {last}",
        (
            generalised / first if first else math.inf,
            first,
            math.inf if second is None else second,
            generalised,
            error,
        ),
    )
