"""Checkpoints: the weight vector of an epoch on disk, as named tensors. Needs no PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.errors import ArtifactError
from grokflow.model.layout import Layout

DELETE_SEED = "Delete this seed's folder; the same command makes it again."
"""What to do about a file of a seed: Snakemake does not make one file of a folder again."""


def write_checkpoint(
    folder: str | Path, epoch: int, layout: Layout, weights: np.ndarray, config: str
) -> None:
    """Write a flat weight vector (n,) as named tensors; `config`: digest of what determines it."""
    tensors = {
        parameter.name: weights[layout.slices[parameter.name]].reshape(parameter.shape)
        for parameter in layout.parameters
    }
    write_tensors(checkpoint_path(folder, epoch), tensors, {"epoch": str(epoch), "config": config})


def read_checkpoint(folder: str | Path, epoch: int, layout: Layout, config: str) -> np.ndarray:
    """The flat weight vector (n,) of the checkpoint of `epoch`.

    Raises
    ------
    ArtifactError : when the file is missing, truncated, altered, or of another configuration or epoch.
    """
    path = checkpoint_path(folder, epoch)
    tensors, metadata = read_tensors(path)
    for key, what, expected in (("config", "configuration", config), ("epoch", "epoch", str(epoch))):
        if metadata.get(key) != expected:
            raise ArtifactError(
                path,
                expected=f"the weights of {what} {expected}",
                found=f"of {metadata.get(key)}",
                mend=DELETE_SEED,
            )
    try:
        return layout.join(tensors)
    except (KeyError, ValueError, TypeError) as error:
        raise ArtifactError(path, expected=f"the weights of epoch {epoch}", found=f"no {error}") from None


def checkpoint_path(folder: str | Path, epoch: int) -> Path:
    """Where the checkpoint of `epoch` lies."""
    return Path(folder) / f"epoch_{epoch:06d}.safetensors"


def checkpoint_epochs(folder: str | Path) -> list[int]:
    """The epochs of the checkpoints in `folder`, in rising order."""
    names = (re.fullmatch(r"epoch_(\d+)\.safetensors", path.name) for path in Path(folder).iterdir())
    return sorted(int(name[1]) for name in names if name)
