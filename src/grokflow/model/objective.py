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

from grokflow.config import AnyModel, Dataset, UserModel
from grokflow.data.dataset import SPLITS, tokenization
from grokflow.estimates import EVALUATION_BATCH
from grokflow.model.losses import CROSS_ENTROPY, Loss, wrong_answers
from grokflow.model.models import make_model
from grokflow.model.protocol import ModelFunction
from grokflow.model.trial import TRIED, try_out
from grokflow.model.weights import norm_of
from grokflow.user_code import parse

GPU_EVALUATION_BATCH = 16384
"""Examples per forward pass of an evaluation of a single model on a GPU, which small batches leave idle."""


@dataclass(frozen=True)
class Examples:
    """Tokens (..., N, T), or other inputs, and the targets (..., N) that the model should give for them.

    `input_axes`, `target_axes`: the axes of one example's input and target, where these are not tokens and a
    number: 3 and 0 for images (..., N, C, H, W) and their classes.
    """

    tokens: Tensor
    targets: Tensor
    input_axes: int = 1
    target_axes: int = 0

    def __len__(self) -> int:
        return self.targets.shape[-1 - self.target_axes]

    def take(self, index: Tensor | slice) -> Examples:
        """The examples at `index`; an index (M, B) into one set gives each of M models a batch of its own."""
        tokens = self.tokens[(..., index, *[slice(None)] * self.input_axes)]
        return self._like(tokens, self.targets[(..., index, *[slice(None)] * self.target_axes)])

    def rows(self, index: Tensor | slice) -> Examples:
        """Of a set of examples for each of M models, the sets at `index`."""
        return self._like(self.tokens[index], self.targets[index])

    def ordered(self, order: Tensor) -> Examples:
        """All examples in another order: `order` is (N,), or (M, N) for a set for each of M models."""
        if order.ndim == 1:
            return self.take(order)
        parts = ((self.tokens, self.input_axes), (self.targets, self.target_axes))
        return self._like(*(x.take_along_dim(order[(..., *[None] * axes)], 1) for x, axes in parts))

    def batches(self, size: int) -> Iterator[Examples]:
        """Consecutive batches of `size`; the last one holds what is left."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def _like(self, tokens: Tensor, targets: Tensor) -> Examples:
        return Examples(tokens, targets, self.input_axes, self.target_axes)


@dataclass(frozen=True)
class Task:
    """A model with the examples it is trained and validated on, on one device."""

    model: ModelFunction
    train: Examples
    validation: Examples
    loss: Loss = CROSS_ENTROPY


def make_task(model: AnyModel, dataset: Dataset, frame: pd.DataFrame, device: str) -> Task:
    """The task of a model on the dataset table `frame` (columns a, b, c, split).

    Raises
    ------
    ConfigError : when a model of the user's own is none.
    """
    train, validation = split_examples(dataset, frame, device)
    made = make_model(model, dataset)
    if isinstance(model, UserModel):
        try_out(made, parse(model.code), train.tokens[:TRIED], tokenization(dataset).vocabulary)
    return Task(made, train, validation)


def split_examples(dataset: Dataset, frame: pd.DataFrame, device: str) -> tuple[Examples, Examples]:
    """The train and the validation pairs of a dataset table as a model reads them."""
    code = tokenization(dataset)

    def examples(split: str) -> Examples:
        part = frame[frame["split"] == split]
        tokens = code.tokens(part["a"].to_numpy(), part["b"].to_numpy())
        targets = part["c"].to_numpy(dtype=np.int64)
        return Examples(torch.tensor(tokens).to(device), torch.tensor(targets).to(device))

    train, validation = map(examples, SPLITS)
    return train, validation


class BatchPass(NamedTuple):
    """What one forward and backward pass over a minibatch gives."""

    loss: Tensor
    """(...): mean loss; of cross-entropy, in nats."""
    wrong: Tensor
    """(...): how many examples are predicted wrongly."""
    gradient: Tensor
    """(..., n): of the loss, without weight decay."""


def batch_pass(
    model: ModelFunction, weights: Tensor, batch: Examples, loss: Loss = CROSS_ENTROPY
) -> BatchPass:
    """Loss, wrong answers and gradient of weights (..., n) on a batch (B,) or (M, B)."""
    weights = weights.detach().requires_grad_()
    outputs = model.logits(weights, batch.tokens)
    losses = loss.mean(outputs, batch.targets)
    (gradient,) = torch.autograd.grad(losses.sum(), weights)
    return BatchPass(losses.detach(), loss.wrong(outputs, batch.targets).sum(-1), gradient)


def loss_and_gradient(
    model: ModelFunction, weights: Tensor, batch: Examples, loss: Loss = CROSS_ENTROPY
) -> tuple[Tensor, Tensor]:
    """Mean loss (...) over the batch and its gradient (..., n), without weight decay."""
    found = batch_pass(model, weights, batch, loss)
    return found.loss, found.gradient


@torch.no_grad()
def loss_and_error(
    model: ModelFunction, weights: Tensor, examples: Examples, loss: Loss = CROSS_ENTROPY
) -> tuple[Tensor, Tensor]:
    """Mean loss (...) and error (...), 1 − accuracy, of weights (..., n) on `examples`.

    Only examples that the loss counts do: of cross-entropy, those that have a target. Summed in float64, on
    the device of the weights.
    """
    total = torch.zeros(weights.shape[:-1], dtype=torch.float64, device=weights.device)
    wrong = torch.zeros_like(total)
    for batch in examples.batches(EVALUATION_BATCH):
        outputs = model.logits(weights, batch.tokens)
        total += loss.of_examples(outputs, batch.targets).double().sum(-1)
        wrong += loss.wrong(outputs, batch.targets).sum(-1)
    counts = loss.counts(examples.targets)
    return total / counts, wrong / counts


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
    """Mean loss; of cross-entropy, in nats."""
    error: Tensor
    """1 − accuracy."""
    norm: Tensor
    """Mean over the minibatches of ‖g‖, g the gradient of the loss (paper M, section 4)."""
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
    loss: Loss = CROSS_ENTROPY,
) -> GradientPass:
    """Loss, error and mean stochastic gradient norm of weights (..., n), summed in float64.

    `batches` are a partition of the train set, of which every example has a target; `weight_decay` is λ.
    The results are on the device of the weights. Never waits for a GPU.
    """
    weights = weights.detach().requires_grad_()
    sums = torch.zeros(5, *weights.shape[:-1], dtype=torch.float64, device=weights.device)
    for batch in batches:
        outputs = model.logits(weights, batch.tokens)
        losses = loss.of_examples(outputs, batch.targets)
        (gradient,) = torch.autograd.grad(losses.mean(-1).sum(), weights)
        with torch.no_grad():
            sums[0] += losses.double().sum(-1)
            sums[1] += loss.wrong(outputs, batch.targets).sum(-1)
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
