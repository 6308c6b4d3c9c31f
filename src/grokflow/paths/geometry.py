"""A path is a few control points and, for each t, how much of each: φ(t) = Σₖ cₖ(t) wₖ.

Every kind of path is then one function, its coefficients. The gradient with respect to a control
point follows at once: ∂Loss(φ(t))/∂wₖ = cₖ(t) · ∂Loss/∂φ. Pure geometry: no model is known here.

To add a kind: its settings as a class in `config/curves.py`, named in the union `AnyPath` there; its
coefficients here; an entry in `PATH_KINDS`.

Shapes: T values of t, K control points, n weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from grokflow.errors import ConfigError, fault_in
from grokflow.user_code import is_code, parse

Coefficients = Callable[[np.ndarray, int], np.ndarray]
"""(values of t (T,), K) to coefficients (T, K); each row sums to 1, row t=0 is the first point's."""


def polyline(t: np.ndarray, controls: int) -> np.ndarray:
    """Coefficients of straight lines through all control points, equally long in t.

    With two control points: the segment. With three: paper M's polyline with one bend θ,
    φ(t) = 2(tθ + (½−t)w₁) on [0, ½] and 2((t−½)w₂ + (1−t)θ) on [½, 1].

    >>> polyline(np.array([0.0, 0.25, 0.5]), 3).tolist()
    [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
    """
    distance = np.abs(np.asarray(t)[:, None] * (controls - 1) - np.arange(controls))
    return np.maximum(0.0, 1.0 - distance)


def bezier(t: np.ndarray, controls: int) -> np.ndarray:
    """Coefficients of the Bézier curve (Bernstein polynomials), as in Garipov et al. (2018)."""
    degree, t = controls - 1, np.asarray(t)[:, None]
    k = np.arange(controls)
    binomials = np.array([math.comb(degree, i) for i in k], dtype=float)
    return binomials * t**k * (1 - t) ** (degree - k)


class PathKind(NamedTuple):
    """A kind of path."""

    coefficients: Coefficients
    is_straight: bool = True
    """Whether it is straight between neighbouring control points, and passes through each."""


PATH_KINDS = {
    "segment": PathKind(polyline),
    "chain": PathKind(polyline),
    "polyline": PathKind(polyline),
    "bezier": PathKind(bezier, is_straight=False),
}
"""Every kind of path by its name in the configuration, but for those of users' own files."""


def path_kind(name: str, controls: int) -> PathKind:
    """The kind of path of this name, or of the user's file that it names, for so many control points.

    Raises
    ------
    ConfigError : when the user's function fails, or does not give coefficients.
    """
    if not is_code(name):
        return PATH_KINDS[name]
    code = parse(name)
    function = code.load()

    def coefficients(t: np.ndarray, controls: int) -> np.ndarray:
        try:
            given = function(np.array(t, dtype=float), controls)
            found = np.asarray(given, dtype=float)
        except Exception as error:
            expected = "a function of t and the number of control points"
            raise fault_in(error, code.files) or ConfigError(
                code.shown, expected=expected, found=f"{type(error).__name__}: {error}"
            ) from error
        if given is None:
            expected = f"coefficients of shape {(len(t), controls)}, a row for each t"
            raise ConfigError(code.shown, expected=expected, found=None, mend="Is there a `return`?")
        _check_coefficients(found, np.asarray(t), controls, code.shown)
        return found

    _check_ends(coefficients, controls, code.shown)
    return PathKind(coefficients, is_straight=False)


def _check_coefficients(found: np.ndarray, t: np.ndarray, controls: int, shown: str) -> None:
    if found.shape != (len(t), controls):
        expected = f"coefficients of shape {(len(t), controls)}, a row for each t"
        raise ConfigError(shown, expected=expected, found=f"shape {found.shape}")
    if not np.abs(found.sum(1) - 1).max(initial=0) < ROUNDING:  # NaN is not less
        expected = "coefficients that add up to 1 at every t"
        raise ConfigError(shown, expected=expected, found=f"{found.sum(1).tolist()[:3]} …")


