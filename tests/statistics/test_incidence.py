"""Cumulative incidence against a worked example, a slow reference, statsmodels and simulation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from grokflow.statistics import Incidence, Proportion, Times, incidence


def of(*seeds: tuple[float, str]) -> Incidence:
    return incidence(Times([time for time, _ in seeds], [outcome for _, outcome in seeds]))


def made(seed: int, n: int, *, diverging: float, watched: float) -> Times:
    """Epochs to which many are tied; reaching has rate 0.1, diverging its own, the last epoch varies."""
    random = np.random.default_rng(seed)
    reach = random.exponential(10, n)
    diverge = random.exponential(1 / diverging, n) if diverging else np.full(n, np.inf)
    stop = random.uniform(watched / 2, watched, n)
    first = np.ceil(np.minimum(np.minimum(reach, diverge), stop))
    return Times(
        first,
        np.where(
            reach < np.minimum(diverge, stop), "reached", np.where(diverge < stop, "diverged", "censored")
        ),
    )


def test_a_worked_example():
    found = of(
        (5, "reached"), (5, "censored"), (7, "reached"), (7, "diverged"), (9, "reached"), (9, "censored")
    )
    # epoch 5: 6 at risk, 1 reached.               incidence 1·1/6 = 4/24;           nothing happened to 5/6
    # epoch 7: 4 at risk, 1 reached, 1 diverged.   incidence 4/24 + 5/6·1/4 = 9/24;  nothing to 5/6·2/4 = 5/12
    # epoch 9: 2 at risk, 1 reached.               incidence 9/24 + 5/12·1/2 = 14/24
    assert found.epochs.tolist() == [0, 5, 7, 9]
    assert found.incidence == pytest.approx([0, 4 / 24, 9 / 24, 14 / 24])
    assert found.median == 9
    assert (found.reached, found.diverged, found.censored, found.seeds) == (3, 1, 2, 6)
    # Until epoch 5 all six were watched, so the intervals are those of 0 and of 1 of 6.
    assert (found.low[0], found.high[0]) == (Proportion(0, 6).low, Proportion(0, 6).high)
    assert (found.low[1], found.high[1]) == pytest.approx((Proportion(1, 6).low, Proportion(1, 6).high))
    assert found.median_low == 5  # 1 of 6 may be 0.56
    assert found.median_high is None


def redistributed(times: Times) -> dict[float, Fraction]:
    """The incidence at every epoch: a censored seed leaves its share to those watched longer."""
    # At one epoch the events come first.
    seeds = sorted(zip(times.time.tolist(), times.outcome == "censored", times.outcome.tolist(), strict=True))
    shares = [Fraction(1, len(seeds))] * len(seeds)
    reached: dict[float, Fraction] = {}
    total = Fraction(0)
    for i, (time, censored, outcome) in enumerate(seeds):
        later = range(i + 1, len(seeds))
        if censored:
            for j in later:
                shares[j] += shares[i] / len(later)
        elif outcome == "reached":
            total += shares[i]
        reached[time] = total
    return reached


@pytest.mark.parametrize("seed", range(20))
def test_a_slow_reference(seed):
    times = made(seed, 1 + 3 * seed, diverging=0.05, watched=20)
    found = incidence(times)
    expected = redistributed(times)
    assert found.epochs.tolist() == [0, *expected]
    assert found.incidence[1:] == pytest.approx([float(share) for share in expected.values()], abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_without_divergence_it_is_one_less_kaplan_meier(seed):
    times = made(seed, 30, diverging=0, watched=25)
    found = incidence(times)
    survival = SurvfuncRight(times.time, times.outcome == "reached")
    at = np.searchsorted(found.epochs, survival.surv_times)
    assert found.epochs[at].tolist() == survival.surv_times.tolist()
    assert found.incidence[at] == pytest.approx(1 - survival.surv_prob)
    # The interval: that of as many uncensored seeds as have Greenwood's variance, while any is left.
    left = survival.surv_prob > 0
    at, share, error = at[left], 1 - survival.surv_prob[left], survival.surv_prob_se[left]
    n = share * (1 - share) / error**2
    middle, half = share + 1.92073 / n, 1.959964 * np.sqrt(share * (1 - share) / n + 0.960365 / n**2)
    assert found.low[at] == pytest.approx((middle - half) / (1 + 3.841459 / n), abs=1e-6)
    assert found.high[at] == pytest.approx((middle + half) / (1 + 3.841459 / n), abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
def test_of_uncensored_seeds_it_is_a_proportion_at_every_epoch(n):
    """Also where the last seed has its event, and nobody is left."""
    random = np.random.default_rng(n)
    times = Times(random.integers(1, 15, n), random.choice(["reached", "diverged"], n))
    found = incidence(times)
    for i, epoch in enumerate(found.epochs):
        holding = np.count_nonzero((times.time <= epoch) & (times.outcome == "reached"))
        expected = Proportion(holding, n)
        assert found.incidence[i] == pytest.approx(expected.share)
        assert (found.low[i], found.high[i]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_diverged_seed_never_reaches_it():
    """One less Kaplan–Meier would be 1 at the end: it takes a diverged seed as one that may still."""
    found = of((10, "diverged"), (10, "diverged"), (10, "diverged"), (20, "reached"))
    assert found.incidence[-1] == pytest.approx(1 / 4)
    assert found.median is None


def test_all_reached():
    found = of(*((epoch, "reached") for epoch in range(1, 11)))
    assert found.incidence == pytest.approx(np.arange(11) / 10)
    # Half are there at 5. Of 10, 2 may be 0.51 and 8 may be 0.49, 9 no less than 0.60.
    assert (found.median_low, found.median, found.median_high) == (2, 5, 9)


def test_none_reached():
    found = of(*[(7000, "censored")] * 8)
    assert found.epochs.tolist() == [0, 7000]
    assert found.incidence.tolist() == [0, 0]
    assert found.high == pytest.approx([Proportion(0, 8).high] * 2)
    assert (found.median_low, found.median, found.median_high) == (None, None, None)


def test_all_at_once():
    found = of(*[(30, "reached")] * 8)
    assert found.incidence.tolist() == [0, 1]
    assert (found.median_low, found.median, found.median_high) == (30, 30, 30)


def test_one_seed_says_little():
    found = of((30, "reached"))
    assert found.incidence.tolist() == [0, 1]
    assert (found.median_low, found.median, found.median_high) == (0, 30, None)


def test_seeds_lost_early_count_for_little_later():
    """Six seeds of eight are watched for 10 epochs only: what happens later is known of two."""
    found = of(*[(10, "censored")] * 6, (100, "censored"), (200, "censored"))
    assert found.high == pytest.approx([Proportion(0, n).high for n in (8, 8, 2, 1)])


def test_no_seed():
    found = of()
    assert found.epochs.tolist() == [0]
    assert math.isnan(found.incidence[0])
    assert (found.low[0], found.high[0], found.median, found.seeds) == (0, 1, None, 0)


def test_the_intervals_cover_the_truth():
    """Rates 0.1 and 0.03: the incidence at t is 0.1/0.13·(1 − exp(−0.13 t)), one half at t = 8.075."""
    at, median = 6.0, -math.log(1 - 0.5 * 1.3) / 0.13
    pointwise, of_median = [], []
    for seed in range(400):
        random = np.random.default_rng(seed)
        reach, diverge, stop = (random.exponential(scale, 24) for scale in (10, 1 / 0.03, 50))
        time = np.minimum(np.minimum(reach, diverge), stop)
        found = incidence(
            Times(time, np.where(time == reach, "reached", np.where(time == diverge, "diverged", "censored")))
        )
        step = np.searchsorted(found.epochs, at, side="right") - 1
        truth = 0.1 / 0.13 * (1 - math.exp(-0.13 * at))
        pointwise.append(found.low[step] <= truth <= found.high[step])
        low = -math.inf if found.median_low is None else found.median_low
        high = math.inf if found.median_high is None else found.median_high
        of_median.append(low <= median <= high)
    # The standard error of 400 samples is 0.011.
    assert 0.92 <= np.mean(pointwise) <= 0.98
    assert 0.92 <= np.mean(of_median) <= 0.98


@pytest.mark.parametrize(
    ("time", "outcome", "message"),
    [
        ([1], ["solved"], "solved"),
        ([1, 2], ["reached"], "outcomes"),
        ([math.nan], ["reached"], "finite"),
        ([math.inf], ["censored"], "finite"),
        ([-1], ["reached"], "negative"),
    ],
)
def test_what_is_no_time_is_refused(time, outcome, message):
    with pytest.raises(ValueError, match=message):
        Times(time, outcome)
