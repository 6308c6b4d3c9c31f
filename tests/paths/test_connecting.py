"""Paths between the points of one run or of two: which control points they have, and why there is none."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from joined import KINDS, curve_of, ends, epochs, kept, outcome_of, resolved
from runs import Trained

from grokflow.artifacts import columns
from grokflow.artifacts.columns import METRICS
from grokflow.artifacts.results import PathResults
from grokflow.artifacts.tensors import read_tensors
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_path
from grokflow.paths.connecting import Skipped, connect, write_path
from grokflow.paths.measuring import measure


def test_a_segment_joins_the_two_points(grokked: Trained) -> None:
    first, second = epochs(grokked)
    path = resolved(grokked.run, "segment")
    curve, history = outcome_of(path, grokked, grokked)
    assert curve.kind == "segment"
    assert curve.controls.tolist() == [
        kept(grokked, first).tolist(),
        kept(grokked, second).tolist(),
    ]
    assert curve.names == (f"seed 0, epoch {first}", f"seed 0, epoch {second}")
    assert list(history.columns) == columns.FIT
    assert history.empty


def test_a_chain_follows_every_logged_checkpoint_between(grokked: Trained) -> None:
    first, second = epochs(grokked)
    logged = [epoch for epoch in range(0, 400, 20) if first < epoch < second]
    expected = [first, *logged, second]
    assert len(expected) > 4
    curve = curve_of(resolved(grokked.run, "chain"), grokked, grokked)
    assert curve.kind == "chain"
    assert curve.names == tuple(f"epoch {epoch}" for epoch in expected)
    assert curve.controls.tolist() == [kept(grokked, epoch).tolist() for epoch in expected]


@pytest.mark.parametrize(
    ("start", "end", "between"),
    [("initial", "epoch_60", [0, 20, 40, 60]), ("epoch_20", "epoch_40", [20, 40])],
)
def test_a_path_may_start_and_end_anywhere(
    start: str, end: str, between: list[int], grokked: Trained
) -> None:
    curve = curve_of(resolved(grokked.run, "chain", start, end), grokked, grokked)
    assert curve.controls.tolist() == [kept(grokked, epoch).tolist() for epoch in between]


def test_final_is_the_last_epoch(grokked: Trained) -> None:
    curve = curve_of(resolved(grokked.run, "segment", "point_2", "final"), grokked, grokked)
    assert curve.controls[1].tolist() == kept(grokked, epochs(grokked)[1] + 10).tolist()


def test_a_path_between_seeds_joins_two_runs(grokked: Trained, other_seed: Trained) -> None:
    path = resolved(grokked.run, "segment", "point_1", "point_1", other_seed.run)
    curve = curve_of(path, grokked, other_seed)
    first, other = (trained.points()["point_1"]["epoch"] for trained in (grokked, other_seed))
    assert curve.names == (f"seed 0, epoch {first}", f"seed 1, epoch {other}")
    expected = [kept(grokked, first).tolist(), kept(other_seed, other).tolist()]
    assert curve.controls.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        ("point_1", "point_2", "seed 0 has no point_1: train error is .*; seed 0 has no point_2"),
        ("initial", "point_2", "seed 0 has no point_2: train error is .* at the last epoch, 6"),
        ("initial", "epoch_200", "seed 0 has no epoch_200: the run ended before it"),
    ],
)
def test_a_path_without_its_point_is_skipped_with_the_reason(
    kind: str, start: str, end: str, why: str, tiny: Trained, tmp_path: Path
) -> None:
    path = resolved(tiny.run, kind, start, end)
    first, last = ends(path, tiny, tiny)
    outcome = outcome_of(path, tiny, tiny)
    assert isinstance(outcome, Skipped)
    write_path(tmp_path, path, first, last, outcome)
    record = json.loads((tmp_path / "path.json").read_text())
    assert re.search(why, record["skipped"])
    assert record["from"] == {"seed": 0, "point": start, "epoch": None if start == "point_1" else 0}
    assert record["to"] == {"seed": 0, "point": end, "epoch": None}
    assert record["control_points"] == []
    assert record["length"] is None
    assert record["converged"] is record["fit_epochs"] is None
    assert PathResults(tmp_path).fit.columns.tolist() == columns.FIT
    assert read_tensors(tmp_path / "curve.safetensors") == ({}, {"skipped": outcome.reason})
    metrics = measure(path, outcome, tiny.dataset, "cpu")
    assert metrics.columns.tolist() == METRICS
    assert metrics.empty


@pytest.mark.parametrize(("start", "end"), [("epoch_40", "epoch_20"), ("point_2", "point_1")])
def test_a_chain_against_time_is_skipped(start: str, end: str, grokked: Trained) -> None:
    path = resolved(grokked.run, "chain", start, end)
    outcome = outcome_of(path, grokked, grokked)
    assert isinstance(outcome, Skipped)


def test_a_checkpoint_under_another_epochs_name_is_refused(copy_of_grokked: Trained) -> None:
    path = resolved(copy_of_grokked.run, "chain")
    both = ends(path, copy_of_grokked, copy_of_grokked)
    source, target = (checkpoint_path(copy_of_grokked.checkpoints, e) for e in (60, 80))
    shutil.copy(source, target)
    with pytest.raises(ArtifactError, match="epoch"):
        connect(path, *both)


def test_a_damaged_checkpoint_on_the_way_is_refused(copy_of_grokked: Trained) -> None:
    path = resolved(copy_of_grokked.run, "chain")
    both = ends(path, copy_of_grokked, copy_of_grokked)
    damaged = checkpoint_path(copy_of_grokked.checkpoints, 80)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=damaged.name):
        connect(path, *both)
