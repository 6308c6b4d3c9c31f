"""A curve on disk: its control points, and whether there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grokflow.checkpoints import read_tensors, write_tensors
from grokflow.errors import ArtifactError
from grokflow.paths import Curve
from grokflow.provenance import AGAIN
from grokflow.tables import read_record
from grokflow.weights import Layout


def write_curve(path: str | Path, curve: Curve, layout: Layout) -> None:
    """Write the control points, each as its tensors under its number."""
    tensors = {
        f"{number}.{parameter.name}": controls[layout.slices[parameter.name]].reshape(parameter.shape)
        for number, controls in enumerate(curve.controls)
        for parameter in layout.parameters
    }
    names = {f"name_{number}": name for number, name in enumerate(curve.names)}
    write_tensors(path, tensors, {"kind": curve.kind, "controls": str(len(curve.controls)), **names})


def read_curve(path: str | Path, layout: Layout) -> Curve:
    """Read what `write_curve` wrote.

    Raises
    ------
    ArtifactError : when the file is damaged or holds no curve of this layout.
    """
    tensors, metadata = read_tensors(path)
    try:
        numbers = range(int(metadata["controls"]))
        controls = [
            layout.join({p.name: tensors[f"{i}.{p.name}"] for p in layout.parameters}) for i in numbers
        ]
        names = tuple(metadata[f"name_{i}"] for i in numbers)
        return Curve(metadata["kind"], np.stack(controls), names)  # type: ignore[arg-type]
    except (KeyError, ValueError, TypeError) as error:
        raise ArtifactError(path, expected="the control points of a path", found=f"no {error}") from None


def read_skipped(record: str | Path) -> str | None:
    """Why a path was skipped, from its path.json; None when it was not.

    Raises
    ------
    ArtifactError : when the record is damaged.
    """
    skipped = read_record(record, {"skipped"}, AGAIN)["skipped"]
    return None if skipped is None else str(skipped)
