"""Training from its definition: a plain loop over single examples, the oracle's transformer.

Taken from grokflow are only the draws (initial weights, order of each epoch) and the table, which
tests of their own check. `PYTHONPATH=tests python -m oracles.training` prints the golden numbers of
`tests/test_training.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd
import torch
from oracles import transformer
from oracles.transformer import Pairs, Weights

from grokflow.config import ResolvedRun
from grokflow.data.dataset import make_dataset
from grokflow.model.models import make_model
from grokflow.randomness import generator


def examples(run: ResolvedRun, dataset: pd.DataFrame, split: str) -> Pairs:
    """The examples of one split, tokenised row by row."""
    elements = run.dataset.modulus
    found = []
    for row in dataset[dataset["split"] == split].itertuples():
        long = [row.a, elements, row.b, elements + 1]
        found.append((long if run.dataset.tokens == "a o b =" else [row.a, row.b], row.c))
    return found


def batches_of(run: ResolvedRun, pairs: Pairs) -> list[Pairs]:
    """Consecutive batches; the last one holds what is left."""
    size = run.optimizer.batch_size
    return [pairs[i : i + size] for i in range(0, len(pairs), size)]


def minibatches(run: ResolvedRun, weights: Weights, epochs: int) -> Iterator[tuple[int, Pairs]]:
    """Train `weights` in place; each minibatch with its epoch, before the step that it makes."""
    train_examples = examples(run, make_dataset(run.dataset), "train")
    update = {"sgd": _SGD, "adamw": _AdamW}[run.optimizer.name](run.optimizer)
    trained = [name for name in weights if not transformer.frozen(name, run.model)]
    held = [(names, _norm(weights, names)) for names in invariant(run)] if run.sphere else []
    for epoch in range(1, epochs + 1):
        seed = run.seed if run.order_seed is None else run.order_seed
        order = generator(seed, "order", epoch - 1).permutation(len(train_examples))
        for batch in batches_of(run, [train_examples[i] for i in order]):
            yield epoch, batch
            _, gradient = transformer.loss_and_gradient(weights, batch, run.model)
            with torch.no_grad():
                update({name: weights[name] for name in trained}, gradient)
                for names, norm in held:
                    factor = norm / _norm(weights, names)
                    for name in names:
                        weights[name] *= factor


def initial(run: ResolvedRun) -> Weights:
    """The weights at epoch 0."""
    layout = make_model(run.model, run.dataset).layout
    seed = run.seed if run.initialization_seed is None else run.initialization_seed
    return transformer.named(layout.parameters, layout.initial(seed))


def train(run: ResolvedRun, epochs: int) -> list[Weights]:
    """The weights after 0, 1, … `epochs` epochs."""
    weights, trajectory = initial(run), []
    for epoch, _ in minibatches(run, weights, epochs):
        if epoch > len(trajectory):
            trajectory.append(_copy(weights))
    return [*trajectory, _copy(weights)]


def invariant(run: ResolvedRun) -> list[list[str]]:
    """The sets of tensors that paper P finds scale-invariant, each as a whole, by their names."""
    layers, kind = range(run.model.layers), run.model.normalization
    maps = [[f"layer_{i}.mlp.in.weight", f"layer_{i}.mlp.in.bias"] for i in layers]
    if kind == "none":
        return []
    written = [["token_embedding"], ["position_embedding"]]
    written += [[f"layer_{i}.attention.output"] for i in layers]
    written += [[f"layer_{i}.mlp.out.weight", f"layer_{i}.mlp.out.bias"] for i in layers]
    if kind == "layer_norm":
        return [*maps, [name for names in written for name in names]]
    if kind == "invariant_but_attention":
        return [*maps, *(names for names in written if "attention" not in names[0])]
    read = [[f"layer_{i}.attention.{what}"] for i in layers for what in ("query", "key", "value")]
    if kind == "invariant_attention":
        norms = [[f"layer_{i}.attention.norm.{what}" for what in ("gain", "bias")] for i in layers]
        return [*maps, *norms, *read, *(names for names in written if "attention" in names[0])]
    return [*maps, *written, *read]


def history(run: ResolvedRun, epochs: int) -> list[dict[str, float]]:
    """The rows of history.csv for epochs 0 … `epochs`, every epoch logged."""
    dataset, model = make_dataset(run.dataset), run.model
    train_examples = examples(run, dataset, "train")
    validation = examples(run, dataset, "validation")
    batches = batches_of(run, train_examples)
    rows = []
    for epoch, w in enumerate(train(run, epochs)):
        gradients = [transformer.loss_and_gradient(w, batch, model)[1] for batch in batches]
        rows.append(
            {
                "epoch": epoch,
                "step": epoch * len(batches),
                "train_loss": transformer.loss(w, train_examples, model).item(),
                "train_error": transformer.error(w, train_examples, model),
                "validation_loss": transformer.loss(w, validation, model).item(),
                "validation_error": transformer.error(w, validation, model),
                **statistics(run, w, gradients),
            }
        )
    return rows


def epochs(run: ResolvedRun, epochs: int) -> list[dict[str, float]]:
    """The rows of epochs.csv for epochs 1 … `epochs`: each minibatch as met, the weights after the last."""
    weights, met = initial(run), {}
    for epoch, batch in minibatches(run, weights, epochs):
        losses = [transformer.loss(weights, [pair], run.model).item() for pair in batch]
        wrong = [transformer.error(weights, [pair], run.model) for pair in batch]
        _, gradient = transformer.loss_and_gradient(weights, batch, run.model)
        met.setdefault(epoch, []).append((losses, wrong, gradient))
    rows = []
    trajectory = train(run, epochs)
    errors = {epoch: _mean([one for _, wrong, _ in met[epoch] for one in wrong]) for epoch in met}
    recorded = around_collapses(errors)
    validation = examples(run, make_dataset(run.dataset), "validation")
    for epoch, after in zip(met, trajectory[1:], strict=True):
        losses, _, gradients = zip(*met[epoch], strict=True)
        error = transformer.error(after, validation, run.model) if epoch in recorded else math.nan
        rows.append(
            {
                "epoch": epoch,
                "train_loss": _mean([loss for batch in losses for loss in batch]),
                "train_error": errors[epoch],
                "validation_error": error,
                **statistics(run, after, gradients),
            }
        )
    return rows


def around_collapses(train_errors: dict[int, float]) -> set[int]:
    """From the last epoch with an error up to 0.01 before a collapse to the tenth after the first such one.

    An epoch is in a collapse when its error is above 0.01 and some earlier epoch's was not.
    """
    found: set[int] = set()
    for epoch, error in train_errors.items():
        memorised = any(earlier < epoch and before <= 0.01 for earlier, before in train_errors.items())
        if error > 0.01 and memorised:
            found.update(range(epoch - 1, epoch + 12))
    return found & set(train_errors)


def statistics(run: ResolvedRun, weights: Weights, gradients: Sequence[Weights]) -> dict[str, float]:
    """‖θ‖, mean ‖g‖, η/‖θ‖², ‖g‖·‖θ‖ over all that is trained; the same over what is scale-invariant."""
    row = {}
    everything = [name for name in weights if not transformer.frozen(name, run.model)]
    some = [name for names in invariant(run) for name in names]
    for prefix, names in (("", everything), ("invariant_", some)):
        norm = _norm(weights, names) if names else math.nan
        gradient_norm = _mean([_norm(g, names) for g in gradients]) if names else math.nan
        row[f"{prefix}weight_norm"] = norm
        row[f"{prefix}gradient_norm"] = gradient_norm
        row[f"{prefix}effective_learning_rate"] = run.optimizer.learning_rate / norm**2
        row[f"{prefix}effective_gradient_norm"] = gradient_norm * norm
    return row


def first_infinite(run: ResolvedRun, epochs: int) -> tuple[int, int] | None:
    """The epoch and step of the first minibatch whose loss is not finite, before its update."""
    weights = initial(run)
    for step, (epoch, batch) in enumerate(minibatches(run, weights, epochs), start=1):
        if not math.isfinite(transformer.loss(weights, batch, run.model).item()):
            return epoch, step
    return None


def _norm(tensors: Weights, names: Sequence[str]) -> float:
    return math.sqrt(sum(tensors[name].detach().square().sum().item() for name in names))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


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
