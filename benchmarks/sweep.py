"""Members of a sweep as one batch of models, against one process for each member."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from benchmarks.setup import DEVICE
from benchmarks.table import Row
from benchmarks.timing import alternate

MEMBERS, EPOCHS, REPEATS = 4, 20, 3

TRAIN = """
import sys
from benchmarks.setup import use_threads
from grokflow.config import members_of_sweep
from grokflow.loading import load_config
from grokflow.training import train_members

use_threads()
first, count, epochs = map(int, sys.argv[1:])
members = members_of_sweep(load_config(["config.yaml"]), "weight_decay")[first : first + count]
short = {"epochs": epochs, "checkpoint_every": epochs}
train_members([m.model_copy(update={"run": m.run.model_copy(update=short)}) for m in members], "cpu")
"""
"""What a process does: its start-up is part of what is compared."""


def versus_processes() -> Row:
    """`sweep_batched_vs_processes`: time of one process a member, in turn ÷ of all as rows of one batch."""
    pairs = alternate(
        _one_by_one,
        lambda: _train(0, MEMBERS),
        repeats=REPEATS,
        warmup=0,
    )
    milliseconds = float(np.median(pairs.b)) / MEMBERS / EPOCHS * 1e3
    against = f"{MEMBERS} processes of one member, {EPOCHS} epochs each"
    return Row("sweep_batched_vs_processes", *pairs.ratio(), milliseconds, "ms/member epoch", against, DEVICE)


def _one_by_one() -> None:
    for member in range(MEMBERS):
        _train(member, 1)


def _train(first: int, count: int) -> None:
    arguments = [str(number) for number in (first, count, EPOCHS)]
    subprocess.run([sys.executable, "-c", TRAIN, *arguments], check=True, stdout=subprocess.DEVNULL)
