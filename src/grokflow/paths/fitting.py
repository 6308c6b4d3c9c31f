"""Fitting the bends of paths: several at once, as rows of one batch of models.

A row does what it would do alone: it has its own ends, its own draws of t and order of examples.

Shapes: `...` no or one leading axis (M paths), K control points, n weights, N examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow import config
from grokflow.artifacts.files import checksum
from grokflow.artifacts.resumable import State, Workshop
from grokflow.config import plain
from grokflow.model.objective import Examples, loss_and_gradient, make_task
from grokflow.model.weights import to_tensor
from grokflow.paths import Curve
from grokflow.paths.bends import fit_bends
from grokflow.paths.connecting import Unfitted
from grokflow.paths.curve_files import FittedCurve, fit_history
from grokflow.randomness import generator

WHAT_FITS = (
    "config/schema.py",
    "model/device.py",
    "paths/connecting.py",
    "paths/fitting.py",
    "paths",
    "randomness.py",
    "model/layout.py",
    "model/weights.py",
    "model/prefixes.py",
    "model/attention.py",
    "model/transformer.py",
    "model/objective.py",
    "data/operations.py",
    "data/dataset.py",
)
"""The sources that decide what a fit computes; a state of other sources is not resumed."""


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
    publish : writes the result; what was kept is discarded after it, not before.

    Raises
    ------
    ArtifactError : when another process fits the same.
    SystemExit : after SIGTERM, with the state of the last epoch saved.
    """
    if not unfitted:
        publish([])
        return []
    fit = _Fit(unfitted, dataset, device)
    # The weights of the ends: the same epoch of the same configuration may have been trained again.
    paths = [
        {**plain(each.path), "ends": each.curve.ends, "weights": checksum(each.curve.controls.tobytes())}
        for each in unfitted
    ]
    workshop = Workshop(resume, subject, {"paths": paths}, WHAT_FITS, device)
    with workshop.locked():
        fit.go(workshop)
        fits = fit.curves()
        publish(fits)
        workshop.discard()
    return fits


class _Fit:
    """The control points (..., K, n) of all paths, and where their fit stands."""

    def __init__(self, unfitted: Sequence[Unfitted], dataset: pd.DataFrame, device: str) -> None:
        self.unfitted = unfitted
        path = unfitted[0].path
        assert isinstance(path.path, config.Fitted)
        self.kind, self.settings = unfitted[0].curve.kind, path.path.fit
        self.decay, self.batch_size = path.weight_decay, path.from_run.optimizer.batch_size
        self.task = make_task(path.from_run.model, path.from_run.dataset, dataset, device)
        # One path has no leading axis: PyTorch then multiplies matrices, not batches of one.
        straight = _rows([each.curve.controls for each in unfitted])
        self.controls = to_tensor(straight, path.from_run.precision, device).clone()
        self.velocity = torch.zeros_like(self.controls[..., 1:-1, :])
        self.history: list[list[float]] = []

    def go(self, workshop: Workshop) -> None:
        """Fit to the end, or go on where an interrupted fit stood."""
        saved = workshop.load()
        if saved is not None:
            self.restore(saved)
            print(f"Going on from epoch {len(self.history)}.", flush=True)
        epochs = self.settings.epochs
        done = len(self.history)
        fitted = fit_bends(self.kind, self.controls, self.settings, self.epochs(), self.velocity, done)
        for epoch, (losses, rate) in enumerate(fitted, start=done + 1):
            self.history.append([epoch, rate, *np.atleast_1d(losses).tolist()])
            if epoch % max(1, epochs // 20) == 0:
                said = " ".join(f"{loss:.4g}" for loss in self.history[-1][2:])
                print(f"fit epoch {epoch}/{epochs}  loss {said}", flush=True)
            if epoch < epochs:
                workshop.pause(self.state)

    def epochs(self) -> Iterable[tuple[np.ndarray, Iterable[Callable[[Tensor], tuple[Tensor, Tensor]]]]]:
        """For each epoch that is left, the values of t and the minibatches, of each path its own."""
        for epoch in range(len(self.history), self.settings.epochs):
            random = [
                generator(each.path.from_run.seed, f"path/{each.curve.ends}", epoch) for each in self.unfitted
            ]
            order = _rows([one.permutation(len(self.task.train)) for one in random])
            index = torch.from_numpy(order).to(self.controls.device)
            batches = list(self.task.train.take(index).batches(self.batch_size))
            yield _rows([one.random(len(batches)) for one in random]), map(self.on, batches)

    def on(self, batch: Examples) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """The regularised loss and its gradient on a minibatch, as a function of the weights."""

        def step(weights: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = loss_and_gradient(self.task.model, weights, batch)
            for piece in self.task.model.layout.trained:  # decay does not move what is frozen
                own = weights[..., piece]
                loss = loss + self.decay / 2 * own.square().sum(-1)
                gradient[..., piece].add_(own, alpha=self.decay)
            return loss, gradient

        return step

    def state(self) -> State:
        """All that an interrupted fit needs to go on."""
        tensors = {"controls": self.controls.cpu().numpy(), "velocity": self.velocity.cpu().numpy()}
        return {**tensors, "history": np.array(self.history)}, {"epoch": len(self.history)}

    def restore(self, saved: State) -> None:
        """Go on from what `state` gave."""
        self.controls.copy_(torch.from_numpy(saved[0]["controls"]))
        self.velocity.copy_(torch.from_numpy(saved[0]["velocity"]))
        self.history = saved[0]["history"].tolist()

    def curves(self) -> list[FittedCurve]:
        """Each path as it is now, with its history."""
        controls = self.controls.cpu().numpy().reshape(len(self.unfitted), *self.controls.shape[-2:])
        return [
            (
                Curve(each.curve.kind, controls[i], each.curve.names),
                fit_history([[epoch, rate, losses[i]] for epoch, rate, *losses in self.history]),
            )
            for i, each in enumerate(self.unfitted)
        ]


def _rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """One array as it is, several as rows of one."""
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)
