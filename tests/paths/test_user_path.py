"""A user's own kind of path."""

import numpy as np
import pytest

from grokflow.errors import ConfigError
from grokflow.paths.geometry import Curve, bezier, path_kind
from grokflow.user_code import find

CODE = """
import math
import numpy as np

def bezier(t, controls):
    degree = controls - 1
    return np.stack([math.comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(controls)], axis=1)

def shape(t, controls): return np.full((2, 4), 0.25)
def sums(t, controls): return np.full((len(t), controls), 0.1)
def nan(t, controls): return np.full((len(t), controls), np.nan)
def turned(t, controls): return bezier(1 - t, controls)
def fails(t, controls): return t.nothing
def one(t): return t
def nothing(t, controls): bezier(t, controls)
def short(t, controls):
    c = bezier(t, controls)
    return c if controls < 4 else np.roll(c, 1, axis=1)
"""


@pytest.fixture
def named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(CODE)
    return lambda name: str(find(f"code.py:{name}"))


def test_a_curve_of_ones_own_is_the_same_curve_as_a_built_in_one_of_the_same_formula(named):
    controls = np.random.default_rng(0).standard_normal((4, 6))
    names = ("a", "b", "c", "d")
    t = np.linspace(0, 1, 9)
    mine, built_in = Curve(named("bezier"), controls, names), Curve("bezier", controls, names)
    np.testing.assert_allclose(mine.coefficients(t), bezier(t, 4))
    np.testing.assert_allclose(mine.weights(t), built_in.weights(t))
    np.testing.assert_allclose(mine.arc_length(t), built_in.arc_length(t))
    assert mine.segment(t).tolist() == [0] * 9


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shape", r"code\.py:shape: expected coefficients of shape \(2, 2\).*found shape \(2, 4\)"),
        ("nothing", r"code\.py:nothing: expected coefficients .*, found None\. Is there a `return`\?"),
        ("sums", "add up to 1"),
        ("nan", "add up to 1"),
        ("turned", "all of the first control point at t = 0"),
        ("short", "all of the first control point at t = 0"),
        ("fails", r"code\.py, line 13, in fails"),
        ("one", "a function of t and the number of control points"),
    ],
)
def test_what_is_wrong_with_a_path_is_said(named, name, said):
    with pytest.raises(ConfigError, match=said):
        path_kind(named(name), 2 if name != "short" else 4)
