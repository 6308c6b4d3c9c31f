"""What is drawn is what the tables say, at the right place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokflow.config import Figure
from grokflow.figures import draw

COLUMNS = [
    {"train": "train_loss_l2", "validation": "validation_loss_l2"},
    {"train": "train_error", "validation": "validation_error"},
    {"train": "gradient_norm"},
]


def panels(tables: Any, kind: str, shown: dict[str, str], **reference: Any) -> list[Axes]:
    """The panels of a figure."""
    subject = "run" if kind in ("accuracy_and_table", "checkpoints") else "path"
    figure = Figure(kind=kind, reference=reference, **{subject: "subject"})
    return list(draw(figure, shown, tables.dataset).subfigs[0].axes)


def line(axes: Axes, label: str) -> Line2D:
    """The one line with this label."""
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found


def data(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """x and y of a line."""
    found = line(axes, label)
    return np.asarray(found.get_xdata()).tolist(), np.asarray(found.get_ydata()).tolist()


def key(axes: Axes) -> list[str]:
    """The entries of the key under the panels."""
    picture = axes.get_figure(root=True)
    legends = picture.subfigs[1].legends
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def labels(axes: Axes) -> list[str]:
    """The labels of the ticks of x."""
    return [label.get_text() for label in axes.get_xticklabels()]


@pytest.mark.parametrize("kind", ["accuracy_and_table", "checkpoints"])
def test_accuracy_curves_and_points_are_the_history(tables: Any, kind: str) -> None:
    shown = {"0": tables.run(0), "4": tables.run(4, point_1=30, point_2=None)}
    drawn = panels(tables, kind, shown)
    for name, axes in zip(shown, drawn if kind == "checkpoints" else drawn[:1] * 2, strict=False):
        history = pd.read_csv(Path(shown[name]) / "history.csv")
        for split in ("train", "validation"):
            x, y = data(axes, f"{split} {name}")
            assert x == history["epoch"].tolist()
            np.testing.assert_allclose(y, 1 - history[f"{split}_error"])
    last = drawn[1] if kind == "checkpoints" else drawn[0]
    assert data(drawn[0], "point_1 0") == ([20], [1])
    assert data(drawn[0], "point_2 0") == ([50], [1])
    assert data(last, "point_1 4") == ([30], [1])
    assert not [line for line in last.lines if line.get_label() == "point_2 4"]


def test_every_checkpoint_is_marked_on_the_curve(tables: Any) -> None:
    folder = tables.run(2)
    (axes,) = panels(tables, "checkpoints", {"2": folder})
    epochs = json.loads((Path(folder) / "points.json").read_text())["checkpoints"]
    history = pd.read_csv(Path(folder) / "history.csv").set_index("epoch")
    for split in ("train", "validation"):
        x, y = data(axes, f"checkpoints {split} 2")
        assert x == epochs
        marked = dict(zip(x, y, strict=True))
        assert marked[30] == pytest.approx(1 - history.loc[30, f"{split}_error"])  # logged
        between = 1 - history.loc[[10, 20], f"{split}_error"].mean()
        assert marked[15] == pytest.approx(between)  # not logged: on the line between


def test_the_papers_epochs_are_labelled_lines(tables: Any) -> None:
    axes = panels(tables, "accuracy_and_table", {"0": tables.run(0)}, epochs=[18, 44])[0]
    assert data(axes, "paper: 18")[0] == [18, 18]
    assert data(axes, "paper: 44")[0] == [44, 44]
    assert [text.get_text() for text in axes.texts] == ["paper: 18", "paper: 44"]


def test_the_table_shows_the_trained_pairs_only(tables: Any) -> None:
    axes = panels(tables, "accuracy_and_table", {"0": tables.run(0)})[1]
    (image,) = axes.images
    cells = image.get_array()
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom, top) == (0.5, 4.5, 4.5, -0.5)  # b from 1 to 4, a from 0 down to 4
    for row in pd.read_csv(tables.dataset).itertuples():
        cell = cells[row.a, row.b - 1]
        if row.split == "validation":
            assert cell is np.ma.masked
        else:
            assert cell == row.c
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("b", "a")
    assert "7 of 20" in axes.get_title(loc="left")


def test_panels_of_a_path_are_its_metrics(tables: Any) -> None:
    shown = {name: tables.path(name) for name in ("0", "1")}
    drawn = panels(tables, "path", shown)
    assert [axes.get_ylabel() for axes in drawn] == [
        "cross-entropy + L2 (nats)",
        "error",
        "mean stochastic\ngradient norm",
    ]
    for name, folder in shown.items():
        metrics = pd.read_csv(Path(folder) / "metrics.csv")
        for axes, columns in zip(drawn, COLUMNS, strict=True):
            for split, column in columns.items():
                expected = (metrics["t"].tolist(), metrics[column].tolist())
                assert data(axes, f"{split} {name}") == expected
    assert not [line for line in drawn[2].lines if str(line.get_label()).startswith("validation")]


def test_seeds_and_splits_differ_without_colour(tables: Any) -> None:
    axes = panels(tables, "path", {name: tables.path(name) for name in "012"})[1]
    markers = {str(line(axes, f"train {name}").get_marker()) for name in "012"}
    assert len(markers) == 3
    assert line(axes, "train 0").get_linestyle() != line(axes, "validation 0").get_linestyle()
    assert {0, 5} <= set(line(axes, "train 1").get_markevery())  # both ends


@pytest.mark.parametrize(
    ("seeds", "points", "first", "last"),
    [
        ("0", ("point_1", "point_2"), "0\npoint 1", "1\npoint 2"),
        ("0-1", ("point_1", "point_1"), "0\npoint 1", "1\npoint 1′"),
        ("0-1", ("point_2", "epoch_700"), "0\npoint 2", "1\nepoch 700′"),
    ],
)
def test_the_ends_are_named(tables: Any, seeds: str, points: tuple[str, str], first: str, last: str) -> None:
    for axes in panels(tables, "path", {seeds: tables.path(seeds, points=points)}):
        assert (labels(axes)[0], labels(axes)[-1]) == (first, last)


@pytest.mark.parametrize(
    ("kind", "bends", "places"),
    [
        ("polyline", 1, {0.5: "0.5\nbend"}),
        ("polyline", 2, {1 / 3: "0.333\nbend 1", 2 / 3: "0.667\nbend 2"}),
        ("bezier", 1, {}),  # its bend does not lie on it
        ("segment", 0, {}),
    ],
)
def test_bends_are_marked_where_a_path_has_them(
    tables: Any, kind: str, bends: int, places: dict[float, str]
) -> None:
    for axes in panels(tables, "path", {"0": tables.path("0", kind=kind, bends=bends)}):
        marked = [line.get_xdata()[0] for line in axes.lines if line.get_label() == "bend"]
        assert marked == pytest.approx(list(places))
        assert [label for label in labels(axes) if "bend" in label] == list(places.values())


def test_the_papers_values_are_drawn_in_their_panels(tables: Any) -> None:
    loss, error, norm = panels(
        tables,
        "path",
        {"0": tables.path("0")},
        t={"train_error": 0.35, "validation_error": 0.6},
        gradient_norm=[0.75, 0.0],
    )
    assert data(error, "paper, train: t = 0.35")[0] == [0.35, 0.35]
    assert data(error, "paper, validation: t = 0.6")[0] == [0.6, 0.6]
    (paper,) = [line for line in norm.lines if "paper" in str(line.get_label())]
    assert (list(paper.get_xdata()), list(paper.get_ydata())) == ([0, 1], [0.75, 0.0])
    low, high = norm.get_ylim()
    assert low < 0
    assert high > 0.75
    assert not [line for line in loss.lines if "paper" in str(line.get_label())]


def test_the_rows_of_a_chain(tables: Any) -> None:
    epochs = (15, 20, 40, 47)
    folder = tables.path("0", kind="chain", epochs=epochs)
    drawn = panels(tables, "chain", {"0": folder})
    metrics = pd.read_csv(Path(folder) / "metrics.csv")
    first, last, whole = drawn[1], drawn[4], drawn[7]
    for axes, rows in ((first, slice(0, 6)), (last, slice(10, 16)), (whole, slice(0, 16))):
        assert data(axes, "validation 0")[1] == metrics["validation_error"][rows].tolist()
    within = np.linspace(0, 1, 6)
    np.testing.assert_allclose(data(first, "train 0")[0], within, atol=1e-12)
    np.testing.assert_allclose(data(last, "train 0")[0], within, atol=1e-12)
    expected = np.interp(np.arange(16) / 5, range(4), epochs)
    np.testing.assert_allclose(data(whole, "train 0")[0], expected)
    assert data(whole, "checkpoints 0")[0] == list(epochs)
    assert whole.get_xlabel() == "epoch"
    headings = [drawn[row].get_title(loc="left") for row in (0, 3, 6)]
    assert headings == ["First segment", "Last segment", "Whole chain"]
    joined = "seed 0: epochs 15 → 47, first segment 15 → 20, last segment 40 → 47"
    assert joined in key(whole)


def test_a_chain_of_one_segment_says_so(tables: Any) -> None:
    drawn = panels(tables, "chain", {"0": tables.path("0", kind="chain", epochs=(20, 25))})
    assert "seed 0: epochs 20 → 25, a single segment" in key(drawn[0])
    assert data(drawn[1], "train 0") == data(drawn[4], "train 0")
