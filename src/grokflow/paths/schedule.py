"""How long the bends of one path are fitted, and at which learning rate: read off the history of the fit.

A fit has two phases. In the first the learning rate is constant, until the fit has settled: neither the
loss nor the largest train error on the curve falls any more. In the second, which is as long, it falls
linearly to 1 %, reached after 80 % of the phase. This is the schedule of Garipov et al. (2018), appendix A.1,
stretched to where the fit settled. A fit that has not settled after half of its budget gets the schedule of
the whole budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import FIT
from grokflow.config import Fit

RULE = ("mean_train_loss_l2", "largest_train_error")
"""The columns of which none may fall any more when a fit has settled."""


class Schedule(NamedTuple):
    """What the history of a fit says about its course."""

    settled: int | None
    """Epochs after which neither loss nor error fell any more; None: it has not settled, or not yet."""
    epochs: int
    """How long the fit takes in all: twice that, or the budget."""


def schedule(fit: Fit, losses: Sequence[float], errors: Sequence[float]) -> Schedule:
    """The course of a fit as its history so far determines it.

    Parameters
    ----------
    losses, errors : `RULE` after each epoch so far; NaN where no check was due.
    """
    every, patience = fit.check_every, fit.patience
    half = slice(every - 1, fit.epochs // 2, every)  # the checks within the first half of the budget
    loss, error = np.array(losses[half]), np.array(errors[half])
    for check in range(patience, len(loss)):
        if not any(_falls(values[: check + 1], patience, fit.tolerance) for values in (loss, error)):
            settled = (check + 1) * every
            return Schedule(settled, 2 * settled)
    return Schedule(None, fit.epochs)


def _falls(values: np.ndarray, patience: int, tolerance: float) -> bool:
    """Whether the lowest of the last values is lower than all before by more than the tolerance."""
    before, last = values[:-patience].min(), values[-patience:].min()
    return bool(last < (1 - tolerance) * before)


def learning_rate(fit: Fit, progress: float) -> float:
    """Constant for half of the time, falling linearly to 1 % at 0.9, constant again.

    Garipov et al. (2018), appendix A.1. `progress` runs from 0 to 1.
    """
    factor = 1.0 if progress <= 0.5 else max(0.01, 1.0 - (progress - 0.5) / 0.4 * 0.99)
    return fit.rate * factor


def converged(fit: Fit, history: pd.DataFrame) -> bool:
    """Whether a whole fit, given by its history (`columns.FIT`), settled within its budget.

    One that ended with a higher loss than it had before did not, whatever else it did: Adam can diverge
    without a number that is not finite.
    """
    losses, errors = (history[name].to_numpy(float) for name in RULE)
    settled = schedule(fit, losses, errors).settled is not None
    return settled and bool(losses[-1] <= (1 + fit.tolerance) * np.nanmin(losses))


class History:
    """What happened in the fit of one path so far, and so what happens next."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self.rows: list[tuple[float, ...]] = []
        self.course = Schedule(None, fit.epochs)

    @property
    def ended(self) -> bool:
        """Whether the fit took all its epochs, or diverged."""
        diverged = bool(self.rows) and not math.isfinite(self.rows[-1][FIT.index("loss")])
        return diverged or len(self.rows) >= self.course.epochs

    @property
    def next_rate(self) -> float:
        """The learning rate of the next epoch: 0 after the last one."""
        return 0.0 if self.ended else learning_rate(self.fit, len(self.rows) / self.course.epochs)

    @property
    def check_due(self) -> bool:
        """Whether the errors on the curve are looked at after the next epoch: the last one is among these."""
        epoch = len(self.rows) + 1
        return epoch % self.fit.check_every == 0 or epoch == self.course.epochs

    @property
    def last_check(self) -> tuple[float, float]:
        """The largest train error and the lowest validation error on the curve at the last check, or NaN."""
        columns = [FIT.index(name) for name in ("largest_train_error", "lowest_validation_error")]
        checks = (row for row in reversed(self.rows) if not math.isnan(row[columns[0]]))
        found = next(checks, (math.nan,) * len(FIT))
        return found[columns[0]], found[columns[1]]

    def add(self, rate: float, loss: float, *measured: float) -> None:
        """Note an epoch; what is `measured` on the curve counts where a check was due."""
        kept = measured if self.check_due else [math.nan] * len(measured)
        epoch = len(self.rows) + 1
        self.rows.append((epoch, rate, loss, *kept))
        if epoch % self.fit.check_every == 0 and self.course.settled is None:
            losses, errors = ([row[FIT.index(name)] for row in self.rows] for name in RULE)
            self.course = schedule(self.fit, losses, errors)

    def table(self) -> np.ndarray:
        """(epochs, columns of `FIT`)."""
        return np.array(self.rows, dtype=np.float64).reshape(-1, len(FIT))
