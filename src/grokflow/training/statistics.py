"""Effective statistics: how training looks on the unit sphere of a scale-invariant model.

A scale-invariant model does the same on the whole ray through θ, so only θ/‖θ‖ matters. There the
gradient is g_eff = g·‖θ‖ and the learning rate η_eff = η/‖θ‖² (paper P, section 3.5). Both are recorded
over all trained weights, as the paper does, and over those that the audit finds invariant, for which
alone the definition is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from grokflow.model.layout import Layout, merged


def statistics(learning_rate: float, norms: Sequence[float], gradient_norms: Sequence[float]) -> list[float]:
    """The values of `columns.STATISTICS`, from norms of all weights and of the invariant
    ones, which are 0 where there is none.
    """
    row: list[float] = []
    for norm, gradient_norm in zip(norms, gradient_norms, strict=True):
        if norm > 0:
            row += [norm, gradient_norm, learning_rate / norm**2, gradient_norm * norm]
        else:
            row += [math.nan] * 4
    return row


class PieceNorms:
    """L2 norms of the trained and the invariant parts of weights or gradients, reading each number once."""

    def __init__(self, layout: Layout, invariant: Sequence[slice]) -> None:
        inside = merged(invariant)
        trained = [piece for whole in layout.trained for piece in _without(whole, inside)]
        self.pieces = [*inside, *trained]
        self.invariant = len(inside)

    def squares(self, vectors: Tensor) -> Tensor:
        """Squared norms (..., P), in float64, of the pieces of vectors (..., n)."""
        pieces = [vectors[..., piece] for piece in self.pieces]
        if vectors.ndim == 1:
            norms = torch.stack(torch._foreach_norm(pieces))
        else:
            norms = torch.stack([torch.linalg.vector_norm(piece, dim=-1) for piece in pieces], -1)
        return norms.double().square()

    def norms(self, squares: Tensor) -> Tensor:
        """(..., 2): of everything trained and of the invariant part, from squares (..., P)."""
        return torch.stack([squares.sum(-1), squares[..., : self.invariant].sum(-1)], -1).sqrt()


def _without(whole: slice, inside: Sequence[slice]) -> list[slice]:
    """What is left of `whole` when the pieces inside it are taken out."""
    rest, start = [], whole.start
    for piece in inside:
        if whole.start <= piece.start < whole.stop:
            rest.append(slice(start, piece.start))
            start = piece.stop
    return [piece for piece in (*rest, slice(start, whole.stop)) if piece.stop > piece.start]
