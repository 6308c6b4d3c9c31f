"""Point 1 (memorisation) and point 2 (generalisation) of a finished run, checked against its weights.

Point 1: the first epoch with train accuracy 100 %. Point 2: the first with train and validation
accuracy 100 % together. Source: both papers; `points.json` is what every path starts from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.artifacts.columns import HISTORY
from grokflow.artifacts.tables import read_record, read_table
from grokflow.config import ResolvedRun
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import DELETE_SEED, checkpoint_epochs, checkpoint_path, read_checkpoint
from grokflow.model.objective import Examples, WrongExamples, make_task, wrong_examples
from grokflow.model.weights import to_tensor
from grokflow.training.rows import steps_per_epoch

POINTS = ("initial", "point_1", "point_2", "final")

LARGEST_LIST = 200
"""Wrong pairs listed one by one; their number is always given."""


def find_points(
    run: ResolvedRun, dataset: pd.DataFrame, folder: str | Path, device: str, diverged: str | None = None
) -> dict[str, Any]:
    """Read the points off the history of a run and recompute their errors from its checkpoints.

    Parameters
    ----------
    folder : the run's, with history.csv and checkpoints/.
    diverged : the epoch and step at which the run diverged; its `final` point is then the last epoch that
        has a checkpoint.

    Returns
    -------
    The content of points.json. `point_1`, `point_2`: epoch, step and errors, or None with the reason under
    `reasons`; `initial`, `final`: the same for the first and the last epoch; `last_wrong`: the validation
    pairs wrong at the epoch before point 2, or at the last epoch when there is no point 2; `diverged`: as
    given; `checkpoints`: the epochs that have one; `config`: digest of what determines the weights.

    Raises
    ------
    ArtifactError : when a checkpoint is missing or damaged, or disagrees with the history.
    """
    history, checkpoints = Path(folder) / "history.csv", Path(folder) / "checkpoints"
    rows = _read_history(history)
    perfect_train = rows[rows["train_error"] == 0]
    perfect = perfect_train[perfect_train["validation_error"] == 0]
    # A diverged run goes on for some rows after its last checkpoint.
    kept = rows[rows["epoch"].isin(checkpoint_epochs(checkpoints))] if diverged else rows
    if kept.empty:
        raise ArtifactError(history, expected="a row for a checkpoint", found="none", mend=DELETE_SEED)
    found = {
        "initial": rows.iloc[0],
        "point_1": None if perfect_train.empty else perfect_train.iloc[0],
        "point_2": None if perfect.empty else perfect.iloc[0],
        "final": kept.iloc[-1],
    }
    _check_that_checkpoints_fit(run, found, history, checkpoints)
    weights = _Weights(run, dataset, checkpoints, device)
    points = {name: None if row is None else weights.point(row, history) for name, row in found.items()}
    final, point_2 = points["final"], points["point_2"]
    assert final is not None
    before = max(0, point_2["epoch"] - 1) if point_2 else final["epoch"]
    return {
        "config": run.weights_digest,
        **points,
        "reasons": _reasons(points, final, diverged),
        "diverged": diverged,
        "last_wrong": weights.wrong_pairs(before),
        "checkpoints": checkpoint_epochs(checkpoints),
    }


def check_points(
    path: str | Path, run: ResolvedRun, dataset: pd.DataFrame, device: str, diverged: str | None = None
) -> dict[str, Any]:
    """Compare a points.json with what history and checkpoints beside it give; what they give.

    Raises
    ------
    ArtifactError : when it says something else, or is damaged.
    """
    folder = Path(path).parent
    expected = find_points(run, dataset, folder, device, diverged)
    found = read_record(path, set(expected), DELETE_SEED)
    for name, value in expected.items():
        if name != "last_wrong" and found[name] != value:
            said = f"{name} {value}, as weights and history give"
            raise ArtifactError(path, expected=said, found=found[name], mend=DELETE_SEED)
    # Another device or batch may call a close pair the other way.
    weights = _Weights(run, dataset, folder / "checkpoints", device)
    close = len(weights.wrong(expected["last_wrong"]["epoch"], weights.task.validation).close)
    right, written = expected["last_wrong"], found["last_wrong"]
    differing = max(_differing(right["pairs"], written["pairs"]), abs(right["count"] - written["count"]))
    if right["epoch"] != written["epoch"] or differing > 2 * close:
        raise ArtifactError(path, expected=f"last_wrong {right}", found=written, mend=DELETE_SEED)
    return expected


def _differing(some: list[dict[str, int]], others: list[dict[str, int]]) -> int:
    """How many pairs stand in one list alone."""
    first, second = ({(pair["a"], pair["b"]) for pair in pairs} for pairs in (some, others))
    return len(first ^ second)


def _reasons(points: Mapping[str, Any], final: Mapping[str, Any], diverged: str | None) -> dict[str, str]:
    """Why there is no point 1 or point 2."""
    reasons = {
        "point_1": f"train error is {final['train_error']:.4g}",
        "point_2": f"train error is {final['train_error']:.4g} and validation error "
        f"{final['validation_error']:.4g}",
    }
    ended = f"the last epoch, {final['epoch']}"
    if diverged:
        ended = f"epoch {final['epoch']}, the last kept before training diverged ({diverged})"
    return {point: f"{why} at {ended}" for point, why in reasons.items() if points[point] is None}


def _read_history(path: Path) -> pd.DataFrame:
    rows = read_table(path, set(HISTORY), numbers=HISTORY, mend=DELETE_SEED)
    needed = rows[["epoch", "step", "train_error", "validation_error"]]
    if rows.empty or needed.isna().any(axis=None):
        raise ArtifactError(
            path, expected="the history of a run", found="no rows, or blanks", mend=DELETE_SEED
        )
    return rows.astype({"epoch": int, "step": int})


def _check_that_checkpoints_fit(
    run: ResolvedRun, found: Mapping[str, pd.Series | None], history: Path, checkpoints: Path
) -> None:
    """Refuse a history whose points and last epoch are not those that have checkpoints."""
    epochs = {name: int(row["epoch"]) for name, row in found.items() if row is not None}
    expected = {*range(0, epochs["final"] + 1, run.checkpoint_every), *epochs.values()}
    if "point_2" in epochs:
        expected.add(max(0, epochs["point_2"] - 1))
    there = set(checkpoint_epochs(checkpoints))
    for epoch in sorted(expected - there):
        path = checkpoint_path(checkpoints, epoch)
        raise ArtifactError(path, expected=f"the checkpoint of epoch {epoch}", found="none", mend=DELETE_SEED)
    for epoch in sorted(there - expected):
        expected_rows = f"a history in which epoch {epoch}, which has a checkpoint, is a point"
        raise ArtifactError(history, expected=expected_rows, found="another", mend=DELETE_SEED)


class _Weights:
    """Recomputes what a run got wrong from the checkpoints that it wrote."""

    def __init__(self, run: ResolvedRun, dataset: pd.DataFrame, checkpoints: Path, device: str) -> None:
        self.run = run
        self.task = make_task(run.model, run.dataset, dataset, device)
        self.pairs = dataset[dataset["split"] == "validation"].reset_index(drop=True)
        self.checkpoints = checkpoints
        self.device = device

    def wrong(self, epoch: int, examples: Examples) -> WrongExamples:
        """Which examples the weights of `epoch` get wrong."""
        weights = read_checkpoint(self.checkpoints, epoch, self.task.model.layout, self.run.weights_digest)
        tensor = to_tensor(weights, self.run.precision, self.device)
        return wrong_examples(self.task.model, tensor, examples)

    def point(self, row: pd.Series, history: Path) -> dict[str, Any]:
        """A point of the history, once its checkpoint is found to say the same.

        The history was measured in other batches, perhaps on another device, so a pair that is too close
        to call may count either way.
        """
        epoch = int(row["epoch"])
        steps = epoch * steps_per_epoch(len(self.task.train), self.run.optimizer.batch_size)
        if row["step"] != steps:
            raise ArtifactError(
                history, expected=f"step {steps} at epoch {epoch}", found=int(row["step"]), mend=DELETE_SEED
            )
        for split, examples in (("train", self.task.train), ("validation", self.task.validation)):
            found = self.wrong(epoch, examples)
            written = row[f"{split}_error"] * len(examples)
            if abs(written - len(found.wrong)) > len(found.close) + 1e-6:
                raise ArtifactError(
                    history,
                    expected=f"{split}_error {len(found.wrong) / len(examples):.6g} at epoch {epoch}, as its "
                    "checkpoint gives",
                    found=f"{row[f'{split}_error']:.6g}",
                    mend=DELETE_SEED,
                )
        errors = {name: float(row[name]) for name in ("train_error", "validation_error")}
        return {"epoch": epoch, "step": steps, **errors}

    def wrong_pairs(self, epoch: int) -> dict[str, Any]:
        """The validation pairs that the weights of `epoch` get wrong."""
        wrong = self.wrong(epoch, self.task.validation).wrong.cpu().numpy()
        pairs = self.pairs.loc[wrong[:LARGEST_LIST], list("abc")]
        listed = pairs.astype(int).to_dict("records")
        return {"epoch": epoch, "count": len(wrong), "pairs": listed}
