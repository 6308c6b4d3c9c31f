"""Optimising the bends of a path: minimise E_{t~U[0,1]} Loss(φ(t)) by SGD, one t a minibatch.

Source: Garipov et al. (2018), section 3.2 and appendix A; paper M, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from grokflow.config import Fit
from grokflow.paths.geometry import KINDS

Step = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Weights (..., n) on the path to the loss there (...) and its gradient (..., n), on one minibatch."""


def learning_rate(fit: Fit, progress: float) -> float:
    """Constant for half of the time, falling linearly to 1 % at 0.9, constant again.

    Garipov et al. (2018), appendix A.1. `progress` runs from 0 to 1.
    """
    factor = 1.0 if progress <= 0.5 else max(0.01, 1.0 - (progress - 0.5) / 0.4 * 0.99)
    return fit.learning_rate * factor


def fit_bends(
    kind: str,
    controls: Tensor,
    fit: Fit,
    epochs: Iterable[tuple[np.ndarray, Iterable[Step]]],
    velocity: Tensor | None = None,
    done: int = 0,
) -> Iterator[tuple[np.ndarray, float]]:
    """Move the inner control points of `controls` (..., K, n) in place; the first and the last stay.

    `...`: no or one leading axis, the paths that are fitted together.

    Parameters
    ----------
    epochs : for each epoch, the values of t (..., S) and S minibatches, each a `Step`.
    velocity : (..., K − 2, n), moved in place too; None: at rest.
    done : epochs that were fitted before.

    Yields
    ------
    For each epoch, the mean loss (...) over its minibatches and the learning rate.
    """
    bends = controls[..., 1:-1, :]
    velocity = torch.zeros_like(bends) if velocity is None else velocity
    for epoch, (values, steps) in enumerate(epochs, start=done):
        flat = KINDS[kind](values.reshape(-1), controls.shape[-2])
        coefficients = torch.from_numpy(flat.reshape(*values.shape, -1)).to(controls)
        rate = learning_rate(fit, epoch / fit.epochs)
        total = torch.zeros(controls.shape[:-2], dtype=torch.float64, device=controls.device)
        for row, step in zip(coefficients.unbind(-2), steps, strict=True):
            loss, gradient = step((row.unsqueeze(-2) @ controls).squeeze(-2))
            velocity.mul_(fit.momentum).addcmul_(row[..., 1:-1, None], gradient.unsqueeze(-2))
            bends.add_(velocity, alpha=-rate)
            total += loss.double()
        yield total.cpu().numpy() / values.shape[-1], rate
