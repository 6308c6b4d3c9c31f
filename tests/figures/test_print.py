"""Figures for a journal's page: as wide as its columns, told in grey and in words, their text still text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts import assert_on_the_page
from matplotlib.colors import to_rgb
from PIL import Image

from grokflow.config import Figure
from grokflow.figures import draw, save
from grokflow.figures.names import names_of_runs, readable_group, words_of_run
from grokflow.figures.page import PAGES, page
from grokflow.figures.regimes import LOOKS

SKIPPED = "seed 1 has no point_2: train error is 0.25 at the last epoch, 60"

PRINTED = ["column", "two_columns"]

INCHES = {"column": 89 / 25.4, "two_columns": 183 / 25.4}


def picture_of(tables: Any, kind: str, style: str, count: int = 3) -> Any:
    """A figure of paper M, of few or many seeds, of which one lacks point 2."""
    reference: dict[str, Any] = {}
    if kind in ("path", "chain"):
        settings = {"kind": "chain", "epochs": (20, 30, 40, 50)} if kind == "chain" else {}
        shown = {
            str(seed): tables.path(str(seed), skipped=SKIPPED if seed == 1 else None, **settings)
            for seed in range(count)
        }
        if kind == "path":
            reference = {"t": {"train_error": 0.35}, "gradient_norm": [0.75, 0.0]}
        figure = Figure(kind=kind, path="subject", style=style, reference=reference)
    else:
        shown = {str(seed): tables.run(seed, point_2=None if seed == 1 else 50) for seed in range(count)}
        figure = Figure(kind=kind, run="subject", style=style, reference={"epochs": [18, 44]})
    return draw(figure, shown, tables.dataset)


@pytest.mark.parametrize("kind", ["accuracy_and_table", "checkpoints", "path", "chain"])
@pytest.mark.parametrize("style", PRINTED)
@pytest.mark.parametrize("count", [3, 12])
def test_nothing_runs_off_a_printed_page(tables: Any, kind: str, style: str, count: int) -> None:
    assert_on_the_page(picture_of(tables, kind, style, count))


@pytest.mark.parametrize("style", PRINTED)
def test_both_files_are_as_wide_as_the_columns(tables: Any, tmp_path: Path, style: str) -> None:
    png, svg = tmp_path / "figure.png", tmp_path / "figure.svg"
    save(picture_of(tables, "path", style), png=str(png), svg=str(svg))
    with Image.open(png) as image:
        assert image.width / image.info["dpi"][0] == pytest.approx(INCHES[style], abs=0.01)
        assert image.info["dpi"][0] >= 300
    text = svg.read_text("utf-8")
    size = r'width="([\d.]+)pt" height="([\d.]+)pt" viewBox="0 0 (\S+) (\S+)"'
    (found,) = re.findall(rf"<svg [^>]*?{size}", text)
    printed_width, printed_height, width, height = map(float, found)
    assert printed_width / 72 == pytest.approx(INCHES[style], abs=0.001)
    assert printed_height / printed_width == pytest.approx(height / width, rel=1e-4)
    sizes = {float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)}
    assert min(sizes) * PAGES[style].scale >= 5  # points, the least that Nature takes


def test_text_stays_text_and_the_notes_are_the_files_description(tables: Any, tmp_path: Path) -> None:
    png, svg = tmp_path / "figure.png", tmp_path / "figure.svg"
    note = "has no point 2: train error is 0.25"
    for style in ("screen", "column"):
        save(picture_of(tables, "path", style), png=str(png), svg=str(svg))
        content = svg.read_text("utf-8")
        said = re.findall(r"<text [^>]*>([^<]*)</text>", content)
        assert {"train", "validation", "error", "0.25"} <= set(said)
        assert any(note in text for text in said) == (style == "screen")
        (described,) = re.findall(r"<dc:description>([^<]*)</dc:description>", content)
        assert note in described
        with Image.open(png) as image:
            assert note in image.info["Description"]


def test_panels_have_letters_in_reading_order_and_one_alone_has_none(tables: Any) -> None:
    picture = picture_of(tables, "chain", "screen")
    letters = {axes.title.get_text(): axes.get_position() for axes in picture.subfigs[0].axes}
    assert sorted(letters) == list("abcdefghi")
    ordered = sorted(letters, key=lambda letter: (-round(letters[letter].y0, 3), letters[letter].x0))
    assert ordered == list("abcdefghi")
    table = picture_of(tables, "accuracy_and_table", "screen").subfigs[0].axes
    assert [axes.title.get_text() for axes in table] == ["a", "b", ""]  # the last is the colours' key
    alone = picture_of(tables, "checkpoints", "screen", count=1).subfigs[0].axes
    assert [axes.title.get_text() for axes in alone] == [""]


@pytest.mark.parametrize(
    ("kind", "scales"),
    [("segment", ("linear", "linear", "symlog")), ("polyline", ("linear", "symlog", "linear"))],
)
def test_what_is_claimed_to_be_nearly_zero_has_a_logarithmic_axis_with_a_zero(
    tables: Any, kind: str, scales: tuple[str, ...]
) -> None:
    shown = {"0": tables.path("0", kind=kind, bends=kind == "polyline")}
    row = draw(Figure(kind="path", path="subject"), shown, "").subfigs[0].axes
    assert tuple(axes.get_yscale() for axes in row) == scales
    logarithmic = row[scales.index("symlog")]
    assert logarithmic.get_yticklabels()[0].get_text() == "0"
    zero = logarithmic.transData.transform((0, 0))[1]
    values = np.concatenate([line.get_ydata() for line in logarithmic.lines if len(line.get_ydata()) > 2])
    smallest = values[values > 0].min()
    assert logarithmic.transAxes.transform((0, 0))[1] < zero  # zero is inside the panel
    assert logarithmic.transData.transform((0, smallest))[1] - zero > 5  # pixels


def test_regimes_are_told_in_grey() -> None:
    grey = [np.dot(to_rgb(look.colour), [0.299, 0.587, 0.114]) for look in LOOKS.values()]
    assert min(-np.diff(grey)) > 0.07


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model": {"layers": 2, "normalization": "layer_norm"}}, "two-layer LayerNorm model"),
        ({"model": {"layers": 1, "normalization": "none"}}, "one-layer model without normalization"),
        (
            {"model": {"layers": 9, "normalization": "scale_invariant"}, "precision": "float64"},
            "scale-invariant 9-layer model in float64",
        ),
        (
            {"model": {"layers": 1, "normalization": "layer_norm"}, "optimizer": {"weight_decay": 0.0}},
            "one-layer LayerNorm model without weight decay",
        ),
        ({"model": {"code": "mlp.py:MLP"}}, ""),
    ],
)
def test_a_run_is_called_by_its_model(config: dict[str, Any], words: str) -> None:
    assert words_of_run(config) == words


def test_two_runs_with_the_same_words_keep_their_names(tables: Any) -> None:
    made = ("my_run", "other_run")
    shown = {f"{run}/0": tables.run(seed) for seed, run in enumerate(made)}
    assert names_of_runs(shown, {}) == {"my_run": "my run", "other_run": "other run"}  # no record to read
    assert names_of_runs(shown, {"my_run": "with decay"})["my_run"] == "with decay"
    record = Path(shown["my_run/0"]) / "provenance.json"
    record.write_text('{"config": {"run": {"model": {"layers": 1, "normalization": "none"}}}}')
    (Path(shown["other_run/0"]) / "provenance.json").write_text(record.read_text())
    called = "one-layer model without normalization ({})"
    assert names_of_runs(shown, {}) == {name: called.format(name.replace("_", " ")) for name in made}


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("layer_0.attention.query", "layer 1: query"),
        ("layer_1.mlp.hidden_norm", "layer 2: norm inside the MLP"),
        ("token_embedding", "token embedding"),
        ("all", "all weights"),
        ("hidden.weight", "hidden weight"),
    ],
)
def test_groups_of_weights_are_called_in_words(group: str, words: str) -> None:
    assert readable_group(group) == words


def test_a_figure_leaves_no_page_behind(tables: Any) -> None:
    picture_of(tables, "path", "column")
    assert page() is PAGES["screen"]
