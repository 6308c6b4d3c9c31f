"""A training step: forward, backward, SGD update. Against other ways to take it, the floor, and setup M's.

Shapes: n weights.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.operations import of_norms, of_products
from benchmarks.setup import DEVICE, SETUP_M, Setup, check_alike, setup_of
from benchmarks.table import Row
from benchmarks.timing import alternate
from grokflow.model import attention
from grokflow.model.objective import loss_and_gradient
from grokflow.training import make_optimizer

STEPS = 3
"""Steps in one sample: long against the clock, short against what else the machine does."""
REPEATS = 61
SQUARE = 1024
"""Side of the matrices whose product gives the machine's multiplication rate."""


def versus_eager(run: str) -> Row:
    """`step_{n}layer_vs_eager`: time of the plain model's step of `run` ÷ ours."""
    _check_same_step(run)
    setup = setup_of(run)
    pairs = alternate(_eager_steps(setup), steps(setup), repeats=REPEATS, warmup=3)
    milliseconds = float(np.median(pairs.b)) / STEPS * 1e3
    name = f"step_{setup.transformer.config.layers}layer_vs_eager"
    against = "plain eager nn.Module, every position"
    return Row(name, *pairs.ratio(), milliseconds, "ms/step", against, DEVICE)


def versus_floor(run: str) -> Row:
    """`step_{n}layer_vs_floor`: time of our step of `run` ÷ time of its products at the machine's rate."""
    setup = setup_of(run)
    matrix = torch.rand(SQUARE, SQUARE)
    product = torch.empty_like(matrix)
    pairs = alternate(
        steps(setup),
        lambda: torch.mm(matrix, matrix, out=product),
        repeats=REPEATS,
        warmup=3,
    )
    operations = STEPS * of_products(setup)
    square = 2 * SQUARE**3
    rate = square / float(np.median(pairs.b)) / 1e9
    milliseconds = float(np.median(pairs.a)) / STEPS * 1e3
    return Row(
        f"step_{setup.transformer.config.layers}layer_vs_floor",
        *pairs.ratio(operations / square),
        milliseconds,
        "ms/step",
        f"{operations / STEPS / 1e9:.3g} Gflop of distinct rows at {rate:.3g} Gflop/s",
        DEVICE,
    )


def versus_operations(run: str) -> Row:
    """`step_{run}`: time of the step of `run` ÷ that of setup M times the ratio of their operations."""
    setup, plain = setup_of(run), setup_of(SETUP_M)
    pairs = alternate(steps(setup), steps(plain), repeats=REPEATS, warmup=3)
    explained = _operations(setup) / _operations(plain)
    return Row(
        f"step_{run}",
        *pairs.ratio(explained),
        float(np.median(pairs.a)) / STEPS * 1e3,
        "ms/step",
        f"{explained:.3g} times the operations of setup M's step",
        DEVICE,
    )


def versus_formula(run: str) -> Row:
    """`attention_{n}layer`: time of the step of `run` with attention as a formula in PyTorch ÷ ours."""
    setup = setup_of(run)
    ours, other = steps(setup), steps(setup)

    def with_the_formula() -> None:
        with patch("grokflow.model.transformer.attend", attention.attend_by_formula):
            other()

    pairs = alternate(with_the_formula, ours, repeats=REPEATS, warmup=3)
    milliseconds = float(np.median(pairs.b)) / STEPS * 1e3
    name = f"attention_{setup.transformer.config.layers}layer"
    return Row(name, *pairs.ratio(), milliseconds, "ms/step", "the same step, attention as a formula", DEVICE)


def steps(setup: Setup) -> Callable[[], None]:
    """`STEPS` of our steps on the first batch, which go on from where the last call ended."""
    weights, batch = setup.weights.clone(), setup.batch()
    optimizer = make_optimizer(setup.run.optimizer, weights)

    def run() -> None:
        for step in range(STEPS):
            _, gradient = loss_and_gradient(setup.task.model, weights, batch)
            optimizer.step(weights, gradient, step + 1)

    return run


def _eager_steps(setup: Setup) -> Callable[[], None]:
    model, batch = setup.eager(), setup.batch()
    optimizer = _eager_optimizer(setup, model)

    def run() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            cross_entropy(model(batch.tokens)[:, -1], batch.targets).backward()
            optimizer.step()

    return run


def _eager_optimizer(setup: Setup, model: nn.Module) -> torch.optim.Optimizer:
    settings = setup.run.optimizer
    return torch.optim.SGD(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _operations(setup: Setup) -> int:
    return of_products(setup) + of_norms(setup)


def _check_same_step(run: str) -> None:
    """Both sides give the same loss, and after one step the same weights, in float64."""
    setup = setup_of(run, "float64")
    batch, weights = setup.batch(), setup.weights.clone()
    loss, gradient = loss_and_gradient(setup.task.model, weights, batch)
    make_optimizer(setup.run.optimizer, weights).step(weights, gradient, 1)

    eager = setup.eager()
    eager_loss = cross_entropy(eager(batch.tokens)[:, -1], batch.targets)
    eager_loss.backward()
    _eager_optimizer(setup, eager).step()
    check_alike(loss, eager_loss.detach(), "loss of a batch")
    moved = Setup(setup.run, setup.task, weights).eager()
    check_alike(_flat(moved), _flat(eager), "weights after a step")


def _flat(model: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()
