"""Where a path begins and ends, read from points.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joined import epochs, resolved
from runs import Trained

from grokflow.artifacts.files import write_json
from grokflow.errors import ArtifactError
from grokflow.paths.endpoints import read_endpoints


def test_end_points_are_read_from_points_json(grokked: Trained, tmp_path: Path) -> None:
    path = resolved(grokked.run, "segment")
    points = tmp_path / "points.json"
    write_json(points, grokked.points())
    ((start, end),) = read_endpoints([path], [str(points)], [str(grokked.checkpoints)])
    assert (start.epoch, end.epoch) == epochs(grokked)
    assert (start.run, end.run) == (grokked.run, grokked.run)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        "{}",
        '{"config": "of another run"}',
        "RIGHT CONFIG ONLY",
    ],
)
def test_damaged_points_are_refused(content: str, grokked: Trained, tmp_path: Path) -> None:
    path = resolved(grokked.run, "segment")
    points = tmp_path / "points.json"
    right = json.dumps({"config": grokked.run.weights_digest})
    points.write_text(right if content == "RIGHT CONFIG ONLY" else content)
    with pytest.raises(ArtifactError):
        read_endpoints([path], [str(points)], [str(grokked.checkpoints)])
