"""Runs: seeds of which everything is recorded, from a resolved configuration to the files of each seed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.artifacts.files import write_bytes, write_json
from grokflow.artifacts.tables import write_table
from grokflow.config import ResolvedRun
from grokflow.model.checkpoints import checkpoint_path
from grokflow.model.objective import make_task
from grokflow.training.engine import WRITERS, Trainer, checkpoints_of, training_job
from grokflow.training.points import find_points
from grokflow.training.rows import Row


def train(
    runs: Sequence[ResolvedRun],
    dataset: pd.DataFrame,
    device: str,
    *,
    resume: str | Path,
    folders: Sequence[str | Path],
) -> list[dict[str, Any]]:
    """Train seeds of one run together, or go on where an earlier call was interrupted.

    Into each seed's folder go history.csv, epochs.csv, checkpoints/, outcome.json and points.json.

    Parameters
    ----------
    runs : one for each seed; they differ in the seed alone.
    dataset : the table with columns a, b, c, split.
    resume : folder in which unfinished trainings are kept.
    folders : of each seed.

    Returns
    -------
    The content of each outcome.json: `epoch`, the last one; `diverged`, None or the epoch and step at which
    a loss was no longer finite (the tables then end before, with the last checkpoint before);
    `invariant_groups`.

    Raises
    ------
    ArtifactError : when another process trains the same seeds.
    SystemExit : after a signal to stop, with the state of the last epoch saved.
    """
    task = make_task(runs[0].model, runs[0].dataset, dataset, device)
    rows = [Row(run, number) for number, run in enumerate(runs)]
    subject = folders[0] if len(runs) == 1 else f"{folders[0]} and {len(runs) - 1} more"
    job = training_job(resume, subject, runs, device)
    with job.locked():
        training = Trainer(rows, [task] * len(rows), job, device)
        went_on = job.carry_out(training)
        if went_on and not all(row.diverged for row in rows):  # so that a longer run can go on from here
            job.save(training.state())
            job.writer.wait()
        assert job.folder is not None
        stores, targets = [job.folder] * len(rows), [Path(folder) for folder in folders]
        with ThreadPoolExecutor(1 if len(rows) == 1 else WRITERS) as writers:
            outcomes = list(writers.map(publish, rows, stores, targets))
    for row, target in zip(rows, targets, strict=True):
        points = find_points(row.run, dataset, target, device, row.diverged)
        write_json(target / "points.json", points)
    return outcomes


def publish(row: Row, store: Path, folder: Path) -> dict[str, Any]:
    """Write the tables of a finished row and copy its checkpoints, leaving the store whole."""
    history, epochs, checkpoints = row.history_table(), row.epochs_table(), folder / "checkpoints"
    write_table(folder / "epochs.csv", epochs)
    write_table(folder / "history.csv", history)
    shutil.rmtree(checkpoints, ignore_errors=True)
    checkpoints.mkdir(parents=True)
    for epoch in sorted(filter(row.belongs, row.checkpoints)):
        # A copy, not a link: what happens to the one must not happen to the other.
        content = checkpoint_path(checkpoints_of(store, row.number), epoch).read_bytes()
        write_bytes(checkpoint_path(checkpoints, epoch), content)
    outcome = {
        "epoch": int(epochs["epoch"].max()) if len(epochs) else 0,
        "diverged": row.diverged,
        "invariant_groups": row.invariant_groups,
    }
    write_json(folder / "outcome.json", outcome)
    return outcome
