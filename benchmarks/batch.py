"""A step of M models as rows of one batch, against the M one after the other in the same process.

Each has its own seed, first weights and order of examples. What the rows save is one PyTorch call
for M; on a CPU, where a call of one model already fills the core, there is little to save.

Shapes: M models, n weights, B examples, T context length.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.setup import DEVICE, SETUP_M, Setup, check_alike, setup_of
from benchmarks.table import Row
from benchmarks.timing import alternate
from grokflow.model.objective import Examples, batch_pass
from grokflow.model.weights import to_tensor
from grokflow.randomness import generator
from grokflow.training import make_optimizer
from grokflow.training.optimizers import make_batched_optimizer

MODELS = 8
"""As many as a sweep trains at once by default."""
REPEATS = 31

Steps = Callable[[], Tensor]
"""Makes one step of every model and returns the weights (M, n) after it."""


def versus_single() -> Row:
    """`batched_vs_single`: time of a step of each model in turn ÷ of all as rows of one batch."""
    exact = setup_of(SETUP_M, "float64")
    check_alike(together(exact, MODELS)(), _in_turn(exact, MODELS)(), "weights after a step of each")
    setup = setup_of(SETUP_M)
    pairs = alternate(_in_turn(setup, MODELS), together(setup, MODELS), repeats=REPEATS, warmup=2)
    milliseconds = float(np.median(pairs.b)) / MODELS * 1e3
    against = f"{MODELS} models, one after the other in one process"
    return Row("batched_vs_single", *pairs.ratio(), milliseconds, "ms/model step", against, DEVICE)


def together(setup: Setup, models: int) -> Steps:
    """Steps of the models as rows of one batch."""
    weights, batches = _weights(setup, models), _batches(setup, models)
    batch = Examples(torch.stack([b.tokens for b in batches]), torch.stack([b.targets for b in batches]))
    optimizer = make_batched_optimizer([setup.run.optimizer] * models, weights)

    def step() -> Tensor:
        optimizer.step(weights, batch_pass(setup.task.model, weights, batch).gradient, 1)
        return weights

    return step


def _in_turn(setup: Setup, models: int) -> Steps:
    weights, batches = _weights(setup, models), _batches(setup, models)
    optimizers = [make_optimizer(setup.run.optimizer, own) for own in weights]

    def step() -> Tensor:
        for own, batch, optimizer in zip(weights, batches, optimizers, strict=True):
            optimizer.step(own, batch_pass(setup.task.model, own, batch).gradient, 1)
        return weights

    return step


def _weights(setup: Setup, models: int) -> Tensor:
    first = np.stack([setup.task.model.layout.initial(seed) for seed in range(models)])
    return to_tensor(first, setup.precision, "cpu")


def _batches(setup: Setup, models: int) -> list[Examples]:
    """The first batch of each seed's order."""
    train, size = setup.task.train, setup.run.optimizer.batch_size
    orders = [generator(seed, "order", 0).permutation(len(train))[:size] for seed in range(models)]
    return [train.take(torch.from_numpy(order)) for order in orders]
