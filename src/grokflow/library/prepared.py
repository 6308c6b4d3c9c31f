"""Weights, model and data of the user's made ready to be measured, once they fit one another."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from grokflow.config import decay_in_loss
from grokflow.errors import ConfigError, kind_of_value
from grokflow.library.dataset import PairTable
from grokflow.library.examples import Data, check_data, make_task
from grokflow.library.training import Checkpoint
from grokflow.library.weights import (
    Weights,
    array_of,
    check_weights,
    chosen_device,
    flat_weights,
    named_arrays,
    other_names,
    with_buffers_of,
)
from grokflow.model import LossFunction, ModelFunction, ModuleModel, Task, Transformer, prepare

BATCH_SIZE = 512
"""Examples of a minibatch, where no training says how many it had."""


class Shared(NamedTuple):
    """What a fit and a measurement need alike."""

    weight_decay: float
    batch_size: int
    precision: str
    device: str


class Prepared(NamedTuple):
    """Weights (M, n) with the task on which they are measured, and how."""

    vectors: np.ndarray
    task: Task
    shared: Shared


def prepare_task(
    several: Sequence[Weights],
    names: Sequence[str],
    model: nn.Module | ModelFunction | None,
    data: Data | None,
    *,
    validation: Data | None = None,
    loss: LossFunction | None = None,
    error: LossFunction | None = None,
    weight_decay: float | None = None,
    batch_size: int | None = None,
    precision: str | None = None,
    device: str = "auto",
) -> Prepared:
    """The weight vectors (M, n) and the task on which they are measured.

    Parameters
    ----------
    names : what messages call the weights.
    model, data : of points of a training they are theirs, unless they are given; those of all must then be
        the same.
    weight_decay : λ of the loss; None: the training's with `sgd`, else 0.
    batch_size : None: the training's, else 512.
    precision : None: the training's, else that of the weights.

    Raises
    ------
    ConfigError : with what is missing or does not fit.
    """
    for weights, name in zip(several, names, strict=True):
        check_weights(weights, name)
    known = next((each for each in several if isinstance(each, Checkpoint)), None)
    run = known.training.run if known else None
    if weight_decay is None:
        weight_decay = decay_in_loss(run.optimizer) if run else 0.0
    if batch_size is None:
        batch_size = run.optimizer.batch_size if run else BATCH_SIZE
    check_number("weight_decay", weight_decay, least=0)
    check_number("batch_size", batch_size, least=1, whole=True)
    if known is not None:
        if data is None:
            _check_alike(several, names, "dataset", "Give data=, on which all are measured.")
        if model is None:
            _check_alike(several, names, "model", "Give model=, of which all are weights.")
        model = known.training.model if model is None else model
        data = known.training.dataset if data is None else data
        precision = precision or known.training.run.precision
    if model is None:
        raise ConfigError("model", expected="a module, because the weights name none", found="none")
    if isinstance(model, type) or not isinstance(model, nn.Module | ModelFunction):
        raise ConfigError(
            "model",
            expected="a torch.nn.Module, or what has `layout` and `logits`",
            found=kind_of_value(model),
            mend=f"Give {model.__name__}()." if isinstance(model, type) else None,
        )
    if data is None:
        raise ConfigError("data", expected="a pair of inputs and targets", found="none")
    for given, where in ((data, "data"), (validation, "validation")):
        if given is not None:
            check_data(given, where)
    if isinstance(model, nn.Module):
        named = [named_arrays(weights, name) for weights, name in zip(several, names, strict=True)]
        module = with_buffers_of(model, zip(names, named, strict=True))
        axes = 1 if isinstance(data, PairTable) else array_of(data[0], "inputs of data").ndim - 1
        model = ModuleModel(module, input_axes=max(axes, 0))
    others = other_names(model)
    vectors = [
        flat_weights(weights, model.layout, name, others)
        for weights, name in zip(several, names, strict=True)
    ]
    precision = precision or str(np.result_type(*vectors))
    if precision not in ("float32", "float64"):
        raise ConfigError("precision", expected="float32 or float64", found=f"'{precision}'")
    # A transformer's numbers are those of the workflow, its algorithms on a GPU deterministic as there.
    chosen = chosen_device(device)
    if isinstance(model, Transformer):
        prepare(chosen, known.training.run.threads if known else torch.get_num_threads())
    stacked = np.stack(vectors).astype(precision)
    task = make_task(model, data, validation, loss, error, stacked[0], chosen)
    return Prepared(stacked, task, Shared(weight_decay, batch_size, precision, chosen))


def check_number(name: str, value: Any, *, least: float, whole: bool = False) -> None:
    """Refuse what is no finite number of at least `least`.

    Raises
    ------
    ConfigError : with its name.
    """
    kind = Integral if whole else Real
    if not (isinstance(value, kind) and least <= float(value) < np.inf):
        expected = f"a {'whole ' if whole else ''}number of at least {least:g}"
        found = f"'{value}'" if isinstance(value, str) else value
        raise ConfigError(name, expected=expected, found=found)


def _check_alike(several: Sequence[Weights], names: Sequence[str], key: str, mend: str) -> None:
    """Refuse points of trainings of which each would be measured with another model, or on other data."""
    points = [(name, each) for name, each in zip(names, several, strict=True) if isinstance(each, Checkpoint)]
    (first_name, first), *others = points
    expected = getattr(first.training.run, key).model_dump()
    for name, point in others:
        found = getattr(point.training.run, key).model_dump()
        if differing := [setting for setting in expected if found.get(setting) != expected[setting]]:
            setting = differing[0]
            raise ConfigError(
                f"{name}: {setting} of its {key}",
                expected=f"{expected[setting]}, as that of {first_name}",
                found=found.get(setting),
                mend=mend,
            )
