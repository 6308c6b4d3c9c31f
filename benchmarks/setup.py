"""What is benchmarked: runs of config.yaml, as grokflow sees them and as the plain model does.

Shapes: n weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.eager import EagerTransformer
from grokflow.config import ResolvedRun, resolve_run
from grokflow.data.dataset import make_dataset
from grokflow.loading import load_config
from grokflow.model.objective import Examples, Task, loss_and_gradient, make_task
from grokflow.model.transformer import Transformer
from grokflow.model.weights import to_tensor, unflatten
from grokflow.randomness import generator
from grokflow.training.optimizers import Optimizer

THREADS = 1
DEVICE = f"cpu, {THREADS} thread"

SETUP_M = "mode_connectivity"
"""Setup M of paper M: 1 layer, no normalization, p = 97, width 128, batch 512, SGD."""
SETUP_P = "layer_norm_2layer"
"""Setup P of paper P: the same with 2 layers and LayerNorm, on addition."""


@dataclass(frozen=True)
class Setup:
    """A run, its task, and its first weights (n,)."""

    run: ResolvedRun
    task: Task
    weights: Tensor

    @property
    def precision(self) -> str:
        """`float32` or `float64`."""
        return str(self.weights.dtype).removeprefix("torch.")

    def batch(self) -> Examples:
        """The first batch of the train set."""
        return next(self.task.train.batches(self.run.optimizer.batch_size))

    @property
    def transformer(self) -> Transformer:
        """The model of the task."""
        assert isinstance(self.task.model, Transformer)
        return self.task.model

    def eager(self) -> EagerTransformer:
        """The plain model with the same weights."""
        config, transformer = self.transformer.config, self.transformer
        assert config.normalization in ("none", "layer_norm"), "the plain model has no other"
        assert config.norm_affine is None, "nn.LayerNorm learns gain and bias"
        assert config.mlp_norm is None, "written for the norm after the ReLU"
        eager = EagerTransformer(
            layers=config.layers,
            width=config.width,
            mlp_width=config.mlp_width,
            heads=config.heads,
            context=len(transformer.alphabet),
            vocabulary=transformer.vocabulary,
            norm_epsilon=None if config.normalization == "none" else config.norm_epsilon or 1e-20,
        ).to(self.weights.dtype)
        eager.load(unflatten(self.weights, transformer.layout))
        return eager

    def epochs(self, weights: Tensor, optimizer: Optimizer) -> Iterator[int]:
        """Change the weights (n,) by one epoch at each `next`."""
        task, step = self.task, 0
        for epoch in itertools.count():
            order = generator(self.run.seed_of_order, "order", epoch).permutation(len(task.train))
            shuffled = task.train.take(torch.from_numpy(order))
            for batch in shuffled.batches(self.run.optimizer.batch_size):
                step += 1
                _, gradient = loss_and_gradient(task.model, weights, batch)
                optimizer.step(weights, gradient, step)
            yield epoch


def setup_of(
    name: str,
    precision: str = "float32",
    *,
    device: str = "cpu",
    model: Mapping[str, object] | None = None,
    dataset: Mapping[str, object] | None = None,
) -> Setup:
    """A run of config.yaml with its first seed, with other values of some keys of its model or dataset."""
    config = load_config(["config.yaml"])
    run = resolve_run(config, name, config.runs[name].seeds[0])
    run = run.model_copy(
        update={
            "model": run.model.model_copy(update=model),
            "dataset": run.dataset.model_copy(update=dataset),
        }
    )
    task = make_task(run.model, run.dataset, make_dataset(run.dataset), device)
    weights = to_tensor(task.model.layout.initial(run.seed_of_initialization), precision, device)
    return Setup(run, task, weights)


def check_alike(ours: Tensor, plain: Tensor, what: str) -> None:
    """Refuse to compare the speed of two things that do not compute the same.

    Raises
    ------
    ArithmeticError : when the two (in float64) differ by more than rounding.
    """
    difference = float((ours - plain).abs().max() / plain.abs().max())
    if not difference < 1e-10:
        raise ArithmeticError(f"{what}: the two sides differ by {difference:.1e}")


def use_threads() -> None:
    """One thread for both sides, as one job of the workflow has."""
    torch.set_num_threads(THREADS)
