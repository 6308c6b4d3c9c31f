"""What is benchmarked: setup M of config.yaml, as grokflow sees it and as the plain model does."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.eager import EagerTransformer
from grokflow.claims import SUBJECTS
from grokflow.config import ResolvedRun, load, resolve_run
from grokflow.dataset import make_dataset
from grokflow.figures import KINDS
from grokflow.objective import Examples, Task, make_task
from grokflow.weights import to_tensor

THREADS = 1
DEVICE = f"cpu, {THREADS} thread"


@dataclass(frozen=True)
class Setup:
    """A run, its task, and its first weights (n,)."""

    run: ResolvedRun
    task: Task
    weights: Tensor

    def batch(self) -> Examples:
        """The first batch of the train set."""
        return next(self.task.train.batches(self.run.optimizer.batch_size))

    def eager(self) -> EagerTransformer:
        """The plain model with the same weights."""
        config, transformer = self.run.model, self.task.model
        eager = EagerTransformer(
            layers=config.layers,
            width=config.width,
            mlp_width=config.mlp_width,
            heads=config.heads,
            context=len(transformer.alphabet),
            vocabulary=transformer.vocabulary,
        ).to(self.weights.dtype)
        eager.load(transformer.layout.split(self.weights))
        return eager


def setup_m(precision: str = "float32") -> Setup:
    """Setup M of paper M (1 layer, p = 97, width 128, batch 512, SGD), as config.yaml has it."""
    return setup_of("mode_connectivity", precision)


def setup_of(name: str, precision: str = "float32") -> Setup:
    """A run of config.yaml with its first seed."""
    config = load(["config.yaml"], figure_kinds=KINDS, claim_subjects=SUBJECTS)
    run = resolve_run(config, name, config.runs[name].seeds[0])
    task = make_task(run.model, run.dataset, make_dataset(run.dataset), "cpu")
    weights = to_tensor(task.model.layout.initial(run.seed), precision, "cpu")
    return Setup(run, task, weights)


def check_alike(ours: Tensor, plain: Tensor, what: str) -> None:
    """Refuse to compare the speed of two things that do not compute the same.

    Raises
    ------
    ArithmeticError : when the two (in float64) differ by more than rounding.
    """
    difference = float((ours - plain).abs().max() / plain.abs().max())
    if not difference < 1e-10:
        raise ArithmeticError(f"{what}: grokflow and the plain model differ by {difference:.1e}")


def use_threads() -> None:
    """One thread for both sides, as one job of the workflow has."""
    torch.set_num_threads(THREADS)
