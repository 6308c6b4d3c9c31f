"""From two end points to a curve between them, or the reason why there is none.

A path whose point was never reached is skipped: its record says why, and nothing fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grokflow import config
from grokflow.artifacts.files import write_json
from grokflow.artifacts.tables import write_table
from grokflow.artifacts.tensors import write_tensors
from grokflow.config import ResolvedPath
from grokflow.model.layout import Layout
from grokflow.paths.curve_files import Fits, FittedCurve, fit_history, write_curve
from grokflow.paths.endpoints import Endpoint
from grokflow.paths.geometry import Curve
from grokflow.paths.schedule import converged


class Skipped(NamedTuple):
    """There is no such path."""

    reason: str


@dataclass(frozen=True)
class Unfitted:
    """A path whose bends still lie on the straight line; its `curve.ends` name its random draws."""

    path: ResolvedPath
    curve: Curve


def connect(
    path: ResolvedPath, start: Endpoint, end: Endpoint, fits: Fits | None = None
) -> FittedCurve | Skipped:
    """The curve between two points with the history of its fit, which is empty without one.

    Parameters
    ----------
    fits : of paths with bends, this one among them; a path without bends needs none.

    Raises
    ------
    ArtifactError : when a checkpoint is damaged, or the path's fit is missing or another's.
    """
    if missing := _missing(path, start, end):
        return missing
    if isinstance(path.path, config.Chain):
        return FittedCurve(_chain(start, end), fit_history([]))
    line = _straight(path, start, end)
    if not isinstance(path.path, config.Fitted):
        return FittedCurve(line, fit_history([]))
    assert fits is not None
    fitted = fits.of(line)
    if not (np.isfinite(fitted.curve.controls).all() and np.isfinite(fitted.history["loss"]).all()):
        mend = "lower the learning_rate of its `fit`"
        return Skipped(f"the fit from {start.label} to {end.label} diverged; {mend}")
    return fitted


def unfitted_paths(
    paths: Sequence[ResolvedPath], ends: Sequence[tuple[Endpoint, Endpoint]]
) -> list[Unfitted]:
    """Those of the paths that have both their points, ready to be fitted together."""
    return [
        Unfitted(path, _straight(path, *both))
        for path, both in zip(paths, ends, strict=True)
        if not _missing(path, *both)
    ]


def _missing(path: ResolvedPath, start: Endpoint, end: Endpoint) -> Skipped | None:
    """Why there is no such path; None when there is one."""
    if reasons := [each.reason for each in (start, end) if each.epoch is None]:
        return Skipped("; ".join(reasons))
    assert start.epoch is not None
    assert end.epoch is not None
    if isinstance(path.path, config.Chain) and start.epoch >= end.epoch:
        epoch = f"in the same epoch, {end.epoch}"
        return Skipped(f"seed {start.run.seed} reaches {start.point} and {end.point} {epoch}")
    return None


def _straight(path: ResolvedPath, start: Endpoint, end: Endpoint) -> Curve:
    """The straight line; the bends of a path that has some lie on it, evenly spread."""
    assert start.epoch is not None
    assert end.epoch is not None
    ends = np.stack([start.weights(start.epoch), end.weights(end.epoch)])
    bends = path.path.bends if isinstance(path.path, config.Fitted) else 0
    return straight(path.path.kind, ends, (start.label, end.label), bends)


def straight(kind: str, ends: np.ndarray, names: tuple[str, str], bends: int = 0) -> Curve:
    """The straight line between two weight vectors (2, n) as a curve of a kind, its bends evenly spread."""
    if not bends:
        return Curve(kind, ends, names)
    line = Curve("segment", ends, names)
    all_names = (names[0], *(f"bend {i + 1}" for i in range(bends)), names[1])
    return Curve(kind, line.weights(np.linspace(0.0, 1.0, bends + 2)), all_names)


def _chain(start: Endpoint, end: Endpoint) -> Curve:
    """The curve through every regular checkpoint from one point of a run to a later one."""
    assert start.epoch is not None
    assert end.epoch is not None
    between = [
        epoch
        for epoch in start.points["checkpoints"]
        if start.epoch < epoch < end.epoch and epoch % start.run.checkpoint_every == 0
    ]
    epochs = [start.epoch, *between, end.epoch]
    weights = np.stack([start.weights(epoch) for epoch in epochs])
    return Curve("chain", weights, tuple(f"epoch {epoch}" for epoch in epochs))


def write_path(
    folder: str | Path,
    path: ResolvedPath,
    start: Endpoint,
    end: Endpoint,
    found: FittedCurve | Skipped,
) -> None:
    """Write curve.safetensors, fit.csv and path.json, which says what they are or why there is no curve."""
    fit = path.path.fit if isinstance(path.path, config.Fitted) else None
    record = record_of(path.path.kind, start.description, end.description, found, path.weight_decay, fit)
    write_joined(folder, found, record, start.layout)


def record_of(
    kind: str,
    start: Mapping[str, Any],
    end: Mapping[str, Any],
    found: FittedCurve | Skipped,
    weight_decay: float,
    fit: config.Fit | None,
) -> dict[str, Any]:
    """The content of path.json.

    Parameters
    ----------
    start, end : the end points: `seed`, `point` and `epoch` of each.
    fit : how the bends were fitted, of a path that has some.
    """
    skipped = found.reason if isinstance(found, Skipped) else None
    curve, history = (None, fit_history([])) if isinstance(found, Skipped) else found
    fit = None if curve is None else fit
    return {
        "kind": kind,
        "skipped": skipped,
        "from": dict(start),
        "to": dict(end),
        "control_points": [] if curve is None else list(curve.names),
        "length": None if curve is None else float(curve.arc_length(np.array([1.0]))[0]),
        "weight_decay": weight_decay,
        "converged": None if fit is None else converged(fit, history),
        "fit_epochs": None if fit is None else len(history),
    }


def write_joined(
    folder: str | Path, found: FittedCurve | Skipped, record: Mapping[str, Any], layout: Layout
) -> None:
    """Write curve.safetensors, fit.csv and path.json, whatever was joined."""
    folder = Path(folder)
    curve, history = (None, fit_history([])) if isinstance(found, Skipped) else found
    write_table(folder / "fit.csv", history)
    if curve is None:
        write_tensors(folder / "curve.safetensors", {}, {"skipped": str(record["skipped"])})
    else:
        write_curve(folder / "curve.safetensors", curve, layout)
    write_json(folder / "path.json", record)
