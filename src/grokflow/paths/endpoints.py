"""The end points of a path: from `run@point_1` to a weight vector, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from grokflow.artifacts.provenance import AGAIN
from grokflow.artifacts.tables import read_record
from grokflow.config import ResolvedPath, ResolvedRun
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import read_checkpoint
from grokflow.model.layout import Layout
from grokflow.model.models import make_layout
from grokflow.training.points import POINTS


@dataclass(frozen=True)
class Endpoint:
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
        return None if found is None else int(found["epoch"])

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
        """The end point as path.json records it."""
        return {"seed": self.run.seed, "point": self.point, "epoch": self.epoch}

    @property
    def label(self) -> str:
        """The point's name for a reader."""
        return f"seed {self.run.seed}, epoch {self.epoch}"

    def weights(self, epoch: int) -> np.ndarray:
        """The weight vector (n,) of a checkpoint of this run."""
        return read_checkpoint(self.checkpoints, epoch, self.layout, self.run.weights_digest)


def read_endpoints(
    paths: Sequence[ResolvedPath], points: Sequence[str], checkpoints: Sequence[str]
) -> list[tuple[Endpoint, Endpoint]]:
    """Both end points of each path.

    Parameters
    ----------
    points, checkpoints : the files points.json and the folders of checkpoints of all paths, one after the
        other: of each path two, or one when both its ends lie in one run.

    Raises
    ------
    ArtifactError : when points.json is damaged or of another run.
    """
    files = len(points) // len(paths)
    return [
        _both(path, points[i * files :][:files], checkpoints[i * files :][:files])
        for i, path in enumerate(paths)
    ]


def _both(path: ResolvedPath, points: Sequence[str], checkpoints: Sequence[str]) -> tuple[Endpoint, Endpoint]:
    runs = (path.from_run, path.to_run)
    names = (path.path.from_point, path.path.to_point)
    ends = [
        Endpoint(run, _read_points(points[i], run), Path(checkpoints[i]), name.partition("@")[2])
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
