"""How far outputs are from their targets: cross-entropy with its wrong answers, or a loss of the user's.

Shapes: `...` no or one leading axis (M models), B examples, V classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

NO_TARGET = -1
"""The target of an example that counts for nothing: it fills up a row of a batch of models."""

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""Outputs (B, ...) and targets (B, ...) of a batch to one number, its mean loss; or to (B,), whether each is
wrong."""


class Loss(Protocol):
    """What is minimised, and what counts as an error."""

    @property
    def name(self) -> str:
        """As an axis of a figure calls it."""

    def mean(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(...): the mean over a batch; autograd passes through it."""

    def of_examples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(..., B): of each example; autograd passes through it."""

    def wrong(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(..., B): whether the answer is wrong; NaN where there is no such thing as a wrong answer."""

    def counts(self, targets: Tensor) -> Tensor:
        """(...): how many of the examples count."""


class CrossEntropy:
    """Of logits (..., B, V) and the numbers of classes (B,) or (..., B); an answer is the highest logit."""

    name = "cross-entropy"

    def mean(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Over the examples that have a target."""
        if outputs.ndim == 2:
            return cross_entropy(outputs, targets)
        return cross_entropies(outputs, targets).sum(-1) / self.counts(targets)

    def of_examples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """0 without a target."""
        return cross_entropies(outputs, targets)

    def wrong(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """False without a target."""
        return wrong_answers(outputs, targets)

    def counts(self, targets: Tensor) -> Tensor:
        """Those that have a target."""
        return (targets != NO_TARGET).sum(-1)


CROSS_ENTROPY = CrossEntropy()


@dataclass(frozen=True)
class OwnLoss:
    """A loss that is known of a whole batch: each of its examples counts with the batch's mean.

    `function`: the loss; `name`: as an axis calls it; `output_axes`, `target_axes`: axes of the output and of
    the target of one example, which tell a batch from M batches; `wrong_function`: outputs (B, ...) and
    targets (B, ...) to (B,), whether each answer is wrong, or None.
    """

    function: LossFunction
    name: str
    output_axes: int
    target_axes: int
    wrong_function: LossFunction | None = None

    def mean(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What the function gives, model by model."""
        return self._each(self.function, outputs, targets)

    def of_examples(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The batch's mean, as often as it has examples."""
        mean = self.mean(outputs, targets)
        return mean.unsqueeze(-1).expand(*mean.shape, outputs.shape[mean.ndim])

    def wrong(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What the other function gives, model by model."""
        if self.wrong_function is not None:
            return self._each(self.wrong_function, outputs, targets).double()
        models = outputs.ndim - self.output_axes
        return outputs.new_full(outputs.shape[:models], torch.nan, dtype=torch.float64)

    def counts(self, targets: Tensor) -> Tensor:
        """All of them: any number may be a target, −1 too."""
        *leading, examples = targets.shape[: targets.ndim - self.target_axes]
        return torch.full(leading, examples, device=targets.device)

    def _each(self, function: LossFunction, outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.ndim == self.output_axes + 1:
            return function(outputs, targets)
        own = targets.ndim == self.target_axes + 2
        return torch.stack([function(out, targets[i] if own else targets) for i, out in enumerate(outputs)])


def cross_entropies(logits: Tensor, targets: Tensor) -> Tensor:
    """(..., B): of each example, from logits (..., B, V) and targets (B,) or (..., B); 0 without a target."""
    targets = targets.expand(logits.shape[:-1])
    by_class = logits if logits.ndim == 2 else logits.mT
    return cross_entropy(by_class, targets, reduction="none", ignore_index=NO_TARGET)


def wrong_answers(logits: Tensor, targets: Tensor) -> Tensor:
    """(..., B): whether the highest of logits (..., B, V), of ties the first, is not the target's.

    An example without a target is never wrong.
    """
    # NumPy takes a third of PyTorch's time on a CPU; ties and NaN are the same to both.
    highest = torch.from_numpy(logits.detach().numpy().argmax(-1)) if logits.is_cpu else logits.argmax(-1)
    return (highest != targets) & (targets != NO_TARGET)
