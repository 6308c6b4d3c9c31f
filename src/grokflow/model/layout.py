"""The layout of a flat weight vector: names, shapes, slices, initial scales.

A model is a function of one vector of n numbers. This module says which of them belong to which
named tensor, and draws the first such vector. It needs no PyTorch: whatever only moves weight vectors
from file to file starts without it.

Shapes: n numbers in a weight vector; `...` no or any leading axes (M models); D width, F MLP width,
V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokflow.config import UNEMBEDDING_NORM, Model
from grokflow.randomness import generator


@dataclass(frozen=True)
class Parameter:
    """One named tensor inside the weight vector.

    `mean`, `scale`: mean and standard deviation at initialisation. `frozen_norm`: the norm at which the
    tensor is drawn and then left alone; None for one that is trained.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    mean: float = 0.0
    frozen_norm: float | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def group(self) -> str:
        """The map or norm that the tensor belongs to: a weight and its bias, a gain and its bias."""
        head, _, last = self.name.rpartition(".")
        return head if last in ("weight", "bias", "gain") else self.name

    def draw(self, seed: int) -> np.ndarray:
        """The first value, in float64."""
        noise = generator(seed, f"init/{self.name}").standard_normal(self.shape)
        value = self.mean + self.scale * noise
        return value if self.frozen_norm is None else value * (self.frozen_norm / np.linalg.norm(value))


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

    def join(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """The flat vector (n,) of named arrays in their natural shapes: the inverse of `weights.unflatten`.

        Raises
        ------
        KeyError, ValueError : when one is missing or has another shape.
        """
        for parameter in self.parameters:
            if tensors[parameter.name].shape != parameter.shape:
                raise ValueError(f"{parameter.name} of shape {parameter.shape}")
        return np.concatenate([np.ravel(tensors[parameter.name]) for parameter in self.parameters])

    def initial(self, seed: int) -> np.ndarray:
        """A first weight vector (n,) in float64, each tensor ~ N(0, scale²) from a draw of its own.

        Source: paper M (after Omnigrok): N(0, 1/d_model), unembedding N(0, 1/vocabulary), biases 0.
        """
        return self.join({parameter.name: parameter.draw(seed) for parameter in self.parameters})

    @cached_property
    def groups(self) -> dict[str, tuple[slice, ...]]:
        """Where the tensors of each parameter group lie."""
        groups: dict[str, tuple[slice, ...]] = {}
        for parameter in self.parameters:
            groups[parameter.group] = (*groups.get(parameter.group, ()), self.slices[parameter.name])
        return groups

    @cached_property
    def frozen(self) -> tuple[str, ...]:
        """The groups that are not trained."""
        return tuple(dict.fromkeys(p.group for p in self.parameters if p.frozen_norm is not None))

    @cached_property
    def trained(self) -> tuple[slice, ...]:
        """The trained part of a weight vector, in as few pieces as there are."""
        kept = [self.slices[p.name] for p in self.parameters if p.frozen_norm is None]
        return merged(kept)


def layout_of(config: Model, positions: int, vocabulary: int) -> Layout:
    """Names and shapes of the weights of a transformer. Linear maps act on row vectors: y = x W + b."""
    D, F, V = config.width, config.mlp_width, vocabulary
    scale = 1 / math.sqrt(D)
    frozen_norm = (config.unembedding_norm or UNEMBEDDING_NORM) if config.invariant.rest else None
    parameters = [
        Parameter("token_embedding", (V, D), scale),
        Parameter("position_embedding", (positions, D), scale),
    ]
    for layer in range(config.layers):
        attention, mlp = f"layer_{layer}.attention", f"layer_{layer}.mlp"
        parameters += [
            *_of_norm(config, f"{attention}.norm", D),
            Parameter(f"{attention}.query", (D, D), scale),
            Parameter(f"{attention}.key", (D, D), scale),
            Parameter(f"{attention}.value", (D, D), scale),
            Parameter(f"{attention}.output", (D, D), scale),
            *_of_norm(config, f"{mlp}.norm", D),
            Parameter(f"{mlp}.in.weight", (D, F), scale),
            Parameter(f"{mlp}.in.bias", (F,), 0.0),
            *_of_norm(config, f"{mlp}.hidden_norm", F),
            Parameter(f"{mlp}.out.weight", (F, D), scale),
            Parameter(f"{mlp}.out.bias", (D,), 0.0),
        ]
    parameters += [
        *_of_norm(config, "final_norm", D),
        Parameter("unembedding", (D, V), 1 / math.sqrt(V), frozen_norm=frozen_norm),
    ]
    return Layout(tuple(parameters))


def _of_norm(config: Model, name: str, width: int) -> list[Parameter]:
    """What a norm learns: by default a gain and a bias (Ba, Kiros & Hinton 2016)."""
    if config.normalization == "none" or config.invariant.rest:
        return []
    gain = Parameter(f"{name}.gain", (width,), 0.0, mean=1.0)
    bias = Parameter(f"{name}.bias", (width,), 0.0)
    return {"none": [], "gain": [gain]}.get(config.norm_affine or "", [gain, bias])


def merged(pieces: Iterable[slice]) -> tuple[slice, ...]:
    """The same numbers in as few slices as there are gaps between."""
    result: list[slice] = []
    for piece in sorted(pieces, key=lambda s: s.start):
        if result and result[-1].stop == piece.start:
            result[-1] = slice(result[-1].start, piece.stop)
        else:
            result.append(piece)
    return tuple(result)
