"""Loss, error and gradients of given weights on given examples.

Shapes: `...` no or one leading axis (M models), n weights, N examples, B batch, T context, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from grokflow.config import AnyModel, Dataset
from grokflow.data.dataset import SPLITS, tokenization
from grokflow.data.work import EVALUATION_BATCH
from grokflow.model.models import make_model
from grokflow.model.protocol import ModelFunction
from grokflow.model.weights import norm_of

GPU_EVALUATION_BATCH = 16384
"""Examples per forward pass of an evaluation of a single model on a GPU, which small batches leave idle."""

NO_TARGET = -1
"""The target of an example that counts for nothing: it fills up a row of a batch of models."""


@dataclass(frozen=True)
class Examples:
    """Tokens (..., N, T) and the targets (..., N) that the model should predict from them."""

    tokens: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return self.targets.shape[-1]

    def take(self, index: Tensor | slice) -> Examples:
        """The examples at `index`; an index (M, B) into one set gives each of M models a batch of its own."""
        return Examples(self.tokens[..., index, :], self.targets[..., index])

    @property
    def counts(self) -> Tensor:
        """(...): how many of the examples have a target."""
        return (self.targets != NO_TARGET).sum(-1)

    def rows(self, index: Tensor | slice) -> Examples:
        """Of a set of examples for each of M models, the sets at `index`."""
        return Examples(self.tokens[index], self.targets[index])

    def ordered(self, order: Tensor) -> Examples:
        """All examples in another order: `order` is (N,), or (M, N) for a set for each of M models."""
        if order.ndim == 1:
            return self.take(order)
        tokens = self.tokens.take_along_dim(order.unsqueeze(-1), 1)
        return Examples(tokens, self.targets.take_along_dim(order, 1))

    def batches(self, size: int) -> Iterator[Examples]:
        """Consecutive batches of `size`; the last one holds what is left."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


@dataclass(frozen=True)
class Task:
    """A model with the examples it is trained and validated on, on one device."""

    model: ModelFunction
    train: Examples
    validation: Examples


def make_task(model: AnyModel, dataset: Dataset, frame: pd.DataFrame, device: str) -> Task:
    """The task of a model on the dataset table `frame` (columns a, b, c, split)."""
    code = tokenization(dataset)

    def examples(split: str) -> Examples:
        part = frame[frame["split"] == split]
        tokens = code.tokens(part["a"].to_numpy(), part["b"].to_numpy())
        targets = part["c"].to_numpy(dtype=np.int64)
        return Examples(torch.tensor(tokens).to(device), torch.tensor(targets).to(device))

    return Task(make_model(model, dataset), *map(examples, SPLITS))


class BatchPass(NamedTuple):
    """What one forward and backward pass over a minibatch gives."""

    loss: Tensor
    """(...): mean cross-entropy, in nats."""
    wrong: Tensor
    """(...): how many examples are predicted wrongly."""
    gradient: Tensor
    """(..., n): of the loss, without weight decay."""


def batch_pass(model: ModelFunction, weights: Tensor, batch: Examples) -> BatchPass:
    """Loss, wrong answers and gradient of weights (..., n) on a batch (B,) or (M, B)."""
    weights = weights.detach().requires_grad_()
    logits = model.logits(weights, batch.tokens)
    if logits.ndim == 2:
        losses = cross_entropy(logits, batch.targets)
    else:
        losses = cross_entropies(logits, batch.targets).sum(-1) / (batch.targets != NO_TARGET).sum(-1)
    (gradient,) = torch.autograd.grad(losses.sum(), weights)
    return BatchPass(losses.detach(), wrong_answers(logits, batch.targets).sum(-1), gradient)


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


