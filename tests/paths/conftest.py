"""Runs and paths that several tests of paths read."""

from __future__ import annotations

from pathlib import Path

import pytest
from joined import ends, in_small_batches, resolved
from runs import Trained, grokking_run, train_in

from grokflow.config import ResolvedPath
from grokflow.paths.connecting import connect, write_path
from grokflow.paths.curve_files import FittedCurve
from grokflow.paths.endpoints import Endpoint


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of the same split from other initial weights, up to a little after its point 1."""
    return train_in(tmp_path_factory.mktemp("other"), grokking_run(seed=1, epochs=60))


@pytest.fixture
def three(grokked: Trained, other_seed: Trained) -> list[tuple[ResolvedPath, tuple[Endpoint, Endpoint]]]:
    """Three polylines that differ in their ends; the last has no end."""
    runs = [in_small_batches(trained.run) for trained in (grokked, other_seed)]
    pairs = [
        (grokked, grokked, "epoch_60"),
        (other_seed, grokked, "epoch_40"),
        (grokked, other_seed, "epoch_200"),
    ]
    found = []
    for first, last, end in pairs:
        run, to_run = (runs[int(trained is other_seed)] for trained in (first, last))
        path = resolved(run, "polyline", "point_1", end, to_run, weight_decay=0.002, bends=2)
        found.append((path, ends(path, first, last)))
    return found


@pytest.fixture
def written(grokked: Trained, tmp_path: Path) -> tuple[ResolvedPath, FittedCurve, dict[str, Path]]:
    """A chain from epoch 0 to epoch 40 with all its files."""
    path = resolved(grokked.run, "chain", "initial", "epoch_40", points=3, inner_points=2)
    both = ends(path, grokked, grokked)
    found = connect(path, *both)
    write_path(tmp_path, path, *both, found)
    return path, found, {"curve": tmp_path / "curve.safetensors", "record": tmp_path / "path.json"}
