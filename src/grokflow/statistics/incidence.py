"""When seeds reach an event: cumulative incidence, with seeds not there yet and seeds that never can be.

A seed that had not reached it when training ended is censored: it may do so later. One that diverged
never will: it counts among those that have not reached it, for good, where a curve of 1 − Kaplan–Meier would
take it as one that may still. Without any such seed the two are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from grokflow.statistics.proportion import HALF, wilson

Outcome = Literal["reached", "diverged", "censored"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

ROUNDING = 1e-9
"""Slack of a sum of products that would be exactly one half."""


@dataclass(frozen=True, eq=False)
class Times:
    """For each seed the epoch of what came first, and what that was.

    Raises
    ------
    ValueError : for another outcome, arrays of different lengths, an epoch that is negative or not finite.
    """

    time: np.ndarray
    """Shape (seeds,): of the event, of the divergence, or the last one that was watched."""
    outcome: np.ndarray
    """Shape (seeds,): each one of "reached", "diverged", "censored"."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", np.asarray(self.time, dtype=float))
        object.__setattr__(self, "outcome", np.asarray(self.outcome, dtype=str))
        if self.time.ndim != 1 or self.time.shape != self.outcome.shape:
            raise ValueError(f"{self.time.shape} times and {self.outcome.shape} outcomes")
        if not (np.isfinite(self.time) & (self.time >= 0)).all():
            raise ValueError("a time must be finite and not negative")
        if unknown := set(self.outcome.tolist()) - set(OUTCOMES):
            raise ValueError(f"{sorted(unknown)}: an outcome is one of {OUTCOMES}")


@dataclass(frozen=True, eq=False)
class Incidence:
    """The share of seeds that have reached an event, as a step function of the epoch.

    All arrays have shape (steps,). The value at epochs[i] holds until before epochs[i + 1]; the first epoch
    is 0, the last one the last of any seed, beyond which nothing is known.
    """

    epochs: np.ndarray
    incidence: np.ndarray
    """Never falls; NaN for no seeds."""
    low: np.ndarray
    high: np.ndarray
    """Ends of the pointwise 95 % interval; 0 and 1 for no seeds."""
    median: float | None
    """The first epoch at which half of the seeds have reached it; None when that lies beyond the last one."""
    median_low: float | None
    """The first epoch at which `high` is one half; 0 for fewer than four seeds, which set no lower bound."""
    median_high: float | None
    """The first epoch at which `low` is one half; None when it never is, so that there is no upper bound."""
    reached: int
    diverged: int
    censored: int

    @property
    def seeds(self) -> int:
        """All of them, whatever became of them."""
        return self.reached + self.diverged + self.censored


def incidence(times: Times) -> Incidence:
    """The cumulative incidence of "reached", with divergence as a competing event (Aalen–Johansen).

    A seed censored at an epoch was still watched at it, so it counts for an event of the same epoch.

    The interval is Wilson's, as for every other proportion of seeds, with the number of seeds that would
    give the same variance had none been censored (Rothman, "Estimation of confidence limits for the
    cumulative probability of survival in life table analysis", 1978). So where none has been censored
    yet it is that of k of n seeds. It is not the log(−log) interval, which says nothing at 0 and at 1.
    """
    counts = {name: int(np.count_nonzero(times.outcome == name)) for name in OUTCOMES}
    if not len(times.time):
        epochs, share, low, high = np.zeros(1), np.full(1, np.nan), np.zeros(1), np.ones(1)
    else:
        epochs, share, seeds = _aalen_johansen(times)
        low, high = wilson(share * seeds, seeds)
    return Incidence(
        epochs,
        share,
        low,
        high,
        median=_first_half(epochs, share),
        median_low=_first_half(epochs, high),
        median_high=_first_half(epochs, low),
        **counts,
    )


def _aalen_johansen(times: Times) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Epochs from 0 on, the cumulative incidence at each, and how many uncensored seeds that is worth."""
    from statsmodels.duration.survfunc import CumIncidenceRight

    status = np.select([times.outcome == "reached", times.outcome == "diverged"], [1, 2], 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # the variance where nobody is left is 0/0
        estimate = CumIncidenceRight(times.time, status)
    nothing = np.zeros(len(estimate.times))
    share, error = (estimate.cinc[0], estimate.cinc_se[0]) if estimate.cinc else (nothing, nothing)
    share = np.clip(share, 0, 1)

    at_risk = np.count_nonzero(times.time >= estimate.times[:, None], axis=1)
    left = 1 - np.append(0, sum(estimate.cinc, start=nothing)[:-1])
    # The limit of the quotient below where it is 0/0: at shares of 0 and 1, and where nobody is left.
    seeds = at_risk / left
    known = error > 0
    seeds[known] = share[known] * (1 - share[known]) / error[known] ** 2

    epochs = estimate.times
    if epochs[0] > 0:
        epochs, share, seeds = np.append(0, epochs), np.append(0, share), np.append(len(times.time), seeds)
    return epochs, share, seeds


def _first_half(epochs: np.ndarray, values: np.ndarray) -> float | None:
    reached = np.flatnonzero(values >= HALF - ROUNDING)
    return float(epochs[reached[0]]) if len(reached) else None
