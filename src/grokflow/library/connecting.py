"""A path between any two weight vectors of any model: fitted, measured, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from grokflow.artifacts.columns import METRICS
from grokflow.artifacts.tables import write_table
from grokflow.config import Fitted, made_entry
from grokflow.config import Path as PathSettings
from grokflow.errors import ConfigError, kind_of_value, nearest
from grokflow.library.examples import Data
from grokflow.library.fit import Fit
from grokflow.library.picture import Picture, drawn
from grokflow.library.prepared import check_number, prepare_task
from grokflow.library.threads import threads_put_back
from grokflow.library.training import Checkpoint, Device, Precision
from grokflow.library.weights import Weights
from grokflow.model import CROSS_ENTROPY, Layout, LossFunction, ModelFunction
from grokflow.paths import (
    Curve,
    FittedCurve,
    fit_curve,
    fit_history,
    measure_path,
    record_of,
    straight,
    values_of_t,
    write_joined,
)

Kind = Literal["segment", "polyline", "bezier"]

OF_WEIGHTS = METRICS[METRICS.index("train_loss") :]
"""What is measured of weights that lie on no path."""


@dataclass(frozen=True, eq=False)
class Connection:
    """A path between two weight vectors.

    `curve`: its control points; `metrics`: a row for each measured t; `fit`: a row for each epoch of the
    fit of its bends, none of a segment; `record`: what path.json says; `layout`: which part of a weight
    vector is which tensor.
    """

    curve: Curve
    metrics: pd.DataFrame
    fit: pd.DataFrame
    record: Mapping[str, Any]
    layout: Layout

    @property
    def converged(self) -> bool | None:
        """Whether the fit settled within its budget; None without bends."""
        found: bool | None = self.record["converged"]
        return found

    def weights(self, t: float) -> np.ndarray:
        """The weight vector (n,) at t from 0 to 1.

        Raises
        ------
        ConfigError : when t is anything else.
        """
        number = t.item() if isinstance(t, np.ndarray | Tensor) and t.shape == () else t
        if not (isinstance(number, Real) and 0 <= number <= 1):
            found = number if isinstance(number, Real) else kind_of_value(number)
            raise ConfigError("t", expected="one number from 0 to 1", found=found)
        vector: np.ndarray = self.curve.weights(np.array([number], dtype=float))[0]
        return vector

    def state_dict(self, t: float) -> dict[str, Tensor]:
        """The parameters at t by their names: for `load_state_dict(..., strict=False)` of the module.

        Raises
        ------
        ConfigError : when t is no number from 0 to 1.
        """
        vector = self.weights(t)
        return {
            parameter.name: torch.tensor(vector[self.layout.slices[parameter.name]].reshape(parameter.shape))
            for parameter in self.layout.parameters
        }

    def plot(self) -> Picture:
        """Loss, error and gradient norm along the path."""
        return drawn("path", "0", {"metrics.csv": self.metrics, "path.json": self.record})

    def save(self, folder: str | Path) -> None:
        """Write curve.safetensors, path.json, fit.csv, metrics.csv, path.png and path.svg."""
        folder = Path(folder)
        write_joined(folder, FittedCurve(self.curve, self.fit), self.record, self.layout)
        write_table(folder / "metrics.csv", self.metrics)
        picture = self.plot()
        for suffix in ("png", "svg"):
            picture.save(folder / f"path.{suffix}")

    def __repr__(self) -> str:
        first, last = self.curve.names[0], self.curve.names[-1]
        losses = self.metrics["train_loss_l2"]
        finite = losses[np.isfinite(losses)]
        said = f"{self.curve.kind} from {first} to {last}: highest train loss {finite.max():.4g}"
        if without := len(losses) - len(finite):
            said += f", not finite at {without} of {len(losses)} values of t"
        return f"Connection({said})"

    def _repr_html_(self) -> str:
        return str(self.metrics.to_html(max_rows=8))


@threads_put_back()
def connect(
    a: Weights,
    b: Weights,
    *,
    model: nn.Module | ModelFunction | None = None,
    data: Data | None = None,
    validation: Data | None = None,
    loss: LossFunction | None = None,
    error: LossFunction | None = None,
    kind: Kind = "segment",
    bends: int | None = None,
    points: int = 61,
    weight_decay: float | None = None,
    batch_size: int | None = None,
    fit: Fit | Mapping[str, Any] | None = None,
    seed: int | None = None,
    names: tuple[str, str] = ("a", "b"),
    precision: Precision | None = None,
    device: Device = "auto",
    log: bool = False,
) -> Connection:
    """Join two weight vectors by a path; fit its bends, measure along it.

    Parameters
    ----------
    a, b : weight vectors (n,), state dicts, modules, or points of a `Training` (`training.at("point_1")`).
    model : a PyTorch module, or anything with `layout` and `logits`. Of points of a training it is theirs.
    data : inputs (N, ...) and targets (N, ...) on which the path is fitted and measured; or a dataset of
        grokflow. Of points of a training it is theirs.
    validation : further inputs and targets on which it is measured; a dataset has its own.
    loss : outputs and targets of a batch to the mean loss. None: cross-entropy of classes.
    error : outputs and targets of a batch to (B,), whether each is wrong. None: 1 − accuracy of classes; a
        regression has none.
    kind : `segment`, or with bends that are fitted `polyline` or `bezier`.
    bends : control points between the ends; None: 1. Not for a segment.
    points : values of t at which the path is measured.
    weight_decay : λ of the path's loss, which has (λ/2)‖w‖² added; None: the training's with
        `sgd`, else 0, because decay that is decoupled from the gradient is part of no loss.
    batch_size : examples of a minibatch of the fit and of the mean gradient norm; None: the training's, else
        512.
    fit : how the bends are fitted: `Fit(epochs=200)`, or its settings. Not for a segment.
    seed : of the fit's random draws; None: the training's, else 0.
    names : what a and b are called; the fit's draws depend on them, too.
    precision : None: that of the weights.
    log : print how the fit goes on.

    Raises
    ------
    ConfigError : when weights, model, data and loss do not fit one another, the fit diverges, or the loss is
        finite nowhere on the path.

    Examples
    --------
    >>> import grokflow, torch
    >>> a, b = (torch.nn.Linear(2, 3) for _ in range(2))
    >>> inputs, targets = torch.randn(20, 2), torch.arange(20) % 3
    >>> path = grokflow.connect(a, b, model=a, data=(inputs, targets), device="cpu", points=5)
    >>> path.metrics["t"].tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    ends = [each if isinstance(each, Checkpoint) else None for each in (a, b)]
    path = _path(kind, points, bends, fit)
    if seed is None:
        seed = next((end.training.run.seed for end in ends if end), 0)
    check_number("seed", seed, least=0, whole=True)
    prepared = prepare_task(
        [a, b],
        names,
        model,
        data,
        validation=validation,
        loss=loss,
        error=error,
        weight_decay=weight_decay,
        batch_size=batch_size,
        precision=precision,
        device=device,
    )
    task, shared = prepared.task, prepared.shared._asdict()
    labels = [end.label if end else name for end, name in zip(ends, _distinct(names), strict=True)]
    line = straight(kind, prepared.vectors, (labels[0], labels[1]), getattr(path, "bends", 0))
    found = FittedCurve(line, fit_history([]))
    own_fit = path.fit if isinstance(path, Fitted) else None
    if own_fit is not None:
        found = fit_curve(line, task, own_fit, seed=seed, log=log, **shared)
        _check_finite(found)
    t = values_of_t(found.curve, path.points, path.points)
    metrics = measure_path(found.curve, t, task, **shared)
    _check_measured(metrics)
    start, end = (
        each.description if each else {"seed": None, "point": label, "epoch": None}
        for each, label in zip(ends, labels, strict=True)
    )
    record = record_of(kind, start, end, found, prepared.shared.weight_decay, own_fit)
    if task.loss.name != CROSS_ENTROPY.name:
        record["loss"] = task.loss.name
    return Connection(found.curve, metrics, found.history, record, task.model.layout)


