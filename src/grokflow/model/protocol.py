"""What the rest of grokflow asks of a model: to be a function of a flat weight vector.

Whatever has a `layout` and `logits` can be trained, joined by paths, measured and audited: the transformer
of the papers, a PyTorch module in a `ModuleModel`, a class of the user's.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from grokflow.model.layout import Layout


@runtime_checkable
class ModelFunction(Protocol):
    """A model as a function of its weights.

    It may also have `residual_stream`, the names of the parameter groups whose products are added up; the
    audit of scale invariance then scales these together, too.
    """

    @property
    def layout(self) -> Layout:
        """Which part of a weight vector is which tensor, and the first such vector."""

    def logits(self, weights: Tensor, tokens: Tensor) -> Tensor:
        """Logits (..., B, V) of B examples.

        Parameters
        ----------
        weights : (n,), or (M, n) for M models.
        tokens : (B, T), the same for every model, or (M, B, T).
        """


def residual_stream(model: ModelFunction) -> tuple[str, ...]:
    """The parameter groups that write into the model's residual stream; none where it names none."""
    return tuple(getattr(model, "residual_stream", ()))
