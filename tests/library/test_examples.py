"""The notebooks of examples/: each runs from its first cell to its last, and shows what its text says."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import jupytext
import pytest

import grokflow

EXAMPLES = Path(__file__).parents[2] / "examples"


def cells(name: str) -> list[str]:
    """The kinds of a notebook's cells."""
    return [cell.cell_type for cell in jupytext.read(EXAMPLES / name).cells]


def shown(name: str) -> dict[str, Any]:
    """What is defined when a notebook has run."""
    return runpy.run_path(str(EXAMPLES / name))


@pytest.mark.parametrize("name", ["grokking.py", "own_checkpoints.py", "periods.py"])
def test_it_opens_as_a_notebook(name: str) -> None:
    kinds = cells(name)
    assert kinds[0] == "markdown"
    assert kinds.count("code") >= 4
    assert "raw" not in kinds


def test_a_model_of_grokflow_is_trained_and_its_points_joined() -> None:
    found = shown("grokking.py")
    training, path = found["training"], found["path"]
    assert training.points["point_1"]["epoch"] < training.points["point_2"]["epoch"]
    assert path.record["from"]["point"] == "point_1"
    assert path.metrics["train_error"].iloc[[0, -1]].tolist() == [0, 0]
    assert len(path.fit) > 10


def test_checkpoints_of_plain_pytorch_are_joined() -> None:
    found = shown("own_checkpoints.py")
    straight, curve = found["straight"], found["curve"]
    assert straight.metrics["train_error"].iloc[[0, -1]].max() < 0.02
    assert found["barriers"]["segment"] > 2 * found["barriers"]["bezier"]
    assert curve.metrics["train_loss"].max() < straight.metrics["train_loss"].max()
    images, classes = found["train"]
    wrong = (found["middle"](images).argmax(-1) != classes).double().mean().item()
    assert wrong == pytest.approx(curve.metrics["train_error"].iloc[30], abs=1e-9)


def test_periods_are_found_in_a_log_of_another_framework(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown("periods.py")["periods"]
    assert isinstance(found, grokflow.Periods)
    assert found.table["start"].tolist() == [1800, 2900, 4100, 5200]
    assert "If it is in per cent, say so" in capsys.readouterr().out