def _check_ends(coefficients: Coefficients, controls: int, shown: str) -> None:
    """Refuse a curve that does not begin at the first control point and end at the last."""
    ends = coefficients(np.array([0.0, 1.0]), controls)
    if np.abs(ends - np.eye(controls)[[0, -1]]).max() > ROUNDING:
        expected = "all of the first control point at t = 0 and all of the last at t = 1"
        raise ConfigError(shown, expected=expected, found=f"{ends.round(6).tolist()}")


ROUNDING = 1e-9
"""By how much the coefficients of a user's function may be off."""

SMOOTH_STEPS = 4096
"""Straight steps by which the length of a smooth curve is measured."""


@dataclass(frozen=True)
class Curve:
    """A path through weight space.

    `kind`: one of `PATH_KINDS`; `controls`: (K, n), the end points first and last; `names`: what each is.
    """

    kind: str
    controls: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in PATH_KINDS and not is_code(self.kind):
            raise ValueError(f"a curve is one of {', '.join(PATH_KINDS)}; found {self.kind}")
        if len(self.controls) < 2 or len(self.names) != len(self.controls):
            raise ValueError(f"a curve needs at least two control points, each named; found {self.names}")

    @cached_property
    def path_kind(self) -> PathKind:
        """What its kind is made of."""
        return path_kind(self.kind, len(self.controls))

    @property
    def ends(self) -> str:
        """Both ends, as a reader knows them."""
        return f"{self.names[0]}/{self.names[-1]}"

    def coefficients(self, t: np.ndarray) -> np.ndarray:
        """(T,) to (T, K)."""
        return self.path_kind.coefficients(t, len(self.controls))

    def weights(self, t: np.ndarray) -> np.ndarray:
        """φ(t): values of t (T,) to weight vectors (T, n)."""
        return self.coefficients(t).astype(self.controls.dtype) @ self.controls

    def segment(self, t: np.ndarray) -> np.ndarray:
        """The number of the straight piece on which each t lies, from 0; all 0 on a smooth curve."""
        pieces = len(self.controls) - 1 if self.path_kind.is_straight else 1
        # 1e-9: a knot i/pieces times pieces may round to just below i.
        return np.minimum((np.asarray(t) * pieces + 1e-9).astype(int), pieces - 1)

    def arc_length(self, t: np.ndarray) -> np.ndarray:
        """Length of the path from φ(0) to φ(t), for rising t (T,), in the units of the weights."""
        t = np.asarray(t)
        steps = len(self.controls) - 1 if self.path_kind.is_straight else SMOOTH_STEPS
        knots = np.linspace(0.0, 1.0, steps + 1)
        differences = self.coefficients(knots[1:]) - self.coefficients(knots[:-1])
        # ‖Σ d_k w_k‖² = dᵀ (W Wᵀ) d: K numbers a knot instead of n.
        controls = self.controls.astype(np.float64) - self.controls[0].astype(np.float64)
        squares = np.einsum("tk,kl,tl->t", differences, controls @ controls.T, differences)
        lengths = np.concatenate([[0.0], np.cumsum(np.sqrt(np.maximum(squares, 0.0)))])
        return np.interp(t, knots, lengths)


def values_of_t(curve: Curve, points: int, inner_points: int) -> np.ndarray:
    """The values of t at which a path is measured: both ends, and every knot of a chain.

    A chain gets `points` on its first and on its last segment and `inner_points` on each between;
    any other path `points` in all.
    """
    if curve.kind != "chain":
        return np.linspace(0.0, 1.0, points)
    pieces = len(curve.controls) - 1
    counts = [points if i in (0, pieces - 1) else inner_points for i in range(pieces)]
    values = [np.linspace(i / pieces, (i + 1) / pieces, count) for i, count in enumerate(counts)]
    return np.unique(np.concatenate(values))
