"""The training loop: from a resolved run to its tables and checkpoints.

Shapes: n weights, N train examples.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import torch
from torch import Tensor

from grokflow.artifacts.files import write_bytes, write_text
from grokflow.config import ResolvedRun
from grokflow.errors import DivergenceError
from grokflow.model.checkpoints import checkpoint_path
from grokflow.model.invariance import audited_pairs, invariant_groups
from grokflow.model.layout import merged
from grokflow.model.objective import Task, batch_pass, gradient_pass, loss_and_error, make_task
from grokflow.model.weights import norm_of, to_tensor
from grokflow.randomness import generator
from grokflow.training.constraints import Hold
from grokflow.training.detection import Watch
from grokflow.training.graph import captured
from grokflow.training.optimizers import Optimizer, make_optimizer
from grokflow.training.progress import Progress
from grokflow.training.state import HISTORY, RunWorkshop, State
from grokflow.training.statistics import PieceNorms, statistics

AUDITED = 64
"""Pairs on which training asks which groups are scale-invariant."""


def train(
    run: ResolvedRun,
    dataset: pd.DataFrame,
    device: str,
    *,
    resume: str | Path,
    history: str | Path,
    epochs: str | Path,
    checkpoints: str | Path,
) -> dict[str, Any]:
    """Train one seed of one run, or go on where an earlier call was interrupted.

    Parameters
    ----------
    dataset : the table with columns a, b, c, split.
    resume : folder in which unfinished trainings are kept.
    history, epochs, checkpoints : where the finished tables and the folder of checkpoints go.

    Returns
    -------
    The outcome: `epoch`, the last one; `diverged`, None or the epoch and step at which the loss was no
    longer finite (the tables then end before, with the last checkpoint before); `invariant_groups`.

    Raises
    ------
    ArtifactError : when another process trains the same run.
    SystemExit : after SIGTERM, with the state of the last epoch saved.
    """
    task = make_task(run.model, run.dataset, dataset, device)
    workshop = RunWorkshop(resume, Path(history).parent, run, task.model.layout, device)
    with workshop.locked():
        state = workshop.load_state(device)
        if state is None or _last_epoch(run, state) < state.epoch:
            weights = to_tensor(task.model.layout.initial(run.seed), run.precision, device)
            state = State(0, weights, make_optimizer(run.optimizer, weights).state)
        else:
            print(f"Going on from epoch {state.epoch}.", flush=True)
        training = _Training(run, task, workshop, state)
        diverged = None
        try:
            training.go()
        except DivergenceError as error:
            diverged = f"{error.where}: {error.found}"
            print(f"Stopped. {error}", flush=True)
        assert workshop.folder is not None
        last = _publish(run, state, workshop.folder, Path(history), Path(epochs), Path(checkpoints))
    return {
        "epoch": last,
        "diverged": diverged,
        "invariant_groups": list(training.invariant),
    }


class _Training:
    """One run on its way; every method changes `state` and nothing else."""

    def __init__(self, run: ResolvedRun, task: Task, workshop: RunWorkshop, state: State) -> None:
        self.run = run
        self.task = task
        self.workshop = workshop
        self.state = state
        self.optimizer: Optimizer = make_optimizer(run.optimizer, state.weights)
        self.optimizer.state = state.optimizer
        self.steps_per_epoch = math.ceil(len(task.train) / run.optimizer.batch_size)
        layout = task.model.layout
        initial = layout.initial(run.seed)
        self.invariant = invariant_groups(task.model, initial, audited_pairs(task, AUDITED))
        invariant = merged(piece for pieces in self.invariant.values() for piece in pieces)
        self.norms = PieceNorms(layout, invariant)
        self.invariant_part = invariant
        held = self.invariant if run.sphere else {}
        self.hold = Hold(layout, held, to_tensor(initial, run.precision, state.weights.device.type))
        self.watch_train = Watch(task.model, task.train)
        self.watch_validation = Watch(task.model, task.validation)
        self.progress = Progress(state.epoch, run.epochs)
        # What an epoch reads and writes stays in one place, so that it can be captured and replayed.
        weights = state.weights
        self.shuffled = task.train.clone()
        self.step = torch.zeros(1, dtype=torch.float64, device=weights.device)
        self.met = torch.zeros(
            self.steps_per_epoch, 2 + len(self.norms.pieces), dtype=torch.float64, device=weights.device
        )
        changes = [weights, *state.optimizer.values(), self.step, self.met]
        self.run_steps = captured(self.steps, changes)

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
            if self.workshop.termination.asked and state.epoch < _last_epoch(run, state):
                self.workshop.save_state(state)
                self.workshop.termination.end()

    def epoch(self) -> None:
        """One pass over the train set in a fresh order; the last batch holds what is left."""
        state = self.state
        order = generator(self.run.seed, "order", state.epoch).permutation(len(self.task.train))
        self.shuffled.copy_(self.task.train.take(torch.from_numpy(order).to(state.weights.device)))
        self.step.fill_(state.epoch * self.steps_per_epoch)
        self.run_steps()
        state.epoch += 1
        self.record(self.met)

    def steps(self) -> None:
        """The steps of an epoch. `met` has of each: loss, wrong answers, ‖g‖² by pieces; read at its end."""
        weights = self.state.weights
        for number, batch in enumerate(self.shuffled.batches(self.run.optimizer.batch_size)):
            self.step.add_(1)
            loss, wrong, gradient = batch_pass(self.task.model, weights, batch)
            self.met[number, 0], self.met[number, 1] = loss, wrong
            self.met[number, 2:] = self.norms.squares(gradient)
            step = self.step if weights.is_cuda else int(self.step)
            self.optimizer.step(weights, gradient, step)
            self.hold(weights)

    def record(self, met: Tensor) -> None:
        """Add the epoch's row to the table of all epochs.

        Parameters
        ----------
        met : (steps, 2 + pieces), a row for each minibatch.

        Raises
        ------
        DivergenceError : when the loss of a minibatch or the norm of the weights is not finite.
        """
        state, batch_size = self.state, self.run.optimizer.batch_size
        met = met.cpu()  # waits for a GPU once, not at every number read below
        weight_norms = self.norms.norms(self.norms.squares(state.weights)).tolist()
        losses, wrong = met[:, 0].tolist(), met[:, 1].sum().item()
        for number, loss in enumerate(losses, start=1):
            if not math.isfinite(loss):
                self.diverge((state.epoch - 1) * self.steps_per_epoch + number, f"train loss {loss}")
        if not math.isfinite(weight_norms[0]):
            self.diverge(state.epoch * self.steps_per_epoch, f"weight norm {weight_norms[0]}")
        examples = len(self.task.train)
        sizes = [min(batch_size, examples - start) for start in range(0, examples, batch_size)]
        loss = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / examples
        gradient_norms = self.norms.norms(met[:, 2:]).mean(0).tolist()
        row = statistics(self.run.optimizer.learning_rate, weight_norms, gradient_norms)
        state.epochs.append([state.epoch, loss, wrong / examples, *row])

    def diverge(self, step: int, found: str) -> NoReturn:
        """Stop this run; what was measured and kept before stays.

        Raises
        ------
        DivergenceError : always.
        """
        self.state.epochs = [row for row in self.state.epochs if row[0] < self.state.epoch]
        raise DivergenceError(
            f"epoch {self.state.epoch}, step {step}",
            expected="finite numbers",
            found=found,
            mend="Lower the optimizer's learning_rate.",
        )

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
        batches = list(task.train.batches(settings.batch_size))
        train = gradient_pass(task.model, weights, batches, part=self.invariant_part)
        train_loss, train_error = train.loss.item(), train.error.item()
        validation_loss, validation_error = map(float, loss_and_error(task.model, weights, task.validation))
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
            found = f"train loss {train_loss}, validation loss {validation_loss}"
            self.diverge(state.epoch * self.steps_per_epoch, found)
        parts = (task.model.layout.trained, self.invariant_part)
        row = (
            state.epoch,
            state.epoch * self.steps_per_epoch,
            train_loss,
            train_error,
            validation_loss,
            validation_error,
            *statistics(
                settings.learning_rate,
                [norm_of(weights, part).item() if part else 0.0 for part in parts],
                [train.norm.item(), train.norm_part.item()],
            ),
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
        self.workshop.save_state(self.state)


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


def _publish(
    run: ResolvedRun, state: State, workshop: Path, history: Path, epochs: Path, checkpoints: Path
) -> int:
    """Write the finished tables and copy the finished checkpoints, leaving the workshop whole.

    Returns
    -------
    The last epoch that was trained.
    """
    every = state.epochs_frame()
    every = every[every["epoch"] <= _last_epoch(run, state)]
    write_text(epochs, every.to_csv(index=False, lineterminator="\n"))
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
    return int(every["epoch"].max()) if len(every) else 0
