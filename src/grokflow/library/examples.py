"""Inputs and targets of any shape, with any loss, as a task; tried once before anything that takes long."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from grokflow.errors import ConfigError, kind_of_value
from grokflow.library.dataset import PairTable
from grokflow.library.weights import array_of
from grokflow.model import (
    CROSS_ENTROPY,
    Examples,
    Loss,
    LossFunction,
    ModelFunction,
    ModuleModel,
    OwnLoss,
    Task,
    split_examples,
    wrong_answers,
)

Array: TypeAlias = "np.ndarray | Tensor | Sequence[Any]"

Data: TypeAlias = "PairTable | tuple[Array, Array]"
"""A dataset of grokflow, or inputs (N, ...) and targets (N, ...)."""

PROBED = 2
"""Examples on which model and loss are tried."""


def make_task(
    model: ModelFunction,
    data: Data,
    validation: Data | None,
    loss: LossFunction | None,
    error: LossFunction | None,
    weights: np.ndarray,
    device: str,
) -> Task:
    """Model, data and loss on one device, once they are found to fit one another.

    Parameters
    ----------
    loss : None: cross-entropy.
    error : None: 1 − accuracy with cross-entropy, else none.
    weights : (n,), on which they are tried; its precision is that of real inputs and targets.

    Raises
    ------
    ConfigError : with what does not fit.
    """
    precision = torch.float64 if weights.dtype == np.float64 else torch.float32
    if isinstance(data, PairTable):
        if validation is not None:
            raise ConfigError("validation", expected="none: the dataset has its own", found="validation data")
        train, held_out = split_examples(data.settings, data.table, device)
    else:
        train = _examples(data, "data", precision, device)
        held_out = train.take(slice(0, 0))
        if isinstance(validation, PairTable):
            expected = "a pair of inputs and targets, as data is"
            raise ConfigError("validation", expected=expected, found="a dataset of grokflow")
        if validation is not None:
            held_out = _examples(validation, "validation", precision, device)
            _check_alike(train, held_out)
    if isinstance(model, ModuleModel) and model.input_axes != train.input_axes:
        expected = f"input_axes={train.input_axes}, the axes of one example"
        raise ConfigError(model.name, expected=expected, found=f"input_axes={model.input_axes}")
    theta = torch.as_tensor(weights).to(device=device, dtype=precision)
    outputs = _tried(model, theta, train)
    task = Task(model, train, held_out, _loss(loss, error, outputs, train, held_out))
    _try_loss(task, outputs)
    return task


def check_data(data: object, where: str) -> None:
    """Refuse what is neither a dataset of grokflow nor a pair.

    Raises
    ------
    ConfigError : with how a pair is got from a dataset of PyTorch's, or from a dictionary.
    """
    if isinstance(data, PairTable) or (isinstance(data, tuple | list) and len(data) == 2):
        return
    expected = "a dataset of grokflow, or a pair of inputs and targets"
    raise ConfigError(where, expected=expected, found=kind_of_value(data), mend=_as_pair(data, where))


def _as_pair(data: object, where: str) -> str:
    """What to give instead."""
    if isinstance(data, Mapping):
        return f"Give {where}=(d['inputs'], d['targets']), with the keys of your {type(data).__name__} d."
    name, dataset = ("loader.dataset", data.dataset) if isinstance(data, DataLoader) else ("dataset", data)
    if isinstance(dataset, TensorDataset):
        if len(dataset.tensors) == 2:
            return f"Give {where}={name}.tensors."
        return f"Give {where}=({name}.tensors[0], {name}.tensors[1]), if these are inputs and targets."
    if isinstance(dataset, IterableDataset):
        return f"Give {where}=torch.utils.data.default_collate(list({name}))."
    if isinstance(dataset, Dataset):
        every = f"[{name}[i] for i in range(len({name}))]"
        return f"Give {where}=torch.utils.data.default_collate({every})."
    return f"Give {where}=(inputs, targets)."


def _examples(data: Any, where: str, precision: torch.dtype, device: str) -> Examples:
    parts = [
        _numbers(values, f"{name} of {where}", precision, device)
        for name, values in zip(("inputs", "targets"), data, strict=True)
    ]
    inputs, targets = parts
    if len(inputs) != len(targets) or len(inputs) == 0:
        expected = "as many inputs as targets, at least one"
        raise ConfigError(where, expected=expected, found=f"{len(inputs)} and {len(targets)}")
    return Examples(inputs, targets, inputs.ndim - 1, targets.ndim - 1)


def _numbers(values: Any, where: str, precision: torch.dtype, device: str) -> Tensor:
    """Whole numbers stay whole, because embeddings and classes need them."""
    array = array_of(values, where)
    if array.ndim == 0:
        raise ConfigError(where, expected="an array with an axis of examples", found="a single number")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ConfigError(where, expected="finite numbers", found="NaN or infinity")
    dtype = precision if array.dtype.kind == "f" else torch.int64
    return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(device=device, dtype=dtype)


def _check_alike(train: Examples, validation: Examples) -> None:
    for name, both in (
        ("inputs", (train.tokens, validation.tokens)),
        ("targets", (train.targets, validation.targets)),
    ):
        (first, shape), (second, other) = ((each.dtype, tuple(each.shape[1:])) for each in both)
        if first != second or (shape != other and name == "targets") or len(shape) != len(other):
            raise ConfigError(
                f"{name} of validation",
                expected=f"{first} of the shape {shape} for each example, as in data",
                found=f"{second} of the shape {other}",
            )


def _tried(model: ModelFunction, theta: Tensor, train: Examples) -> Tensor:
    """The outputs of a few examples."""
    few = train.take(slice(0, PROBED))
    where = getattr(model, "name", type(model).__name__)
    kind = f"{str(few.tokens.dtype).removeprefix('torch.')} of the shape {tuple(few.tokens.shape)}"
    try:
        with torch.no_grad():
            outputs = model.logits(theta, few.tokens)
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        mend = "Whole numbers are given as whole numbers; convert them where the model asks for real ones."
        raise ConfigError(
            where,
            expected=f"a model that takes inputs {kind}",
            found=_first_line(error),
            mend=None if few.tokens.is_floating_point() else mend,
        ) from error
    if outputs.ndim == 0 or outputs.shape[0] != len(few):
        expected = f"an output for each of {len(few)} examples"
        raise ConfigError(where, expected=expected, found=f"outputs of the shape {tuple(outputs.shape)}")
    return outputs


def _loss(
    function: LossFunction | None,
    error: LossFunction | None,
    outputs: Tensor,
    train: Examples,
    validation: Examples,
) -> Loss:
    """The loss that was asked for; classes have an error, whatever the loss is."""
    axes, targets = (outputs.ndim - 1, train.target_axes), train.targets
    classes = outputs.ndim == 2 and targets.ndim == 1 and not targets.is_floating_point()
    every = (part.targets for part in (train, validation) if classes and len(part))
    ends = [int(end) for part in every for end in part.aminmax()]
    numbered = classes and min(ends) >= 0 and max(ends) < outputs.shape[-1]
    if function is not None:
        return OwnLoss(function, _name_of(function), *axes, error or (wrong_answers if numbered else None))
    if not classes:
        found = f"outputs {tuple(outputs.shape[1:])} and {targets.dtype} targets {tuple(targets.shape[1:])}"
        raise ConfigError(
            "loss",
            expected="for cross-entropy logits (N, V) and the number of a class (N,)",
            found=f"for each example {found}",
            mend="Give the loss, such as torch.nn.functional.mse_loss.",
        )
    if not numbered:
        expected = f"numbers of the model's {outputs.shape[-1]} classes, from 0"
        raise ConfigError("targets", expected=expected, found=f"{min(ends)} to {max(ends)}")
    return CROSS_ENTROPY if error is None else OwnLoss(cross_entropy, CROSS_ENTROPY.name, *axes, error)


def _name_of(function: LossFunction) -> str:
    return getattr(function, "__name__", type(function).__name__).replace("_", " ")


def _try_loss(task: Task, outputs: Tensor) -> None:
    """Refuse functions of the user's that do not give what they should."""
    if not isinstance(task.loss, OwnLoss):
        return
    few = task.train.take(slice(0, PROBED))
    tried: list[tuple[str, LossFunction | None, str, tuple[int, ...]]] = [
        ("loss", task.loss.function, "one number, the mean over the batch", ()),
        ("error", task.loss.wrong_function, "whether each example is wrong", (len(few),)),
    ]
    for where, function, wanted, shape in tried:
        if function is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*broadcasting")  # of (N, 1) with (N,) to (N, N)
                found = function(outputs, few.targets)
            fits = isinstance(found, Tensor) and tuple(found.shape) == shape
            got = f"a tensor of the shape {tuple(found.shape)}" if isinstance(found, Tensor) else repr(found)
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, UserWarning) as problem:
            fits, got = False, _first_line(problem)
        if not fits:
            said = f"outputs {tuple(outputs.shape)} and targets {tuple(few.targets.shape)}"
            raise ConfigError(where, expected=f"a function that gives, for {said}, {wanted}", found=got)


def _first_line(error: Exception) -> str:
    """What went wrong in the user's code, in one line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}".rstrip(": ")
