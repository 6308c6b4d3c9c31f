"""Optimising the bends of a path: minimise E_{t~U[0,1]} Loss(φ(t)) by SGD, one t a minibatch.

Source: Garipov et al. (2018), section 3.2 and appendix A; paper M, section 3. No model is known here.

Shapes: `...` no or one leading axis (M paths that are fitted together), K control points, n weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from grokflow.config import Fit

LossAt = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Weights (..., n) on the path to the loss there (...) and its gradient (..., n), on one minibatch."""


def learning_rate(fit: Fit, progress: float) -> float:
    """Constant for half of the time, falling linearly to 1 % at 0.9, constant again.

    Garipov et al. (2018), appendix A.1. `progress` runs from 0 to 1.
    """
    factor = 1.0 if progress <= 0.5 else max(0.01, 1.0 - (progress - 0.5) / 0.4 * 0.99)
    return fit.learning_rate * factor


def fit_epoch(
    controls: Tensor,
    velocity: Tensor,
    coefficients: Tensor,
    losses_at: Sequence[LossAt],
    rate: float | Tensor,
    momentum: float,
) -> Tensor:
    """Move the inner control points by one step a minibatch, in place; the first and the last stay.

    Never waits for a GPU, so it can be captured as a graph; `rate` is then a tensor.

    Parameters
    ----------
    controls : (..., K, n).
    velocity : (..., K − 2, n), moved in place too.
    coefficients : (..., S, K), how much of each control point φ(t) is at the t of each of S minibatches.
    losses_at : of each minibatch.

    Returns
    -------
    The mean loss (...) over the minibatches, in float64.
    """
    bends = controls[..., 1:-1, :]
    total = torch.zeros(controls.shape[:-2], dtype=torch.float64, device=controls.device)
    for share, loss_at in zip(coefficients.unbind(-2), losses_at, strict=True):
        loss, gradient = loss_at((share.unsqueeze(-2) @ controls).squeeze(-2))
        # ∂Loss(φ(t))/∂wₖ = cₖ(t) · ∂Loss/∂φ
        velocity.mul_(momentum).addcmul_(share[..., 1:-1, None], gradient.unsqueeze(-2))
        if isinstance(rate, Tensor):
            bends.addcmul_(velocity, -rate)
        else:
            bends.add_(velocity, alpha=-rate)
        total += loss.double()
    return total / len(losses_at)
