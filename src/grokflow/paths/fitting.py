"""Fitting the bends of paths: several at once, as rows of one batch of models.

A row takes the steps that it would take alone: it has its own ends, its own draws of t and order of examples.

Shapes: `...` no or one leading axis (M paths), K control points, n weights, N examples, S minibatches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow import config
from grokflow.artifacts.files import checksum
from grokflow.artifacts.resumable import ResumableJob, SavedState
from grokflow.config import plain
from grokflow.errors import ArtifactError
from grokflow.model.device import name_of
from grokflow.model.objective import Examples, loss_and_gradient, make_task
from grokflow.model.weights import to_tensor
from grokflow.paths.bends import LossAt, fit_epoch, learning_rate
from grokflow.paths.connecting import Unfitted
from grokflow.paths.curve_files import FittedCurve, fit_history
from grokflow.paths.geometry import PATH_KINDS, Curve
from grokflow.randomness import generator
from grokflow.training.graph import captured


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
    fit = Fitting(unfitted, dataset, device)
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


class Fitting:
    """The control points of all paths, and where their fit stands. A `Work`; a step is an epoch."""

    def __init__(self, unfitted: Sequence[Unfitted], dataset: pd.DataFrame, device: str) -> None:
        self.unfitted = unfitted
        path = unfitted[0].path
        assert isinstance(path.path, config.Fitted)
        self.coefficients_of, self.settings = PATH_KINDS[unfitted[0].curve.kind].coefficients, path.path.fit
        self.decay, self.batch_size = path.weight_decay, path.from_run.optimizer.batch_size
        self.task = make_task(path.from_run.model, path.from_run.dataset, dataset, device)
        # One path has no leading axis: PyTorch then multiplies matrices, not batches of one.
        straight = _rows([each.curve.controls for each in unfitted])
        self.controls = to_tensor(straight, path.from_run.precision, device).clone()
        self.velocity = torch.zeros_like(self.controls[..., 1:-1, :])
        self.history: list[list[float]] = []
        # What an epoch reads stays in one place, so that it can be captured and replayed.
        self.ahead = 0, self._draws(0)
        order, coefficients = self.ahead[1]
        self.order = torch.from_numpy(order).to(device)
        self.coefficients = torch.from_numpy(coefficients).to(self.controls)
        self.rate = self.controls.new_zeros(())
        self.rate_in_python = self.settings.learning_rate
        self.loss = torch.zeros(self.controls.shape[:-2], dtype=torch.float64, device=device)
        self.run_epoch = captured(self._epoch, [self.controls, self.velocity, self.loss])

    @property
    def done(self) -> bool:
        """Whether every epoch has been fitted."""
        return len(self.history) >= self.settings.epochs

    def start(self) -> None:
        """Nothing comes before the first epoch."""

    def advance(self) -> None:
        """Fit one epoch."""
        epochs, epoch = self.settings.epochs, len(self.history)
        order, coefficients = self.ahead[1] if self.ahead[0] == epoch else self._draws(epoch)
        self.order.copy_(torch.from_numpy(order))
        self.coefficients.copy_(torch.from_numpy(coefficients))
        self.rate_in_python = learning_rate(self.settings, epoch / epochs)
        self.rate.fill_(self.rate_in_python)
        self.run_epoch()
        self.ahead = epoch + 1, self._draws(epoch + 1)  # while a GPU is still at it
        losses = self.loss.reshape(-1).tolist()
        self.history.append([epoch + 1, self.rate_in_python, *losses])
        if (epoch + 1) % max(1, epochs // 20) == 0:
            said = " ".join(f"{loss:.4g}" for loss in losses[:8]) + (" …" if len(losses) > 8 else "")
            print(f"fit epoch {epoch + 1}/{epochs}  loss {said}", flush=True)

    def _epoch(self) -> None:
        """One step a minibatch; the last minibatch holds what is left. Never waits for a GPU."""
        shuffled = self.task.train.take(self.order)
        losses_at = [self._loss_at(batch) for batch in shuffled.batches(self.batch_size)]
        rate = self.rate if self.rate.is_cuda else self.rate_in_python  # which a capture would freeze
        momentum = self.settings.momentum
        self.loss.copy_(fit_epoch(self.controls, self.velocity, self.coefficients, losses_at, rate, momentum))

    def _loss_at(self, batch: Examples) -> LossAt:
        """The regularised loss and its gradient on a minibatch, as a function of the weights."""

        def loss_at(weights: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = loss_and_gradient(self.task.model, weights, batch)
            for piece in self.task.model.layout.trained:  # decay does not move what is frozen
                own = weights[..., piece]
                loss = loss + self.decay / 2 * own.square().sum(-1)
                gradient[..., piece].add_(own, alpha=self.decay)
            return loss, gradient

        return loss_at

    def _draws(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The order of each path's examples (..., N), and the coefficients (..., S, K) at its values of t."""
        orders, coefficients = [], []
        for each in self.unfitted:
            random = generator(each.path.from_run.seed, f"path/{each.curve.ends}", epoch)
            orders.append(random.permutation(len(self.task.train)))
            t = random.random(-(-len(self.task.train) // self.batch_size))
            coefficients.append(self.coefficients_of(t, len(each.curve.controls)))
        return _rows(orders), _rows(coefficients)

    def state(self) -> SavedState:
        """All that an interrupted fit needs to go on."""
        arrays = {"controls": self.controls, "velocity": self.velocity}
        tensors = {name: array.cpu().numpy().copy() for name, array in arrays.items()}
        return SavedState({**tensors, "history": np.array(self.history)}, {"epoch": len(self.history)})

    def check(self, state: SavedState) -> None:
        """Refuse a state that lacks something.

        Raises
        ------
        ArtifactError : with what is missing.
        """
        if missing := {"controls", "velocity", "history"} - set(state.tensors):
            raise ArtifactError("saved fit", expected="the state of a fit", found=f"no {sorted(missing)}")

    def restore(self, state: SavedState) -> None:
        """Go on from what `state` gave."""
        self.controls.copy_(torch.from_numpy(state.tensors["controls"]))
        self.velocity.copy_(torch.from_numpy(state.tensors["velocity"]))
        self.history = state.tensors["history"].tolist()

    def curves(self) -> list[FittedCurve]:
        """Each path as it is now, with its history."""
        controls = self.controls.cpu().numpy().reshape(len(self.unfitted), *self.controls.shape[-2:])
        return [
            FittedCurve(
                Curve(each.curve.kind, controls[i], each.curve.names),
                fit_history([[epoch, rate, losses[i]] for epoch, rate, *losses in self.history]),
            )
            for i, each in enumerate(self.unfitted)
        ]


def _rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """One array as it is, several as rows of one."""
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)
