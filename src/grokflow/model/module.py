"""Any PyTorch module as a model: a function of a flat weight vector, and of M of them at once.

Shapes: n numbers in a weight vector; `...` no or one leading axis (M models); B examples.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from grokflow.errors import ConfigError, kind_of_value
from grokflow.model.layout import Layout, Parameter
from grokflow.model.weights import unflatten
from grokflow.randomness import generator

MakeModule = Callable[[], nn.Module]

CALLED_TWICE = 64
"""Inputs of the first call with which a module is called twice, to see whether it gives the same outputs."""

CHANGE = 1e-4
"""Of outputs, relative to the largest: what rounding cannot make."""


@dataclass(frozen=True)
class ModuleParameter(Parameter):
    """A named parameter of a module. One that requires no gradient is frozen, and a group of its own."""

    @property
    def group(self) -> str:
        return self.name if self.frozen_norm is not None else super().group


@dataclass(frozen=True)
class ModuleLayout(Layout):
    """The layout of a module's weights; `first` draws the first vector (n,) in float64, given a seed."""

    first: Callable[[int], np.ndarray] = field(compare=False)

    def initial(self, seed: int) -> np.ndarray:
        """The weights (n,), in float64, with which the module itself begins under this seed.

        Raises
        ------
        ConfigError : when the module cannot be made anew.
        """
        return self.first(seed)


class ModuleModel:
    """A PyTorch module as a `ModelFunction`.

    The module itself is left alone: its parameters are replaced in each call (`torch.func.functional_call`),
    its buffers are constants, its mode (training or not) stays as it was given. M models are one call, too
    (`torch.func.vmap`); where a module cannot be computed so, they are computed one after the other.

    Parameters
    ----------
    module : takes a batch (B, ...) and returns outputs (B, ...). Parameters with `requires_grad=False` are
        frozen.
    make : makes such a module anew, for initial weights. Without it a copy is reset, which needs
        `reset_parameters` in every part that has parameters, as PyTorch's own layers have it.
    input_axes : axes of one example: 1 for tokens (T,), 3 for images (C, H, W).

    Raises
    ------
    ConfigError : when the module is not a function of its weights alone: it has running statistics, dropout
        in training mode, or no parameters.
    """

    def __init__(self, module: nn.Module, make: MakeModule | None = None, *, input_axes: int = 1) -> None:
        self.name = type(module).__name__
        check_module(module)
        self.module, self.input_axes = module, input_axes
        self.layout: Layout = _layout(module, make)
        frozen = (p.name for p in self.layout.parameters if p.frozen_norm is not None)
        self._frozen = tuple(frozen)
        self._buffers: dict[tuple[torch.device, torch.dtype], dict[str, Tensor]] = {}
        self._one_by_one = self._called = False

    def logits(self, weights: Tensor, tokens: Tensor) -> Tensor:
        """Outputs (..., B, ...) of weights (n,) or (M, n) for inputs (B, ...), or (M, B, ...).

        Raises
        ------
        ConfigError : at the first call, when the module gives other outputs each time.
        """
        own_inputs = tokens.ndim == self.input_axes + 2
        if not self._called:
            self._check_same_each_time(
                weights.reshape(-1, weights.shape[-1])[0], tokens[0] if own_inputs else tokens
            )
            self._called = True
        if weights.ndim == 1:
            return self._outputs(weights, tokens)
        if not self._one_by_one:
            try:
                return vmap(self._outputs, in_dims=(0, 0 if own_inputs else None))(weights, tokens)
            except torch.OutOfMemoryError:
                raise
            except (RuntimeError, NotImplementedError) as error:
                reason = str(error).splitlines()[0]
                print(f"{self.name}: models are computed one after the other ({reason}).", flush=True)
                self._one_by_one = True
        each = tokens if own_inputs else [tokens] * len(weights)
        return torch.stack([self._outputs(own, inputs) for own, inputs in zip(weights, each, strict=True)])

    def _outputs(self, weights: Tensor, inputs: Tensor) -> Tensor:
        named = unflatten(weights, self.layout)
        for name in self._frozen:
            named[name] = named[name].detach()
        outputs = functional_call(self.module, (named, self._buffers_like(weights)), (inputs,))
        if not isinstance(outputs, Tensor):
            raise ConfigError(
                self.name,
                expected="a module that returns one tensor of outputs",
                found=kind_of_value(outputs),
                mend="Wrap it in a module whose `forward` returns the logits alone.",
            )
        return outputs

    @torch.no_grad()
    def _check_same_each_time(self, weights: Tensor, inputs: Tensor) -> None:
        """Refuse a module that draws random numbers in `forward`, of which its parts show nothing."""
        first, again = (self._outputs(weights, inputs[:CALLED_TWICE]) for _ in range(2))
        # A GPU may add in another order each time; what is dropped changes an output by as much as it is.
        tolerance = CHANGE * float(first.nan_to_num().abs().max()) if first.numel() else 0.0
        if not torch.allclose(first, again, rtol=0, atol=tolerance, equal_nan=True):
            raise ConfigError(
                self.name,
                expected="a module that gives the same outputs each time",
                found="other outputs in a second call with the same weights and inputs",
                mend="Let its `forward` draw no random numbers: dropout(x, training=self.training) in "
                "evaluation mode draws none.",
            )

    def _buffers_like(self, weights: Tensor) -> dict[str, Tensor]:
        """The module's buffers where the weights are and, of real numbers, as precise."""
        key = weights.device, weights.dtype
        if key not in self._buffers:
            self._buffers[key] = {
                name: buffer.to(*key) if buffer.is_floating_point() else buffer.to(weights.device)
                for name, buffer in self.module.named_buffers()
            }
        return self._buffers[key]


