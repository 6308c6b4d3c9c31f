"""A path of 61 points with every measurement, against a plain loop over points and minibatches.

Shapes: n weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmarks.eager import EagerTransformer
from benchmarks.setup import DEVICE, SETUP_M, Setup, check_alike, setup_of
from benchmarks.table import Row
from benchmarks.timing import alternate
from grokflow.artifacts.columns import METRICS
from grokflow.model.objective import Examples
from grokflow.model.weights import to_tensor, unflatten
from grokflow.paths import Curve
from grokflow.paths.measuring import measure_path

POINTS = 61
REPEATS = 3


class Measured(NamedTuple):
    """What both sides measure at each point of a path."""

    train_loss: float
    train_error: float
    validation_loss: float
    validation_error: float
    gradient_norm: float
    gradient_norm_l2: float


def versus_loop() -> Row:
    """`path_61_vs_loop`: time of the plain loop ÷ ours, on a segment between two seeds."""
    _check_same_measurements()
    setup = setup_of(SETUP_M)
    curve, eager = segment(setup), setup.eager()
    pairs = alternate(
        lambda: _loop(setup, eager, curve, POINTS),
        lambda: measured(setup, curve, POINTS),
        repeats=REPEATS,
        warmup=0,  # the check has warmed both up
    )
    against = "plain eager nn.Module, a loop over points and minibatches"
    seconds = float(np.median(pairs.b))
    return Row("path_61_vs_loop", *pairs.ratio(), seconds, "s/path", against, DEVICE)


def segment(setup: Setup) -> Curve:
    """Straight from the first weights of seed 0 to those of seed 1."""
    layout = setup.task.model.layout
    ends = np.stack([layout.initial(seed).astype(setup.precision) for seed in (0, 1)])
    return Curve("segment", ends, ("seed 0", "seed 1"))


def measured(setup: Setup, curve: Curve, points: int, device: str = "cpu") -> list[Measured]:
    """Our side: everything at evenly spaced points of the curve."""
    table = measure_path(
        curve,
        np.linspace(0.0, 1.0, points),
        setup.task,
        weight_decay=setup.run.optimizer.weight_decay,
        batch_size=setup.run.optimizer.batch_size,
        precision=setup.precision,
        device=device,
    )
    assert set(Measured._fields) <= set(METRICS)
    return [Measured(*row) for row in table[list(Measured._fields)].to_numpy()]


def _loop(setup: Setup, eager: EagerTransformer, curve: Curve, points: int) -> list[Measured]:
    return [_measure_point(setup, eager, curve, t) for t in np.linspace(0.0, 1.0, points)]


def _measure_point(setup: Setup, eager: EagerTransformer, curve: Curve, t: float) -> Measured:
    weights = to_tensor(curve.weights(np.array([t]))[0], setup.precision, "cpu")
    eager.load(unflatten(weights, setup.task.model.layout))
    batch_size = setup.run.optimizer.batch_size
    train = _loss_and_error(eager, setup.task.train, batch_size)
    validation = _loss_and_error(eager, setup.task.validation, batch_size)
    norms = torch.zeros(2, dtype=torch.float64)
    batches = list(setup.task.train.batches(batch_size))
    for batch in batches:
        eager.zero_grad()
        cross_entropy(eager(batch.tokens)[:, -1], batch.targets).backward()
        norms[0] += _norm([p.grad for p in eager.parameters() if p.grad is not None])
        decay = setup.run.optimizer.weight_decay
        norms[1] += _norm([p.grad + decay * p for p in eager.parameters() if p.grad is not None])
    without, with_decay = (norms / len(batches)).tolist()
    return Measured(*train, *validation, without, with_decay)


@torch.no_grad()
def _loss_and_error(eager: EagerTransformer, examples: Examples, size: int) -> tuple[float, float]:
    loss, wrong = 0.0, 0
    for batch in examples.batches(size):
        logits = eager(batch.tokens)[:, -1]
        loss += cross_entropy(logits, batch.targets, reduction="sum").item()
        wrong += int((logits.argmax(-1) != batch.targets).sum())
    return loss / len(examples), wrong / len(examples)


@torch.no_grad()
def _norm(gradients: list[Tensor]) -> Tensor:
    return torch.stack([gradient.norm() for gradient in gradients]).norm()


def _check_same_measurements() -> None:
    """Both sides measure the same at three points, in float64."""
    setup = setup_of(SETUP_M, "float64")
    curve = segment(setup)
    ours = np.array(measured(setup, curve, 3))
    plain = np.array(_loop(setup, setup.eager(), curve, 3))
    check_alike(torch.from_numpy(ours), torch.from_numpy(plain), "measurements along a path")
