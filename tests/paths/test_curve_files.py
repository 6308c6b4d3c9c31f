"""Curves, fits and records on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from runs import Trained
from safetensors.numpy import load_file

from grokflow.artifacts.results import PathResults
from grokflow.artifacts.tensors import write_tensors
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_path
from grokflow.paths import Curve
from grokflow.paths.curve_files import read_curve, write_curve


def test_the_record_says_what_the_path_is(written: tuple) -> None:
    path, (curve, _), files = written
    record = json.loads(files["record"].read_text())
    assert record["kind"] == "chain"
    assert record["skipped"] is None
    assert record["from"] == {"seed": 0, "point": "initial", "epoch": 0}
    assert record["to"] == {"seed": 0, "point": "epoch_40", "epoch": 40}
    assert record["control_points"] == ["epoch 0", "epoch 20", "epoch 40"]
    steps = np.diff(curve.controls, axis=0)
    assert record["length"] == pytest.approx(np.linalg.norm(steps, axis=1).sum(), rel=1e-9)
    assert record["converged"] is record["fit_epochs"] is None
    assert path.from_run.optimizer.weight_decay == 1.0
    assert record["weight_decay"] == 0.0  # AdamW's decay is part of no loss


def test_a_curve_is_read_back_bit_for_bit(written: tuple, grokked: Trained) -> None:
    _, (curve, _), files = written
    found = read_curve(files["curve"], grokked.task.model.layout)
    assert (found.kind, found.names) == (curve.kind, curve.names)
    assert found.controls.tobytes() == curve.controls.tobytes()


def test_any_safetensors_reader_opens_a_curve(written: tuple, grokked: Trained) -> None:
    found = load_file(written[2]["curve"])
    for number, epoch in enumerate((0, 20, 40)):
        for name, array in load_file(checkpoint_path(grokked.checkpoints, epoch)).items():
            assert found[f"{number}.{name}"].tolist() == array.tolist()


def test_a_damaged_curve_is_refused(written: tuple, grokked: Trained) -> None:
    _, _, files = written
    content = bytearray(files["curve"].read_bytes())
    content[-3] ^= 8
    files["curve"].write_bytes(content)
    with pytest.raises(ArtifactError, match=r"curve\.safetensors"):
        read_curve(files["curve"], grokked.task.model.layout)


def test_a_file_without_a_curve_is_refused(grokked: Trained, tmp_path: Path) -> None:
    layout = grokked.task.model.layout
    for metadata in ({}, {"controls": "2", "kind": "segment"}, {"controls": "two"}):
        write_tensors(tmp_path / "curve", {"x": np.zeros(3)}, metadata)
        with pytest.raises(ArtifactError, match="control points"):
            read_curve(tmp_path / "curve", layout)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null"])
def test_a_damaged_record_is_refused(content: str, written: tuple) -> None:
    _, _, files = written
    files["record"].write_text(content)
    with pytest.raises(ArtifactError, match=r"path\.json"):
        _ = PathResults(files["record"].parent).skipped


def test_a_curve_keeps_its_layout(grokked: Trained, tmp_path: Path) -> None:
    layout = grokked.task.model.layout
    controls = np.random.default_rng(0).normal(size=(2, layout.size)).astype(np.float32)
    curve = Curve("segment", controls, ("here", "there"))
    write_curve(tmp_path / "curve", curve, layout)
    assert read_curve(tmp_path / "curve", layout).controls.tobytes() == controls.tobytes()
