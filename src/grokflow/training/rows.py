"""One model on its way through a training: what is asked of it, and what has become of it.

A training has M ≥ 1 rows. Each has its own seeds, split, order of examples, learning rate, weight decay
and stop rule, and its own epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import EPOCHS, HISTORY, RECOVERED, SETTLING
from grokflow.config import ResolvedRun

TRAIN_ERROR = EPOCHS.index("train_error")


class GrowingTable:
    """Rows of numbers that are added one by one, cheap to copy when there are many."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._numbers = np.empty((16, len(columns)))
        self._length = 0

    def append(self, row: Sequence[float]) -> None:
        """Add a row."""
        if self._length == len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.empty_like(self._numbers)])
        self._numbers[self._length] = row
        self._length += 1

    @property
    def rows(self) -> np.ndarray:
        """(rows, columns): a view of what was added; what is written into it stays."""
        return self._numbers[: self._length]

    def replace(self, rows: np.ndarray) -> None:
        """Take over other rows (rows, columns)."""
        self._numbers = np.concatenate([rows, np.empty((16, self._numbers.shape[1]))])
        self._length = len(rows)


@dataclass(eq=False)
class Row:
    """One model after `epoch` epochs.

    `number`: its place among the rows of the training; `recorded`: whether everything is recorded of it (a
    run), or its outcome alone (a member of a sweep).
    """

    run: ResolvedRun
    number: int = 0
    recorded: bool = True
    epoch: int = 0
    point_1: int | None = None
    point_2: int | None = None
    validation_error_at_point_1: float | None = None
    diverged: str | None = None
    """Epoch and step at which a loss or a norm was not finite, and which; `epoch` is then the one before."""
    errors: tuple[float, float] | None = None
    """Train and validation error at the end, where only the outcome is recorded."""
    history: GrowingTable = field(default_factory=lambda: GrowingTable(HISTORY))
    epochs: GrowingTable = field(default_factory=lambda: GrowingTable(EPOCHS))
    checkpoints: set[int] = field(default_factory=set)
    invariant_groups: list[str] = field(default_factory=list)
    """What the audit of the initial weights finds scale-invariant."""

    @property
    def last_epoch(self) -> int:
        """The epoch at which the stop rule ends this row, as far as one can tell now."""
        if self.point_2 is None or self.run.stop_after_point_2 is None:
            return self.run.epochs
        return min(self.run.epochs, self.point_2 + self.run.stop_after_point_2)

    @property
    def ended(self) -> bool:
        """Whether it is trained no further."""
        return self.diverged is not None or self.epoch >= self.last_epoch

    @property
    def went_too_far(self) -> bool:
        """Whether it was trained beyond what its run asks for now, so that nothing of it can be used."""
        beyond = self.epoch + 1 if self.diverged else self.epoch
        return beyond > self.last_epoch

    @property
    def is_kept(self) -> bool:
        """Whether a checkpoint of this epoch is written."""
        points = (self.point_1, self.point_2, self.last_epoch)
        return self.recorded and (self.epoch % self.run.checkpoint_every == 0 or self.epoch in points)

    @property
    def is_logged(self) -> bool:
        """Whether this epoch has a row in the history, point or not."""
        return self.recorded and (self.epoch % self.run.log_every == 0 or self.is_kept)

    @property
    def is_unsettled(self) -> bool:
        """Whether its last epoch lies in a collapse of train accuracy, or not yet SETTLING epochs after one.

        Read off the table alone, so that a resumed training answers as an undisturbed one.
        """
        error = self.epochs.rows[:, TRAIN_ERROR]
        if (error[-SETTLING - 2 :] <= RECOVERED).all():
            return False
        memorised = np.flatnonzero(error <= RECOVERED)
        if len(memorised) == 0:
            return False
        since = max(memorised[0], len(error) - SETTLING - 2)
        return bool((error[since:] > RECOVERED).any())

    def belongs(self, epoch: int) -> bool:
        """Whether the results have a checkpoint of this epoch; an earlier, shorter run may have left more."""
        points = (self.point_1, self.point_2, self.point_2 and self.point_2 - 1, self.last_epoch)
        return epoch % self.run.checkpoint_every == 0 or epoch in points

    def diverge(self, step: int, found: str) -> None:
        """End in this epoch, at `step`: what was recorded and kept before stays."""
        self.diverged = f"epoch {self.epoch}, step {step}: {found}"
        self.epoch -= 1
        self.epochs.replace(self.epochs.rows[self.epochs.rows[:, 0] <= self.epoch])

    def history_table(self) -> pd.DataFrame:
        """history.csv of the finished row."""
        every = self.history.rows
        logged = [epoch % self.run.log_every == 0 or self.belongs(int(epoch)) for epoch in every[:, 0]]
        return pd.DataFrame(every[np.array(logged, dtype=bool)], columns=HISTORY).astype(
            {"epoch": int, "step": int}
        )

    def epochs_table(self) -> pd.DataFrame:
        """epochs.csv of the finished row."""
        every = self.epochs.rows
        return pd.DataFrame(every[every[:, 0] <= self.last_epoch], columns=EPOCHS).astype({"epoch": int})

    def progress(self) -> dict[str, Any]:
        """What a saved state has of this row besides its arrays, as JSON can hold it."""
        return {
            "epoch": self.epoch,
            "point_1": self.point_1,
            "point_2": self.point_2,
            "validation_error_at_point_1": self.validation_error_at_point_1,
            "diverged": self.diverged,
            "errors": self.errors,
            "checkpoints": sorted(self.checkpoints),
            "invariant_groups": self.invariant_groups,
        }

    def tables(self) -> dict[str, np.ndarray]:
        """The arrays that a saved state has of this row."""
        return {"history": self.history.rows.copy(), "epochs": self.epochs.rows.copy()}

    def restore(self, progress: dict[str, Any], history: np.ndarray, epochs: np.ndarray) -> None:
        """Take over what `progress` and `tables` gave."""
        self.epoch, self.point_1, self.point_2 = (progress[k] for k in ("epoch", "point_1", "point_2"))
        self.validation_error_at_point_1 = progress["validation_error_at_point_1"]
        self.diverged = progress["diverged"]
        self.errors = None if progress["errors"] is None else (progress["errors"][0], progress["errors"][1])
        self.checkpoints, self.invariant_groups = set(progress["checkpoints"]), progress["invariant_groups"]
        self.history.replace(history)
        self.epochs.replace(epochs)


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Minibatches of an epoch; the last one holds what is left."""
    return math.ceil(examples / batch_size)
