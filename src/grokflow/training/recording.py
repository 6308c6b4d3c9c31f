"""What is recorded of the rows in training: every epoch in epochs.csv, logged ones in history.csv.

A loss or a norm that is not finite ends its row; the others go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from grokflow.artifacts.columns import EPOCHS
from grokflow.model.objective import Examples, loss_and_error
from grokflow.training.batch import Batch, EpochRecord
from grokflow.training.rows import Row
from grokflow.training.statistics import statistics

VALIDATION_ERROR = EPOCHS.index("validation_error")


def record_epoch(batch: Batch, found: EpochRecord) -> None:
    """Count the epoch in every row that goes on, and add what it showed to the row's table."""
    weight_norms = batch.norms.norms(found.weight_squares).tolist()
    losses, wrong = found.losses.tolist(), found.wrong.sum(-1).tolist()
    gradient_norms = batch.norms.norms(found.gradient_squares).mean(-2).tolist() if batch.records else []
    recorded = []
    for i, row in enumerate(batch.rows):
        if row.ended:
            continue
        row.epoch += 1
        steps = batch.steps_of_row[i]
        if not _finite(row, losses[i][:steps], weight_norms[i][0]) or not row.recorded:
            continue
        examples, size = batch.sizes[i], row.run.optimizer.batch_size
        sizes = [min(size, examples - start) for start in range(0, examples, size)]
        loss = sum(loss * size for loss, size in zip(losses[i], sizes, strict=True)) / examples
        measured = statistics(row.run.optimizer.learning_rate, weight_norms[i], gradient_norms[i])
        row.epochs.append([row.epoch, loss, wrong[i] / examples, math.nan, *measured])
        recorded.append(i)
    _record_collapses(batch, recorded)


def _record_collapses(batch: Batch, rows: Sequence[int]) -> None:
    """Add the validation error to this epoch of the rows in or just after a collapse.

    Where a collapse has just begun, also to the epoch before, which turns out to be the last quiet one.
    """
    unsettled = [i for i in rows if batch.rows[i].is_unsettled]
    begun = [i for i in unsettled if math.isnan(batch.rows[i].epochs.rows[-2, VALIDATION_ERROR])]
    for place, chosen in ((-1, unsettled), (-2, begun)):
        found = _error(batch, chosen, batch.validation, previous=place == -2) if chosen else []
        for i, error in zip(chosen, found, strict=True):
            batch.rows[i].epochs.rows[place, VALIDATION_ERROR] = error


def _finite(row: Row, losses: Sequence[float], weight_norm: float) -> bool:
    """Whether the epoch's losses and norm are finite; if not, the row ends there."""
    before = (row.epoch - 1) * len(losses)
    for number, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            row.diverge(before + number, f"train loss {loss}")
            return False
    if not math.isfinite(weight_norm):
        row.diverge(before + len(losses), f"weight norm {weight_norm}")
        return False
    return True


def measure(batch: Batch, rows: Sequence[int]) -> dict[int, list[float]]:
    """What history.csv gets of these rows, by place in the batch; nothing of one that diverged."""
    found = {}
    for i, values in zip(rows, torch.stack(batch.measure(rows), -1).tolist(), strict=True):
        row = batch.rows[i]
        train_loss, train_error, validation_loss, validation_error, *four = values
        step = row.epoch * batch.steps_of_row[i]
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
            row.diverge(step, f"train loss {train_loss}, validation loss {validation_loss}")
            continue
        measured = statistics(row.run.optimizer.learning_rate, four[:2], four[2:])
        found[i] = [row.epoch, step, train_loss, train_error, validation_loss, validation_error, *measured]
    return found


def errors(batch: Batch, rows: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Train and validation error of each of these rows, by its place in the batch."""
    found = [_error(batch, rows, split) for split in (batch.train, batch.validation)]
    return dict(zip(rows, zip(*found, strict=True), strict=True))


def _error(batch: Batch, rows: Sequence[int], split: Examples, *, previous: bool = False) -> list[float]:
    """The error of each of these rows on its `split`; `previous`: of its weights an epoch ago."""
    weights = batch.weights_of(rows, previous=previous)
    error: Tensor = loss_and_error(batch.model, weights, batch.examples_of(split, rows))[1]
    return error.reshape(-1).tolist()
