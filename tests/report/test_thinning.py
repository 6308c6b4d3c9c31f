import json

import numpy as np
import pytest

from grokflow.report.thinning import compact, thin


def largest_miss(x, y, kept):
    """Between each point and the straight line through its neighbours that were kept, one by one."""
    worst = 0.0
    for i in range(len(x)):
        if not np.isfinite(y[i]):
            assert i in kept
            continue
        before = max(k for k in kept if k <= i)
        after = min(k for k in kept if k >= i)
        share = 0 if before == after else (x[i] - x[before]) / (x[after] - x[before])
        line = y[before] + share * (y[after] - y[before]) if share else y[before]
        worst = max(worst, abs(y[i] - line))
    return worst


@pytest.mark.parametrize("tolerance", [0.3, 0.01, 0.0])
@pytest.mark.parametrize("seed", range(5))
def test_no_point_is_further_from_the_lines_than_the_tolerance(tolerance, seed):
    random = np.random.default_rng(seed)
    x = np.cumsum(random.integers(1, 9, 200)).astype(float)
    y = np.sin(x / 40) + 0.02 * random.standard_normal(200)
    y[random.integers(0, 200, 3)] = [np.nan, np.inf, np.nan]
    kept = thin(x, y, tolerance)
    assert largest_miss(x, y, set(kept.tolist())) <= tolerance + 1e-12


def test_a_line_keeps_its_ends_and_a_collapse_its_corners():
    x = np.arange(1000.0)
    y = np.ones(1000)
    assert thin(x, y, 0.01).tolist() == [0, 999]
    y[500] = 0
    assert thin(x, y, 0.01).tolist() == [0, 499, 500, 501, 999]


@pytest.mark.parametrize("length", [1, 2])
def test_a_short_curve_is_kept(length):
    assert thin(np.arange(float(length)), np.zeros(length), 1.0).tolist() == list(range(length))


def test_numbers_are_as_short_as_their_digits_allow():
    assert json.dumps(compact([1 / 3, 120.0, 0.0, np.nan, -np.inf, 1.23456e-9])) == (
        "[0.3333, 120, 0, null, null, 1.235e-09]"
    )
    assert compact([12345.0], 15) == [12345]
