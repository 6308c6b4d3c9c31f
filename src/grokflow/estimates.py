"""Estimates of the work, the time and the memory that a job takes, made before it starts. No PyTorch.

Bounds for a scheduler are generous, because it ends what takes longer or needs more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from grokflow.config import Chain, Fitted, ResolvedPath, ResolvedRun, UserModel
from grokflow.data import count_pairs, tokenization

EVALUATION_BATCH = 2048
"""Examples per forward pass of an evaluation; measured as the fastest on a CPU."""

STARTING = 15.0
"""Minutes in which a job on a slow file system has started, read its inputs and written its results."""

SECONDS_A_STEP = 3e-3
"""Of what a step takes however small the model is, and whatever is logged beside it."""

OPERATIONS_A_SECOND = {"cpu": 8e9, "cuda": 4e11}
"""Of matrix products: about a fifth of what one thread, and a GPU with few models, did when measured."""


def training_work(run: ResolvedRun) -> float:
    """The operations of its matrix products, about; in float64 each counts twice.

    2 operations a weight and example forward and twice that backward, over 4 D² + 2 D F weights a layer
    (D width, F MLP width), or over all weights of a model of the user's. Positions are not counted;
    OPERATIONS_A_SECOND is low enough for four.
    """
    return run.epochs * _epoch_work(run)


def training_minutes(runs: Sequence[ResolvedRun], device: str) -> float:
    """Minutes after which a training of these runs together has ended; `device`: "cpu" or "cuda"."""
    steps = max(run.epochs * _steps_per_epoch(run) for run in runs)
    return _minutes(sum(map(training_work, runs)), steps, device)


def fit_minutes(paths: Sequence[ResolvedPath], device: str) -> float:
    """Minutes after which a fit of these paths together has ended."""
    run, path = paths[0].from_run, paths[0].path
    epochs = path.fit.epochs if isinstance(path, Fitted) else 0
    return _minutes(len(paths) * epochs * _epoch_work(run), epochs * _steps_per_epoch(run), device)


def measuring_minutes(paths: Sequence[ResolvedPath], device: str) -> float:
    """Minutes after which these paths are measured: at each t an epoch, and all validation pairs."""
    run, path = paths[0].from_run, paths[0].path
    points = path.points
    if isinstance(path, Chain):
        points += path.inner_points * math.ceil(run.epochs / run.checkpoint_every)
    evaluated = len(paths) * points
    work = evaluated * _epoch_work(run) / run.dataset.train_fraction
    return _minutes(work, evaluated * _steps_per_epoch(run), device)


def row_bytes(run: ResolvedRun) -> int:
    """Memory of one model in training, counted generously.

    The weights with gradient, optimizer state and temporaries; what an evaluation or a backward pass keeps of
    each position; the examples.
    """
    model, tokens = run.model, tokenization(run.dataset)
    context, pairs = len(tokens.alphabet), count_pairs(run.dataset)
    if isinstance(model, UserModel):
        # How wide its layers are is not known; a square map of all its weights would be this wide.
        weights, kept = model.weight_count, 16 * math.isqrt(model.weight_count) + 4 * tokens.vocabulary
    else:
        weights = _layer_weights(run) + (2 * tokens.vocabulary + context) * model.width
        kept = model.layers * (16 * model.width + 6 * model.mlp_width) + 4 * tokens.vocabulary
    computed = context * max(run.optimizer.batch_size, min(EVALUATION_BATCH, pairs))
    numbers = 8 * weights + computed * kept
    return numbers * (4 if run.precision == "float32" else 8) + 3 * 8 * pairs * (context + 1)


def _layer_weights(run: ResolvedRun) -> int:
    """Of all layers together."""
    model = run.model
    if isinstance(model, UserModel):
        return model.weight_count
    return model.layers * model.width * (4 * model.width + 2 * model.mlp_width)


def _epoch_work(run: ResolvedRun) -> float:
    examples = run.dataset.train_fraction * count_pairs(run.dataset)
    twice = 2 if run.precision == "float64" else 1
    return 6 * examples * _layer_weights(run) * twice


def _steps_per_epoch(run: ResolvedRun) -> int:
    return math.ceil(run.dataset.train_fraction * count_pairs(run.dataset) / run.optimizer.batch_size)


def _minutes(work: float, steps: int, device: str) -> float:
    return STARTING + (work / OPERATIONS_A_SECOND[device] + steps * SECONDS_A_STEP) / 60
