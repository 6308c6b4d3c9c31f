"""The layout of a flat weight vector: names, shapes, slices, initial scales.

A model is a function of one vector of n numbers. This module says which of them belong to which
named tensor, and draws the first such vector.

Shapes: n numbers in a weight vector; `...` no or any leading axes (M models).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from grokflow.randomness import generator


@dataclass(frozen=True)
class Parameter:
    """One named tensor inside the weight vector. `scale`: standard deviation at initialisation."""

    name: str
    shape: tuple[int, ...]
    scale: float

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """The named tensors of a model, in the order in which they lie in its weight vector."""

    parameters: tuple[Parameter, ...]

    @cached_property
    def size(self) -> int:
        """n, the length of a weight vector."""
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each named tensor lies."""
        slices, start = {}, 0
        for parameter in self.parameters:
            slices[parameter.name] = slice(start, start + parameter.size)
            start += parameter.size
        return slices

    def split(self, weights: Tensor) -> dict[str, Tensor]:
        """Views of `weights` (..., n) as named tensors (..., *shape)."""
        parts = weights.split([parameter.size for parameter in self.parameters], dim=-1)
        return {
            parameter.name: part.view(*weights.shape[:-1], *parameter.shape)
            for parameter, part in zip(self.parameters, parts, strict=True)
        }

    def join(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """The flat vector (n,) of named arrays in their natural shapes: the inverse of `split`."""
        return np.concatenate([np.ravel(tensors[parameter.name]) for parameter in self.parameters])

    def initial(self, seed: int) -> np.ndarray:
        """A first weight vector (n,) in float64, each tensor ~ N(0, scale²) from a draw of its own.

        Source: paper M (after Omnigrok): N(0, 1/d_model), unembedding N(0, 1/vocabulary), biases 0.
        """
        return self.join(
            {
                parameter.name: parameter.scale
                * generator(seed, f"init/{parameter.name}").standard_normal(parameter.shape)
                for parameter in self.parameters
            }
        )


def to_tensor(weights: np.ndarray, precision: str, device: str) -> Tensor:
    """A weight vector as a tensor of the configured precision on the configured device."""
    return torch.as_tensor(weights).to(device=device, dtype=getattr(torch, precision))
