"""Optimisers on a flat weight vector, or on M of them: each is one class with its state as named tensors.

An optimiser's `step` changes the weights in place. To add one: its settings as a class in
`config/training.py`, named in the union `Optimizer` there; a class here; an entry in `OPTIMIZERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor

from grokflow import config
from grokflow.errors import ConfigError, fault_in, kind_of_value
from grokflow.user_code import is_code, parse

StepNumber = int | Tensor
"""The number of a step, or the number of each row's own step: (M, 1)."""


class Optimizer(Protocol):
    """What the training loop asks of an optimiser."""

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
        settings = _of_first(self.settings, weights)
        rate, decay = settings.learning_rate, settings.weight_decay
        if settings.momentum:
            velocity = self.state["momentum"][: len(weights)]
            velocity.mul_(settings.momentum).add_(gradient)
            _add(velocity, weights, decay)
            _add(weights, velocity, -rate)
        else:
            _add(weights.mul_(_like(weights, 1 - rate * decay)), gradient, -rate)


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), linear warm-up."""

    def __init__(self, settings: config.AdamW | PerRow, weights: Tensor) -> None:
        self.settings = settings
        self.state = {"mean": torch.zeros_like(weights), "square": torch.zeros_like(weights)}

    def step(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> None:
        s = _of_first(self.settings, weights)
        warm = step / max(1, s.warmup_steps)
        rate = s.learning_rate * (warm.clamp(max=1) if isinstance(warm, Tensor) else min(1.0, warm))
        mean, square = (self.state[name][: len(weights)] for name in ("mean", "square"))
        mean.lerp_(gradient, 1 - s.beta_1)
        square.mul_(s.beta_2).addcmul_(gradient, gradient, value=1 - s.beta_2)
        denominator = square.sqrt().div_(_like(square, (1 - s.beta_2**step) ** 0.5)).add_(s.epsilon)
        weights.mul_(_like(weights, 1 - rate * s.weight_decay))
        if isinstance(rate, float):
            weights.addcdiv_(mean, denominator, value=-rate / (1 - s.beta_1**step))
        else:
            _add(weights, denominator.reciprocal_().mul_(mean), -rate / (1 - s.beta_1**step))


class UserCodeOptimizer:
    """A class of the user's own as an optimiser.

    It is made with (settings, weights) and has `state` and `step`, as every `Optimizer` has. Its settings are
    attributes: `learning_rate`, `weight_decay`, `batch_size`, and the user's own. Of M models the first two
    are tensors (M, 1), in the precision of the weights. It must change weights and state in place.

    Raises
    ------
    ConfigError : when the class fails, or does not change in place.
    """

    def __init__(self, settings: config.UserOptimizer | PerRow, weights: Tensor) -> None:
        self._code = parse(settings.name)
        self._settings = settings
        self._users: Any = self._run(self._code.load(), self._for_user(weights), weights)
        if not callable(getattr(self._users, "step", None)):
            self._refuse("a class with `state` and `step(weights, gradient, step)`", "no `step`")
        state = getattr(self._users, "state", None)
        expected = f"`state`: a dictionary of named tensors of shape {tuple(weights.shape)}, empty if none"
        if not isinstance(state, dict):
            self._refuse(expected, kind_of_value(state))
        shapes = {name: getattr(tensor, "shape", None) for name, tensor in state.items()}
        if any(shape != weights.shape for shape in shapes.values()):
            self._refuse(expected, str(shapes))
        self.state: dict[str, Tensor] = state
        self._is_first = True
        self._refuse_hidden_tensors()

    def step(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> None:
        own = {
            name: tensor[: len(weights)] if weights.ndim > 1 else tensor
            for name, tensor in self.state.items()
        }
        given = dict(own)
        # On a CPU alone: elsewhere looking would wait for the device.
        before = weights.clone() if self._is_first and weights.is_cpu else None
        self._users.settings, self._users.state = self._for_user(weights), given
        self._run(self._users.step, weights, gradient, step)
        if self._users.state is not given or given.keys() != own.keys():
            self._refuse("a step that keeps what __init__ put into `state`", "another state")
        if any(given[name] is not tensor for name, tensor in own.items()):
            expected = "a step that changes its state in place, as with `tensor.mul_(…)` or `tensor.copy_(…)`"
            self._refuse(expected, "another tensor in `state`")
        if before is not None:
            self._look_at_first_step(weights, gradient, before)

    def _look_at_first_step(self, weights: Tensor, gradient: Tensor, before: Tensor) -> None:
        self._is_first = False
        if gradient.any() and torch.equal(weights, before):
            expected = "a step that changes the weights in place, as with `weights.sub_(…)`"
            self._refuse(expected, "the same weights after it")
        self._refuse_hidden_tensors()

    def _refuse_hidden_tensors(self) -> None:
        """Refuse tensors outside of `state`: a training that goes on would be without them."""
        hidden = [name for name, value in vars(self._users).items() if isinstance(value, Tensor)]
        if hidden:
            self._refuse("tensors only in `state`, which is saved", f"the attribute {hidden[0]}")

    def _refuse(self, expected: str, found: str) -> NoReturn:
        raise ConfigError(self._code.shown, expected=expected, found=found)

    def _for_user(self, weights: Tensor) -> SimpleNamespace:
        """The settings as the user's class sees them."""
        settings = _of_first(self._settings, weights) if weights.ndim > 1 else self._settings
        shared = settings.settings if isinstance(settings.settings, dict) else vars(settings.settings)
        names = ("learning_rate", "weight_decay", "batch_size")
        values = {name: _like(weights, getattr(settings, name)) for name in names}
        return SimpleNamespace(**shared, **values)

    def _run(self, called: Any, *arguments: Any) -> Any:
        try:
            return called(*arguments)
        except ConfigError:
            raise
        except Exception as error:
            expected = "an optimizer: made with (settings, weights), with `step(weights, gradient, step)`"
            raise fault_in(error, self._code.files) or ConfigError(
                self._code.shown, expected=expected, found=f"{type(error).__name__}: {error}"
            ) from error


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adamw": AdamW}


