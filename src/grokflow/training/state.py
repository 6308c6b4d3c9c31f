"""Where a training stands: everything it needs to go on, in one file, replaced atomically."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from grokflow.checkpoints import (
    checkpoint_path,
    read_checkpoint,
    read_tensors,
    write_checkpoint,
    write_tensors,
)
from grokflow.compute import source_digest
from grokflow.config import ResolvedRun
from grokflow.errors import ArtifactError
from grokflow.files import digest
from grokflow.training.statistics import STATISTICS
from grokflow.weights import Layout

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
    "randomness.py",
    "weights.py",
    "prefixes.py",
    "model.py",
    "objective.py",
    "invariance.py",
    "operations.py",
    "dataset.py",
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


class Workshop:
    """The undeclared folder in which a run is trained. It survives a failed or killed job.

    Its name holds a digest of all that determines the result (configuration, sources, versions,
    device), so a state is never resumed under anything else. How long to train is not part of it:
    a run with more epochs goes on from where the shorter one stopped.
    """

    def __init__(self, root: str | Path, run: ResolvedRun, layout: Layout, device: str) -> None:
        key = {
            "weights": run.weights_digest,
            "checkpoint_every": run.checkpoint_every,
            "log_every": run.log_every,
            "device": device,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "source": source_digest(*WHAT_TRAINS),
        }
        self.folder = Path(root) / digest(key)
        self.layout = layout
        self.config = run.weights_digest

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this folder; the kernel lets go of it when the process ends, however it ends.

        Raises
        ------
        ArtifactError : when another process trains the same run.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=0):
                yield
        except Timeout:
            raise ArtifactError(
                self.folder,
                expected="no other process that trains this run",
                found="one that does",
                mend="Wait for it, or stop it; the training then goes on where it stood.",
            ) from None

    def save_checkpoint(self, state: State, weights: Tensor, epoch: int) -> None:
        """Write the checkpoint of `epoch` and note it in the state."""
        path = checkpoint_path(self.folder, epoch)
        write_checkpoint(path, self.layout, weights.cpu().numpy(), epoch, self.config)
        state.checkpoints.add(epoch)

    def save(self, state: State) -> None:
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
        write_tensors(self.folder / "state.safetensors", tensors, {"progress": json.dumps(progress)})

    def load(self, device: str) -> State | None:
        """The state on disk, or None when there is none or it or one of its checkpoints is damaged."""
        path = self.folder / "state.safetensors"
        if not path.exists():
            return None
        try:
            tensors, metadata = read_tensors(path)
            progress = json.loads(metadata["progress"])
            for epoch in progress["checkpoints"]:
                read_checkpoint(checkpoint_path(self.folder, epoch), self.layout, self.config)
        except (ArtifactError, KeyError) as error:
            print(f"Starting over, because the saved state cannot be used. {error}", flush=True)
            return None
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
