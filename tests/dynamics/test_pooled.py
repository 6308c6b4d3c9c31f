"""The permutation test over all seeds: its p without an effect, and what it finds that no seed does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, kstest

from grokflow.dynamics import Coincidence, PooledTest, coincidence, pooled_test

LENGTH, PERIOD, LASTS = 1000, 100, 14
"""Epochs of a made run, from one collapse to the next, and from the start to the end of each."""


def made_seed(random: np.random.Generator, jump: float = 0.0) -> Coincidence:
    """Nearly periodic collapses at a random phase on an autocorrelated series, which jumps at each one."""
    starts = random.integers(PERIOD) + PERIOD * np.arange(LENGTH // PERIOD)
    starts = starts + random.integers(-2, 3, len(starts))
    starts = starts[(starts >= 0) & (starts + LASTS < LENGTH)]
    series = lfilter([1.0], [1.0, -0.95], random.normal(0, 1, LENGTH + 500))[500:]
    for start in starts:
        series[start + LASTS // 2 :] += jump
    return coincidence(lambda first, last: series[last] - series[first], starts, starts + LASTS, LENGTH)


def test_p_is_uniform_without_an_effect() -> None:
    random = np.random.default_rng(0)
    tests = [pooled_test([made_seed(random) for _ in range(6)], draws=999) for _ in range(300)]
    p = np.array([test.p for test in tests])
    assert kstest(p, "uniform").pvalue > 0.05
    assert binom.cdf(np.count_nonzero(p <= 0.05), len(p), 0.05) < 0.99
    assert {test.seeds for test in tests} == {6}


@pytest.mark.parametrize(("seeds", "largest"), [(8, 0.01), (48, 0.0001)])
def test_seeds_that_cannot_decide_alone_decide_together(seeds: int, largest: float) -> None:
    """Rotated by a period the collapses of a seed meet each other again, and there the jumps are as large."""
    random = np.random.default_rng(seeds)
    found = [made_seed(random, jump=8.0) for _ in range(seeds)]
    alone = np.array([one.p for one in found])
    assert np.median(alone) > LASTS / PERIOD / 5
    together = pooled_test(found)
    assert together.p < alone.min() / 10
    assert together.p <= largest
    assert together.mean == pytest.approx(np.mean([one.mean for one in found]))
    assert together.mean == pytest.approx(8, abs=0.6)


def test_a_change_that_goes_down_is_not_up() -> None:
    random = np.random.default_rng(1)
    assert pooled_test([made_seed(random, jump=-8.0) for _ in range(8)]).p > 0.99


def of(*shifts: float) -> Coincidence:
    return Coincidence(shifts[0], 0.5, np.array(shifts))


def test_p_is_the_share_of_all_independent_rotations() -> None:
    """Against every combination of the shifts, of which those without a known change are not drawn."""
    seeds = [of(1.0, 0.0, np.nan, 2.0), of(0.5, 0.5, -1.0), of(3.0, np.nan, 1.0, 0.0, 0.0, 0.0)]
    known = [one.of_shifts[~np.isnan(one.of_shifts)] for one in seeds]
    sums = np.array([sum(chosen) for chosen in itertools.product(*known)])
    share = np.mean(sums >= 4.5)
    found = pooled_test(seeds, draws=40_000)
    assert found.mean == pytest.approx(1.5)
    assert found.p == pytest.approx(share, abs=4 * np.sqrt(share / 40_000))


def test_p_is_never_less_than_the_draws_resolve() -> None:
    rare = of(1.0, *[0.0] * 10**6)
    assert pooled_test([rare, rare], draws=99) == PooledTest(1.0, 0.01, 2)


def test_ties_count_in_spite_of_rounding() -> None:
    assert pooled_test([of(0.1 + 0.2, 0.3), of(0.3, 0.1 + 0.2), of(0.3, 0.3)]).p == 1


def test_seeds_without_a_known_change_are_left_out_and_one_with_a_single_collapse_counts() -> None:
    random, nothing = np.random.default_rng(2), Coincidence(np.nan, np.nan)
    usable = [made_seed(random) for _ in range(3)]
    single = coincidence(lambda first, last: last**2.0 - first**2.0, np.array([50]), np.array([60]), 100)
    assert np.isnan(single.p)
    found = pooled_test([nothing, usable[0], *usable[1:], nothing, single])
    assert found.seeds == 4
    assert found == pooled_test([*usable, single]), "the draws are to be the same in every call"


def test_no_seed_gives_no_p() -> None:
    for seeds in ([], [Coincidence(np.nan, np.nan)]):
        found = pooled_test(seeds)
        assert np.isnan([found.mean, found.p]).all()
        assert found.seeds == 0
