"""Curves on disk: their control points and whether there is one; fits, from which such curves come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from grokflow.artifacts.provenance import AGAIN
from grokflow.artifacts.tables import read_record
from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.errors import ArtifactError
from grokflow.model.layout import Layout
from grokflow.paths import Curve


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


FIT_HISTORY = ["epoch", "learning_rate", "loss"]

FittedCurve = tuple[Curve, pd.DataFrame]
"""A fitted curve and the history (`FIT_HISTORY`) of its fit."""


def fit_history(rows: Sequence[Sequence[float]]) -> pd.DataFrame:
    """Rows of `FIT_HISTORY` as a table."""
    return pd.DataFrame(rows, columns=FIT_HISTORY).astype({"epoch": int})


def write_fits(path: str | Path, fits: Sequence[FittedCurve]) -> None:
    """Write curves that were fitted together: a file without tensors when none has its points."""
    tensors = {
        f"{curve.ends}/{what}": array
        for curve, history in fits
        for what, array in (("controls", curve.controls), ("history", history.to_numpy(np.float64)))
    }
    write_tensors(path, tensors, {})


def read_fit(path: str | Path, straight: Curve) -> FittedCurve:
    """Of what `write_fits` wrote, the fit that began as `straight`.

    Raises
    ------
    ArtifactError : when the file is damaged or holds no such fit.
    """
    tensors, _ = read_tensors(path)
    try:
        controls, history = (tensors[f"{straight.ends}/{what}"] for what in ("controls", "history"))
    except KeyError as error:
        raise ArtifactError(path, expected=f"the fit of {straight.ends}", found=f"no {error}") from None
    if controls.shape != straight.controls.shape:
        expected = f"control points {straight.controls.shape}"
        raise ArtifactError(path, expected=expected, found=controls.shape)
    # Of two runs that differ in precision the fit has that of the first.
    ends = straight.controls[[0, -1]].astype(controls.dtype)
    if not np.array_equal(controls[[0, -1]], ends):
        raise ArtifactError(path, expected=f"a fit between the weights of {straight.ends}", found="others")
    return Curve(straight.kind, controls, straight.names), fit_history(history.tolist())
