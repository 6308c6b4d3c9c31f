"""One epoch of optimising the bends of a path: minimise E_{t~U[0,1]} Loss(φ(t)), one t a minibatch.

Source: Garipov et al. (2018), section 3.2; paper M, section 3. No model is known here.

Shapes: `...` no or one leading axis (M paths that are fitted together), K control points, n weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

LossAt = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Weights (..., n) on the path to the loss there (...) and its gradient (..., n), on one minibatch."""

Update = Callable[[Tensor, Tensor], None]
"""Changes the bends (..., K − 2, n) in place by the gradient (..., K − 2, n) of the loss."""


def fit_epoch(controls: Tensor, coefficients: Tensor, losses_at: Sequence[LossAt], update: Update) -> Tensor:
    """Move the inner control points by one step a minibatch, in place; the first and the last stay.

    Never waits for a GPU, so it can be captured as a graph, if `update` can.

    Parameters
    ----------
    controls : (..., K, n).
    coefficients : (..., S, K), how much of each control point φ(t) is at the t of each of S minibatches.
    losses_at : of each minibatch.
    update : a step of the optimizer.

    Returns
    -------
    The mean loss (...) over the minibatches, in float64.
    """
    bends = controls[..., 1:-1, :]
    total = torch.zeros(controls.shape[:-2], dtype=torch.float64, device=controls.device)
    for share, loss_at in zip(coefficients.unbind(-2), losses_at, strict=True):
        loss, gradient = loss_at((share.unsqueeze(-2) @ controls).squeeze(-2))
        # ∂Loss(φ(t))/∂wₖ = cₖ(t) · ∂Loss/∂φ
        update(bends, share[..., 1:-1, None] * gradient.unsqueeze(-2))
        total += loss.double()
    return total / len(losses_at)
