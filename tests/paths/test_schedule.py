"""How long a fit takes and at which learning rate, against histories worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts import columns
from grokflow.config import Fit
from grokflow.paths.schedule import History, converged, learning_rate, schedule


@pytest.mark.parametrize(
    ("progress", "factor"),
    [
        (0, 1),
        (0.25, 1),
        (0.5, 1),
        (0.6, 0.7525),
        (0.7, 0.505),
        (0.9, 0.01),
        (0.95, 0.01),
        (1, 0.01),
    ],
)
def test_learning_rate_follows_garipov(progress: float, factor: float) -> None:
    assert learning_rate(Fit(learning_rate=0.4), progress) == pytest.approx(0.4 * factor, rel=1e-12)


def test_learning_rate_never_rises() -> None:
    rates = [learning_rate(Fit(), i / 1000) for i in range(1001)]
    assert all(after <= before for before, after in itertools.pairwise(rates))


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 0.003), ("sgd", 0.015)])
def test_the_learning_rate_of_an_optimizer_is_its_own_unless_one_is_given(
    optimizer: str, rate: float
) -> None:
    assert Fit(optimizer=optimizer).rate == rate
    assert Fit(optimizer=optimizer, learning_rate=0.25).rate == 0.25


FIT = Fit(epochs=100, check_every=2, patience=2, tolerance=0.1)


def at_checks(values: list[float]) -> list[float]:
    """A value at every second epoch, NaN between."""
    return [value for each in values for value in (math.nan, each)]


@pytest.mark.parametrize(
    ("losses", "errors", "checks"),
    [
        # The third check is the first one with two after another.
        ([1, 1, 1], [1, 1, 1], 3),
        # 0.92 after 1 is a fall of 8 %, which is none; 0.89 is one.
        ([1, 0.92, 0.95], [1, 1, 1], 3),
        ([1, 0.89, 0.95, 0.9], [1, 1, 1, 1], 4),
        ([1, 1, 1, 1, 0.5, 0.5, 0.5], [1, 0.8, 0.6, 0.5, 0.4, 0.38, 0.37], 7),  # the error falls on
        ([1, 0.8, 0.6, 0.5, 0.4, 0.38, 0.37], [1] * 7, 7),  # the loss does
        ([1, 3, 0.95, 0.96], [0.2, 0.9, 0.2, 0.2], 3),  # a rise is no fall
        ([1, 1, 1], [0, 0, 0], 3),
    ],
)
def test_a_fit_has_settled_when_neither_loss_nor_error_falls(
    losses: list[float], errors: list[float], checks: int
) -> None:
    assert schedule(FIT, at_checks(losses), at_checks(errors)) == (2 * checks, 4 * checks)
    for earlier in range(checks):
        found = schedule(FIT, at_checks(losses[:earlier]), at_checks(errors[:earlier]))
        assert found == (None, 100)


def test_a_fit_that_falls_on_has_its_whole_budget() -> None:
    falling = at_checks(list(0.5 ** np.arange(30)))
    flat = at_checks([1.0] * 30)
    assert schedule(FIT, falling, flat) == schedule(FIT, flat, falling) == (None, 100)


def test_only_the_first_half_of_the_budget_counts() -> None:
    """Later the learning rate has begun to fall."""
    falling, still = list(0.5 ** np.arange(22)), [0.5**22] * 10
    values = at_checks([*falling, *still])
    assert schedule(FIT, values, values).settled == 50
    assert schedule(FIT.model_copy(update={"epochs": 99}), values, values) == (None, 99)


def history(fit: Fit, losses: list[float]) -> History:
    """The history of a fit with these losses on the curve and an error of 0.5."""
    found = History(fit)
    for loss in losses:
        found.add(found.next_rate, 2.0, loss, 0.5, 0.25)
    return found


def test_the_second_phase_is_as_long_as_the_first() -> None:
    found = history(FIT, [1.0] * 12)
    assert found.ended
    rates, table = found.table()[:, 1], found.table()
    assert rates.tolist() == [learning_rate(FIT, epoch / 12) for epoch in range(12)]
    assert (rates[:7] == FIT.rate).all()
    assert (np.diff(rates[6:]) <= 0).all()
    assert rates[-1] == pytest.approx(0.01 * FIT.rate)
    assert found.next_rate == 0.0
    assert not history(FIT, [1.0] * 11).ended
    assert table[:, 0].tolist() == list(range(1, 13))
    assert np.isnan(table[::2, 3:]).all()
    assert table[1::2, 3:].tolist() == [[1.0, 0.5, 0.25]] * 6


def test_the_last_epoch_of_a_budget_is_looked_at_too() -> None:
    fit = FIT.model_copy(update={"epochs": 5})
    table = history(fit, [1.0] * 5).table()
    assert np.isfinite(table[:, 3]).tolist() == [False, True, False, True, True]
    assert table[:, 1].tolist() == [learning_rate(fit, epoch / 5) for epoch in range(5)]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_fit_that_diverges_has_ended(loss: float) -> None:
    found = History(FIT)
    found.add(0.1, 3.0, 1.0, 0.5, 0.5)
    assert not found.ended
    found.add(0.1, loss, loss, 1.0, 1.0)
    assert found.ended
    assert found.next_rate == 0.0


def test_a_fit_converged_when_it_settled_and_did_not_end_higher() -> None:
    def verdict(losses: list[float], fit: Fit = FIT) -> bool:
        return converged(fit, pd.DataFrame(history(fit, losses).table(), columns=columns.FIT))

    assert verdict([1.0] * 12)
    assert verdict([1.0] * 11 + [1.09])
    assert not verdict([1.0] * 11 + [1.11])
    assert not verdict([1.0] * 4, FIT.model_copy(update={"epochs": 4}))
    assert not verdict([0.9**epoch for epoch in range(100)])
