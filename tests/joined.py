"""Paths between points of trained runs, joined as the workflow joins them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from runs import Trained, grokking_run
from safetensors.numpy import load_file

from grokflow.config import Bezier, Chain, Fitted, Polyline, ResolvedPath, ResolvedRun, Segment
from grokflow.model.checkpoints import checkpoint_path
from grokflow.paths import Curve
from grokflow.paths.connecting import Skipped, connect, unfitted_paths
from grokflow.paths.curve_files import FittedCurve, read_fits, write_fits
from grokflow.paths.endpoints import Endpoint
from grokflow.paths.fitting import fit_paths

KINDS = {"segment": Segment, "chain": Chain, "polyline": Polyline, "bezier": Bezier}


FIT = {"optimizer": "sgd", "epochs": 3, "learning_rate": 0.05, "momentum": 0.9}


ENDING = {"epochs": 60, "check_every": 2, "patience": 1, "tolerance": 0.05}
"""Of fits that settle after a few epochs, some earlier than others."""


def resolved(
    run: ResolvedRun,
    kind: str,
    start: str = "point_1",
    end: str = "point_2",
    to_run: ResolvedRun | None = None,
    **settings: Any,
) -> ResolvedPath:
    """A path between two points of `run`, or of `run` and `to_run`."""
    if "bends" in KINDS[kind].model_fields:
        settings.setdefault("fit", KINDS[kind].model_fields["fit"].default.model_copy(update=FIT))
    path = KINDS[kind](kind=kind, from_point=f"run@{start}", to_point=f"run@{end}", **settings)
    return ResolvedPath(path=path, from_run=run, to_run=to_run or run)


def ends(path: ResolvedPath, start: Trained, end: Trained) -> tuple[Endpoint, Endpoint]:
    """The two ends, their points given as objects."""
    names = (path.path.from_point, path.path.to_point)
    found = [
        Endpoint(trained.run, trained.points(), trained.checkpoints, name.partition("@")[2])
        for trained, name in zip((start, end), names, strict=True)
    ]
    return found[0], found[1]


def outcome_of(path: ResolvedPath, start: Trained, end: Trained) -> FittedCurve | Skipped:
    """The two ends joined as in the workflow: what has bends is fitted first."""
    both = ends(path, start, end)
    if not isinstance(path.path, Fitted):
        return connect(path, *both)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fit.safetensors"
        write_fits(file, fit_paths(unfitted_paths([path], [both]), start.dataset, "cpu"))
        return connect(path, *both, read_fits([file]))


def curve_of(path: ResolvedPath, start: Trained, end: Trained) -> Curve:
    outcome = outcome_of(path, start, end)
    assert not isinstance(outcome, Skipped), outcome
    return outcome.curve


def kept(trained: Trained, epoch: int) -> np.ndarray:
    """The weight vector of a checkpoint, read without grokflow."""
    tensors = load_file(checkpoint_path(trained.checkpoints, epoch))
    names = [parameter.name for parameter in trained.task.model.layout.parameters]
    return np.concatenate([tensors[name].ravel() for name in names])


def epochs(trained: Trained) -> tuple[int, int]:
    found = trained.points()
    return found["point_1"]["epoch"], found["point_2"]["epoch"]


def in_small_batches(run: ResolvedRun) -> ResolvedRun:
    """The run, but for batches of 32 of its 88 train pairs."""
    return grokking_run(optimizer=run.optimizer.model_copy(update={"batch_size": 32}))
