"""A class of the user's own as an optimizer, watched at its first step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from grokflow import config
from grokflow.errors import ConfigError, fault_in, kind_of_value
from grokflow.training.per_row import PerRow, StepNumber, like, of_first
from grokflow.user_code import parse

LOUD = 1e4
"""By how much another row's gradient is enlarged to see whether a row notices, as a clipped norm would."""

NOTICED = 1e-3
"""A difference of two steps, of their mean size, that rounding cannot make."""


class UserCodeOptimizer:
    """A class of the user's own as an optimizer.

    It is made with (settings, weights) and has `state` and `step`, as every `Optimizer` has. Its settings are
    attributes: `learning_rate`, `weight_decay`, `batch_size`, and the user's own. Of M models the first two
    are tensors (M, 1), in the precision of the weights. It must change weights and state in place.

    Raises
    ------
    ConfigError : when the class fails, does not change in place, or changes a row otherwise than alone.
    """

    def __init__(self, settings: config.UserOptimizer | PerRow, weights: Tensor) -> None:
        self._code = parse(settings.name)
        self._settings = settings
        self._users = self._make(settings, weights)
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
        self._is_first = self._is_first_of_many = True
        self._refuse_hidden_tensors()

    def step(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> None:
        own = {
            name: tensor[: len(weights)] if weights.ndim > 1 else tensor
            for name, tensor in self.state.items()
        }
        given = dict(own)
        # On a CPU alone: elsewhere looking would wait for the device.
        before = weights.clone() if self._is_first and weights.is_cpu else None
        two = self._first_two(weights, gradient, step) if self._is_first_of_many else None
        self._users.settings, self._users.state = _for_user(self._settings, weights), given
        self._run(self._users.step, weights, gradient, step)
        if self._users.state is not given or given.keys() != own.keys():
            self._refuse("a step that keeps what __init__ put into `state`", "another state")
        if any(given[name] is not tensor for name, tensor in own.items()):
            expected = "a step that changes its state in place, as with `tensor.mul_(…)` or `tensor.copy_(…)`"
            self._refuse(expected, "another tensor in `state`")
        if before is not None:
            self._look_at_first_step(weights, gradient, before)
        if two is not None:
            self._is_first_of_many = False
            self._refuse_mixed_rows(two)

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

    def _first_two(self, weights: Tensor, gradient: Tensor, step: StepNumber) -> _Stepped | None:
        """Copies of what the first two rows of several have before their first step."""
        if not isinstance(self._settings, PerRow) or len(weights) == 1:
            return None
        state = {name: tensor[:2].clone() for name, tensor in self.state.items()}
        number = step[:2].clone() if isinstance(step, Tensor) and step.ndim else step
        return _Stepped(weights[:2].clone(), gradient[:2].clone(), state, number)

    def _refuse_mixed_rows(self, two: _Stepped) -> None:
        """Refuse a step in which what becomes of a row depends on another one.

        A step that draws random numbers cannot be judged so, and is not.
        """
        device = two.weights.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            for given in (two, two.with_another_neighbour()):
                drawn_before = _random_state(device)
                together = self._stepped(self._settings, given)
                if not torch.equal(_random_state(device), drawn_before):
                    return
                for row in (0, 1):
                    alone = self._stepped_alone(given, row)
                    before, found = given.of(row).changing, together.of(row).changing
                    if any(map(_differ, before, found, alone.changing)):
                        raise ConfigError(
                            self._code.shown,
                            expected="a step in which each row of weights (M, n) is a model of its own",
                            found=f"that row {row} changes otherwise when it is alone",
                            mend="Reduce along the last axis: gradient.norm(dim=-1, keepdim=True).",
                        )

    def _stepped_alone(self, given: _Stepped, row: int) -> _Stepped:
        own = {name: float(getattr(self._settings, name)[row]) for name in ("learning_rate", "weight_decay")}
        try:
            return self._stepped(PerRow(**{**vars(self._settings), **own}), given.of(row))
        except ConfigError as error:
            mend = "That was a model alone, with weights of the shape (n,): a step must do for these, too."
            raise ConfigError(error.where, expected=error.expected, found=error.found, mend=mend) from error

    def _stepped(self, settings: config.UserOptimizer | PerRow, given: _Stepped) -> _Stepped:
        """What another optimizer of the same class and state makes of copies."""
        made = given.copy()
        users = self._make(settings, made.weights)
        users.settings, users.state = _for_user(settings, made.weights), made.state
        self._run(users.step, made.weights, made.gradient, made.step)
        return made

    def _make(self, settings: config.UserOptimizer | PerRow, weights: Tensor) -> Any:
        return self._run(self._code.load(), _for_user(settings, weights), weights)

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


class _Stepped(NamedTuple):
    """What a step is given, and changes."""

    weights: Tensor
    gradient: Tensor
    state: dict[str, Tensor]
    step: StepNumber

    @property
    def changing(self) -> list[Tensor]:
        """What the step changes."""
        return [self.weights, *self.state.values()]

    def of(self, row: int) -> _Stepped:
        """One row of two."""
        state = {name: tensor[row] for name, tensor in self.state.items()}
        number = self.step[row] if isinstance(self.step, Tensor) and self.step.ndim else self.step
        return _Stepped(self.weights[row], self.gradient[row], state, number)

    def with_another_neighbour(self) -> _Stepped:
        """Two rows of which the second has other weights and a much larger gradient: the two may be alike."""
        made = self.copy()
        made.weights[1] *= 2
        made.gradient[1] *= LOUD
        return made

    def copy(self) -> _Stepped:
        """The same with tensors of its own."""
        state = {name: tensor.clone() for name, tensor in self.state.items()}
        return _Stepped(self.weights.clone(), self.gradient.clone(), state, self.step)


def _differ(before: Tensor, together: Tensor, alone: Tensor) -> bool:
    """Whether a tensor (n,) became another one than it does alone, by more than rounding can make.

    Means over all n, because the sign of a number near 0 may fall the other way.
    """
    eps = torch.finfo(before.dtype).eps if before.is_floating_point() else 0.0
    before, together, alone = before.double(), together.double(), alone.double()
    rounding = 8 * eps * alone.abs().mean()
    difference, change = (together - alone).abs().mean(), (alone - before).abs().mean()
    return bool(difference > NOTICED * change + rounding)


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.random.get_rng_state()


def _for_user(settings: config.UserOptimizer | PerRow, weights: Tensor) -> SimpleNamespace:
    """The settings as the user's class sees them."""
    of_rows: Any = of_first(settings, weights) if weights.ndim > 1 else settings
    shared = of_rows.settings if isinstance(of_rows.settings, dict) else vars(of_rows.settings)
    names = ("learning_rate", "weight_decay", "batch_size")
    values = {name: like(weights, getattr(of_rows, name)) for name in names}
    return SimpleNamespace(**shared, **values)