@threads_put_back()
def measure(
    weights: Weights | Sequence[Weights],
    *,
    model: nn.Module | ModelFunction | None = None,
    data: Data | None = None,
    validation: Data | None = None,
    loss: LossFunction | None = None,
    error: LossFunction | None = None,
    weight_decay: float | None = None,
    batch_size: int | None = None,
    precision: Precision | None = None,
    device: Device = "auto",
) -> pd.DataFrame:
    """Losses, errors, gradient norms and weight norm of one or several weight vectors, a row each.

    The parameters are those of `connect`; `weights` may be a list.

    Raises
    ------
    ConfigError : when weights, model, data and loss do not fit one another.

    Examples
    --------
    >>> import grokflow, torch
    >>> module = torch.nn.Linear(2, 3)
    >>> found = grokflow.measure(module, model=module, data=(torch.zeros(6, 2), torch.arange(6) % 3))
    >>> list(found.columns)[:3]
    ['train_loss', 'train_loss_l2', 'train_error']
    """
    is_list = isinstance(weights, list | tuple)
    several = list(cast("Sequence[Weights]", weights)) if is_list else [cast("Weights", weights)]
    names = [f"weights[{number}]" if is_list else "weights" for number in range(len(several))]
    prepared = prepare_task(
        several,
        names,
        model,
        data,
        validation=validation,
        loss=loss,
        error=error,
        weight_decay=weight_decay,
        batch_size=batch_size,
        precision=precision,
        device=device,
    )
    curves = (Curve("segment", np.stack([vector, vector]), ("", "")) for vector in prepared.vectors)
    shared = prepared.shared._asdict()
    rows = [measure_path(curve, np.zeros(1), prepared.task, **shared) for curve in curves]
    return pd.concat(rows, ignore_index=True)[OF_WEIGHTS]


