"""The scale-invariance audit: does the model say the same for θ and Cθ, group by group?

A model is scale-invariant in a group of its weights when log p(y|x, θ) = log p(y|x, Cθ) for all C > 0
with that group scaled (paper P, section 1). Then the loss is constant along the ray, so θ·g = 0 (Euler).
The audit measures both in float64; nothing is concluded from the architecture.

Shapes: S scales, B pairs, T context, V vocabulary, n weights.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from grokflow.artifacts.columns import INVARIANCE, RAYS
from grokflow.artifacts.results import RunResults
from grokflow.config import InvarianceSettings, ResolvedRun
from grokflow.model.checkpoints import read_checkpoint
from grokflow.model.layout import merged
from grokflow.model.objective import Examples, Task, loss_and_gradient, make_task
from grokflow.model.protocol import ModelFunction, residual_stream
from grokflow.randomness import generator

RESIDUAL_STREAM = "residual stream"
"""All groups that write into the residual stream, scaled together."""

ALL = "all"
"""All trained groups, scaled together."""

Groups = Mapping[str, tuple[slice, ...]]


def audited_groups(model: ModelFunction) -> dict[str, tuple[slice, ...]]:
    """Every parameter group, the residual stream's together where there is one, and everything trained."""
    groups = dict(model.layout.groups)
    stream = [piece for group in residual_stream(model) for piece in groups[group]]
    together = {RESIDUAL_STREAM: merged(stream)} if stream else {}
    return {**groups, **together, ALL: model.layout.trained}


def scales(settings: InvarianceSettings) -> np.ndarray:
    """The values of C (S,), evenly spaced in log C."""
    low, high = settings.scales
    return np.geomspace(low, high, settings.steps)


@torch.no_grad()
def changes(
    model: ModelFunction, weights: Tensor, tokens: Tensor, groups: Groups, C: Tensor
) -> dict[str, Tensor]:
    """For each group, scaled by each C (S,): the largest |Δ log p| over tokens (B, T).

    Parameters
    ----------
    weights : (n,), or (M, n) for M models.

    Returns
    -------
    (S,), or (M, S), for each group.
    """
    *models, n = weights.shape
    S = len(C)
    before = log_softmax(model.logits(weights, tokens), -1).unsqueeze(-3)
    # One row for each model and scale. A group is scaled in place and put back, not copied.
    scaled = weights.unsqueeze(-2).repeat(*[1] * len(models), S, 1).view(-1, n)
    factors = C.repeat(math.prod(models)).unsqueeze(-1)
    found = {}
    for group, pieces in groups.items():
        kept = [scaled[:, piece].clone() for piece in pieces]
        for piece in pieces:
            scaled[:, piece] *= factors
        after = log_softmax(model.logits(scaled, tokens), -1)
        found[group] = (after.unflatten(0, (*models, S)) - before).abs().amax((-1, -2))
        for piece, value in zip(pieces, kept, strict=True):
            scaled[:, piece] = value
    return found


def audit(
    model: ModelFunction, weights: np.ndarray, examples: Examples, settings: InvarianceSettings
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The audit of a weight vector (n,): rows of invariance.csv and of rays.csv, without point and epoch."""
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
    model: ModelFunction, weights: np.ndarray, examples: Examples
) -> dict[str, tuple[slice, ...]]:
    """The trained groups that the audit finds invariant near weights (n,), or (M, n) for all of M models.

    Near, because at initialisation biases are 0, and a norm before a map without a bias is invariant
    too. Groups of the residual stream that are invariant only together count as one.
    """
    settings, device = InvarianceSettings(steps=2), examples.targets.device
    noise = 0.1 * generator(0, "invariance/noise").standard_normal(model.layout.size)
    theta = torch.as_tensor(weights + noise).to(device=device, dtype=torch.float64)
    C, groups = torch.from_numpy(scales(settings)).to(device), audited_groups(model)
    found = changes(model, theta, examples.tokens, groups, C)
    unchanged = {group for group, change in found.items() if change.max() <= settings.tolerance}
    invariant = unchanged - {ALL, *model.layout.frozen}
    stream = set(residual_stream(model))
    if RESIDUAL_STREAM in invariant and stream <= invariant:
        invariant.remove(RESIDUAL_STREAM)
    elif RESIDUAL_STREAM in invariant:
        invariant -= stream
    return {group: pieces for group, pieces in groups.items() if group in invariant}


def audited_pairs(task: Task, pairs: int) -> Examples:
    """`pairs` pairs of the whole table, drawn at random and always the same."""
    tokens = torch.cat([task.train.tokens, task.validation.tokens])
    targets = torch.cat([task.train.targets, task.validation.targets])
    order = generator(0, "invariance").permutation(len(targets))[:pairs]
    whole = dataclasses.replace(task.train, tokens=tokens, targets=targets)
    return whole.take(torch.from_numpy(order).to(targets.device))


def audit_run(
    run: ResolvedRun,
    settings: InvarianceSettings,
    dataset: pd.DataFrame,
    seed: RunResults,
    device: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The audit of a seed at initialisation and at every point that it reached: invariance.csv, rays.csv.

    Raises
    ------
    ArtifactError : when a checkpoint is missing or damaged.
    """
    task = make_task(run.model, run.dataset, dataset, device)
    examples = audited_pairs(task, settings.pairs)
    verdicts, rays = [], []
    for point in ("initial", "point_1", "point_2"):
        if seed.points[point] is None:
            continue
        epoch = seed.points[point]["epoch"]
        weights = read_checkpoint(seed.folder / "checkpoints", epoch, task.model.layout, run.weights_digest)
        of_verdicts, of_rays = audit(task.model, weights, examples, settings)
        verdicts += [{"point": point, "epoch": epoch, **row} for row in of_verdicts]
        rays += [{"point": point, "epoch": epoch, **row} for row in of_rays]
    return pd.DataFrame(verdicts, columns=INVARIANCE), pd.DataFrame(rays, columns=RAYS)


def _radial(theta: Tensor, gradient: Tensor, pieces: tuple[slice, ...]) -> float:
    own = torch.cat([theta[piece] for piece in pieces])
    slope = torch.cat([gradient[piece] for piece in pieces])
    length = own.norm() * slope.norm()
    return (own @ slope).abs().item() / length.item() if length > 0 else 0.0
