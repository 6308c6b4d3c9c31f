"""Runs small enough for a test, and what training one of them leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from torch import Tensor

from grokflow.artifacts.tensors import read_tensors
from grokflow.config import SGD, AdamW, Config, Dataset, Model, ResolvedMember, ResolvedRun, Sweep
from grokflow.data.dataset import make_dataset
from grokflow.model.checkpoints import checkpoint_epochs, read_checkpoint
from grokflow.model.layout import Layout
from grokflow.model.objective import Task, make_task
from grokflow.model.weights import to_tensor
from grokflow.training import find_points, train

TINY = {
    "dataset": Dataset(operation="a*b", modulus=7, b_from=1, train_fraction=0.6),
    "model": Model(layers=1, width=8, mlp_width=12, heads=2),
    "optimizer": SGD(name="sgd", learning_rate=0.1, weight_decay=0.01, batch_size=8),
    "seed": 0,
    "epochs": 6,
    "stop_after_point_2": None,
    "checkpoint_every": 2,
    "log_every": 1,
    "precision": "float64",
    "threads": 1,
    "device": "cpu",
}
"""42 pairs, of which 25 train in 4 batches; no point is reached in 6 epochs."""

GROKKING = {
    **TINY,
    "dataset": Dataset(operation="a*b", modulus=11, b_from=1, train_fraction=0.8),
    "model": Model(layers=1, width=16, mlp_width=32, heads=2),
    "optimizer": AdamW(name="adamw", learning_rate=0.02, weight_decay=1.0, batch_size=128),
    "epochs": 400,
    "stop_after_point_2": 10,
    "checkpoint_every": 20,
    "log_every": 10,
}
"""110 pairs; point 1 near epoch 40, point 2 near epoch 140."""


def tiny_run(**changes: Any) -> ResolvedRun:
    """A run of a few milliseconds, with some of its fields changed."""
    return ResolvedRun(**{**TINY, **changes})


def grokking_run(**changes: Any) -> ResolvedRun:
    """A run of a second that memorises first and generalises later."""
    return ResolvedRun(**{**GROKKING, **changes})


LAYER_NORM = Model(layers=2, width=6, mlp_width=5, heads=2, normalization="layer_norm")
SCALE_INVARIANT = Model(layers=1, width=8, mlp_width=6, heads=2, normalization="scale_invariant")

MOMENTUM = SGD(name="sgd", learning_rate=0.05, momentum=0.9, batch_size=8)
ADAMW = AdamW(name="adamw", learning_rate=0.01, batch_size=8, warmup_steps=6)


def member(base: dict[str, Any], row: int, **changes: Any) -> ResolvedMember:
    """Member number `row` of a sweep: its own seed, weight decay and split."""
    settings = {**base, **changes}
    decay, split = 0.1 * row, 10 + row
    run = ResolvedRun(
        **{
            **settings,
            "seed": row,
            "dataset": settings["dataset"].model_copy(update={"split_seed": split}),
            "optimizer": settings["optimizer"].model_copy(update={"weight_decay": decay}),
            "checkpoint_every": settings["epochs"],
        }
    )
    return ResolvedMember(settings={"optimizer.weight_decay": decay, "dataset.split_seed": split}, run=run)


def config_of_sweep(**changes: Any) -> Config:
    """A configuration of one sweep, `grid`: three decays, two train fractions and two seeds of `TINY`."""
    sweep = {
        "dataset": "table",
        "model": "small",
        "optimizer": "sgd",
        "vary": {"optimizer.weight_decay": [0.0, 0.1, 1], "dataset.train_fraction": [0.4, 0.6]},
        "seeds": [3, 1],
        "epochs": 7,
        "stop_after_point_2": 2,
        "members_at_once": 4,
        **changes,
    }
    return Config(
        precision="float64",
        threads=2,
        device="cpu",
        datasets={"table": TINY["dataset"]},
        models={"small": TINY["model"]},
        optimizers={"sgd": TINY["optimizer"]},
        runs={},
        sweeps={"grid": Sweep(**sweep)},
    )


@dataclass(frozen=True)
class Trained:
    """A finished run in `folder`."""

    run: ResolvedRun
    folder: Path
    outcome: dict[str, Any] = field(default_factory=lambda: {"diverged": None}, compare=False)

    @cached_property
    def dataset(self) -> pd.DataFrame:
        return make_dataset(self.run.dataset)

    @cached_property
    def task(self) -> Task:
        return make_task(self.run.model, self.run.dataset, self.dataset, "cpu")

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"

    @property
    def epochs(self) -> Path:
        return self.folder / "epochs.csv"

    @property
    def rows(self) -> pd.DataFrame:
        return pd.read_csv(self.history)

    @property
    def epoch_rows(self) -> pd.DataFrame:
        return pd.read_csv(self.epochs)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def state(self) -> Path:
        (path,) = (self.folder / "resume").glob("*/state.safetensors")
        return path

    def weights(self, epoch: int) -> Tensor:
        layout = self.task.model.layout
        found = read_checkpoint(self.checkpoints, epoch, layout, self.run.weights_digest)
        return to_tensor(found, self.run.precision, "cpu")

    def points(self) -> dict[str, Any]:
        return find_points(self.run, self.dataset, self.folder, "cpu", self.outcome["diverged"])

    def contents(self) -> dict[str, Any]:
        """What every published file holds, by its name, to the last bit."""
        found: dict[str, Any] = {path.name: path.read_bytes() for path in (self.history, self.epochs)}
        found["outcome"] = self.outcome
        for path in sorted(self.checkpoints.iterdir()):
            tensors, metadata = read_tensors(path)
            bits = {name: (a.dtype, a.shape, a.tobytes()) for name, a in tensors.items()}
            found[path.name] = (bits, metadata)
        return found


def train_in(folder: Path, run: ResolvedRun, device: str = "cpu") -> Trained:
    """Train `run` in `folder`, or go on with what an earlier call there left."""
    (trained,) = train_together(folder, [run], device, names=("",))
    return trained


def train_perturbed(folder: Path, run: ResolvedRun) -> Trained:
    """Train `run` from initial weights that are off by rounding: how much of that is left is how far any
    two correct computations of it may be apart. A norm without ε turns 10⁻¹⁶ into 10⁻⁶ within 50 steps now
    and then.
    """
    original = Layout.initial

    def initial(self: Layout, seed: int) -> np.ndarray:
        weights = original(self, seed)
        return weights * (1 + 1e-15 * np.random.default_rng(0).standard_normal(weights.shape))

    with mock.patch.object(Layout, "initial", initial):
        return train_in(folder, run)


def assert_alike(found: Trained, expected: Trained, perturbed: Trained) -> None:
    """Weights and tables differ by rounding alone: by no more than a hundred times what `perturbed` shows."""
    for epoch in checkpoint_epochs(expected.checkpoints):
        weights, near = expected.weights(epoch), perturbed.weights(epoch)
        allowed = 100 * (near - weights).abs().max() + 1e-14
        assert (found.weights(epoch).cpu() - weights).abs().max() <= allowed, epoch
    for table in ("rows", "epoch_rows"):
        rows, near = getattr(expected, table), getattr(perturbed, table)
        pd.testing.assert_index_equal(getattr(found, table).columns, rows.columns)
        allowed = 100 * (near - rows).abs().max() + 1e-12 * rows.abs().max()
        assert ((getattr(found, table) - rows).abs().max() <= allowed).where(rows.notna().any(), True).all()


def train_together(
    folder: Path, runs: Sequence[ResolvedRun], device: str = "cpu", *, names: Sequence[str] = ()
) -> list[Trained]:
    """Train runs that differ in their seed as one batch, each in a folder of its own below `folder`."""
    folders = [folder / name for name in names or [f"seed_{run.seed}" for run in runs]]
    dataset = make_dataset(runs[0].dataset)
    outcomes = train(runs, dataset, device, resume=folder / "resume", folders=folders)
    return [Trained(run, own, outcome) for run, own, outcome in zip(runs, folders, outcomes, strict=True)]
