"""Training from its definition: a plain loop over single examples, the oracle's transformer.

Taken from grokflow are only the draws (initial weights, order of each epoch) and the table, which
tests of their own check. `PYTHONPATH=tests python -m oracles.training` prints the golden numbers of
`tests/test_training.py`.
"""

from __future__ import annotations

import math

import pandas as pd
import torch
from oracles import transformer
from oracles.transformer import Pairs, Weights

from grokflow.config import ResolvedRun
from grokflow.dataset import make_dataset
from grokflow.model import make_model
from grokflow.randomness import generator


def examples(run: ResolvedRun, dataset: pd.DataFrame, split: str) -> Pairs:
    """The examples of one split, tokenised row by row."""
    elements = run.dataset.modulus
    found = []
    for row in dataset[dataset["split"] == split].itertuples():
        long = [row.a, elements, row.b, elements + 1]
        found.append((long if run.dataset.tokens == "a o b =" else [row.a, row.b], row.c))
    return found


def train(run: ResolvedRun, epochs: int) -> list[Weights]:
    """The weights after 0, 1, … `epochs` epochs."""
    train_examples = examples(run, make_dataset(run.dataset), "train")
    layout = make_model(run.model, run.dataset).layout
    weights = transformer.named(layout.parameters, layout.initial(run.seed))
    update = {"sgd": _SGD, "adamw": _AdamW}[run.optimizer.name](run.optimizer)
    trajectory = [_copy(weights)]
    for epoch in range(epochs):
        order = generator(run.seed, "order", epoch).permutation(len(train_examples))
        shuffled = [train_examples[i] for i in order]
        for start in range(0, len(shuffled), run.optimizer.batch_size):
            batch = shuffled[start : start + run.optimizer.batch_size]
            _, gradient = transformer.loss_and_gradient(weights, batch, run.model.heads)
            with torch.no_grad():
                update(weights, gradient)
        trajectory.append(_copy(weights))
    return trajectory


def history(run: ResolvedRun, epochs: int) -> list[dict[str, float]]:
    """The rows of history.csv for epochs 0 … `epochs`, every epoch logged."""
    dataset = make_dataset(run.dataset)
    train_examples = examples(run, dataset, "train")
    validation = examples(run, dataset, "validation")
    size, heads = run.optimizer.batch_size, run.model.heads
    batches = [train_examples[i : i + size] for i in range(0, len(train_examples), size)]
    rows = []
    for epoch, w in enumerate(train(run, epochs)):
        norm = math.sqrt(sum(tensor.square().sum().item() for tensor in w.values()))
        gradient_norm = transformer.stochastic_gradient_norm(w, batches, heads, 0.0)
        rows.append(
            {
                "epoch": epoch,
                "step": epoch * len(batches),
                "train_loss": transformer.loss(w, train_examples, heads).item(),
                "train_error": transformer.error(w, train_examples, heads),
                "validation_loss": transformer.loss(w, validation, heads).item(),
                "validation_error": transformer.error(w, validation, heads),
                "weight_norm": norm,
                "gradient_norm": gradient_norm,
                "effective_learning_rate": run.optimizer.learning_rate / norm**2,
                "effective_gradient_norm": gradient_norm * norm,
            }
        )
    return rows


def _copy(weights: Weights) -> Weights:
    return {name: tensor.detach().clone().requires_grad_() for name, tensor in weights.items()}


class _SGD:
    """v ← μ v + g + λ w, w ← w − η v."""

    def __init__(self, settings):
        self.settings = settings
        self.velocity = {}

    def __call__(self, weights: Weights, gradient: Weights) -> None:
        s = self.settings
        for name, w in weights.items():
            last = self.velocity.get(name, torch.zeros_like(w))
            self.velocity[name] = s.momentum * last + gradient[name] + s.weight_decay * w
            w -= s.learning_rate * self.velocity[name]


class _AdamW:
    """Loshchilov & Hutter (2019), algorithm 2, with the schedule multiplier as a linear warm-up."""

    def __init__(self, settings):
        self.settings = settings
        self.step = 0
        self.m, self.v = {}, {}

    def __call__(self, weights: Weights, gradient: Weights) -> None:
        s = self.settings
        self.step += 1
        rate = s.learning_rate
        if self.step < s.warmup_steps:
            rate *= self.step / s.warmup_steps
        for name, w in weights.items():
            g = gradient[name]
            m, v = (x.get(name, torch.zeros_like(w)) for x in (self.m, self.v))
            self.m[name] = m = s.beta_1 * m + (1 - s.beta_1) * g
            self.v[name] = v = s.beta_2 * v + (1 - s.beta_2) * g * g
            m_hat, v_hat = m / (1 - s.beta_1**self.step), v / (1 - s.beta_2**self.step)
            w -= rate * (m_hat / (v_hat.sqrt() + s.epsilon) + s.weight_decay * w)


if __name__ == "__main__":
    from runs import tiny_run

    for row in history(tiny_run(), 3):
        print(row)
