"""Where a training stands: everything it needs to go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow.artifacts.resumable import State as Saved
from grokflow.artifacts.resumable import Workshop
from grokflow.config import ResolvedRun, plain
from grokflow.model.checkpoints import read_checkpoint, write_checkpoint
from grokflow.model.layout import Layout
from grokflow.training.statistics import STATISTICS

HISTORY = [
    "epoch",
    "step",
    "train_loss",
    "train_error",
    "validation_loss",
    "validation_error",
    *STATISTICS,
]
"""Columns of history.csv, a row for each logged epoch. Losses are mean cross-entropies in nats, errors
are 1 − accuracy; the statistics are of the cross-entropy on the train set, at the weights of that epoch."""

EPOCHS = ["epoch", "train_loss", "train_error", *STATISTICS]
"""Columns of epochs.csv, a row for every epoch: means over its minibatches, each as training met it, before
its update; `weight_norm` and what follows from it after the last one."""

WHAT_TRAINS = (
    "config/schema.py",
    "model/device.py",
    "randomness.py",
    "model/layout.py",
    "model/weights.py",
    "model/prefixes.py",
    "model/attention.py",
    "model/transformer.py",
    "model/objective.py",
    "model/invariance.py",
    "data/operations.py",
    "data/dataset.py",
    "training",
)
"""The sources that decide what a training computes; a state of other sources is not resumed."""


@dataclass
class State:
    """A training after `epoch` epochs."""

    epoch: int
    weights: Tensor
    optimizer: dict[str, Tensor]
    history: list[list[float]] = field(default_factory=list)
    epochs: list[list[float]] = field(default_factory=list)
    checkpoints: set[int] = field(default_factory=set)
    point_1: int | None = None
    point_2: int | None = None

    def history_frame(self) -> pd.DataFrame:
        """The history as it is written to history.csv."""
        frame = pd.DataFrame(self.history, columns=HISTORY)
        return frame.astype({"epoch": int, "step": int})

    def epochs_frame(self) -> pd.DataFrame:
        """The table as it is written to epochs.csv."""
        return pd.DataFrame(self.epochs, columns=EPOCHS).astype({"epoch": int})


class RunWorkshop(Workshop):
    """The folder in which a run is trained, with a checkpoint of every epoch that is kept.

    How long to train does not name it: a run with more epochs goes on from where the shorter one stopped.
    """

    def __init__(
        self, root: str | Path, subject: str | Path, run: ResolvedRun, layout: Layout, device: str
    ) -> None:
        settings = {
            k: v for k, v in plain(run).items() if k not in ("epochs", "stop_after_point_2", "device")
        }
        super().__init__(root, subject, settings, WHAT_TRAINS, device)
        self.layout = layout
        self.config = run.weights_digest

    def save_checkpoint(self, state: State, weights: Tensor, epoch: int) -> None:
        """Write the checkpoint of `epoch` and note it in the state."""
        assert self.folder is not None
        write_checkpoint(self.folder, epoch, self.layout, weights.cpu().numpy(), self.config)
        state.checkpoints.add(epoch)

    def save_state(self, state: State) -> None:
        """Replace the state on disk."""
        tensors = {f"optimizer.{name}": tensor.cpu().numpy() for name, tensor in state.optimizer.items()}
        tensors["weights"] = state.weights.cpu().numpy()
        tensors["history"] = np.array(state.history, dtype=np.float64).reshape(-1, len(HISTORY))
        tensors["epochs"] = np.array(state.epochs, dtype=np.float64).reshape(-1, len(EPOCHS))
        progress = {
            "epoch": state.epoch,
            "checkpoints": sorted(state.checkpoints),
            "point_1": state.point_1,
            "point_2": state.point_2,
        }
        self.save(tensors, progress)

    def load_state(self, device: str) -> State | None:
        """The last state that is whole, with all its checkpoints, or None."""
        saved = self.load(self._check)
        if saved is None:
            return None
        tensors, progress = saved
        on_device = {name: torch.from_numpy(array.copy()).to(device) for name, array in tensors.items()}
        return State(
            epoch=progress["epoch"],
            weights=on_device["weights"],
            optimizer={
                name.removeprefix("optimizer."): tensor
                for name, tensor in on_device.items()
                if name.startswith("optimizer.")
            },
            history=tensors["history"].tolist(),
            epochs=tensors["epochs"].tolist(),
            checkpoints=set(progress["checkpoints"]),
            point_1=progress["point_1"],
            point_2=progress["point_2"],
        )

    def _check(self, saved: Saved) -> None:
        assert self.folder is not None
        for epoch in saved[1]["checkpoints"]:
            read_checkpoint(self.folder, epoch, self.layout, self.config)
