"""Weights from anywhere as a flat vector: arrays, state dicts, modules, checkpoints of a training."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from grokflow.errors import ConfigError, kind_of_value, nearest
from grokflow.library.training import Checkpoint, Training
from grokflow.model import Layout, ModelFunction

Weights: TypeAlias = "np.ndarray | Tensor | Mapping[str, np.ndarray | Tensor] | nn.Module | Checkpoint"
"""A weight vector (n,), a state dict, a module with its parameters, or a point of a training."""

StateDict = dict[str, np.ndarray]

PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and Lightning put before the names of a module's tensors."""


def check_weights(weights: object, where: str) -> None:
    """Refuse what is often given in the place of weights, before anything is done with it.

    Raises
    ------
    ConfigError : with what to give instead.
    """
    expected = "a vector, a state dict, a module or a point of a training"
    if isinstance(weights, Training):
        mend = "Give a point of it, such as training.at('final')."
    elif isinstance(weights, str | os.PathLike):
        mend = "Load it first, such as by safetensors.torch.load_file; or use python -m grokflow.connect."
    elif isinstance(weights, type):
        mend = f"Give {weights.__name__}(), with its weights loaded."
    elif isinstance(weights, Mapping) and (inner := _inner_dict(weights)) is not None:
        where, expected, mend = f"{where}[{inner!r}]", "a tensor", f"Give {where}[{inner!r}] itself."
        weights = weights[inner]
    else:
        return
    found = f"'{weights}'" if isinstance(weights, str | os.PathLike) else kind_of_value(weights)
    raise ConfigError(where, expected=expected, found=found, mend=mend)


def _inner_dict(weights: Mapping[Any, Any]) -> Any | None:
    """The key under which a checkpoint of a training has its state dict; None where nothing is nested."""
    nested = {name: value for name, value in weights.items() if isinstance(value, Mapping)}
    of_arrays = (
        name
        for name, value in nested.items()
        if value and all(isinstance(each, Tensor | np.ndarray) for each in value.values())
    )
    return next(of_arrays, next(iter(nested), None))


def named_arrays(weights: Weights, where: str) -> StateDict | None:
    """The named tensors of a state dict or a module; None for what has no names."""
    if isinstance(weights, nn.Module):
        weights = weights.state_dict()
    if not isinstance(weights, Mapping):
        return None
    return {str(name): array_of(value, f"{where}[{name!r}]") for name, value in weights.items()}


def array_of(value: Any, where: object) -> np.ndarray:
    """A tensor or array as an array; half precision becomes single.

    Raises
    ------
    ConfigError : when it holds no numbers.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
        return value.numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ConfigError(where, expected="an array", found=f"{kind_of_value(value)} ({error})") from None
    if array.dtype.kind not in "fiub":
        raise ConfigError(where, expected="numbers", found=kind_of_value(value))
    return array.astype(np.float32) if array.dtype == np.float16 else array


def flat_weights(weights: Weights, layout: Layout, where: str, others: Iterable[str] = ()) -> np.ndarray:
    """The flat vector (n,) of weights from anywhere.

    Parameters
    ----------
    where : what messages call the weights.
    others : names of tensors that a state dict may have besides the parameters: buffers.

    Raises
    ------
    ConfigError : when a tensor is missing, unknown, of another shape or not finite.
    """
    if isinstance(weights, Checkpoint):
        weights = weights.weights
    named = named_arrays(weights, where)
    if named is None:
        vector = array_of(weights, where)
        if vector.shape != (layout.size,):
            raise ConfigError(where, expected=f"weights of the shape ({layout.size},)", found=vector.shape)
    else:
        vector = _joined(without_prefix(named, {*layout.slices, *others}), layout, where, set(others))
    if not np.isfinite(vector).all():
        raise ConfigError(where, expected="finite weights", found="NaN or infinity")
    return vector.astype(np.float64 if vector.dtype == np.float64 else np.float32)


def without_prefix(named: StateDict, expected: set[str]) -> StateDict:
    """The same tensors without what a wrapper put before all of their names; `expected` are those without."""
    for prefix in PREFIXES:
        if not expected & set(named) and named and all(name.startswith(prefix) for name in named):
            named = {name.removeprefix(prefix): array for name, array in named.items()}
    return named


def _joined(named: StateDict, layout: Layout, where: str, others: set[str]) -> np.ndarray:
    for parameter in layout.parameters:
        if parameter.name not in named:
            raise ConfigError(
                where,
                expected=f"the tensor '{parameter.name}' of the model",
                found="none of that name",
                mend=nearest(parameter.name, set(named) - set(layout.slices)),
            )
        if named[parameter.name].shape != parameter.shape:
            raise ConfigError(
                f"{where}: {parameter.name}",
                expected=f"the shape {parameter.shape}, as the model has it",
                found=named[parameter.name].shape,
            )
    if unknown := sorted(set(named) - set(layout.slices) - others):
        expected = "no tensors but those of the model"
        raise ConfigError(where, expected=expected, found=f"'{unknown[0]}'", mend=nearest(unknown[0], others))
    return layout.join({parameter.name: named[parameter.name] for parameter in layout.parameters})


def with_buffers_of(module: nn.Module, both: Iterable[tuple[str, StateDict | None]]) -> nn.Module:
    """A copy of the module with the buffers that the state dicts have, which must agree.

    Raises
    ------
    ConfigError : when they differ: a buffer is a constant along a path.
    """
    module = copy.deepcopy(module)
    buffers, names = dict(module.named_buffers()), set(module.state_dict())
    seen: dict[str, tuple[str, np.ndarray]] = {}
    for where, wrapped in both:
        named = without_prefix(wrapped or {}, names)
        for name in buffers.keys() & named.keys():
            where_first, first = seen.setdefault(name, (where, named[name]))
            if not np.array_equal(first, named[name]):
                raise ConfigError(
                    f"{where}: {name}",
                    expected=f"the same numbers as in {where_first}, because a buffer is constant on a path",
                    found="others",
                )
    with torch.no_grad():
        for name, (where, value) in seen.items():
            if tuple(buffers[name].shape) != value.shape:
                expected = f"the shape {tuple(buffers[name].shape)}"
                raise ConfigError(f"{where}: {name}", expected=expected, found=value.shape)
            buffers[name].copy_(torch.as_tensor(value))
    return module


def other_names(model: ModelFunction) -> set[str]:
    """The tensors of a module's state dict that are no part of its weight vector: buffers, shared tensors."""
    module = getattr(model, "module", None)
    if not isinstance(module, nn.Module):
        return set()
    return set(module.state_dict()) - set(model.layout.slices)


def chosen_device(device: str) -> str:
    """`cpu` or `cuda`.

    Raises
    ------
    ConfigError : when there is no such device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError("device", expected="auto, cpu or cuda", found=f"'{device}'")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", expected="a CUDA device", found="none that PyTorch can use")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
    available = torch.cuda.is_available() and not hidden
    return "cuda" if device == "cuda" or (device == "auto" and available) else "cpu"