def made_by(make: Callable[[], Any], *, input_axes: int = 1) -> Any:
    """What a class or function makes; of a module the model of it, whose initial weights are `make`'s."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = make()
    return ModuleModel(made, make, input_axes=input_axes) if isinstance(made, nn.Module) else made


def check_module(module: nn.Module) -> None:
    """Refuse a module that is not a function of its weights and its inputs alone.

    Raises
    ------
    ConfigError : with the part of the module at fault.
    """
    whole = type(module).__name__
    for name, part in module.named_modules():
        where = f"{whole}.{name}" if name else whole
        if getattr(part, "running_mean", None) is not None:
            raise ConfigError(
                where,
                expected="a module without running statistics, which belong to one weight vector and would "
                "be wrong at every other",
                found=type(part).__name__,
                mend="Use LayerNorm or GroupNorm, or track_running_stats=False.",
            )
        if part.training and _dropped(part) > 0:
            raise ConfigError(
                where,
                expected="a module that gives the same outputs each time",
                found=f"{type(part).__name__} with dropout {_dropped(part):g} in training mode",
                mend="Set the module to evaluation mode first, or its dropout to 0.",
            )
    if not any(True for _ in module.parameters()):
        raise ConfigError(whole, expected="a module with parameters", found="none")
    for name, parameter in module.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter) or not parameter.is_floating_point():
            found = "one without a shape yet" if hasattr(parameter, "materialize") else str(parameter.dtype)
            raise ConfigError(f"{whole}.{name}", expected="a parameter of real numbers", found=found)


def _dropped(part: nn.Module) -> float:
    """The probability with which a part of a module drops what passes it."""
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return float(part.p)
    if isinstance(part, nn.MultiheadAttention | nn.RNNBase):
        return float(part.dropout)
    return 0.0


def _layout(module: nn.Module, make: MakeModule | None) -> ModuleLayout:
    parameters = tuple(
        ModuleParameter(
            name,
            tuple(parameter.shape),
            scale=0.0,
            frozen_norm=None if parameter.requires_grad else float(parameter.detach().norm()),
        )
        for name, parameter in module.named_parameters()
    )
    layout = Layout(parameters)

    def first(seed: int) -> np.ndarray:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(generator(seed, "init/module").integers(2**63)))
            fresh = _reset(module) if make is None else make()
        if fresh is module:
            raise ConfigError(
                type(module).__name__,
                expected="a new module each time it is made, with initial weights of its own",
                found="the same one",
                mend="Make it inside the function.",
            )
        values = {name: p.detach().double().cpu().numpy() for name, p in fresh.named_parameters()}
        try:
            return layout.join(values)
        except (KeyError, ValueError) as error:
            raise ConfigError(
                type(module).__name__,
                expected="the same parameters each time it is made",
                found=f"another {error}",
            ) from None

    return ModuleLayout(parameters, first)


def _reset(module: nn.Module) -> nn.Module:
    """A copy of the module with new initial weights, drawn by its parts themselves."""
    fresh = copy.deepcopy(module)
    for name, part in fresh.named_modules():
        if not part._parameters:
            continue
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if reset is None:
            raise ConfigError(
                f"{type(module).__name__}.{name}".rstrip("."),
                expected="a method `reset_parameters`, to draw initial weights anew",
                found="none",
                mend="Give the function that makes the module in place of the module.",
            )
        reset()
    return fresh
