"""From two named points to a curve between them: which checkpoints, which bends.

A path whose point was never reached is skipped: its record says why, and nothing fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow import config
from grokflow.checkpoints import read_checkpoint, write_tensors
from grokflow.config import ResolvedPath, ResolvedRun
from grokflow.curves import write_curve
from grokflow.errors import ArtifactError
from grokflow.files import write_json, write_text
from grokflow.fitting import FIT_HISTORY, Unfitted, fit_together, read_fitted
from grokflow.model import make_model
from grokflow.paths import Curve
from grokflow.provenance import AGAIN
from grokflow.tables import read_record
from grokflow.weights import Layout

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
        return make_model(self.run.model, self.run.dataset).layout

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


Outcome = tuple[Curve, pd.DataFrame] | str
"""A curve and the history of its fit, or the reason why there is none."""


def connect(
    path: ResolvedPath,
    start: End,
    end: End,
    dataset: pd.DataFrame,
    device: str,
    *,
    resume: str | Path | None = None,
    subject: str | Path = "a path",
    fitted: str | Path | None = None,
    publish: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """The curve between two points and the history of its fit, or the reason why there is none.

    Parameters
    ----------
    resume : folder in which unfinished fits are kept; None: nothing is.
    subject : what the path is called in messages.
    fitted : file of paths that were fitted together, this one among them; None: it is fitted here.
    publish : writes the outcome; what was kept of the fit is discarded after it, not before.

    Raises
    ------
    ArtifactError : when a checkpoint or `fitted` is damaged, or another process fits the same path.
    SystemExit : after SIGTERM, with the state of the last epoch saved.
    """

    def judged(curve: Curve, history: pd.DataFrame) -> Outcome:
        if np.isfinite(curve.controls).all():
            return curve, history
        return f"the fit from {start.label} to {end.label} diverged; lower the learning_rate of its `fit`"

    outcome: Outcome
    if reason := _missing(path, start, end):
        outcome = reason
    elif isinstance(path.path, config.Chain):
        outcome = _chain(start, end), pd.DataFrame(columns=FIT_HISTORY)
    elif isinstance(path.path, config.Segment):
        outcome = _straight(start, end), pd.DataFrame(columns=FIT_HISTORY)
    elif fitted is not None:
        outcome = judged(*read_fitted(fitted, _unfitted(path, start, end)))
    else:
        (fit,) = fit_together(
            [_unfitted(path, start, end)],
            dataset,
            device,
            resume=resume,
            subject=subject,
            publish=lambda fits: publish(judged(*fits[0])),
        )
        return judged(*fit)
    publish(outcome)
    return outcome


def unfitted_paths(paths: Sequence[ResolvedPath], ends: Sequence[tuple[End, End]]) -> list[Unfitted]:
    """Those of the paths that have both their points, ready to be fitted together."""
    return [
        _unfitted(path, *both) for path, both in zip(paths, ends, strict=True) if not _missing(path, *both)
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


def _straight(start: End, end: End) -> Curve:
    assert start.epoch is not None
    assert end.epoch is not None
    ends = np.stack([start.weights(start.epoch), end.weights(end.epoch)])
    return Curve("segment", ends, (start.label, end.label))


def _unfitted(path: ResolvedPath, start: End, end: End) -> Unfitted:
    """The path with its bends on the straight line, evenly spread."""
    assert isinstance(path.path, config.Polyline | config.Bezier)
    bends = path.path.bends
    straight = _straight(start, end).weights(np.linspace(0.0, 1.0, bends + 2))
    names = (start.label, *(f"bend {i + 1}" for i in range(bends)), end.label)
    return Unfitted(path, Curve(path.path.kind, straight, names))


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
    found, history = (None, pd.DataFrame(columns=FIT_HISTORY)) if isinstance(outcome, str) else outcome
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
