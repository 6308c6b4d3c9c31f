"""Optimizers on a flat weight vector, or on M of them: each is one class with its state as named tensors.

An optimizer's `step` changes the weights in place. To add one: its settings as a class in
`config/training.py`, named in the union `Optimizer` there; a class here; an entry in `OPTIMIZERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from grokflow import config
from grokflow.training.per_row import PerRow, StepNumber, like, of_first
from grokflow.training.user_optimizer import UserCodeOptimizer
from grokflow.user_code import is_code


class Optimizer(Protocol):
    """What the training loop asks of an optimizer."""

    state: dict[str, Tensor]
    """Named tensors (n,) that a resumed training needs."""

    def step(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> None:
        """Change the weights (n,) by the gradient (n,) of the loss alone; `step` counts from 1.

        Of M weight vectors, `weights` and `gradient` may be the first m ≤ M alone, those whose epoch is not
        over; `step` is then (m, 1).
        """


class SGD:
    """w ← w − η v, v ← μ v + g + λ w: weight decay λ coupled into the gradient, momentum μ."""

    def __init__(self, settings: config.SGD | PerRow, weights: Tensor) -> None:
        self.settings = settings
        self.state = {"momentum": torch.zeros_like(weights)} if settings.momentum else {}

    def step(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> None:
        settings = of_first(self.settings, weights)
        rate, decay = settings.learning_rate, settings.weight_decay
        if settings.momentum:
            velocity = self.state["momentum"][: len(weights)]
            velocity.mul_(settings.momentum).add_(gradient)
            _add(velocity, weights, decay)
            _add(weights, velocity, -rate)
        else:
            _add(weights.mul_(like(weights, 1 - rate * decay)), gradient, -rate)


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), linear warm-up."""

    def __init__(self, settings: config.AdamW | PerRow, weights: Tensor) -> None:
        self.settings = settings
        self.state = {"mean": torch.zeros_like(weights), "square": torch.zeros_like(weights)}

    def step(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> None:
        s = of_first(self.settings, weights)
        warm = step / max(1, s.warmup_steps)
        rate = s.learning_rate * (warm.clamp(max=1) if isinstance(warm, Tensor) else min(1.0, warm))
        mean, square = (self.state[name][: len(weights)] for name in ("mean", "square"))
        mean.lerp_(gradient, 1 - s.beta_1)
        square.mul_(s.beta_2).addcmul_(gradient, gradient, value=1 - s.beta_2)
        denominator = square.sqrt().div_(like(square, (1 - s.beta_2**step) ** 0.5)).add_(s.epsilon)
        weights.mul_(like(weights, 1 - rate * s.weight_decay))
        if isinstance(rate, float):
            weights.addcdiv_(mean, denominator, value=-rate / (1 - s.beta_1**step))
        else:
            _add(weights, denominator.reciprocal_().mul_(mean), -rate / (1 - s.beta_1**step))


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adamw": AdamW}


def make_optimizer(settings: config.Optimizer, weights: Tensor) -> Optimizer:
    """The optimizer of `settings` for a weight vector (n,)."""
    return _class_of(settings.name)(settings, weights)


def _class_of(name: str) -> Callable[..., Optimizer]:
    return UserCodeOptimizer if is_code(name) else OPTIMIZERS[name]


def make_batched_optimizer(settings: Sequence[config.Optimizer], weights: Tensor) -> Optimizer:
    """The optimizer for M weight vectors (M, n), which differ in learning rate and weight decay alone."""
    shared = settings[0].model_dump()
    for name in ("learning_rate", "weight_decay"):
        values = [getattr(own, name) for own in settings]
        shared[name] = weights.new_tensor(values, dtype=torch.float64).unsqueeze(-1)
    return _class_of(settings[0].name)(PerRow(**shared), weights)


def _add(target: Tensor, value: Tensor, factor: float | Tensor) -> None:
    """target += factor · value, in place; a factor (M, 1) for each row."""
    if isinstance(factor, Tensor):
        target.addcmul_(value, like(target, factor))
    else:
        target.add_(value, alpha=factor)
