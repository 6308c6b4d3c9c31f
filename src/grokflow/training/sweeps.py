"""Sweeps: many short trainings that differ in a few keys, of which only the outcome is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.artifacts.columns import SWEEP
from grokflow.artifacts.files import digest
from grokflow.config import ResolvedMember, plain
from grokflow.data.dataset import make_dataset
from grokflow.model.objective import Task, make_task
from grokflow.training.engine import Trainer, training_job
from grokflow.training.rows import Row


def train_members(
    members: Sequence[ResolvedMember],
    device: str,
    *,
    resume: str | Path | None = None,
    subject: str | Path = "members of a sweep",
    publish: Callable[[pd.DataFrame], None] = lambda table: None,
) -> pd.DataFrame:
    """Train members of a sweep together; a row each, in their order.

    Parameters
    ----------
    members : they may differ in seeds, split, learning rate and weight decay, and in a random design in the
        size of the train set.
    resume : folder in which unfinished trainings are kept; None: nothing is.
    subject : what messages call them.
    publish : writes the table. The saved state is discarded after it, not before.

    Raises
    ------
    ArtifactError : when another process trains the same members.
    SystemExit : after a signal to stop, with the state of the last epoch saved.
    """
    rows = [Row(member.run, number, recorded=False) for number, member in enumerate(members)]
    job = training_job(resume, subject, [member.run for member in members], device)
    with job.locked():
        job.carry_out(Trainer(rows, _tasks(members, device), job, device))
        found = [{**member.settings, **_outcome(row)} for member, row in zip(members, rows, strict=True)]
        table = as_table(pd.DataFrame(found, columns=[*members[0].settings, *SWEEP]))
        publish(table)
        job.discard()
    return table


def _tasks(members: Sequence[ResolvedMember], device: str) -> list[Task]:
    """The task of each member; those with the same table and split share one."""
    made: dict[str, Task] = {}
    for member in members:
        run, key = member.run, digest(plain(member.run.dataset))
        if key not in made:
            made[key] = make_task(run.model, run.dataset, make_dataset(run.dataset), device)
    return [made[digest(plain(member.run.dataset))] for member in members]


def _outcome(row: Row) -> dict[str, Any]:
    train_error, validation_error = row.errors or (None, None)
    return {
        "seed": row.run.seed,
        "point_1": row.point_1,
        "point_2": row.point_2,
        "validation_error_at_point_1": row.validation_error_at_point_1,
        "epochs": row.epoch,
        "train_error": train_error,
        "validation_error": validation_error,
        "diverged": row.diverged,
    }


def as_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The table with whole numbers written as such, blanks where there is none."""
    errors = ("validation_error_at_point_1", "train_error", "validation_error")
    numbers = dict.fromkeys(errors, float)
    return rows.astype({**dict.fromkeys(("seed", "point_1", "point_2", "epochs"), "Int64"), **numbers})
