"""Medians with bootstrap intervals, percentiles and the spread of further values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grokflow.statistics import Location, median_of, percentile_of, spread

INF, NAN = math.inf, math.nan


def median_coverage(n: int, draw, median: float, samples: int) -> float:
    """How often the interval covers the median of the distribution drawn from."""
    random = np.random.default_rng(n)
    found = [median_of(draw(random, n)) for _ in range(samples)]
    return float(np.mean([one.low <= median <= one.high for one in found]))


def normal(random, n):
    return random.normal(size=n)


def exponential(random, n):
    return random.exponential(size=n)


# The standard error of 120 samples is 0.02 to 0.03. Of 7 values the interval is from the second to the sixth:
# 1 − 2·(1 + 7)/128 = 0.875. Of 8, from the second to the seventh: 1 − 2·(1 + 8)/256 = 0.930.
@pytest.mark.parametrize(
    ("n", "draw", "median", "low", "high"),
    [
        (7, normal, 0, 0.81, 0.94),
        (8, normal, 0, 0.87, 0.98),
        (8, exponential, math.log(2), 0.87, 0.98),
        (24, normal, 0, 0.89, 0.99),
    ],
)
def test_the_interval_covers_the_median(n, draw, median, low, high):
    assert low <= median_coverage(n, draw, median, 120) <= high


def test_those_bounds_tell_an_interval_that_is_too_narrow():
    """Each value taken four times makes it half as wide as it should be, for 8 as well as for 32 values."""
    random = np.random.default_rng(1)
    found = [median_of(np.tile(random.normal(size=8), 4)) for _ in range(80)]
    assert np.mean([one.low <= 0 <= one.high for one in found]) < 0.87


def test_the_interval_narrows_as_the_normal_theory_says():
    """The standard error of a median of n normal values is √(π/2n): 0.078 at 256."""
    values = np.random.default_rng(2).normal(size=256)
    found = median_of(values)
    assert found.median == np.median(values)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(math.sqrt(math.pi / 512), rel=0.35)


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(3).normal(size=20)
    assert median_of(values) == median_of(values.tolist())


def test_the_interval_follows_the_unit_of_the_values():
    values = np.random.default_rng(3).normal(size=20)
    found, other = median_of(values), median_of(1000 * values + 5)
    assert (other.low, other.high) == pytest.approx((1000 * found.low + 5, 1000 * found.high + 5))


@pytest.mark.parametrize("n", range(6))
def test_few_seeds_have_no_interval(n):
    """Even the range of five values covers the median in 1 − 2·2⁻⁵ = 94 % of samples only."""
    found = median_of([float(i) for i in range(n)])
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.seeds == n
    assert found.median == (n - 1) / 2 if n else math.isnan(found.median)


def test_equal_values_have_an_interval_of_no_width():
    assert median_of([2.5] * 6) == Location(2.5, 2.5, 2.5, 6)


def test_a_median_that_no_value_moves_has_a_percentile_interval():
    """BCa is not defined: 0 stays the median whichever value is left out."""
    assert median_of([0.0] * 19 + [1.0]) == Location(0.0, 0.0, 0.0, 20)
    # 6 ones among 11: resampled medians are 0 or 1
    assert median_of([0.0] * 5 + [1.0] * 6) == Location(1.0, 0.0, 1.0, 11)


def test_an_unknown_value_is_dropped():
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert median_of([NAN, *values, NAN]) == median_of(values)
    assert percentile_of(2.0, [NAN, 1.0, 3.0]) == 50
    assert spread([NAN, *values]) == spread(values)


def test_an_infinite_value_is_larger_than_every_other():
    assert median_of([1.0, 2.0, INF]).median == 2
    assert median_of([1.0, INF]).median == INF
    assert median_of([INF] * 7) == Location(INF, INF, INF, 7)
    found = median_of([1.0, 2.0, 3.0, 4.0, INF, INF, INF, INF])
    assert found.median == found.high == INF
    assert 1 <= found.low <= 4


def test_an_infinite_value_far_from_the_median_acts_as_any_large_one():
    values = np.sort(np.random.default_rng(4).normal(size=31))
    assert median_of([*values[:-1], INF]) == median_of(values)


def test_a_value_below_all_others_is_refused():
    with pytest.raises(ValueError, match="−∞"):
        median_of([-INF, 1.0])


@pytest.mark.parametrize(
    ("value", "percentile"), [(0, 0), (1, 12.5), (2, 50), (2.5, 75), (3, 87.5), (4, 100), (INF, 100)]
)
def test_half_of_the_ties_lie_below(value, percentile):
    assert percentile_of(value, [1, 2, 2, 3]) == percentile


def test_a_percentile_among_nothing_is_unknown():
    assert math.isnan(percentile_of(1.0, []))
    assert math.isnan(percentile_of(NAN, [1.0]))
    assert percentile_of(INF, [1.0, INF]) == 75


def spread_coverage(n: int, draw, interval=spread) -> float:
    """How much of the distribution lies inside on average: the chance that one further value does."""
    random = np.random.default_rng(5)
    covered = []
    for _ in range(1500):
        low, high = interval(draw(random, n))
        further = draw(random, 100)
        covered.append(np.mean((low <= further) & (further <= high)))
    return float(np.mean(covered))


@pytest.mark.parametrize(("n", "draw"), [(3, normal), (8, normal), (64, normal), (64, exponential)])
def test_the_spread_holds_95_percent_of_further_values(n, draw):
    assert spread_coverage(n, draw) == pytest.approx(0.95, abs=0.008)


def test_that_bound_tells_percentiles_of_the_sample_alone():
    central = [2.5, 97.5]
    assert spread_coverage(64, normal, lambda values: np.percentile(values, central)) < 0.942
    assert spread_coverage(8, normal, lambda values: values.mean() + values.std() * np.array([-2, 2])) < 0.942


def test_the_spread_of_a_few_values_worked_by_hand():
    # mean 2, s = 1, t(0.975, 2) = 4.3027; 4.3027·√(4/3) = 4.968
    assert spread([1, 2, 3]) == pytest.approx((-2.968, 6.968), abs=1e-3)


def test_the_spread_of_many_values_lies_at_their_ranks():
    # 79 values: ranks 0.025·80 = 2 and 78
    assert spread(range(1, 80)) == pytest.approx((2, 78))
    assert spread([*range(1, 77), INF, INF, INF]) == pytest.approx((2, INF))
    assert spread([*range(1, 79), INF]) == pytest.approx((2, 78))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0, INF]])
def test_no_spread_where_none_can_be_told(values):
    assert all(math.isnan(end) for end in spread(values))
