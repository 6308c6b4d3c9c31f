"""Whether the files of a training may go into a folder: none are replaced but those of the same training."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from grokflow.artifacts.provenance import SUFFIX
from grokflow.artifacts.results import RunResults
from grokflow.config import ResolvedRun
from grokflow.errors import ArtifactError, ConfigError

UNFINISHED = ".resume"
"""Where a training goes on from, below its folder."""

LEFT = ("history.csv", "epochs.csv", "outcome.json", "points.json", "checkpoints")
"""What the trainer leaves, and its record is about."""

WRITTEN = (*LEFT, SUFFIX, "dataset.csv", "periods.csv")
"""What stands in the folder of a training that is done."""


def check_folder(folder: Path, run: ResolvedRun) -> None:
    """Refuse a folder in which training would replace what is not this training's.

    A training may be made longer, or logged otherwise, where it lies: its weights are the same.

    Raises
    ------
    ConfigError : when the folder is a file, or has the files of another training or of anything else.
    """
    found = _found(folder, run)
    if found:
        expected = "an empty folder, or one of the same training"
        mend = "Give another folder=, or delete this one if nothing in it is needed."
        raise ConfigError(folder, expected=expected, found=found, mend=mend)


def _found(folder: Path, run: ResolvedRun) -> str | None:
    """What would be replaced, in words."""
    if folder.exists() and not folder.is_dir():
        return "a file"
    there = [name for name in WRITTEN if (folder / name).exists()]
    if there and not (folder / UNFINISHED).exists():  # which every training leaves
        return f"files of other origin ({', '.join(there)})"
    if SUFFIX in there and _digest(folder) != run.weights_digest:
        return "another training"
    return None


def _digest(folder: Path) -> str | None:
    """What determines the weights of the training in a folder; None of one of another version of grokflow."""
    try:
        return ResolvedRun.model_validate(RunResults(folder).config).weights_digest
    except (ArtifactError, ValidationError):
        return None
