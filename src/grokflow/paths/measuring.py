"""Measurements along a path: what loss, error and gradient do between its ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from grokflow.config import Chain, ResolvedPath
from grokflow.model.objective import Task, gradient_pass, loss_and_error, make_task
from grokflow.model.weights import norm_of, to_tensor
from grokflow.paths import Curve, parameters
from grokflow.paths.curve_files import read_curve, read_skipped

POINTS_AT_ONCE = {"cpu": 1, "cuda": 16}
"""Points of a path that are measured as one batch of models: a CPU is no faster with more, a GPU is."""

METRICS = [
    "t",
    "segment",
    "arc_length",
    "train_loss",
    "train_loss_l2",
    "train_error",
    "validation_loss",
    "validation_loss_l2",
    "validation_error",
    "gradient_norm",
    "gradient_norm_l2",
    "weight_norm",
]
"""Columns of metrics.csv. `*_loss`: mean cross-entropy in nats; `*_loss_l2`: with (λ/2)‖φ(t)‖² added;
`*_error`: 1 − accuracy; `gradient_norm`: mean over the train set's minibatches of ‖∇ cross-entropy‖,
`gradient_norm_l2`: of ‖∇ cross-entropy + λφ(t)‖; `arc_length`: from φ(0). Source: paper M, section 4."""


def measure_connection(
    path: ResolvedPath, record: str | Path, curve: str | Path, dataset: pd.DataFrame, device: str
) -> pd.DataFrame:
    """The measurements along a path on disk: no rows when it was skipped.

    Parameters
    ----------
    record, curve : path.json and curve.safetensors.
    """
    if read_skipped(record):
        return pd.DataFrame(columns=METRICS)
    run = path.from_run
    task = make_task(run.model, run.dataset, dataset, device)
    found = read_curve(curve, task.model.layout)
    inner = path.path.inner_points if isinstance(path.path, Chain) else path.path.points
    return measure_path(
        found,
        parameters(found, path.path.points, inner),
        task,
        weight_decay=path.weight_decay,
        batch_size=run.optimizer.batch_size,
        precision=run.precision,
        device=device,
    )


def measure_path(
    curve: Curve,
    t: np.ndarray,
    task: Task,
    *,
    weight_decay: float,
    batch_size: int,
    precision: str,
    device: str,
) -> pd.DataFrame:
    """One row of `METRICS` for each value of t (T,)."""
    batches = list(task.train.batches(batch_size))
    lengths = curve.arc_length(t)
    at_once = POINTS_AT_ONCE[device]
    parts = []
    for start in range(0, len(t), at_once):
        values = t[start : start + at_once]
        weights = to_tensor(curve.weights(values), precision, device)
        if at_once == 1:
            weights = weights[0]
        train = gradient_pass(task.model, weights, batches, weight_decay)
        validation_loss, validation_error = loss_and_error(task.model, weights, task.validation)
        weight_norm = norm_of(weights, task.model.layout.trained).cpu()
        penalty = weight_decay / 2 * weight_norm**2
        measured = (
            train.loss,
            train.loss + penalty,
            train.error,
            validation_loss,
            validation_loss + penalty,
            validation_error,
            train.norm,
            train.norm_l2,
            weight_norm,
        )
        columns = [
            values,
            curve.segment(values),
            lengths[start : start + at_once],
            *map(np.atleast_1d, measured),
        ]
        parts.append(pd.DataFrame(dict(zip(METRICS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True)
