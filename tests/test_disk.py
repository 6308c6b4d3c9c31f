"""How much disk the results take: counted from above, said first, refused where there is less."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from grokflow import disk
from grokflow.disk import check_disk, disk_need, main
from grokflow.errors import ConfigError
from grokflow.loading import load_config
from grokflow.model import make_layout

SMALL = """
results: {results}
datasets: {{d: {{operation: "a*b", modulus: 7, train_fraction: 0.5}}}}
models: {{m: {{layers: 1, width: 8, mlp_width: 16, heads: 2}}}}
optimizers: {{o: {{name: sgd, learning_rate: 0.1}}}}
runs:
  r: {{dataset: d, model: m, optimizer: o, seeds: [0, 1, 2], epochs: 40, checkpoint_every: 10, log_every: 10}}
"""


def config(tmp_path: Path, more: str = "") -> Any:
    file = tmp_path / "config.yaml"
    file.write_text(SMALL.format(results=tmp_path / "results") + more)
    return load_config([file])


def test_a_run_is_its_checkpoints_twice_two_states_and_its_tables(tmp_path: Path) -> None:
    settings = config(tmp_path)
    need = disk_need(settings)
    vector = 4 * make_layout(settings.models["m"], settings.datasets["d"]).size
    numbers = 40 * 12 + 5 * 14  # epochs.csv, history.csv
    assert need.checkpoints == 3 * (5 + 3) * vector
    assert need.saved_states == need.checkpoints + 3 * 2 * (3 * vector + 8 * numbers)
    assert need.tables_and_figures == 3 * (21 * numbers + 50_000)
    assert need.curves == 0
    double = disk_need(config(tmp_path, "precision: float64\n"))
    assert double.checkpoints == 2 * need.checkpoints


@pytest.mark.parametrize(
    ("path", "pairs", "points"),
    [
        ('kind: segment, from: "r@point_1", to: "r@point_2"', 3, 2),
        ('kind: chain, from: "r@point_1", to: "r@point_2"', 3, 5 + 3),
        ('kind: polyline, from: "r@point_1", to: "r@point_2", bends: 2', 3, 2 * 4),  # and its fit
        ('kind: polyline, from: "r@point_2", to: "r@point_2", between: seeds, pairs: disjoint', 1, 2 * 3),
    ],
)
def test_a_path_is_its_control_points(tmp_path: Path, path: str, pairs: int, points: int) -> None:
    settings = config(tmp_path, f"paths: {{p: {{{path}}}}}\n")
    vector = 4 * make_layout(settings.models["m"], settings.datasets["d"]).size
    assert disk_need(settings).curves == pairs * points * vector


def test_what_is_there_already_needs_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(tmp_path)
    total = disk_need(settings).total
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage._replace(free=total - 100))
    with pytest.raises(ConfigError, match=r"results: expected room for .* MB free where") as refused:
        check_disk(settings)
    assert "checkpoint_every" in str(refused.value)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/table.csv").write_bytes(bytes(100))
    assert f"{tmp_path}/results takes at most" in check_disk(settings)


def test_the_command_says_it_in_one_line_or_refuses_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config(tmp_path)
    monkeypatch.setattr("sys.argv", ["disk", str(tmp_path / "config.yaml")])
    assert main() == 0
    assert capsys.readouterr().out.count("\n") == 1
    monkeypatch.setattr("sys.argv", ["disk", str(tmp_path / "none.yaml")])
    assert main() == 2
    assert re.match(r"Error: .*none\.yaml", capsys.readouterr().err)


def test_all_seeds_of_both_papers_fit_on_a_usual_disk() -> None:
    files = ["config.yaml", "config/gpu.yaml", "config/full.yaml"]
    root = Path(__file__).parents[1]
    need = disk_need(load_config([root / file for file in files]))
    assert 10e9 < need.total < 40e9
