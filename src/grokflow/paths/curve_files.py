"""Curves on disk, and the fits from which they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import FIT
from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.errors import ArtifactError
from grokflow.model.layout import Layout
from grokflow.paths.geometry import Curve


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
        return Curve(metadata["kind"], np.stack(controls), names)
    except (KeyError, ValueError, TypeError) as error:
        raise ArtifactError(path, expected="the control points of a path", found=f"no {error}") from None


class FittedCurve(NamedTuple):
    """A curve and the history (`FIT`) of its fit."""

    curve: Curve
    history: pd.DataFrame


def fit_history(rows: Sequence[Sequence[float]]) -> pd.DataFrame:
    """Rows of `FIT` as a table."""
    return pd.DataFrame(rows, columns=FIT).astype({"epoch": int})


def write_fits(path: str | Path, fits: Sequence[FittedCurve]) -> None:
    """Write curves that were fitted together: a file without tensors when none has its points."""
    tensors = {
        f"{curve.ends}/{what}": array
        for curve, history in fits
        for what, array in (("controls", curve.controls), ("history", history.to_numpy(np.float64)))
    }
    write_tensors(path, tensors, {})


class Fits:
    """Fits read from disk, each found by the ends of its path."""

    def __init__(self, arrays: Mapping[str, np.ndarray], files: Sequence[str | Path]) -> None:
        self._arrays = arrays
        self._files = " + ".join(map(str, files))

    def of(self, straight: Curve) -> FittedCurve:
        """The fit that began as `straight`.

        Raises
        ------
        ArtifactError : when there is none, or it is between other weights.
        """
        ends = straight.ends
        try:
            controls, history = (self._arrays[f"{ends}/{what}"] for what in ("controls", "history"))
        except KeyError as error:
            raise self._refused(f"the fit of {ends}", f"no {error}") from None
        if controls.shape != straight.controls.shape:
            raise self._refused(f"control points {straight.controls.shape}", controls.shape)
        # Of two runs that differ in precision the fit has that of the first.
        expected = straight.controls[[0, -1]].astype(controls.dtype)
        if not np.array_equal(controls[[0, -1]], expected):
            raise self._refused(f"a fit between the weights of {ends}", "others")
        curve = Curve(straight.kind, controls, straight.names)
        return FittedCurve(curve, fit_history(history.tolist()))

    def _refused(self, expected: str, found: object) -> ArtifactError:
        return ArtifactError(self._files, expected=expected, found=found)


def read_fits(files: Sequence[str | Path]) -> Fits:
    """All that `write_fits` wrote into some files.

    Raises
    ------
    ArtifactError : when a file is damaged.
    """
    arrays: dict[str, np.ndarray] = {}
    for file in files:
        arrays.update(read_tensors(file)[0])
    return Fits(arrays, files)
