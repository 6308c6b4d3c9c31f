"""The Wilson interval, the verdict that follows from it, and the number of seeds that would decide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grokflow.statistics import VERDICTS, Proportion

Z = 1.959963984540054
"""The 97.5th percentile of a normal distribution."""


def wilson(share: float, judged: int) -> tuple[float, float]:
    """The roots p of (share − p)² = Z²·p·(1 − p)/judged, from the formula for a quadratic equation."""
    a, b, c = 1 + Z**2 / judged, -(2 * share + Z**2 / judged), share**2
    root = math.sqrt(b**2 - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def wald(share: float, judged: int) -> tuple[float, float]:
    half = Z * math.sqrt(share * (1 - share) / judged)
    return share - half, share + half


def coverage(interval, p: float, judged: int) -> float:
    holding = np.random.default_rng(1).binomial(judged, p, size=2000)
    ends = {k: interval(int(k), judged) for k in set(holding.tolist())}
    return float(np.mean([ends[k][0] <= p <= ends[k][1] for k in holding.tolist()]))


def ours(holding: int, judged: int) -> tuple[float, float]:
    found = Proportion(holding, judged)
    return found.low, found.high


@pytest.mark.parametrize(("p", "judged"), [(0.9, 20), (0.9, 64), (0.5, 20), (0.3, 40)])
def test_the_interval_covers_the_true_proportion(p, judged):
    assert 0.92 <= coverage(ours, p, judged) <= 0.98


def test_that_bound_tells_a_wald_interval():
    assert coverage(lambda holding, judged: wald(holding / judged, judged), 0.9, 20) < 0.92


@pytest.mark.parametrize("judged", [1, 3, 8, 36, 64])
def test_the_interval_solves_its_equation(judged):
    for holding in range(judged + 1):
        assert ours(holding, judged) == pytest.approx(wilson(holding / judged, judged), abs=1e-12)


@pytest.mark.parametrize(
    ("holding", "judged", "low", "high", "verdict"),
    [
        # At n of n the interval is n/(n + 3.8415) to 1, at 0 of n its mirror image.
        (64, 64, 0.943, 1, "reproduced"),
        (48, 48, 0.926, 1, "reproduced"),
        (35, 35, 0.901, 1, "reproduced"),
        (34, 34, 0.898, 1, "mostly reproduced"),
        (8, 8, 0.676, 1, "mostly reproduced"),
        (4, 4, 0.510, 1, "mostly reproduced"),
        (3, 3, 0.439, 1, "undecided"),
        (1, 1, 0.207, 1, "undecided"),
        (0, 3, 0, 0.561, "undecided"),
        (0, 4, 0, 0.490, "not reproduced"),
        (0, 8, 0, 0.324, "not reproduced"),
        # (35 + 1.921 ± 1.96·√(35·1/36 + 0.960))/(36 + 3.8415)
        (35, 36, 0.858, 0.995, "mostly reproduced"),
        (32, 64, 0.381, 0.619, "undecided"),
        (0, 0, 0, 1, "undecided"),
    ],
)
def test_the_verdict_follows_from_the_interval(holding, judged, low, high, verdict):
    found = Proportion(holding, judged)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-4)
    assert found.verdict == verdict
    assert verdict in VERDICTS


def needed_by_trying(holding: int, judged: int) -> int | None:
    """One n after another, with the formula above."""
    for n in range(judged, 10_001):
        low, high = wilson(round(holding * n / judged) / n, n)
        if low > 0.5 or high < 0.5:
            return n
    return None


def test_the_number_of_seeds_that_would_decide_is_found_by_trying_too():
    for judged in (1, 2, 3, 5, 8, 17, 64, 101):
        for holding in range(judged + 1):
            found = Proportion(holding, judged)
            expected = needed_by_trying(holding, judged) if found.verdict == "undecided" else None
            assert found.needed == expected, found


@pytest.mark.parametrize(
    ("holding", "judged", "needed"),
    [
        (3, 3, 4),  # 4/7.84 is above one half
        (1, 1, 4),
        (0, 2, 4),
        (8, 8, None),  # decided
        (0, 8, None),  # decided
        (32, 64, None),  # a share of one half is never told from one half
        (51, 101, None),  # (1.96/(2·0.00495))², some 39 000, are too many
        (0, 0, None),
    ],
)
def test_the_number_of_seeds_that_would_decide(holding, judged, needed):
    assert Proportion(holding, judged).needed == needed


def test_the_share_of_no_seeds_is_unknown():
    assert math.isnan(Proportion(0, 0).share)
    assert Proportion(3, 4).share == 0.75


@pytest.mark.parametrize(("holding", "judged"), [(4, 3), (-1, 3), (0, -1)])
def test_what_is_no_proportion_is_refused(holding, judged):
    with pytest.raises(ValueError, match="is not a proportion"):
        Proportion(holding, judged)
