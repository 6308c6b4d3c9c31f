"""Curves with fewer points, for a page that must not grow large: what is left out lies on straight lines."""

from __future__ import annotations

from typing import Any

import numpy as np


def thin(x: np.ndarray, y: np.ndarray, tolerance: float) -> np.ndarray:
    """Which points (n,) of a curve to keep: the lines between those miss none of the others by more.

    Parameters
    ----------
    x : (n,), rising.
    y : (n,); where it is not finite the point is kept, with the one before and after it.
    tolerance : of y.

    Source: the algorithm of Ramer (1972) and of Douglas and Peucker (1973), with distances along y.
    """
    kept = ~np.isfinite(y)
    kept[:-1] |= kept[1:]
    kept[1:] |= ~np.isfinite(y[:-1])
    kept[[0, -1]] = True
    fixed = np.flatnonzero(kept)
    pieces = list(zip(fixed[:-1].tolist(), fixed[1:].tolist(), strict=True))
    while pieces:
        first, last = pieces.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        line = y[first] + (y[last] - y[first]) / (x[last] - x[first]) * (x[inner] - x[first])
        missed = np.abs(y[inner] - line)
        worst = int(missed.argmax())
        if missed[worst] > tolerance:
            middle = first + 1 + worst
            kept[middle] = True
            pieces += [(first, middle), (middle, last)]
    found: np.ndarray = np.flatnonzero(kept)
    return found


def compact(values: Any, digits: int = 4) -> list[float | None]:
    """Numbers in so many significant digits, as JSON writes them shortest; None for what is not finite."""
    return [_short(float(value), digits) for value in values]


def _short(value: float, digits: int) -> float | None:
    if not np.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
