"""How the time grows with width, depth, modulus, models and points of a path: time ∝ quantityˢ.

The exponent s is the slope of a straight line through (log quantity, log time), fitted by least
squares to all sizes in each repeat. It tells how a setup twice as large will do, not what is fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks import batch, path, step
from benchmarks.setup import DEVICE, SETUP_M, SETUP_P, Setup, setup_of
from benchmarks.table import Row
from benchmarks.timing import Action, spread, take_turns
from grokflow.training import make_optimizer

REPEATS = 7
WIDTHS = (64, 128, 256, 512)
DEPTHS = (1, 2, 4, 8)
MODULI = (47, 67, 97, 137, 193)
"""Primes."""
MODELS = (1, 2, 4, 8)
POINTS = (2, 4, 8, 16)


def width() -> Row:
    """`growth_width`: a step of setup M against the width D, the MLP four times as wide."""
    actions = {D: step.steps(setup_of(SETUP_M, model={"width": D, "mlp_width": 4 * D})) for D in WIDTHS}
    return _row("growth_width", "width", actions, "ms/step", step.STEPS)


def depth() -> Row:
    """`growth_depth`: a step of setup P against the number of layers."""
    # Setup P's, because without normalization eight layers diverge within these few steps.
    actions = {layers: step.steps(setup_of(SETUP_P, model={"layers": layers})) for layers in DEPTHS}
    return _row("growth_depth", "layers", actions, "ms/step", step.STEPS)


def modulus() -> Row:
    """`growth_modulus`: an epoch of setup M against p; its examples grow with p²."""
    actions = {p: _epoch(setup_of(SETUP_M, dataset={"modulus": p})) for p in MODULI}
    return _row("growth_modulus", "p", actions, "ms/epoch", 1)


def models() -> Row:
    """`growth_models`: a step of M models as rows of one batch against M."""
    setup = setup_of(SETUP_M)
    actions = {M: batch.together(setup, M) for M in MODELS}
    return _row("growth_models", "models", actions, "ms/step", 1)


def path_points() -> Row:
    """`growth_path_points`: all measurements along a path against the number of its points."""
    setup = setup_of(SETUP_M)
    actions = {points: _measurement(setup, points) for points in POINTS}
    return _row("growth_path_points", "points", actions, "ms/path", 1)


def exponents(sizes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The slopes (repeats,) of log seconds (repeats, sizes) against log sizes (sizes,)."""
    return np.polyfit(np.log(sizes), np.log(seconds).T, 1)[0]


def _row(name: str, quantity: str, actions: Mapping[int, Action], unit: str, count: int) -> Row:
    """`count`: how many of what `unit` counts an action does."""
    seconds = take_turns(list(actions.values()), repeats=REPEATS)
    fitted = spread(exponents(np.array(list(actions)), seconds))
    milliseconds = float(np.median(seconds[:, -1])) / count * 1e3
    against = f"{quantity} {', '.join(map(str, actions))}: time ∝ {quantity}^ratio"
    return Row(name, *fitted, milliseconds, unit, against, DEVICE)


def _epoch(setup: Setup) -> Callable[[], object]:
    weights = setup.weights.clone()
    epochs = setup.epochs(weights, make_optimizer(setup.run.optimizer, weights))
    return lambda: next(epochs)


def _measurement(setup: Setup, points: int) -> Callable[[], object]:
    curve = path.segment(setup)
    return lambda: path.measured(setup, curve, points)
