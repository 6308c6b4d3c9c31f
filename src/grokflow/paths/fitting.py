"""Fitting the bends of paths: several at once, as rows of one batch of models.

A row takes the steps that it would take alone: it has its own ends, draws of t, order of examples and
learning rate. When its fit has ended it stays where it is while the others go on.

Shapes: `...` no or one leading axis (M paths), K control points, n weights, N examples, S minibatches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow import config
from grokflow.artifacts.columns import FIT
from grokflow.artifacts.files import checksum
from grokflow.artifacts.resumable import ResumableJob, SavedState
from grokflow.config import plain
from grokflow.errors import ArtifactError
from grokflow.model.device import name_of
from grokflow.model.objective import Examples, Task, loss_and_error, loss_and_gradient, make_task
from grokflow.model.weights import norm_of, to_tensor
from grokflow.paths.bends import LossAt, fit_epoch
from grokflow.paths.connecting import Unfitted
from grokflow.paths.curve_files import FittedCurve, fit_history
from grokflow.paths.geometry import Curve
from grokflow.paths.schedule import History
from grokflow.randomness import generator
from grokflow.training.graph import captured
from grokflow.training.optimizers import OPTIMIZERS, Optimizer
from grokflow.training.per_row import PerRow


def fit_paths(
    unfitted: Sequence[Unfitted],
    dataset: pd.DataFrame,
    device: str,
    *,
    resume: str | Path | None = None,
    subject: str | Path = "a path",
    publish: Callable[[list[FittedCurve]], None] = lambda fits: None,
) -> list[FittedCurve]:
    """Each path fitted, with the history of its fit.

    Parameters
    ----------
    unfitted : paths that differ in nothing but their ends.
    resume : folder in which unfinished fits are kept; None: nothing is.
    subject : what is fitted, as messages call it.
    publish : writes the result. The saved state is discarded after it, not before.

    Raises
    ------
    ArtifactError : when another process fits the same.
    SystemExit : after a signal to stop, with the state of the last epoch saved.
    """
    if not unfitted:
        publish([])
        return []
    fit = fitting_of(unfitted, dataset, device)
    # The weights of the ends: the same epoch of the same configuration may have been trained again.
    paths = [
        {**plain(each.path), "ends": each.curve.ends, "weights": checksum(each.curve.controls.tobytes())}
        for each in unfitted
    ]
    job = ResumableJob(resume, subject, {"paths": paths}, __name__, name_of(device))
    with job.locked():
        job.carry_out(fit)
        fits = fit.curves()
        publish(fits)
        job.discard()
    return fits


def fitting_of(unfitted: Sequence[Unfitted], dataset: pd.DataFrame, device: str) -> Fitting:
    """The fit of paths that differ in nothing but their ends, before its first epoch."""
    path = unfitted[0].path
    assert isinstance(path.path, config.Fitted)
    run = path.from_run
    return Fitting(
        [each.curve for each in unfitted],
        make_task(run.model, run.dataset, dataset, device),
        path.path.fit,
        seeds=[each.path.from_run.seed for each in unfitted],
        weight_decay=path.weight_decay,
        batch_size=run.optimizer.batch_size,
        precision=run.precision,
        device=device,
    )


def fit_curve(
    straight: Curve,
    task: Task,
    settings: config.Fit,
    *,
    seed: int,
    weight_decay: float,
    batch_size: int,
    precision: str,
    device: str,
    log: bool = True,
) -> FittedCurve:
    """One curve fitted, with the history of its fit, whatever its model, data and loss are.

    Parameters
    ----------
    straight : where its bends begin.
    seed : with the names of its ends, decides the draws of t and the orders of examples.
    weight_decay : λ of the loss, which has (λ/2)‖φ(t)‖² added.
    log : print a line every now and then.
    """
    fit = Fitting(
        [straight],
        task,
        settings,
        seeds=[seed],
        weight_decay=weight_decay,
        batch_size=batch_size,
        precision=precision,
        device=device,
        log=log,
    )
    while not fit.done:
        fit.advance()
    (fitted,) = fit.curves()
    return fitted


MEASURED_T = np.arange(1, 14) / 14
"""Where the errors on a curve are looked at during its fit; the bend of a path with one is among them."""


EPOCHS_BETWEEN_LINES = 20
"""Of the log."""


class Fitting:
    """The control points of all paths, and where their fit stands. A `Work`; a step is an epoch."""

    def __init__(
        self,
        straight: Sequence[Curve],
        task: Task,
        settings: config.Fit,
        *,
        seeds: Sequence[int],
        weight_decay: float,
        batch_size: int,
        precision: str,
        device: str,
        log: bool = True,
    ) -> None:
        self.straight, self.task, self.settings, self.seeds = straight, task, settings, seeds
        self.decay, self.batch_size, self.log = weight_decay, batch_size, log
        self.coefficients_of = straight[0].path_kind.coefficients
        # One path has no leading axis: PyTorch then multiplies matrices, not batches of one.
        controls = _rows([curve.controls for curve in straight])
        self.controls = to_tensor(controls, precision, device).clone()
        self.history = [History(settings) for _ in straight]
        self.epoch = 0
        self.began: tuple[float, int] | None = None
        """When the first line of progress was printed, and at which epoch."""
        # What an epoch reads stays in one place, so that it can be captured and replayed.
        self.ahead = 0, self._draws(0)
        order, coefficients = self.ahead[1]
        self.order = torch.from_numpy(order).to(device)
        self.coefficients = torch.from_numpy(coefficients).to(self.controls)
        bends = self.controls[..., 1:-1, :]
        self.rates = torch.zeros_like(bends[..., :1], dtype=torch.float64)
        self.step = torch.zeros(1, dtype=torch.float64, device=device)
        self.optimizer = make_fit_optimizer(self.settings, self.rates, bends)
        self.loss = torch.zeros(self.controls.shape[:-2], dtype=torch.float64, device=device)
        changes = [self.controls, *self.optimizer.state.values(), self.step, self.loss]
        self.run_epoch = captured(self._epoch, changes)
        measured_at = self.coefficients_of(MEASURED_T, self.controls.shape[-2])
        self.measured_at = torch.from_numpy(measured_at).to(self.controls)
        self.measured = torch.zeros((3, *self.loss.shape), dtype=torch.float64, device=device)
        self.measure = captured(self._measure, [self.measured], what="Measurements")

    @property
    def done(self) -> bool:
        """Whether the fit of every path has ended."""
        return all(row.ended for row in self.history)

    def start(self) -> None:
        """Nothing comes before the first epoch."""

    def advance(self) -> None:
        """Fit one epoch; a path whose fit has ended stays where it is."""
        epoch = self.epoch
        order, coefficients = self.ahead[1] if self.ahead[0] == epoch else self._draws(epoch)
        self.order.copy_(torch.from_numpy(order))
        self.coefficients.copy_(torch.from_numpy(coefficients))
        rates = [row.next_rate for row in self.history]
        self.rates.copy_(torch.tensor(rates, dtype=torch.float64).view(*self.loss.shape, 1, 1))
        self.run_epoch()
        self.ahead = epoch + 1, self._draws(epoch + 1)  # while a GPU is still at it
        losses = self.loss.reshape(-1).tolist()
        self.epoch = epoch + 1
        going = [number for number, row in enumerate(self.history) if not row.ended]
        if any(self.history[number].check_due for number in going):
            self.measure()
        measured = self.measured.view(3, -1).T.tolist()
        for number in going:
            self.history[number].add(rates[number], losses[number], *measured[number])
        if self.log and (self.epoch % EPOCHS_BETWEEN_LINES == 0 or self.done):
            self._say()

    def _say(self) -> None:
        """A line of progress: how many paths are in fit, medians of all, speed, and the time left."""
        now = time.monotonic()
        going = [row for row in self.history if not row.ended]
        losses = np.array([row.rows[-1][FIT.index("loss")] for row in self.history])
        checked = np.array([_last_check(row) for row in self.history])
        finite = np.isfinite(losses)
        told = finite if finite.any() else ~finite  # of those that diverged there is no more to tell
        loss, (train, validation) = np.median(losses[told]), np.median(checked[told], axis=0)
        said = (
            f"fit epoch {self.epoch}, at most {max(row.course.epochs for row in self.history)}  "
            f"{len(going)} of {len(self.history)} in fit, diverged {(~finite).sum()}  loss {loss:.4g}  "
            f"largest train error {train:.4f}  lowest validation error {validation:.4f}"
        )
        if self.began is None:
            self.began = now, self.epoch
        elif going:
            seconds, epochs = now - self.began[0], self.epoch - self.began[1]
            left = (max(row.course.epochs for row in going) - self.epoch) * seconds / epochs
            said += f"  {epochs / seconds:.1f} epochs/s  at most {left:.0f} s left"
        print(said, flush=True)

    def _epoch(self) -> None:
        """One step a minibatch; the last minibatch holds what is left. Never waits for a GPU."""
        shuffled = self.task.train.take(self.order)
        losses_at = [self._loss_at(batch) for batch in shuffled.batches(self.batch_size)]
        self.loss.copy_(fit_epoch(self.controls, self.coefficients, losses_at, self._update))

    def _update(self, bends: Tensor, gradient: Tensor) -> None:
        self.optimizer.step(bends, gradient, self.step.add_(1))

    def _measure(self) -> None:
        """What fit.csv says of each curve as a whole. Never waits for a GPU."""
        found, task = [], self.task
        for share in self.measured_at:
            weights = share @ self.controls
            loss, error = loss_and_error(task.model, weights, task.train, task.loss)
            loss = loss + self.decay / 2 * norm_of(weights, task.model.layout.trained) ** 2
            _, validation_error = loss_and_error(task.model, weights, task.validation, task.loss)
            found.append(torch.stack([loss, error, validation_error]))
        losses, train, validation = torch.stack(found, dim=1)
        self.measured.copy_(torch.stack([losses.mean(0), train.amax(0), validation.amin(0)]))

    def _loss_at(self, batch: Examples) -> LossAt:
        """The regularised loss and its gradient on a minibatch, as a function of the weights."""

        def loss_at(weights: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = loss_and_gradient(self.task.model, weights, batch, self.task.loss)
            for piece in self.task.model.layout.trained:  # decay does not move what is frozen
                own = weights[..., piece]
                loss = loss + self.decay / 2 * own.square().sum(-1)
                gradient[..., piece].add_(own, alpha=self.decay)
            return loss, gradient

        return loss_at

    def _draws(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The order of each path's examples (..., N), and the coefficients (..., S, K) at its values of t."""
        orders, coefficients = [], []
        for curve, seed in zip(self.straight, self.seeds, strict=True):
            random = generator(seed, f"path/{curve.ends}", epoch)
            orders.append(random.permutation(len(self.task.train)))
            t = random.random(-(-len(self.task.train) // self.batch_size))
            coefficients.append(self.coefficients_of(t, len(curve.controls)))
        return _rows(orders), _rows(coefficients)

    def state(self) -> SavedState:
        """All that an interrupted fit needs to go on."""
        tensors = {name: array.cpu().numpy().copy() for name, array in self._moving().items()}
        histories = {f"history {number}": row.table() for number, row in enumerate(self.history)}
        return SavedState({**tensors, **histories}, {"epoch": self.epoch})

    def check(self, state: SavedState) -> None:
        """Refuse a state that lacks something.

        Raises
        ------
        ArtifactError : with what is missing.
        """
        needed = {*self._moving(), *(f"history {number}" for number in range(len(self.history)))}
        if missing := needed - set(state.tensors):
            raise ArtifactError("saved fit", expected="the state of a fit", found=f"no {sorted(missing)}")

    def restore(self, state: SavedState) -> None:
        """Go on from what `state` gave."""
        for name, tensor in self._moving().items():
            tensor.copy_(torch.from_numpy(state.tensors[name]))
        for number, row in enumerate(self.history):
            for values in state.tensors[f"history {number}"].tolist():
                row.add(*values[1:])
        self.epoch = state.progress["epoch"]

    def _moving(self) -> dict[str, Tensor]:
        """The tensors that outlast an epoch, by name."""
        return {"controls": self.controls, "step": self.step, **self.optimizer.state}

    def curves(self) -> list[FittedCurve]:
        """Each path as it is now, with its history."""
        controls = self.controls.cpu().numpy().reshape(len(self.straight), *self.controls.shape[-2:])
        return [
            FittedCurve(Curve(curve.kind, own, curve.names), fit_history(row.table().tolist()))
            for curve, own, row in zip(self.straight, controls, self.history, strict=True)
        ]


def _last_check(row: History) -> tuple[float, float]:
    """The largest train error and the lowest validation error on the curve at the last check, or NaN."""
    columns = [FIT.index(name) for name in ("largest_train_error", "lowest_validation_error")]
    checks = (values for values in reversed(row.rows) if not math.isnan(values[columns[0]]))
    found = next(checks, (math.nan,) * len(FIT))
    return found[columns[0]], found[columns[1]]


def make_fit_optimizer(fit: config.Fit, rates: Tensor, bends: Tensor) -> Optimizer:
    """The optimizer of bends (..., K − 2, n), with `rates` (..., K − 2, 1) that may change in place.

    Weight decay is part of the loss, as in paper M.
    """
    settings: config.Optimizer = config.AdamW(name="adamw", learning_rate=fit.rate, beta_1=fit.momentum)
    if fit.optimizer == "sgd":
        settings = config.SGD(name="sgd", learning_rate=fit.rate, momentum=fit.momentum)
    return OPTIMIZERS[settings.name](PerRow(**{**settings.model_dump(), "learning_rate": rates}), bends)


def _rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """One array as it is, several as rows of one."""
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)
