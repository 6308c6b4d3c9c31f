"""The training loop: from a resolved run to a history and checkpoints.

Shapes: n weights, N train examples.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pandas as pd
import torch

from grokflow.checkpoints import checkpoint_path
from grokflow.config import ResolvedRun
from grokflow.errors import DivergenceError
from grokflow.files import write_bytes, write_text
from grokflow.objective import Task, gradient_pass, loss_and_error, loss_and_gradient, make_task
from grokflow.randomness import generator
from grokflow.training.detection import Watch
from grokflow.training.optimizers import Optimizer, make_optimizer
from grokflow.training.progress import Progress
from grokflow.training.state import HISTORY, State, Workshop
from grokflow.weights import to_tensor


def train(
    run: ResolvedRun,
    dataset: pd.DataFrame,
    device: str,
    *,
    resume: str | Path,
    history: str | Path,
    checkpoints: str | Path,
) -> None:
    """Train one seed of one run, or go on where an earlier call was interrupted.

    Parameters
    ----------
    dataset : the table with columns a, b, c, split.
    resume : folder in which unfinished trainings are kept.
    history, checkpoints : where the finished table and the folder of checkpoints go.

    Raises
    ------
    DivergenceError : when a logged loss is not finite.
    ArtifactError : when another process trains the same run.
    """
    task = make_task(run.model, run.dataset, dataset, device)
    workshop = Workshop(resume, run, task.model.layout, device)
    with workshop.locked():
        state = workshop.load(device)
        if state is None or _last_epoch(run, state) < state.epoch:
            weights = to_tensor(task.model.layout.initial(run.seed), run.precision, device)
            state = State(0, weights, make_optimizer(run.optimizer, weights).state)
        else:
            print(f"Going on from epoch {state.epoch}.", flush=True)
        _Training(run, task, workshop, state).go()
        _publish(run, state, workshop.folder, Path(history), Path(checkpoints))


class _Training:
    """One run on its way; every method changes `state` and nothing else."""

    def __init__(self, run: ResolvedRun, task: Task, workshop: Workshop, state: State) -> None:
        self.run = run
        self.task = task
        self.workshop = workshop
        self.state = state
        self.optimizer: Optimizer = make_optimizer(run.optimizer, state.weights)
        self.optimizer.state = state.optimizer
        self.steps_per_epoch = math.ceil(len(task.train) / run.optimizer.batch_size)
        self.watch_train = Watch(task.model, task.train)
        self.watch_validation = Watch(task.model, task.validation)
        self.progress = Progress(state.epoch, run.epochs)

    def go(self) -> None:
        """Train until the stop rule says so."""
        state, run = self.state, self.run
        if state.epoch == 0 and not state.history:
            self.look()
            self.keep()
        while state.epoch < _last_epoch(run, state):
            before = state.weights.clone() if state.point_2 is None else None
            self.epoch()
            self.look()
            if state.point_2 == state.epoch and before is not None:
                # Which pairs were the last to come right is read from the weights one epoch earlier.
                self.workshop.save_checkpoint(state, before, state.epoch - 1)
            if self.is_kept(state.epoch):
                self.keep()

    def epoch(self) -> None:
        """One pass over the train set in a fresh order; the last batch holds what is left."""
        state, run = self.state, self.run
        order = generator(run.seed, "order", state.epoch).permutation(len(self.task.train))
        shuffled = self.task.train.take(torch.from_numpy(order).to(state.weights.device))
        step = state.epoch * self.steps_per_epoch
        for batch in shuffled.batches(run.optimizer.batch_size):
            step += 1
            _, gradient = loss_and_gradient(self.task.model, state.weights, batch)
            self.optimizer.step(state.weights, gradient, step)
        state.epoch += 1

    def look(self) -> None:
        """Find out whether a point is reached, and log the epoch if it is one to log."""
        state, run = self.state, self.run
        perfect_train = perfect_both = False
        if state.point_1 is None:
            perfect_train = self.watch_train.is_perfect(state.weights)
        if state.point_2 is None and (perfect_train or state.point_1 is not None):
            perfect_both = self.watch_validation.is_perfect(state.weights) and self.watch_train.is_perfect(
                state.weights
            )
        logged = state.epoch % run.log_every == 0 or self.is_kept(state.epoch)
        if not (logged or perfect_train or perfect_both):
            return
        row = self.measure()
        note = ""
        if state.point_1 is None and row["train_error"] == 0:
            state.point_1, note = state.epoch, "point 1"
        if state.point_2 is None and row["train_error"] == row["validation_error"] == 0:
            state.point_2, note = state.epoch, f"{note} point 2".strip()
        state.history.append(list(row))
        self.progress.report(row, note)

    def measure(self) -> pd.Series:
        """A row of the history for the weights as they are."""
        state, run, task = self.state, self.run, self.task
        weights, settings = state.weights, run.optimizer
        train_loss, train_error = loss_and_error(task.model, weights, task.train)
        validation_loss, validation_error = loss_and_error(task.model, weights, task.validation)
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
            raise DivergenceError(
                f"epoch {state.epoch}, step {state.epoch * self.steps_per_epoch}",
                expected="a finite loss",
                found=f"train {train_loss}, validation {validation_loss}",
                mend="Lower the optimizer's learning_rate.",
            )
        batches = list(task.train.batches(settings.batch_size))
        # Not its train error too: a float32 tie could fall otherwise in batches of another size.
        gradient_norm = gradient_pass(task.model, weights, batches, settings.weight_decay).norm
        weight_norm = weights.double().norm().item()
        row = (
            state.epoch,
            state.epoch * self.steps_per_epoch,
            train_loss,
            train_error,
            validation_loss,
            validation_error,
            weight_norm,
            gradient_norm,
            settings.learning_rate / weight_norm**2,
            gradient_norm * weight_norm,
        )
        return pd.Series(row, index=HISTORY)

    def is_kept(self, epoch: int) -> bool:
        """Whether the weights of `epoch` are written."""
        state = self.state
        return epoch % self.run.checkpoint_every == 0 or epoch in (
            state.point_1,
            state.point_2,
            _last_epoch(self.run, state),
        )

    def keep(self) -> None:
        """Write the checkpoint of this epoch and the state to go on from."""
        self.workshop.save_checkpoint(self.state, self.state.weights, self.state.epoch)
        self.workshop.save(self.state)


def _last_epoch(run: ResolvedRun, state: State) -> int:
    """The last epoch of the run, as far as the state can tell."""
    if state.point_2 is None or run.stop_after_point_2 is None:
        return run.epochs
    return min(run.epochs, state.point_2 + run.stop_after_point_2)


def _belongs(run: ResolvedRun, state: State, epoch: int) -> bool:
    """Whether `epoch` is in the results of the run; a shorter run's last epoch is not in a longer one's."""
    points = (
        state.point_1,
        state.point_2,
        state.point_2 and state.point_2 - 1,
        _last_epoch(run, state),
    )
    return epoch % run.checkpoint_every == 0 or epoch in points


def _publish(run: ResolvedRun, state: State, workshop: Path, history: Path, checkpoints: Path) -> None:
    """Write the finished history and copy the finished checkpoints, leaving the workshop whole."""
    frame = state.history_frame()
    logged = [e % run.log_every == 0 or _belongs(run, state, e) for e in frame["epoch"]]
    write_text(history, frame[logged].to_csv(index=False, lineterminator="\n"))
    shutil.rmtree(checkpoints, ignore_errors=True)
    checkpoints.mkdir(parents=True)
    for epoch in sorted(state.checkpoints):
        if _belongs(run, state, epoch):
            # A copy, not a link: what happens to the one must not happen to the other.
            content = checkpoint_path(workshop, epoch).read_bytes()
            write_bytes(checkpoint_path(checkpoints, epoch), content)
