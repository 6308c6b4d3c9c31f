"""A training step of setup M: forward, backward, SGD update. Against a plain model and the floor.

Shapes: n weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.setup import DEVICE, Setup, check_alike, setup_m, setup_of
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


def versus_operations(run: str) -> Row:
    """`step_{run}`: time of the step of `run` ÷ that of setup M times the ratio of their operations."""
    setup, plain = setup_of(run), setup_m()
    pairs = alternate(_our_steps(setup), _our_steps(plain), repeats=REPEATS, warmup=3)
    explained = step_operations(setup) / step_operations(plain)
    return Row(
        f"step_{run}",
        *pairs.ratio(explained),
        float(np.median(pairs.a)) / STEPS * 1e3,
        "ms/step",
        f"{explained:.3g} times the operations of setup M's step",
        DEVICE,
    )


def step_operations(setup: Setup) -> int:
    """Floating-point operations of one step on distinct rows: matrix products and norms.

    A row is a (token, position) before the first attention; after it one of the first position's
    prefixes or an example; after the last attention an example. A product of (R, I) by (I, O) is
    2·R·I·O operations, and its two gradients are as much again, each. A norm takes 8 operations a
    number (mean, variance, division, gain and bias), its gradients 12.
    """
    model, config = setup.task.model, setup.run.model
    assert len(model.alphabet) == 2, "counted for the tokens `a b`"
    width, hidden, batch = config.width, config.mlp_width, setup.run.optimizer.batch_size
    prefixes = len(model.alphabet[0])
    multiplications, normed = batch * width * model.vocabulary, batch * width
    rows_in = sum(map(len, model.alphabet))
    for layer in range(config.layers):
        last = layer == config.layers - 1
        rows_out = batch if last else prefixes + batch
        own = batch if layer else len(model.alphabet[-1])
        queries = own if last else rows_in
        multiplications += (
            2 * rows_in * width * width  # keys, values
            + queries * width * width
            + 2 * rows_out * len(model.alphabet) * width  # scores, mixing
            + rows_out * width * width  # attention's output
            + 2 * rows_out * width * hidden
        )
        normed += rows_in * width + rows_out * (width + hidden)
        rows_in = rows_out
    return 3 * 2 * multiplications + (0 if config.normalization == "none" else 20 * normed)


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
