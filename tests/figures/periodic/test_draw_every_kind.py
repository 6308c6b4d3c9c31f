"""Every kind of figure of paper P: drawn in the odd cases too, in its place, the same bytes each time."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
from layouts import assert_apart, assert_on_the_page, assert_without_noise, boxes_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grokflow.config import Reference
from grokflow.errors import ArtifactError
from grokflow.figures import FIGURE_KINDS, save
from grokflow.figures.shown import Shown

OF_RUNS = {
    "accuracy_and_loss": ("history.csv", "points.json"),
    "ray": ("rays.csv", "invariance.csv"),
    "block": ("provenance.json",),
    "collapses": ("history.csv", "epochs.csv", "periods.csv", "points.json"),
    "effective_statistics": ("history.csv", "epochs.csv", "periods.csv", "points.json"),
    "periods": ("history.csv", "epochs.csv", "periods.csv", "points.json"),
    "invariance": ("invariance.csv",),
    "weight_norm": ("history.csv", "points.json"),
}
"""The kinds that show seeds of runs, with the files that they read beside the record of each run."""

KINDS = [*OF_RUNS, "sweep", "variance"]

OF_PAPER_M = ["accuracy_and_table", "checkpoints", "path", "chain", "fit_budget"]

ODD: dict[str, Any] = {
    "collapses": (),
    "point_1": None,
    "point_2": None,
    "invariant": False,
    "diverged": "epoch 12, step 93: loss nan",
    "model": {"normalization": "none"},
}

ALL_INVARIANT = {"normalization": "scale_invariant", "norm_affine": "none", "unembedding_norm": 8.0}


def shown(records: Any, kind: str, case: str) -> dict[str, str]:
    """What a kind shows: the usual seeds, one alone, many, or such that everything is missing."""
    if kind == "sweep":
        return {"sweep": sweep(records, case)}
    if kind == "variance":
        return {"sources": sources(records, case)}
    if case == "odd":
        return {f"odd/{seed}": records.run("odd", seed, **ODD) for seed in range(2)}
    if case == "alone":
        return {"usual/0": records.run("usual", 0)}
    settings: dict[str, dict[str, Any]] = {
        "usual": {},
        "odd": ODD,
        "open_end": {"collapses": ((150, None),), "model": ALL_INVARIANT},
        "two_layers_with_a_longer_name": {"model": {"layers": 2, "mlp_norm": "before_relu"}},
    }
    runs = [*settings] if case == "many" else ["usual", "odd"]
    return {
        f"{run}/{seed}": records.run(run, seed, **settings[run])
        for run in runs
        for seed in range(3 if case == "many" else 2)
    }


def sweep(records: Any, case: str) -> str:
    """The file of a sweep."""
    never: dict[str, Any] = {"point_1": None, "point_2": None, "diverged": "epoch 1, step 2: loss inf"}
    values = {"alone": [0.3], "odd": [0, 1], "many": [0, *(0.01 * 2**n for n in range(10))]}
    rows = [
        {"optimizer.weight_decay": value, "seed": seed, **(never if case == "odd" else {})}
        for value in values.get(case, [0.1, 0.2, 0.5])
        for seed in range(3)
    ]
    return str(records.sweep("sweep", rows))


def sources(records: Any, case: str) -> str:
    """The file of a sweep that tries one key at a time."""
    never: dict[str, Any] = {"point_1": None, "point_2": None, "diverged": "epoch 1, step 2: loss inf"}
    streams = ["dataset.split_seed", "run.initialization_seed", "run.order_seed"]
    keys = {"alone": streams[:1], "many": [*streams, "optimizer.weight_decay", "model.layers"]}.get(
        case, streams
    )
    rows = [
        {**dict.fromkeys(keys, 0), key: value, "seed": 0, "point_2": 150 + 9 * value}
        for key in keys
        for value in range(1, 40 if case == "many" else 4)
    ]
    return str(records.sweep("sources", [row | (never if case == "odd" else {}) for row in rows]))


def picture_of(kind: str, of: dict[str, str]) -> Figure:
    """The picture of a kind."""
    picture: Figure = importlib.import_module(f"grokflow.figures.{kind}").draw(Shown(of, Reference()))
    return picture


def words(picture: Figure) -> str:
    """All that the picture says."""
    return "\n".join(text.get_text() for text in picture.findobj(matplotlib.text.Text))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["alone", "many", "odd"])
def test_nothing_runs_off_the_picture_and_nothing_overlaps(records: Any, kind: str, case: str) -> None:
    picture = picture_of(kind, shown(records, kind, case))
    assert_on_the_page(picture)
    headings = []
    for axes in picture.subfigs[0].axes:
        texts = [axes._left_title, *axes.texts] if axes.axison else [*axes.texts]
        assert_apart(boxes_of(picture, [text for text in texts if text.get_text()]))
        if axes.get_title(loc="left"):
            headings.append(axes._left_title)
    assert_apart(boxes_of(picture, headings))


def test_the_columns_of_six_audited_runs_do_not_overlap(records: Any) -> None:
    names = [f"invariant_but_attention_{number}" for number in range(6)]
    picture = picture_of("invariance", {f"{name}/0": records.run(name, 0, point_2=None) for name in names})
    assert_on_the_page(picture)
    axes = picture.subfigs[0].axes[0]
    assert_apart(boxes_of(picture, [text for text in axes.texts if text.get_text()]))
    labels = [tick.label2 for tick in axes.xaxis.get_major_ticks()]
    headings = [text for text in axes.texts if "attention" in text.get_text()]
    assert [text.get_text().replace("\n", "") for text in headings] == names
    assert_apart(boxes_of(picture, [*labels, *headings]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_keeps_no_noise_of_its_solver(records: Any, kind: str) -> None:
    assert_without_noise(picture_of(kind, shown(records, kind, "alone")))


@pytest.mark.parametrize("kind", sorted({*OF_RUNS} - {"ray", "block", "invariance"}))
def test_what_is_missing_is_said_in_words(records: Any, kind: str) -> None:
    said = words(picture_of(kind, shown(records, kind, "odd")))
    for seed in range(2):
        assert f"Seed {seed} of odd diverged: epoch 12, step 93: loss nan." in said
    assert "has no point" not in said
    if kind in ("collapses", "effective_statistics", "periods"):
        assert "no collapse" in said
    if kind == "effective_statistics":
        assert "No group is scale-invariant in odd, seed 0; odd, seed 1." in said
    settings = ODD | {"diverged": None, "collapses": ((150, None),)}
    said = words(picture_of(kind, {f"odd/{seed}": records.run("odd", seed, **settings) for seed in range(2)}))
    assert "diverged" not in said
    for point in ("point 1", "point 2"):
        missing = f"Seed 1 of odd has no {point}: train error is 0.25 at the last epoch, 200."
        assert (missing in said) == (kind != "periods")  # whose rows show it
    if kind in ("collapses", "effective_statistics", "periods"):
        assert "Seed 0 of odd was in a collapse when training ended." in said


OF_EPOCHS = ["accuracy_and_loss", "collapses", "effective_statistics", "periods", "weight_norm"]


@pytest.mark.parametrize("kind", OF_EPOCHS)
@pytest.mark.parametrize("trained", [0, 60])
def test_a_diverged_run_is_drawn_as_far_as_it_came(records: Any, kind: str, trained: int) -> None:
    folder = Path(records.run("burst", 0, **ODD))
    for file in ("history.csv", "epochs.csv"):
        rows = pd.read_csv(folder / file)
        rows = rows[rows["epoch"] <= trained].astype(float)
        measured = rows.columns.drop(["epoch", "step"], errors="ignore")
        rows.loc[rows.index[1:][-1:], measured] = ([math.nan, math.inf] * len(measured))[: len(measured)]
        rows.to_csv(folder / file, index=False)
    picture = picture_of(kind, {"usual/0": records.run("usual", 0), "burst/0": str(folder)})
    assert "Seed 0 of burst diverged: epoch 12, step 93: loss nan." in words(picture)
    FigureCanvasAgg(picture).draw()


@pytest.mark.parametrize(
    ("kind", "file"), [(kind, file) for kind, files in OF_RUNS.items() for file in files]
)
@pytest.mark.parametrize("content", [None, "", "first,second\n1,2\n"])
def test_a_missing_or_damaged_file_is_named(records: Any, kind: str, file: str, content: str | None) -> None:
    folder = records.run("usual", 0)
    if content is None:
        (Path(folder) / file).unlink()
    else:
        (Path(folder) / file).write_text(content)
    with pytest.raises(ArtifactError, match=rf"{file}: expected"):
        picture_of(kind, {"usual/0": folder})


@pytest.mark.parametrize("file", ["epochs.csv", "history.csv", "periods.csv"])
def test_words_instead_of_numbers_are_named(records: Any, file: str) -> None:
    path = Path(records.run("usual", 0)) / file
    lines = path.read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    rows[-1][lines[0].split(",").index("start" if file == "periods.csv" else "train_error")] = "torn"
    path.write_text("\n".join([lines[0], *(",".join(row) for row in rows)]))
    with pytest.raises(ArtifactError, match=rf"{file}: expected numbers in the column"):
        picture_of("collapses", {"usual/0": str(path.parent)})


@pytest.mark.parametrize("content", ["", "seed,point_1\n0,1\n", "value,seed\n1,2\n"])
def test_a_damaged_sweep_is_named(records: Any, content: str) -> None:
    file = Path(sweep(records, "usual"))
    header, row = file.read_text().splitlines()[:2]
    for damaged in (content, header, header.partition(",")[2] + "\n" + row.partition(",")[2]):
        file.write_text(damaged)
        with pytest.raises(ArtifactError, match=r"sweep\.csv: expected"):
            picture_of("sweep", {"sweep": str(file)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_saved_with_the_same_bytes(records: Any, tmp_path: Path, kind: str) -> None:
    of = shown(records, kind, "alone")
    written = []
    for _ in range(2):
        png, svg = tmp_path / "figure.png", tmp_path / "figure.svg"
        save(picture_of(kind, of), png=str(png), svg=str(svg))
        written.append((png.read_bytes(), svg.read_bytes()))
    assert written[0] == written[1]


PROGRAM = f"""
import sys
import grokflow.dynamics.regimes
assert "matplotlib" not in sys.modules, "the regimes imported matplotlib"
import {", ".join(f"grokflow.figures.{kind}" for kind in KINDS)}
assert "torch" not in sys.modules, "a figure imported torch"
assert "matplotlib.pyplot" not in sys.modules, "a figure imported pyplot"
"""


def test_no_kind_imports_torch_or_pyplot() -> None:
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_every_registered_kind_is_drawn_in_a_test_and_reads_the_files_that_its_rule_makes() -> None:
    assert sorted(FIGURE_KINDS) == sorted([*OF_PAPER_M, *KINDS, "claims"])
    for kind, files in OF_RUNS.items():
        assert set(FIGURE_KINDS[kind].files) == {*files, "provenance.json"}
        assert FIGURE_KINDS[kind].subject == "runs"
