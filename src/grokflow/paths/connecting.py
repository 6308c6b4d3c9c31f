"""From two named points to a curve between them: which checkpoints, which bends.

A path whose point was never reached is skipped: its record says why, and nothing fails. Nothing is
computed here, so no PyTorch is needed: `fitting` moves the bends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from grokflow import config
from grokflow.artifacts.files import write_json, write_text
from grokflow.artifacts.provenance import AGAIN
from grokflow.artifacts.tables import read_record
from grokflow.artifacts.tensors import write_tensors
from grokflow.config import ResolvedPath, ResolvedRun
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import read_checkpoint
from grokflow.model.layout import Layout, make_layout
from grokflow.paths import Curve
from grokflow.paths.curve_files import FittedCurve, fit_history, read_fit, write_curve

POINTS = ("initial", "point_1", "point_2", "final")


@dataclass(frozen=True)
class End:
    """One end of a path: a resolved run, its points.json as read, and its folder of checkpoints."""

    run: ResolvedRun
    points: dict[str, Any]
    checkpoints: Path
    point: str
    """`point_1`, `point_2`, `initial`, `final` or `epoch_N`."""

    @property
    def epoch(self) -> int | None:
        """The epoch of the point, or None when it was not reached."""
        if self.point.startswith("epoch_"):
            epoch = int(self.point.removeprefix("epoch_"))
            return epoch if epoch in self.points["checkpoints"] else None
        found = self.points[self.point]
        return None if found is None else found["epoch"]

    @property
    def reason(self) -> str:
        """Why the point is missing."""
        why = self.points["reasons"].get(self.point, "the run ended before it")
        return f"seed {self.run.seed} has no {self.point}: {why}"

    @cached_property
    def layout(self) -> Layout:
        """The layout of the run's weights."""
        return make_layout(self.run.model, self.run.dataset)

    @property
    def description(self) -> dict[str, Any]:
        """The end as path.json records it."""
        return {"seed": self.run.seed, "point": self.point, "epoch": self.epoch}

    @property
    def label(self) -> str:
        """The point's name for a reader."""
        return f"seed {self.run.seed}, epoch {self.epoch}"

    def weights(self, epoch: int) -> np.ndarray:
        """The weight vector (n,) of a checkpoint of this run."""
        return read_checkpoint(self.checkpoints, epoch, self.layout, self.run.weights_digest)


@dataclass(frozen=True)
class Unfitted:
    """A path whose bends still lie on the straight line; its `curve.ends` name its random draws."""

    path: ResolvedPath
    curve: Curve


Outcome = FittedCurve | str
"""A curve and the history of its fit, empty without one; or the reason why there is no curve."""


def connect(path: ResolvedPath, start: End, end: End, fit: str | Path | None = None) -> Outcome:
    """The curve between two points, or the reason why there is none.

    Parameters
    ----------
    fit : file of the fits of paths, this one among them; only a path with bends has one.

    Raises
    ------
    ArtifactError : when a checkpoint or `fit` is damaged.
    """
    if reason := _missing(path, start, end):
        return reason
    if isinstance(path.path, config.Chain):
        return _chain(start, end), fit_history([])
    straight = _straight(path, start, end)
    if not isinstance(path.path, config.Fitted):
        return straight, fit_history([])
    assert fit is not None
    curve, history = read_fit(fit, straight)
    if not np.isfinite(curve.controls).all():
        return f"the fit from {start.label} to {end.label} diverged; lower the learning_rate of its `fit`"
    return curve, history


def unfitted_paths(paths: Sequence[ResolvedPath], ends: Sequence[tuple[End, End]]) -> list[Unfitted]:
    """Those of the paths that have both their points, ready to be fitted together."""
    return [
        Unfitted(path, _straight(path, *both))
        for path, both in zip(paths, ends, strict=True)
        if not _missing(path, *both)
    ]


def _missing(path: ResolvedPath, start: End, end: End) -> str:
    """Why there is no such path; empty when there is one."""
    if missing := [e.reason for e in (start, end) if e.epoch is None]:
        return "; ".join(missing)
    assert start.epoch is not None
    assert end.epoch is not None
    if isinstance(path.path, config.Chain) and start.epoch >= end.epoch:
        return f"seed {start.run.seed} reaches {start.point} and {end.point} in the same epoch, {end.epoch}"
    return ""


def _straight(path: ResolvedPath, start: End, end: End) -> Curve:
    """The straight line; the bends of a path that has some lie on it, evenly spread."""
    assert start.epoch is not None
    assert end.epoch is not None
    ends = np.stack([start.weights(start.epoch), end.weights(end.epoch)])
    line = Curve("segment", ends, (start.label, end.label))
    if not isinstance(path.path, config.Fitted):
        return line
    bends = path.path.bends
    names = (start.label, *(f"bend {i + 1}" for i in range(bends)), end.label)
    return Curve(path.path.kind, line.weights(np.linspace(0.0, 1.0, bends + 2)), names)


def _chain(start: End, end: End) -> Curve:
    """The curve through every logged checkpoint from one point of a run to a later one."""
    assert start.epoch is not None
    assert end.epoch is not None
    logged = [
        epoch
        for epoch in start.points["checkpoints"]
        if start.epoch < epoch < end.epoch and epoch % start.run.checkpoint_every == 0
    ]
    epochs = [start.epoch, *logged, end.epoch]
    weights = np.stack([start.weights(epoch) for epoch in epochs])
    return Curve("chain", weights, tuple(f"epoch {epoch}" for epoch in epochs))


def read_ends(path: ResolvedPath, points: list[str], checkpoints: list[str]) -> tuple[End, End]:
    """The two ends of a path; one file of points and one folder of checkpoints when they share a run.

    Raises
    ------
    ArtifactError : when points.json is damaged or of another run.
    """
    runs = (path.from_run, path.to_run)
    names = (path.path.from_point, path.path.to_point)
    ends = [
        End(run, _read_points(points[i], run), Path(checkpoints[i]), name.partition("@")[2])
        for i, run, name in zip((0, -1), runs, names, strict=True)
    ]
    return ends[0], ends[1]


def _read_points(path: str, run: ResolvedRun) -> dict[str, Any]:
    points = read_record(path, {"config", "reasons", "checkpoints", *POINTS}, AGAIN)
    made_for = points["config"]
    if made_for != run.weights_digest:
        raise ArtifactError(
            path,
            expected=f"points of the configuration {run.weights_digest}",
            found=f"of {made_for}",
        )
    return points


def write_connection(
    path: ResolvedPath,
    start: End,
    end: End,
    outcome: Outcome,
    *,
    curve: str | Path,
    fit: str | Path,
    record: str | Path,
) -> None:
    """Write the control points, the history of the fit, and path.json, which says what they are."""
    skipped = outcome if isinstance(outcome, str) else None
    found, history = (None, fit_history([])) if isinstance(outcome, str) else outcome
    write_text(fit, history.to_csv(index=False, lineterminator="\n"))
    if found is None:
        write_tensors(curve, {}, {"skipped": str(skipped)})
    else:
        write_curve(curve, found, start.layout)
    write_json(
        record,
        {
            "kind": path.path.kind,
            "skipped": skipped,
            "from": start.description,
            "to": end.description,
            "control_points": [] if found is None else list(found.names),
            "length": None if found is None else float(found.arc_length(np.array([1.0]))[0]),
            "weight_decay": path.weight_decay,
        },
    )
