"""The one trainer: M ≥ 1 rows from their initial weights to where their stop rules end them.

A run is a row of which everything is recorded, a member of a sweep a row of which only the outcome is.
Rows that fit into memory together train as one batch of models; each takes the steps that it would
take alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from grokflow.artifacts.columns import HISTORY
from grokflow.artifacts.resumable import ResumableJob, SavedState
from grokflow.config import ResolvedRun, plain
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import read_checkpoint, write_checkpoint
from grokflow.model.device import name_of
from grokflow.model.objective import Task
from grokflow.training.batch import Batch
from grokflow.training.memory import rows_that_fit
from grokflow.training.progress import ProgressLines
from grokflow.training.recording import errors, measure, record_epoch
from grokflow.training.rows import Row

NOT_IN_KEY = ("epochs", "stop_after_point_2", "device")
"""Settings that do not say whose saved state it is. A longer run goes on from where a shorter one stopped;
the device is in the key by the name of the hardware."""

TABLES = ("history", "epochs")
"""A row's tables in a saved state; its other arrays are its weights and the optimizer's state."""

TRAIN_ERROR, VALIDATION_ERROR = (HISTORY.index(name) for name in ("train_error", "validation_error"))

WRITERS = 8
"""Threads that write the checkpoints of many rows; one row needs one."""


def training_job(
    root: str | Path | None, subject: str | Path, runs: Sequence[ResolvedRun], device: str
) -> ResumableJob:
    """The folder in which these runs are trained together."""
    rows = [{key: value for key, value in plain(run).items() if key not in NOT_IN_KEY} for run in runs]
    settings = rows[0] if len(rows) == 1 else {"rows": rows}
    threads = 1 if len(rows) == 1 else WRITERS
    return ResumableJob(root, subject, settings, __name__, name_of(device), threads=threads)


class Trainer:
    """Rows on their way. A `Work` that a `ResumableJob` carries out; a step is an epoch.

    Parameters
    ----------
    tasks : of each row.
    job : where checkpoints are written while training goes on.
    """

    def __init__(self, rows: Sequence[Row], tasks: Sequence[Task], job: ResumableJob, device: str) -> None:
        self.rows = list(rows)
        self.tasks = list(tasks)
        self.job = job
        self.device = device
        self.at_once = rows_that_fit(rows[0].run, len(rows), device)
        self.waiting: list[int] = []
        """Rows that train later, because not all fit into memory together."""
        self.paused: dict[int, dict[str, np.ndarray]] = {}
        """Of those that have begun, what they need to go on: a resumed training may have less memory."""
        self.stopped: dict[int, dict[str, np.ndarray]] = {}
        """What rows that their stop rule ended need to go on, should it be changed."""
        self.batch: Batch | None = None
        self.progress = ProgressLines(self.rows)

    @property
    def done(self) -> bool:
        """Whether every row has ended."""
        return not self.waiting and all(row.ended for row in self.rows)

    def start(self) -> None:
        """Begin with the first rows that fit."""
        self.waiting = list(range(len(self.rows)))
        self._begin()

    def advance(self) -> None:
        """Train the batch one epoch; when all of it has ended, begin with the next rows."""
        assert self.batch is not None
        found = self.batch.train_epoch()
        record_epoch(self.batch, found)
        self._look(found.first_look)
        self._let_go()
        self.progress.trained()
        if self.waiting and all(row.ended for row in self.batch.rows):
            self._begin()

    def _begin(self) -> None:
        """Form the next batch of those that wait: first of those that go on, then of those that begin."""
        going_on = [i for i in self.waiting if i in self.paused]
        index = (going_on or self.waiting)[: self.at_once]
        self.waiting = [i for i in self.waiting if i not in index]
        self._form(index, [self.paused.pop(i) for i in index] if going_on else None)
        if not going_on:  # what goes on was looked at before its state was saved
            self._look()
            self._let_go()

    def _form(self, index: Sequence[int], saved: list[dict[str, np.ndarray]] | None) -> None:
        if self.batch is not None:
            self.batch.close()
        self.batch = None  # gives back its memory before the next one takes as much
        rows, tasks = [self.rows[i] for i in index], [self.tasks[i] for i in index]
        self.batch = Batch(rows, tasks, self.device, batched=len(self.rows) > 1, saved=saved)
        for row in rows:
            row.invariant_groups = list(self.batch.invariant)

    def _look(self, first_look: np.ndarray | None = None) -> None:
        """Find the rows that reach a point; log and checkpoint those that are due."""
        batch = self.batch
        assert batch is not None
        going = [i for i, row in enumerate(batch.rows) if row.diverged is None and not self._has_left(row)]
        perfect = self._perfect(going, first_look)
        self._measure_and_set_points([i for i in going if batch.rows[i].is_logged or i in perfect])
        # A row that has just diverged is back at the epoch before, which may be point 2 and is kept already.
        rows = [(i, batch.rows[i]) for i in going if batch.rows[i].diverged is None]
        reached = [i for i, row in rows if row.recorded and 0 < row.epoch == row.point_2]
        self._write_checkpoints(reached, before=True)
        self._write_checkpoints([i for i, row in rows if row.is_kept])

    def _has_left(self, row: Row) -> bool:
        """Whether the row ended earlier, and only its place in the batch is left."""
        return row.number in self.stopped

    def _perfect(self, going: list[int], first_look: np.ndarray | None) -> set[int]:
        """The rows that may just have reached a point: they predict its splits without an error."""
        batch = self.batch
        assert batch is not None
        train, validation = batch.watches
        looks = (None, None) if first_look is None else (first_look[:, 0], first_look[:, 1])
        # Point 1 asks for the train set, point 2 for both; the validation set is wrong for longer.
        first = [i for i in going if batch.rows[i].point_1 is None]
        perfect = set(train.perfect(batch.weights, first, looks[0]))
        second = [i for i in going if batch.rows[i].point_2 is None]
        second = [i for i in second if i in perfect or batch.rows[i].point_1 is not None]
        both = validation.perfect(batch.weights, second, looks[1])
        both = train.perfect(batch.weights, both, looks[0])
        return perfect | set(both)

    def _measure_and_set_points(self, rows: list[int]) -> None:
        """Measure these rows, log the recorded ones, and set points 1 and 2 by the same measurement."""
        batch = self.batch
        assert batch is not None
        logged = [i for i in rows if batch.rows[i].recorded]
        measured = measure(batch, logged) if logged else {}
        others = [i for i in rows if not batch.rows[i].recorded]
        found = errors(batch, others) if others else {}
        found.update({i: (values[TRAIN_ERROR], values[VALIDATION_ERROR]) for i, values in measured.items()})
        for i, (train_error, validation_error) in found.items():
            row, notes = batch.rows[i], []
            if row.point_1 is None and train_error == 0:
                row.point_1, row.validation_error_at_point_1 = row.epoch, validation_error
                notes.append("point 1")
            if row.point_2 is None and train_error == validation_error == 0:
                row.point_2 = row.epoch
                notes.append("point 2")
            if i in measured:
                row.history.append(measured[i])
            self.progress.logged(row, " ".join(notes))

    def _write_checkpoints(self, rows: list[int], *, before: bool = False) -> None:
        """Hand the weights of these rows to the writer; `before`: those of the epoch before this one."""
        batch, folder = self.batch, self.job.folder
        if not rows or folder is None:
            return
        assert batch is not None
        weights = batch.weights_of(rows, previous=before).cpu().numpy().reshape(len(rows), -1).copy()
        for i, own in zip(rows, weights, strict=True):
            row = batch.rows[i]
            epoch = row.epoch - 1 if before else row.epoch
            target = checkpoints_of(folder, row.number)
            arguments = (target, epoch, batch.model.layout, own, row.run.weights_digest)
            self.job.writer.submit(write_checkpoint, *arguments)
            row.checkpoints.add(epoch)

    def _let_go(self) -> None:
        """Keep what the rows that have ended leave, and let the others go on without them."""
        batch = self.batch
        assert batch is not None
        ended = [i for i, row in enumerate(batch.rows) if row.ended and not self._has_left(row)]
        for i in ended:
            row = batch.rows[i]
            self.stopped[row.number] = {} if row.diverged else batch.arrays(i)
            if row.diverged:
                self.progress.diverged(row)
        outcomes = [i for i in ended if not batch.rows[i].recorded and batch.rows[i].diverged is None]
        for i, found in (errors(batch, outcomes) if outcomes else {}).items():
            batch.rows[i].errors = found
        if ended:
            batch.leave()

    # The state on disk.

    def state(self) -> SavedState:
        """Of every row that has begun its weights and optimizer state; of all of them the tables."""
        assert self.batch is not None
        index = [row.number for row in self.batch.rows]
        in_batch = {i: self.batch.arrays(place) for place, i in enumerate(index)}
        begun = {**in_batch, **self.stopped, **self.paused}
        tensors = {f"{i}/{name}": array for i, arrays in begun.items() for name, array in arrays.items()}
        for i, row in enumerate(self.rows):
            tensors.update({f"{i}/{name}": table for name, table in row.tables().items()})
        progress = {
            "epoch": max(row.epoch for row in self.batch.rows),
            "rows": [row.progress() for row in self.rows],
            "waiting": [i for i in self.waiting if i not in self.paused],
            "begun": sorted(begun),
        }
        return SavedState(tensors, progress)

    def check(self, state: SavedState) -> None:
        """Refuse a state that is incomplete, or trained beyond the epochs that are now asked for.

        Raises
        ------
        ArtifactError : with what is wrong.
        """
        folder = self.job.folder
        assert folder is not None
        rows = [Row(row.run, row.number, row.recorded) for row in self.rows]
        try:
            self._read(state, rows)
            for row, task in zip(rows, self.tasks, strict=True):
                if row.went_too_far:
                    expected = f"at most {row.last_epoch} epochs"
                    raise ArtifactError(folder, expected=expected, found=row.epoch)
                for epoch in row.checkpoints:
                    layout, config = task.model.layout, row.run.weights_digest
                    read_checkpoint(checkpoints_of(folder, row.number), epoch, layout, config)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            expected, found = "the state of this training", f"no {error}"
            raise ArtifactError(folder, expected=expected, found=found) from None

    def restore(self, state: SavedState) -> None:
        """Go on from what `state` gave; a row whose stop rule now comes later goes on too."""
        begun = self._read(state, self.rows)
        self.stopped = {i: arrays for i, arrays in begun.items() if self.rows[i].ended}
        self.paused = {i: arrays for i, arrays in begun.items() if not self.rows[i].ended}
        self.waiting = [*self.paused, *state.progress["waiting"]]
        if self.waiting:
            self._begin()

    def _read(self, state: SavedState, rows: Sequence[Row]) -> dict[int, dict[str, np.ndarray]]:
        """Give each of `rows` what a state has of it; of those that have begun what they need to go on."""
        for row, progress in zip(rows, state.progress["rows"], strict=True):
            history, epochs = (state.tensors[f"{row.number}/{name}"] for name in TABLES)
            row.restore(progress, history, epochs)
        numbers = [*state.progress["begun"], *state.progress["waiting"]]
        if sorted(numbers) != list(range(len(rows))):
            raise ValueError(f"rows {numbers}")
        begun = {}
        for i in state.progress["begun"]:
            own = (name for name in state.tensors if name.startswith(f"{i}/"))
            named = {name.partition("/")[2]: state.tensors[name] for name in own}
            begun[i] = {name: array for name, array in named.items() if name not in TABLES}
            size = self.tasks[i].model.layout.size
            shapes = {array.shape for array in begun[i].values()}
            if not rows[i].diverged and not ("weights" in begun[i] and shapes == {(size,)}):
                raise ValueError(f"weights of row {i}")
        return begun


def checkpoints_of(folder: Path, row: int) -> Path:
    """Where the checkpoints of a row lie while it is in training."""
    return folder / f"row_{row}"
