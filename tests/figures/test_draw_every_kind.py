"""Every kind of figure of paper M: drawn whatever is missing, the same bytes each time, without torch."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from layouts import assert_on_the_page, assert_without_noise, boxes_of

from grokflow.config import Figure
from grokflow.figures import FIGURE_KINDS, draw, save

SKIPPED = "seed 1 has no point_2: train error is 0.25 at the last epoch, 60"

OF_PATH = {
    "path": {"kind": "polyline", "bends": 1},
    "chain": {"kind": "chain", "epochs": (20, 30, 40, 50)},
}
REFERENCES: dict[str, dict[str, Any]] = {
    "accuracy_and_table": {"epochs": [18, 44]},
    "checkpoints": {"epochs": [18, 44]},
    "path": {"t": {"train_error": 0.35}, "gradient_norm": [0.75, 0.0]},
    "chain": {},
}


def shown(tables: Any, kind: str, missing: tuple[int, ...], count: int = 3) -> dict[str, str]:
    """Folders of the seeds of a run or path; the seeds in `missing` have no point 2."""
    if FIGURE_KINDS[kind].subject == "run":
        return {str(seed): tables.run(seed, point_2=None if seed in missing else 50) for seed in range(count)}
    return {
        str(seed): tables.path(str(seed), skipped=SKIPPED if seed in missing else None, **OF_PATH[kind])
        for seed in range(count)
    }


def picture_of(tables: Any, kind: str, missing: tuple[int, ...] = (), count: int = 3) -> Any:
    """The picture of a kind with its reference."""
    subject = {FIGURE_KINDS[kind].subject: "subject"}
    figure = Figure(kind=kind, reference=REFERENCES[kind], **subject)
    return draw(figure, shown(tables, kind, missing, count), tables.dataset)


def words(picture: Any) -> str:
    """All that the picture says."""
    texts = picture.findobj(matplotlib.text.Text)
    return " ".join(text.get_text() for text in texts)


def curves(picture: Any) -> set[str]:
    """The seeds that have a curve."""
    lines = picture.findobj(matplotlib.lines.Line2D)
    labels = [str(line.get_label()) for line in lines]
    return {label.split()[1] for label in labels if label.startswith("train ")}


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("missing", [(), (1,), (0, 1, 2)])
def test_a_figure_is_drawn_whatever_is_missing(tables: Any, kind: str, missing: tuple[int, ...]) -> None:
    picture = picture_of(tables, kind, missing)
    said = words(picture)
    assert said.count("train error is 0.25") == len(missing)
    assert said.count("has no point 2") == len(missing)
    drawn = {"0", "1", "2"}
    if FIGURE_KINDS[kind].subject == "path":
        drawn -= {str(seed) for seed in missing}
        assert ("nothing to draw" in said) == (len(missing) == 3)
    assert curves(picture) == drawn


@pytest.mark.parametrize("kind", ["accuracy_and_table", "checkpoints"])
def test_of_a_diverged_run_that_is_said_and_nothing_else(tables: Any, kind: str) -> None:
    folders = {
        "0": tables.run(0, point_1=None, point_2=None),
        "1": tables.run(1, point_2=None, diverged="epoch 61, step 93: loss nan"),
    }
    said = words(draw(Figure(kind=kind, run="subject"), folders, tables.dataset))
    assert "Seed 1 diverged: epoch 61, step 93: loss nan." in said
    assert "Seed 1 has no" not in said
    for point in ("point 1", "point 2"):
        assert f"Seed 0 has no {point}: train error is 0.25" in said


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("count", [1, 3, 12])
def test_nothing_runs_off_the_picture_and_headings_are_apart(tables: Any, kind: str, count: int) -> None:
    picture = picture_of(tables, kind, missing=(0,) if count > 1 else (), count=count)
    assert_on_the_page(picture)
    for axes in picture.subfigs[0].axes:
        (heading,) = boxes_of(picture, [axes._left_title])
        assert not heading.count_overlaps(boxes_of(picture, axes.texts))


@pytest.mark.parametrize("kind", REFERENCES)
def test_a_picture_is_saved_with_the_same_bytes(tables: Any, tmp_path: Path, kind: str) -> None:
    written = []
    picture = picture_of(tables, kind)
    for _ in range(2):
        png, svg = tmp_path / "figure.png", tmp_path / "figure.svg"
        save(picture, png=str(png), svg=str(svg))
        written.append((png.read_bytes(), svg.read_bytes()))
    assert written[0] == written[1]
    png, svg = written[0]
    assert png.startswith(b"\x89PNG")
    assert svg.startswith(b"<?xml")
    for content in (png, svg):
        assert matplotlib.__version__.encode() not in content
        assert b"<dc:date>" not in content


@pytest.mark.parametrize("kind", REFERENCES)
def test_the_layout_keeps_no_noise_of_its_solver(tables: Any, kind: str) -> None:
    assert_without_noise(picture_of(tables, kind))


PROGRAM = """
import sys
from grokflow.config import Figure
from grokflow.figures import draw, save
assert "matplotlib" not in sys.modules, "the Snakefile would import matplotlib"
folder, dataset, *of = sys.argv[1:]
figure = Figure(kind="path", path="p", reference={"gradient_norm": [0.75, 0.0]})
picture = draw(figure, dict(enumerate_.split("=") for enumerate_ in of), dataset)
save(picture, png=folder + "/other.png", svg=folder + "/other.svg")
import grokflow.figures.accuracy_and_table, grokflow.figures.chain, grokflow.figures.checkpoints
assert "torch" not in sys.modules, "a figure imported torch"
assert "matplotlib.pyplot" not in sys.modules, "a figure imported pyplot"
"""


def test_another_process_with_other_settings_draws_the_same_without_torch(
    tables: Any, tmp_path: Path
) -> None:
    folders = shown(tables, "path", ())
    figure = Figure(kind="path", path="p", reference={"gradient_norm": [0.75, 0.0]})
    save(
        draw(figure, folders, tables.dataset),
        png=str(tmp_path / "own.png"),
        svg=str(tmp_path / "own.svg"),
    )
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nxtick.direction: in\nsvg.fonttype: none")
    named = [f"{name}={folder}" for name, folder in folders.items()]
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), tables.dataset, *named],
        cwd=tmp_path,  # where matplotlib looks for its settings first
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    for ending in ("png", "svg"):
        own, other = (tmp_path / f"{name}.{ending}" for name in ("own", "other"))
        assert _digest(own) == _digest(other), ending


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