def _path(kind: str, points: int, bends: int | None, fit: Fit | Mapping[str, Any] | None) -> PathSettings:
    """A path as an entry of a configuration, whose checks are its checks."""
    if kind not in (kinds := get_args(Kind)):
        mend = nearest(kind, kinds)
        raise ConfigError("kind", expected=f"one of {', '.join(kinds)}", found=f"'{kind}'", mend=mend)
    settings = {"from": "own@initial", "to": "own@initial", "kind": kind, "points": points}
    if isinstance(fit, Fit | Mapping):
        fit = fit.model_dump() if isinstance(fit, Fit) else dict(fit)
    of_bends = {"bends": bends, "fit": fit}
    given = {name: value for name, value in of_bends.items() if value is not None}
    if kind == "segment" and given:
        name, value = next(iter(given.items()))
        mend = "Give kind='polyline' or kind='bezier'."
        raise ConfigError(
            name, expected="no such setting of a segment, which is straight", found=value, mend=mend
        )
    return made_entry("paths", settings | given, kind)


def _check_measured(metrics: pd.DataFrame) -> None:
    if not np.isfinite(metrics["train_loss_l2"]).any():
        raise ConfigError(
            "loss",
            expected="finite losses on the path",
            found=f"NaN or infinity at each of {len(metrics)} values of t, both ends among them",
            mend="See what the model gives for these weights and data, and the loss for what it gives.",
        )


def _check_finite(found: FittedCurve) -> None:
    if not (np.isfinite(found.curve.controls).all() and np.isfinite(found.history["loss"]).all()):
        raise ConfigError(
            "fit",
            expected="bends that stay finite",
            found=f"NaN or infinity in epoch {len(found.history)}",
            mend="Lower its learning_rate, if grokflow.measure finds the loss finite at both ends.",
        )


def _distinct(names: Sequence[str]) -> tuple[str, str]:
    first, last = names
    return (str(first), str(last)) if first != last else (str(first), f"{last}′")
