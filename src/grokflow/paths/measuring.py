"""Measurements along a path: what loss, error and gradient do between its ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow.artifacts.columns import METRICS
from grokflow.config import Chain, ResolvedPath
from grokflow.model.objective import Task, gradient_pass, loss_and_error, make_task
from grokflow.model.weights import norm_of, to_tensor
from grokflow.paths.connecting import Skipped
from grokflow.paths.curve_files import FittedCurve
from grokflow.paths.geometry import Curve, values_of_t

POINTS_AT_ONCE = {"cpu": 1, "cuda": 64}
"""Points of a path that are measured as one batch of models: a CPU is no faster with more, a GPU is."""


def measure(
    path: ResolvedPath, found: FittedCurve | Skipped, dataset: pd.DataFrame, device: str
) -> pd.DataFrame:
    """The measurements along what `connect` found: no rows when the path was skipped. Prints a line."""
    if isinstance(found, Skipped):
        print(f"skipped: {found.reason}", flush=True)
        return pd.DataFrame(columns=METRICS)
    run = path.from_run
    inner = path.path.inner_points if isinstance(path.path, Chain) else path.path.points
    measured = measure_path(
        found.curve,
        values_of_t(found.curve, path.path.points, inner),
        make_task(run.model, run.dataset, dataset, device),
        weight_decay=path.weight_decay,
        batch_size=run.optimizer.batch_size,
        precision=run.precision,
        device=device,
    )
    error, norm = measured["train_error"].max(), measured["gradient_norm"].max()
    print(
        f"measured {found.curve.ends} at {len(measured)} values of t  largest train error {error:.4f}  "
        f"largest gradient norm {norm:.4g}",
        flush=True,
    )
    return measured


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
        weights = _weights(curve, values, precision, device)
        if at_once == 1:
            weights = weights[0]
        train = gradient_pass(task.model, weights, batches, weight_decay)
        validation_loss, validation_error = loss_and_error(task.model, weights, task.validation)
        weight_norm = norm_of(weights, task.model.layout.trained)
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
        numbers = torch.stack(measured).view(len(measured), -1).cpu().numpy()
        columns = [values, curve.segment(values), lengths[start : start + at_once], *numbers]
        parts.append(pd.DataFrame(dict(zip(METRICS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True)


def _weights(curve: Curve, t: np.ndarray, precision: str, device: str) -> Tensor:
    """φ(t) (T, n); a GPU computes it from the control points, because sending it all takes longer."""
    if device == "cpu":
        return to_tensor(curve.weights(t), precision, device)
    controls = to_tensor(curve.controls, precision, device)
    return torch.from_numpy(curve.coefficients(t)).to(controls) @ controls