def make_optimizer(settings: config.Optimizer, weights: Tensor) -> Optimizer:
    """The optimiser of `settings` for a weight vector (n,)."""
    return _class_of(settings.name)(settings, weights)


def _class_of(name: str) -> Callable[..., Optimizer]:
    return UserCodeOptimizer if is_code(name) else OPTIMIZERS[name]


class PerRow(SimpleNamespace):
    """Settings of which the learning rate and the weight decay are (M, 1), one for each row of weights."""


def make_batched_optimizer(settings: Sequence[config.Optimizer], weights: Tensor) -> Optimizer:
    """The optimiser for M weight vectors (M, n), which differ in learning rate and weight decay alone."""
    shared = settings[0].model_dump()
    for name in ("learning_rate", "weight_decay"):
        values = [getattr(own, name) for own in settings]
        shared[name] = weights.new_tensor(values, dtype=torch.float64).unsqueeze(-1)
    return _class_of(settings[0].name)(PerRow(**shared), weights)


def _of_first(settings: Any, weights: Tensor) -> Any:
    """The settings of the rows of `weights`: the last ones may be missing, because their epoch is over."""
    if not isinstance(settings, PerRow) or len(settings.learning_rate) == len(weights):
        return settings
    changed = {name: getattr(settings, name)[: len(weights)] for name in ("learning_rate", "weight_decay")}
    return PerRow(**{**vars(settings), **changed})


def _like(weights: Tensor, factor: Any) -> Any:
    """A factor that was computed in float64, as a single run's is, in the precision of the weights."""
    return factor.to(weights.dtype) if isinstance(factor, Tensor) else factor


def _add(target: Tensor, value: Tensor, factor: float | Tensor) -> None:
    """target += factor · value, in place; a factor (M, 1) for each row."""
    if isinstance(factor, Tensor):
        target.addcmul_(value, _like(target, factor))
    else:
        target.add_(value, alpha=factor)
