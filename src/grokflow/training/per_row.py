"""Settings of M weight vectors that are trained together, which differ in learning rate and weight decay."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import Tensor

StepNumber = int | Tensor
"""The number of a step, or the number of each row's own step: (M, 1)."""


class PerRow(SimpleNamespace):
    """Settings of which the learning rate and the weight decay are (M, 1), one for each row of weights."""


def of_first(settings: Any, weights: Tensor) -> Any:
    """The settings of the rows of `weights`: the last ones may be missing, because their epoch is over."""
    if not isinstance(settings, PerRow) or len(settings.learning_rate) == len(weights):
        return settings
    changed = {name: getattr(settings, name)[: len(weights)] for name in ("learning_rate", "weight_decay")}
    return PerRow(**{**vars(settings), **changed})


def like(weights: Tensor, factor: Any) -> Any:
    """A factor that was computed in float64, as a single run's is, in the precision of the weights."""
    return factor.to(weights.dtype) if isinstance(factor, Tensor) else factor
