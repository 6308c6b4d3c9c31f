"""Point 1 (memorisation) and point 2 (generalisation) of a finished run, checked against its weights.

Point 1: the first epoch with train accuracy 100 %. Point 2: the first with train and validation
accuracy 100 % together. Source: both papers; `points.json` is what every path starts from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.tables import read_record
from grokflow.config import ResolvedRun
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_epochs, checkpoint_path, read_checkpoint
from grokflow.model.objective import CHUNK, make_task, wrong_examples
from grokflow.model.weights import to_tensor

AGAIN = "Delete the run's folder; the next run makes it again."

LARGEST_LIST = 200
"""Wrong pairs listed one by one; their number is always given."""


def find_points(
    run: ResolvedRun,
    dataset: pd.DataFrame,
    history: str | Path,
    checkpoints: str | Path,
    device: str,
    diverged: str | None = None,
) -> dict[str, Any]:
    """Read the points off the history and recompute their errors from the checkpoints.

    Parameters
    ----------
    diverged : the epoch and step at which the run's loss was no longer finite; its `final` point is then
        the last epoch that has a checkpoint.

    Returns
    -------
    `point_1`, `point_2`: epoch, step and errors, or None with the reason under `reasons`;
    `initial`, `final`: the same for the first and the last epoch; `last_wrong`: the validation
    pairs wrong at the epoch before point 2, or at the last epoch when there is no point 2;
    `diverged`: as given.

    Raises
    ------
    ArtifactError : when a checkpoint is missing or damaged, or disagrees with the history.
    """
    rows = _read_history(history)
    perfect_train = rows[rows["train_error"] == 0]
    perfect = perfect_train[perfect_train["validation_error"] == 0]
    # A diverged run goes on for some rows after its last checkpoint.
    kept = rows[rows["epoch"].isin(checkpoint_epochs(checkpoints))] if diverged else rows
    if kept.empty:
        raise ArtifactError(history, expected="a row for a checkpoint", found="none", mend=AGAIN)
    found = {
        "initial": rows.iloc[0],
        "point_1": None if perfect_train.empty else perfect_train.iloc[0],
        "point_2": None if perfect.empty else perfect.iloc[0],
        "final": kept.iloc[-1],
    }
    verify = _Verifier(run, dataset, Path(checkpoints), device)
    verify.checkpoints_fit(found, history)
    points = {name: None if row is None else verify.point(row, history) for name, row in found.items()}
    final = points["final"]
    assert final is not None
    reasons = {}
    if points["point_1"] is None:
        reasons["point_1"] = f"train error is {final['train_error']:.4g} at the last epoch, {final['epoch']}"
    if points["point_2"] is None:
        reasons["point_2"] = (
            f"train error is {final['train_error']:.4g} and validation error "
            f"{final['validation_error']:.4g} at the last epoch, {final['epoch']}"
        )
    point_2 = points["point_2"]
    before = max(0, point_2["epoch"] - 1) if point_2 else final["epoch"]
    return {
        "config": run.weights_digest,
        **points,
        "reasons": reasons,
        "diverged": diverged,
        "last_wrong": verify.wrong_pairs(before),
        "checkpoints": checkpoint_epochs(checkpoints),
    }


def read_outcome(path: str | Path) -> dict[str, Any]:
    """The content of outcome.json.

    Raises
    ------
    ArtifactError : when the file is missing or damaged.
    """
    names = ("epoch", "diverged", "invariant_groups")
    outcome = read_record(path, set(names), AGAIN)
    return {name: outcome[name] for name in names}


def _read_history(path: str | Path) -> pd.DataFrame:
    columns = {"epoch": int, "step": int, "train_error": float, "validation_error": float}
    try:
        rows = pd.read_csv(path, dtype=columns)
        if rows.empty or not set(columns) <= set(rows.columns) or rows[list(columns)].isna().any(axis=None):
            raise ValueError(f"columns {', '.join(rows.columns)}, {len(rows)} rows")
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError(path, expected="the history of a run", found=error, mend=AGAIN) from None
    return rows


class _Verifier:
    """Recomputes what a run got wrong from the weights it wrote."""

    def __init__(self, run: ResolvedRun, dataset: pd.DataFrame, checkpoints: Path, device: str) -> None:
        self.run = run
        self.task = make_task(run.model, run.dataset, dataset, device)
        self.pairs = dataset[dataset["split"] == "validation"].reset_index(drop=True)
        self.checkpoints = checkpoints
        self.device = device

    def wrong(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of the wrong train and validation pairs at `epoch`."""
        layout = self.task.model.layout
        weights = read_checkpoint(self.checkpoints, epoch, layout, self.run.weights_digest)
        tensor = to_tensor(weights, self.run.precision, self.device)
        # As the history was measured, so that not even a tie falls otherwise.
        train_batches = self.task.train.batches(self.run.optimizer.batch_size)
        train = wrong_examples(self.task.model, tensor, train_batches)
        validation = wrong_examples(self.task.model, tensor, self.task.validation.batches(CHUNK))
        return train.cpu().numpy(), validation.cpu().numpy()

    def checkpoints_fit(self, found: Mapping[str, pd.Series | None], history: str | Path) -> None:
        """Refuse a history whose points and last epoch are not those that have checkpoints."""
        epochs = {name: int(row["epoch"]) for name, row in found.items() if row is not None}
        expected = {*range(0, epochs["final"] + 1, self.run.checkpoint_every), *epochs.values()}
        if "point_2" in epochs:
            expected.add(max(0, epochs["point_2"] - 1))
        there = set(checkpoint_epochs(self.checkpoints))
        for epoch in sorted(expected - there):
            path = checkpoint_path(self.checkpoints, epoch)
            raise ArtifactError(path, expected=f"the checkpoint of epoch {epoch}", found="none", mend=AGAIN)
        for epoch in sorted(there - expected):
            expected_rows = f"a history in which epoch {epoch}, which has a checkpoint, is a point"
            raise ArtifactError(history, expected=expected_rows, found="another", mend=AGAIN)

    def point(self, row: pd.Series, history: str | Path) -> dict[str, Any]:
        epoch = int(row["epoch"])
        steps = epoch * math.ceil(len(self.task.train) / self.run.optimizer.batch_size)
        if row["step"] != steps:
            raise ArtifactError(
                history, expected=f"step {steps} at epoch {epoch}", found=int(row["step"]), mend=AGAIN
            )
        train, validation = self.wrong(epoch)
        recomputed = {
            "train_error": len(train) / len(self.task.train),
            "validation_error": len(validation) / len(self.task.validation),
        }
        for name, value in recomputed.items():
            if not np.isclose(row[name], value, rtol=0, atol=1e-12):
                raise ArtifactError(
                    history,
                    expected=f"{name} {value:.6g} at epoch {epoch}, as its checkpoint gives",
                    found=f"{row[name]:.6g}",
                    mend=AGAIN,
                )
        return {"epoch": epoch, "step": int(row["step"]), **recomputed}

    def wrong_pairs(self, epoch: int) -> dict[str, Any]:
        _, validation = self.wrong(epoch)
        pairs = self.pairs.iloc[validation[:LARGEST_LIST]]
        listed = [{name: int(pair[name]) for name in "abc"} for _, pair in pairs.iterrows()]
        return {"epoch": epoch, "count": len(validation), "pairs": listed}
