"""A training step of setup M: forward, backward, SGD update. Against a plain model and the floor.

Shapes: n weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.setup import DEVICE, Setup, check_alike, setup_m
from benchmarks.table import Row
from benchmarks.timing import alternate
from grokflow.objective import loss_and_gradient
from grokflow.training import make_optimizer

STEPS = 3
"""Steps in one sample: long against the clock, short against what else the machine does."""
REPEATS = 61
SQUARE = 1024
"""Side of the matrices whose product gives the machine's multiplication rate."""


def versus_eager() -> Row:
    """`step_1layer_vs_eager`: time of the plain model's step ÷ ours."""
    _check_same_gradient()
    setup = setup_m()
    pairs = alternate(_eager_steps(setup), _our_steps(setup), repeats=REPEATS, warmup=3)
    milliseconds = float(np.median(pairs.b)) / STEPS * 1e3
    against = "plain eager nn.Module, every position"
    return Row("step_1layer_vs_eager", *pairs.ratio(), milliseconds, "ms/step", against, DEVICE)


def versus_floor() -> Row:
    """`step_1layer_vs_floor`: time of our step ÷ time of its products at the machine's rate."""
    setup = setup_m()
    matrix = torch.rand(SQUARE, SQUARE)
    product = torch.empty_like(matrix)
    pairs = alternate(
        _our_steps(setup),
        lambda: torch.mm(matrix, matrix, out=product),
        repeats=REPEATS,
        warmup=3,
    )
    operations = STEPS * step_operations(setup)
    square = 2 * SQUARE**3
    rate = square / float(np.median(pairs.b)) / 1e9
    milliseconds = float(np.median(pairs.a)) / STEPS * 1e3
    return Row(
        "step_1layer_vs_floor",
        *pairs.ratio(operations / square),
        milliseconds,
        "ms/step",
        f"{operations / STEPS / 1e9:.3g} Gflop of distinct rows at {rate:.3g} Gflop/s",
        DEVICE,
    )


def step_operations(setup: Setup) -> int:
    """Floating-point operations in the matrix products of one step on distinct rows.

    A row is a (token, position) before the attention and an example after it. A product of (R, I)
    by (I, O) is 2·R·I·O operations, and its two gradients are as much again, each.
    """
    model, config = setup.task.model, setup.run.model
    assert config.layers == 1, "counted for one layer"
    width, batch = config.width, setup.run.optimizer.batch_size
    start, last = sum(map(len, model.alphabet)), len(model.alphabet[-1])
    multiplications = (
        2 * start * width * width  # keys, values
        + last * width * width  # queries, of the last position alone
        + 2 * batch * len(model.alphabet) * width  # scores, mixing
        + batch * width * width  # attention's output
        + 2 * batch * width * config.mlp_width
        + batch * width * model.vocabulary
    )
    return 3 * 2 * multiplications


def _our_steps(setup: Setup) -> Callable[[], None]:
    weights, batch = setup.weights.clone(), setup.batch()
    optimizer = make_optimizer(setup.run.optimizer, weights)

    def steps() -> None:
        for step in range(STEPS):
            _, gradient = loss_and_gradient(setup.task.model, weights, batch)
            optimizer.step(weights, gradient, step + 1)

    return steps


def _eager_steps(setup: Setup) -> Callable[[], None]:
    model, batch, settings = setup.eager(), setup.batch(), setup.run.optimizer
    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )

    def steps() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            cross_entropy(model(batch.tokens)[:, -1], batch.targets).backward()
            optimizer.step()

    return steps


def _check_same_gradient() -> None:
    """Both sides give the same loss, and after one step the same weights, in float64."""
    setup = setup_m("float64")
    batch, settings = setup.batch(), setup.run.optimizer
    weights = setup.weights.clone()
    loss, gradient = loss_and_gradient(setup.task.model, weights, batch)
    make_optimizer(settings, weights).step(weights, gradient, 1)

    eager = setup.eager()
    optimizer = torch.optim.SGD(
        eager.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    eager_loss = cross_entropy(eager(batch.tokens)[:, -1], batch.targets)
    eager_loss.backward()
    optimizer.step()
    check_alike(loss, eager_loss.detach(), "loss of a batch")
    moved = Setup(setup.run, setup.task, weights).eager()
    check_alike(_flat(moved), _flat(eager), "weights after a step")


def _flat(model: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()
