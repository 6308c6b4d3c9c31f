"""Weight vectors as tensors: their precision, their device, their named parts, their norms.

Shapes: n numbers in a weight vector; `...` no or any leading axes (M models).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from grokflow.model.layout import Layout


def to_tensor(weights: np.ndarray, precision: str, device: str) -> Tensor:
    """Weight vectors as a tensor of the configured precision and device; it may share memory with them."""
    return torch.as_tensor(weights).to(device=device, dtype=getattr(torch, precision))


def unflatten(weights: Tensor, layout: Layout) -> dict[str, Tensor]:
    """Views of `weights` (..., n) as named tensors (..., *shape)."""
    leading = weights.shape[:-1]
    parts = weights.split([parameter.size for parameter in layout.parameters], dim=-1)
    return {
        # A view of the same shape would still be a node of the gradient's graph.
        parameter.name: part if len(parameter.shape) == 1 else part.view((*leading, *parameter.shape))
        for parameter, part in zip(layout.parameters, parts, strict=True)
    }


def norm_of(vector: Tensor, pieces: Iterable[slice]) -> Tensor:
    """L2 norm (...) of at least one given part of a vector (..., n), summed in float64."""
    norms = [torch.linalg.vector_norm(vector[..., p], dim=-1, dtype=torch.float64) for p in pieces]
    return norms[0] if len(norms) == 1 else torch.stack(norms).norm(dim=0)
