"""The scale-invariance audit: does the model say the same for θ and Cθ, group by group?

A model is scale-invariant in a group of its weights when log p(y|x, θ) = log p(y|x, Cθ) for all C > 0
with that group scaled (paper P, section 1). Then the loss is constant along the ray, so θ·g = 0 (Euler).
The audit measures both in float64; nothing is concluded from the architecture.

Shapes: S scales, B pairs, T context, V vocabulary, n weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from grokflow.config import Invariance, ResolvedRun
from grokflow.model.checkpoints import read_checkpoint
from grokflow.model.layout import merged
from grokflow.model.objective import Examples, Task, loss_and_gradient, make_task
from grokflow.model.transformer import Transformer
from grokflow.randomness import generator

RESIDUAL_STREAM = "residual stream"
"""All groups that write into the residual stream, scaled together."""

ALL = "all"
"""All trained groups, scaled together."""

AUDIT = ["point", "epoch", "group", "trained", "change", "radial_gradient", "tolerance", "invariant"]
"""Columns of invariance.csv. `change`: largest |log p(y|x, θ) − log p(y|x, Cθ)| over pairs, answers y and
scales C; `radial_gradient`: |θ·g| / (‖θ‖ ‖g‖) of the group; `invariant`: change ≤ tolerance."""

RAYS = ["point", "epoch", "group", "scale", "change"]
"""Columns of rays.csv: `change` as above, for each scale C."""

Groups = Mapping[str, tuple[slice, ...]]


def audited_groups(model: Transformer) -> dict[str, tuple[slice, ...]]:
    """Every parameter group, the residual stream's together, and everything trained."""
    groups = dict(model.layout.groups)
    stream = [piece for group in model.residual_stream for piece in groups[group]]
    return {**groups, RESIDUAL_STREAM: merged(stream), ALL: model.layout.trained}


def scales(settings: Invariance) -> np.ndarray:
    """The values of C (S,), evenly spaced in log C."""
    low, high = settings.scales
    return np.geomspace(low, high, settings.steps)


@torch.no_grad()
def changes(
    model: Transformer, weights: Tensor, tokens: Tensor, groups: Groups, C: Tensor
) -> dict[str, Tensor]:
    """For each group, scaled by C (S,) in weights (n,): largest |Δ log p| over tokens (B, T), as (S,)."""
    found, scaled = {}, weights.repeat(len(C), 1)
    before = log_softmax(model.logits(weights, tokens), -1)
    for group, pieces in groups.items():
        for piece in pieces:
            scaled[:, piece] *= C.unsqueeze(-1)
        after = log_softmax(model.logits(scaled, tokens), -1)
        found[group] = (after - before).abs().amax((-1, -2))
        for piece in pieces:
            scaled[:, piece] = weights[piece]
    return found


def audit(
    model: Transformer, weights: np.ndarray, examples: Examples, settings: Invariance
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The audit of a weight vector (n,): rows of `AUDIT` and of `RAYS`, without point and epoch."""
    device = examples.targets.device
    theta = torch.as_tensor(weights).to(device=device, dtype=torch.float64)
    C = torch.from_numpy(scales(settings)).to(device)
    _, gradient = loss_and_gradient(model, theta, examples)
    verdicts, rays = [], []
    groups = audited_groups(model)
    for group, found in changes(model, theta, examples.tokens, groups, C).items():
        change = found.max().item()
        verdicts.append(
            {
                "group": group,
                "trained": group not in model.layout.frozen,
                "change": change,
                "radial_gradient": _radial(theta, gradient, groups[group]),
                "tolerance": settings.tolerance,
                "invariant": change <= settings.tolerance,
            }
        )
        rays += [
            {"group": group, "scale": scale, "change": value}
            for scale, value in zip(C.tolist(), found.tolist(), strict=True)
        ]
    return verdicts, rays


def invariant_groups(
    model: Transformer, weights: np.ndarray, examples: Examples
) -> dict[str, tuple[slice, ...]]:
    """The trained groups that the audit finds invariant near `weights` (n,), each with its place.

    Near, because at initialisation biases are 0, and a norm before a map without a bias is invariant
    too. Groups of the residual stream that are invariant only together count as one.
    """
    noise = 0.1 * generator(0, "invariance/noise").standard_normal(weights.shape)
    verdicts, _ = audit(model, weights + noise, examples, Invariance(steps=2))
    invariant = {v["group"] for v in verdicts if v["invariant"] and v["trained"]} - {ALL}
    if RESIDUAL_STREAM in invariant and set(model.residual_stream) <= invariant:
        invariant.remove(RESIDUAL_STREAM)
    elif RESIDUAL_STREAM in invariant:
        invariant -= set(model.residual_stream)
    return {group: pieces for group, pieces in audited_groups(model).items() if group in invariant}


def audited_pairs(task: Task, pairs: int) -> Examples:
    """`pairs` pairs of the whole table, drawn at random and always the same."""
    tokens = torch.cat([task.train.tokens, task.validation.tokens])
    targets = torch.cat([task.train.targets, task.validation.targets])
    order = generator(0, "invariance").permutation(len(targets))[:pairs]
    return Examples(tokens, targets).take(torch.from_numpy(order).to(targets.device))


def audit_run(
    run: ResolvedRun,
    settings: Invariance,
    dataset: pd.DataFrame,
    points: Mapping[str, Any],
    checkpoints: str | Path,
    device: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The audit at initialisation and at every point that the run reached: invariance.csv, rays.csv.

    Parameters
    ----------
    points : the content of points.json.

    Raises
    ------
    ArtifactError : when a checkpoint is missing or damaged.
    """
    task = make_task(run.model, run.dataset, dataset, device)
    examples = audited_pairs(task, settings.pairs)
    verdicts, rays = [], []
    for point in ("initial", "point_1", "point_2"):
        if points[point] is None:
            continue
        epoch = points[point]["epoch"]
        weights = read_checkpoint(checkpoints, epoch, task.model.layout, run.weights_digest)
        of_verdicts, of_rays = audit(task.model, weights, examples, settings)
        verdicts += [{"point": point, "epoch": epoch, **row} for row in of_verdicts]
        rays += [{"point": point, "epoch": epoch, **row} for row in of_rays]
    return pd.DataFrame(verdicts, columns=AUDIT), pd.DataFrame(rays, columns=RAYS)


def _radial(theta: Tensor, gradient: Tensor, pieces: tuple[slice, ...]) -> float:
    own = torch.cat([theta[piece] for piece in pieces])
    slope = torch.cat([gradient[piece] for piece in pieces])
    length = own.norm() * slope.norm()
    return (own @ slope).abs().item() / length.item() if length > 0 else 0.0
