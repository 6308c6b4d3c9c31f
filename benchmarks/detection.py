"""What exact point detection after every epoch costs where it costs most: shortly before point 2.

There the train set is right and hardly a validation pair is wrong, so a look at the validation set
has few wrong answers at which it may end. The weights are brought there by AdamW, in seconds; the
epochs timed are setup M's own, with SGD.

Shapes: n weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from benchmarks.setup import DEVICE, SETUP_M, Setup, setup_of
from benchmarks.table import Row
from benchmarks.timing import alternate
from grokflow.config import AdamW
from grokflow.model.objective import loss_and_error
from grokflow.training import make_optimizer
from grokflow.training.detection import Watch

EPOCHS = 4
"""Epochs in one sample, each followed by its detection or not."""
REPEATS = 15
NEARLY_RIGHT = 0.002
"""Validation error at which the phase before point 2 is expensive."""


def versus_none() -> Row:
    """`point_detection`: time of an epoch with exact detection ÷ of the same epoch without."""
    phase = _Phase(setup_of(SETUP_M))
    watched, plain = phase.epochs(detect=True), phase.epochs(detect=False)
    pairs = alternate(watched, plain, repeats=REPEATS, warmup=2)
    milliseconds = float(np.median(pairs.a)) / EPOCHS * 1e3
    pairs_left = f"{phase.wrong} of {len(phase.setup.task.validation)} validation pairs wrong"
    against = f"the same epoch without it; {pairs_left}"
    return Row("point_detection", *pairs.ratio(), milliseconds, "ms/epoch", against, DEVICE)


@dataclass
class _Phase:
    """The weights (n,) shortly before point 2, and epochs from there, the same each time."""

    setup: Setup

    def __post_init__(self) -> None:
        self.weights = _weights_before_point_2(self.setup)
        error = loss_and_error(self.setup.task.model, self.weights, self.setup.task.validation)[1].item()
        self.wrong = round(error * len(self.setup.task.validation))

    def epochs(self, *, detect: bool) -> Callable[[], None]:
        """`EPOCHS` epochs that go on from where the last call ended, as a training does."""
        task, settings = self.setup.task, self.setup.run.optimizer
        weights = self.weights.clone()
        watches = Watch(task.model, task.validation), Watch(task.model, task.train)
        epochs = self.setup.epochs(weights, make_optimizer(settings, weights))

        def run() -> None:
            for _ in range(EPOCHS):
                if not detect:
                    next(epochs)
                    continue
                weights.clone()  # as the loop does, which keeps the weights before point 2
                next(epochs)
                all(watch.perfect(weights) for watch in watches)

        return run


def _weights_before_point_2(setup: Setup) -> Tensor:
    settings = AdamW(name="adamw", learning_rate=0.003, weight_decay=1.0, warmup_steps=10)
    weights, task = setup.weights.clone(), setup.task
    epochs = setup.epochs(weights, make_optimizer(settings, weights))
    for epoch in epochs:
        if loss_and_error(task.model, weights, task.validation)[1] <= NEARLY_RIGHT:
            break
        if epoch > 500:
            raise ArithmeticError(f"no generalisation after {epoch} epochs of AdamW")
    return weights