def loss_and_gradient(model: ModelFunction, weights: Tensor, batch: Examples) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy (...) over the batch and its gradient (..., n), without weight decay."""
    found = batch_pass(model, weights, batch)
    return found.loss, found.gradient


@torch.no_grad()
def loss_and_error(model: ModelFunction, weights: Tensor, examples: Examples) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy (...) and error (...), 1 − accuracy, of weights (..., n) on `examples`.

    Examples without a target count for nothing. Summed in float64, on the device of the weights.
    """
    loss = torch.zeros(weights.shape[:-1], dtype=torch.float64, device=weights.device)
    wrong = torch.zeros_like(loss)
    for batch in examples.batches(EVALUATION_BATCH):
        logits = model.logits(weights, batch.tokens)
        loss += cross_entropies(logits, batch.targets).double().sum(-1)
        wrong += wrong_answers(logits, batch.targets).sum(-1)
    counts = examples.counts
    return loss / counts, wrong / counts


class WrongExamples(NamedTuple):
    """Which examples given weights get wrong: numbers of the examples, rising."""

    wrong: Tensor
    close: Tensor
    """Right or wrong by less than rounding changes a logit: on another device, or in a batch of another
    size, they may fall the other way."""


CLOSE = {torch.float32: 1e-5, torch.float64: 1e-12}
"""A difference of two logits, relative to the largest, that rounding can make."""


@torch.no_grad()
def wrong_examples(model: ModelFunction, weights: Tensor, examples: Examples) -> WrongExamples:
    """The examples that the weights (n,) get wrong, and those that are too close to call."""
    wrong, close = [], []
    for batch in examples.batches(EVALUATION_BATCH if weights.is_cpu else GPU_EVALUATION_BATCH):
        logits = model.logits(weights, batch.tokens)
        wrong.append(wrong_answers(logits, batch.targets))
        own = logits.take_along_dim(batch.targets.unsqueeze(-1), -1).squeeze(-1)
        highest_other = logits.scatter(-1, batch.targets.unsqueeze(-1), -torch.inf).amax(-1)
        close.append((own - highest_other).abs() <= CLOSE[logits.dtype] * logits.abs().amax(-1))
    return WrongExamples(*(torch.cat(found).nonzero().squeeze(-1) for found in (wrong, close)))


class GradientPass(NamedTuple):
    """What one pass over the minibatches of the train set tells about weights (..., n); each is (...)."""

    loss: Tensor
    """Mean cross-entropy, in nats."""
    error: Tensor
    """1 − accuracy."""
    norm: Tensor
    """Mean over the minibatches of ‖g‖, g the gradient of the cross-entropy (paper M, section 4)."""
    norm_l2: Tensor
    """Mean over the minibatches of ‖g + λw‖."""
    norm_part: Tensor
    """As `norm`, of the asked part of g alone; 0 for no part."""


def gradient_pass(
    model: ModelFunction,
    weights: Tensor,
    batches: list[Examples],
    weight_decay: float = 0.0,
    part: Sequence[slice] = (),
) -> GradientPass:
    """Loss, error and mean stochastic gradient norm of weights (..., n), summed in float64.

    `batches` are a partition of the train set, of which every example has a target; `weight_decay` is λ.
    The results are on the device of the weights. Never waits for a GPU.
    """
    weights = weights.detach().requires_grad_()
    sums = torch.zeros(5, *weights.shape[:-1], dtype=torch.float64, device=weights.device)
    for batch in batches:
        logits = model.logits(weights, batch.tokens)
        losses = cross_entropies(logits, batch.targets)
        (gradient,) = torch.autograd.grad(losses.mean(-1).sum(), weights)
        with torch.no_grad():
            sums[0] += losses.double().sum(-1)
            sums[1] += wrong_answers(logits, batch.targets).sum(-1)
            norm = torch.linalg.vector_norm(gradient, dim=-1, dtype=torch.float64)
            sums[2] += norm
            if part:
                sums[4] += norm_of(gradient, part)
            if weight_decay:
                for piece in model.layout.trained:  # decay does not move what is frozen
                    gradient[..., piece].add_(weights[..., piece], alpha=weight_decay)
                norm = torch.linalg.vector_norm(gradient, dim=-1, dtype=torch.float64)
            sums[3] += norm
    sums[:2] /= sum(len(batch) for batch in batches)
    sums[2:] /= len(batches)
    return GradientPass(*sums)
