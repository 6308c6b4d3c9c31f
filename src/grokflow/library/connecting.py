"""A path between any two weight vectors of any model: fitted, measured, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from grokflow.artifacts.columns import METRICS
from grokflow.artifacts.tables import write_table
from grokflow.config import Fit, Fitted, decay_in_loss, made_entry
from grokflow.errors import ConfigError, nearest
from grokflow.library.examples import Data, LossFunction
from grokflow.library.picture import Picture, drawn
from grokflow.library.prepared import prepare_task
from grokflow.library.threads import threads_put_back
from grokflow.library.training import Checkpoint, Device, Precision
from grokflow.library.weights import Weights
from grokflow.model import CROSS_ENTROPY, Layout, ModelFunction
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


class Shared(NamedTuple):
    """What a fit and a measurement need alike."""

    weight_decay: float
    batch_size: int
    precision: str
    device: str


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
        """The weight vector (n,) at t from 0 to 1."""
        vector: np.ndarray = self.curve.weights(np.array([t]))[0]
        return vector

    def state_dict(self, t: float) -> dict[str, Tensor]:
        """The parameters at t by their names: for `load_state_dict(..., strict=False)` of the module."""
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
        highest = self.metrics["train_loss_l2"].max()
        return f"Connection({self.curve.kind} from {first} to {last}: highest train loss {highest:.4g})"

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
    bends: int = 1,
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
    kind : `segment`, or with `bends` that are fitted `polyline` or `bezier`.
    points : values of t at which the path is measured.
    weight_decay : λ of the path's loss, which has (λ/2)‖w‖² added; None: the training's with
        `sgd`, else 0, because decay that is decoupled from the gradient is part of no loss.
    batch_size : examples of a minibatch of the fit and of the mean gradient norm; None: the training's, else
        512.
    fit : how the bends are fitted: `Fit(epochs=200)`, or its settings.
    seed : of the fit's random draws; None: the training's, else 0.
    names : what a and b are called; the fit's draws depend on them, too.
    precision : None: that of the weights.
    log : print how the fit goes on.

    Raises
    ------
    ConfigError : when weights, model, data and loss do not fit one another, or the fit diverges.

    Examples
    --------
    >>> import grokflow, torch
    >>> a, b = (torch.nn.Linear(2, 3) for _ in range(2))
    >>> inputs, targets = torch.randn(20, 2), torch.arange(20) % 3
    >>> path = grokflow.connect(a, b, model=a, data=(inputs, targets), device="cpu", points=5)
    >>> path.metrics["t"].tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if kind not in (kinds := get_args(Kind)):
        mend = nearest(kind, kinds)
        raise ConfigError("kind", expected=f"one of {', '.join(kinds)}", found=f"'{kind}'", mend=mend)
    ends = [each if isinstance(each, Checkpoint) else None for each in (a, b)]
    known = ends[0] or ends[1]
    settings: dict[str, Any] = {"from": "own@initial", "to": "own@initial", "kind": kind, "points": points}
    if kind != "segment":
        settings |= {"bends": bends, "fit": fit.model_dump() if isinstance(fit, Fit) else dict(fit or {})}
    path = made_entry("paths", settings, kind)
    run = known.training.run if known else None
    decay = weight_decay if weight_decay is not None else decay_in_loss(run.optimizer) if run else 0.0
    batch = batch_size if batch_size is not None else run.optimizer.batch_size if run else 512
    chosen_seed = seed if seed is not None else run.seed if run else 0
    _check_numbers(decay, batch, chosen_seed)
    prepared = prepare_task(
        [a, b],
        names,
        model,
        data,
        validation=validation,
        loss=loss,
        error=error,
        precision=precision,
        device=device,
    )
    labels = [end.label if end else name for end, name in zip(ends, _distinct(names), strict=True)]
    line = straight(kind, prepared.vectors, (labels[0], labels[1]), getattr(path, "bends", 0))
    found = FittedCurve(line, fit_history([]))
    shared = Shared(decay, batch, prepared.precision, prepared.device)._asdict()
    own_fit = path.fit if isinstance(path, Fitted) else None
    if own_fit is not None:
        found = fit_curve(line, prepared.task, own_fit, seed=chosen_seed, log=log, **shared)
        _check_finite(found)
    t = values_of_t(found.curve, path.points, path.points)
    metrics = measure_path(found.curve, t, prepared.task, **shared)
    start, end = (
        each.description if each else {"seed": None, "point": label, "epoch": None}
        for each, label in zip(ends, labels, strict=True)
    )
    record = record_of(kind, start, end, found, decay, own_fit)
    if prepared.task.loss.name != CROSS_ENTROPY.name:
        record["loss"] = prepared.task.loss.name
    return Connection(found.curve, metrics, found.history, record, prepared.task.model.layout)


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
    several = cast("list[Weights]", list(weights) if isinstance(weights, list | tuple) else [weights])
    known = next((each for each in several if isinstance(each, Checkpoint)), None)
    run = known.training.run if known else None
    decay = weight_decay if weight_decay is not None else decay_in_loss(run.optimizer) if run else 0.0
    batch = batch_size if batch_size is not None else run.optimizer.batch_size if run else 512
    _check_numbers(decay, batch, 0)
    names = [f"weights {number}" for number in range(len(several))]
    prepared = prepare_task(
        several,
        names,
        model,
        data,
        validation=validation,
        loss=loss,
        error=error,
        precision=precision,
        device=device,
    )
    rows = [
        measure_path(
            Curve("segment", np.stack([vector, vector]), ("", "")),
            np.zeros(1),
            prepared.task,
            weight_decay=decay,
            batch_size=batch,
            precision=prepared.precision,
            device=prepared.device,
        )
        for vector in prepared.vectors
    ]
    return pd.concat(rows, ignore_index=True)[OF_WEIGHTS]


def _check_numbers(weight_decay: float, batch_size: int, seed: int) -> None:
    for name, value, fits, expected in (
        ("weight_decay", weight_decay, 0 <= weight_decay < np.inf, "a number of at least 0"),
        ("batch_size", batch_size, batch_size >= 1, "a whole number of at least 1"),
        ("seed", seed, seed >= 0, "a whole number of at least 0"),
    ):
        if not fits:
            raise ConfigError(name, expected=expected, found=value)


def _check_finite(found: FittedCurve) -> None:
    if not (np.isfinite(found.curve.controls).all() and np.isfinite(found.history["loss"]).all()):
        raise ConfigError(
            "fit",
            expected="bends that stay finite",
            found=f"NaN or infinity in epoch {len(found.history)}",
            mend="Lower its learning_rate.",
        )


def _distinct(names: Sequence[str]) -> tuple[str, str]:
    first, last = names
    return (str(first), str(last)) if first != last else (str(first), f"{last}′")
