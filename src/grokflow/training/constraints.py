"""What an update must not change: frozen tensors, and on the sphere the norms of invariant groups."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import Tensor

from grokflow.model.layout import Layout
from grokflow.model.weights import norm_of


class Constraints:
    """Projects the weights back after each update.

    Parameters
    ----------
    groups : groups whose norm is fixed. Each is projected back along its own ray, on which a
        scale-invariant model computes the same function (Kodryan et al. 2022, fixed-norm training).
    initial : (n,) or (M, n), the weights that have the frozen tensors and the norms.
    """

    def __init__(self, layout: Layout, groups: Mapping[str, tuple[slice, ...]], initial: Tensor) -> None:
        frozen = [piece for name in layout.frozen for piece in layout.groups[name]]
        self.frozen = [(piece, initial[..., piece].clone()) for piece in frozen]
        self.norms = [(pieces, norm_of(initial, pieces)) for pieces in groups.values()]

    def __call__(self, weights: Tensor) -> None:
        """Change the weights (..., n) in place; of M weight vectors, they may be the first ones alone."""
        first = slice(len(weights)) if weights.ndim == 2 else ...
        for piece, value in self.frozen:
            weights[..., piece] = value[first]
        for pieces, norm in self.norms:
            factor = (norm[first] / norm_of(weights, pieces)).to(weights.dtype).unsqueeze(-1)
            for piece in pieces:
                weights[..., piece] *= factor

    def of_rows(self, index: Tensor) -> Constraints:
        """The same for some of the M rows."""
        some = copy.copy(self)
        some.frozen = [(piece, value[index]) for piece, value in self.frozen]
        some.norms = [(pieces, norm[index]) for pieces, norm in self.norms]
        return some
