"""What it costs that a training can be killed at any time: its states and checkpoints on disk.

A checkpoint in a hundred epochs is too little of the time to be seen in a training with against one
without. So checkpoints are measured dense, in trainings that keep every epoch, and spread over the interval.
States are saved as often as takes `SHARE_OF_SAVING` of the time.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.setup import DEVICE, SETUP_M, Setup, setup_of
from benchmarks.table import Row
from benchmarks.timing import spread, take_turns
from grokflow.artifacts.resumable import SHARE_OF_SAVING
from grokflow.data.dataset import make_dataset
from grokflow.training import make_optimizer, train

EPOCHS = 10
REPEATS = 7


def versus_none(results: Path) -> Row:
    """`state_saving`: time of a training that is saved at the configured interval ÷ of one that is not.

    Parameters
    ----------
    results : the folder on whose disk a training would be saved; a scratch folder inside is used.
    """
    setup = setup_of(SETUP_M)
    interval = setup.run.checkpoint_every
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=results, prefix=".benchmark_") as scratch:
        dense = _training(setup, Path(scratch) / "dense", keep_every=1)
        sparse = _training(setup, Path(scratch) / "sparse", keep_every=EPOCHS)
        seconds = take_turns([dense, sparse, _epochs(setup)], repeats=REPEATS)
    saved, unsaved, epochs = seconds.T
    # Both keep the first and the last epoch, so what else they do falls out of the difference.
    of_saving = (saved - unsaved) / (EPOCHS - 1)
    ratios = 1 + SHARE_OF_SAVING + of_saving / (interval * epochs / EPOCHS)
    milliseconds = float(np.median(of_saving)) * 1e3
    against = (
        f"the same training unsaved; a checkpoint every {interval} epochs, states in {SHARE_OF_SAVING:.1%}"
    )
    return Row("state_saving", *spread(ratios), milliseconds, "ms/checkpoint", against, DEVICE)


def _training(setup: Setup, folder: Path, *, keep_every: int) -> Callable[[], None]:
    """Trainings from the start, each in a new folder: what is there would be resumed."""
    run = setup.run.model_copy(update={"epochs": EPOCHS, "checkpoint_every": keep_every})
    dataset = make_dataset(run.dataset)
    numbers = itertools.count()

    def go() -> None:
        own = folder / str(next(numbers))
        with contextlib.redirect_stdout(io.StringIO()):
            train([run], dataset, "cpu", resume=own / "resume", folders=[own])

    return go


def _epochs(setup: Setup) -> Callable[[], None]:
    weights = setup.weights.clone()
    epochs = setup.epochs(weights, make_optimizer(setup.run.optimizer, weights))

    def go() -> None:
        for _ in range(EPOCHS):
            next(epochs)

    return go
