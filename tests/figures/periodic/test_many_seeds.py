"""Many seeds of paper P's figures: what is drawn is of all of them, and told apart without a key a seed."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from layouts import assert_apart, assert_on_the_page, boxes_of
from matplotlib.axes import Axes

from grokflow.config import Reference
from grokflow.figures.aligned import OFFSETS, around_collapses
from grokflow.figures.shown import Shown, ShownRun
from grokflow.figures.weight_norm import median_epoch

KINDS = ["accuracy_and_loss", "collapses", "effective_statistics", "periods", "weight_norm", "sweep"]


def seeds(records: Any, run: str, count: int) -> dict[str, str]:
    """Seeds of every outcome: diverged, without point 2, never recovered, with none to many collapses."""
    folders = {}
    for seed in range(count):
        starts = [(120 + seed % 7, 131 + seed % 5), (165, 178 + seed % 3), (190, 196)][: 1 + seed % 3]
        settings: dict[str, Any] = {
            "point_1": 40 + seed % 4,
            "point_2": 90 + seed % 30,
            "collapses": tuple(starts),
        }
        if seed % 16 == 5:
            settings |= {
                "last": 70,
                "point_2": None,
                "collapses": (),
                "diverged": "epoch 71, step 3: loss nan",
            }
        elif seed % 8 == 3:
            settings |= {"point_2": None}
        elif seed % 20 == 9:
            settings |= {"collapses": ((120, None),)}
        folders[f"{run}/{seed}"] = records.run(run, seed, **settings)
    return folders


def sweep(records: Any, count: int) -> dict[str, str]:
    """A sweep with a mix of regimes at its middle value."""
    rows = []
    for value in (0.0, 0.1, 0.5, 1.0):
        for seed in range(count):
            points: dict[str, Any] = {"point_1": 40 + seed, "point_2": 150 + 7 * seed, "epochs": 2000}
            if value == 0 or (value == 0.1 and seed % 4 == 1):
                points |= {"point_2": None, "validation_error": 0.2 + 0.01 * seed}
            if value == 0.5 and seed % 4 == 2:
                points |= {"point_2": 60 + seed}
            if value == 1 and seed == 6:
                points |= {"point_1": None, "point_2": None, "train_error": None, "validation_error": None}
                points |= {"diverged": "epoch 9, step 3: loss nan"}
            rows.append({"optimizer.weight_decay": value, "seed": seed, **points})
    return {"decay": records.sweep("decay", rows)}


def shown(records: Any, kind: str, count: int) -> dict[str, str]:
    """What a kind shows."""
    if kind == "sweep":
        return sweep(records, count)
    return {**seeds(records, "a", count), **seeds(records, "b", count)}


def picture_of(kind: str, of: dict[str, str]) -> Any:
    """The picture of a kind."""
    return importlib.import_module(f"grokflow.figures.{kind}").draw(Shown(of, Reference()))


def key(picture: Any) -> list[str]:
    """The entries of the key."""
    return [text.get_text() for legend in picture.subfigs[1].legends for text in legend.get_texts()]


def notes(picture: Any) -> str:
    """The sentences below the key."""
    return " ".join(text.get_text() for text in picture.subfigs[1].texts)


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the one line with this label."""
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def bars(axes: Axes, label: str) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top of the bars with this label."""
    found = [patch for patch in axes.patches if patch.get_label() == label or label == ""]
    if not found:
        found = [bar for group in axes.containers if group.get_label() == label for bar in group]
    return [
        (bar.get_x(), bar.get_y(), bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height())
        for bar in found
    ]


def test_seeds_with_as_many_collapses_each_have_no_range(records: Any) -> None:
    of = seeds(records, "a", 40)
    alike = [name for name in of if len(ShownRun(of[name], name).periods) == 2][:7]
    raster = picture_of("collapses", {name: of[name] for name in alike}).subfigs[0].axes[0]
    assert raster.get_title(loc="left") == "a, 7 seeds: 2 collapses each"


def test_every_collapse_of_every_seed_has_its_row(records: Any) -> None:
    of = seeds(records, "a", 40)
    picture = picture_of("collapses", of)
    raster, *single = picture.subfigs[0].axes
    runs = {name: ShownRun(folder, name) for name, folder in of.items()}
    ranked = sorted(runs.values(), key=lambda run: run.epoch_of("point_2") or math.inf)
    drawn = {str(drawn.get_label()).removeprefix("collapses "): drawn for drawn in raster.collections}
    assert set(drawn) == set(of)
    for row, run in enumerate(ranked):
        spans = [path.get_extents().get_points() for path in drawn[run.name].get_paths()]
        found = [(left, right, (bottom + top) / 2) for (left, bottom), (right, top) in spans]
        expected = [(start, end, row) for start, end in run.collapses]
        np.testing.assert_allclose(np.array(found).reshape(-1, 3), np.array(expected).reshape(-1, 3))
    x, y = line(raster, "point_2")
    assert list(zip(x, y, strict=True)) == [
        (run.epoch_of("point_2"), row) for row, run in enumerate(ranked) if run.epoch_of("point_2")
    ]
    assert len(line(raster, "diverged")[0]) == 3
    assert len(single) == 3
    counts = [len(run.periods) for run in runs.values() if not run.diverged]
    titles = [axes.get_title(loc="left") for axes in single]
    for title, count in zip(
        titles, (min(counts), sorted(counts)[(len(counts) - 1) // 2], max(counts)), strict=True
    ):
        assert title.endswith(f": {count} collapse{'s' if count > 1 else ''}")
    median = f"{np.median(counts):g}"
    assert raster.get_title(loc="left") == f"a, 40 seeds: median {median} collapses, from 1 to 3"
    assert "Of 40 seeds of a: 3 (5, 21, 37) diverged; 5 (3, 11, 19, 27, 35) without point 2; " in notes(
        picture
    )
    assert "2 (9, 29) in a collapse when training ended" in notes(picture)


def test_around_a_collapse_a_quantity_is_relative_to_its_start(records: Any) -> None:
    of = seeds(records, "a", 7)
    runs = [ShownRun(folder, name) for name, folder in of.items()]
    column = "invariant_effective_gradient_norm"
    values = around_collapses(
        runs,
        lambda run: run.epochs[column].to_numpy(float),
        relative="ratio",
    )
    expected = []
    for run in runs:
        at = dict(zip(run.epochs["epoch"], run.epochs[column], strict=True))
        for number, start in enumerate(run.periods["start"]):
            first = run.periods["end"].iloc[number - 1] if number else 0
            last = run.periods["start"].iloc[number + 1] if number + 1 < len(run.periods) else 999
            known = {epoch: value for epoch, value in at.items() if first <= epoch <= last}
            expected.append([known.get(start + offset, np.nan) / at[start] for offset in OFFSETS])
    np.testing.assert_allclose(values, expected)
    assert np.isnan(values).any()  # after the last epoch


def test_around_a_collapse_validation_accuracy_is_the_recorded_one(records: Any) -> None:
    folder = records.run("a", 0, collapses=((123, 131),))
    file = Path(folder) / "epochs.csv"
    epochs = pd.read_csv(file).set_index("epoch")
    epochs["validation_error"] = np.nan
    recorded = {123: 0.4, 124: 0.7, 125: 0.9, 126: 0.95, 127: 0.9, 128: 0.6, 129: 0.5, 130: 0.4, 131: 0.1}
    epochs.loc[list(recorded), "validation_error"] = list(recorded.values())
    epochs.reset_index().to_csv(file, index=False)
    axes = picture_of("effective_statistics", {f"a/{seed}": folder for seed in range(8)}).subfigs[0].axes[2]
    drawn = dict(zip(*line(axes, "median validation"), strict=True))
    for epoch, error in recorded.items():
        assert drawn[epoch - 123] == pytest.approx(0.4 - error)


def test_effective_statistics_show_a_seed_and_all_collapses(records: Any) -> None:
    of = seeds(records, "a", 20)
    picture = picture_of("effective_statistics", of)
    drawn = picture.subfigs[0].axes
    runs = [ShownRun(folder, name) for name, folder in of.items()]
    for axes, column in (
        (drawn[4], "effective_learning_rate"),
        (drawn[5], "invariant_effective_learning_rate"),
        (drawn[7], "effective_gradient_norm"),
        (drawn[8], "invariant_effective_gradient_norm"),
    ):
        rows = around_collapses(
            runs,
            lambda run, column=column: run.epochs[column].to_numpy(float),
            relative="ratio",
        )
        x, y = line(axes, f"median {column}")
        assert x.tolist() == OFFSETS.tolist()
        by_hand = [
            np.median(values[~np.isnan(values)]) if not np.isnan(values).all() else np.nan
            for values in rows.T
        ]
        np.testing.assert_allclose(y, by_hand)
    counts = sorted(len(run.periods) for run in runs if not run.diverged)
    assert drawn[0].get_title(loc="left").endswith(f": {counts[(len(counts) - 1) // 2]} collapses")
    collapses = sum(len(run.periods) for run in runs)
    assert drawn[1].get_title(loc="left") == f"{collapses} collapses of 19 seeds"


def test_without_a_collapse_the_panels_say_so(records: Any) -> None:
    of = {f"a/{seed}": records.run("a", seed, collapses=(), invariant=False) for seed in range(8)}
    for axes in picture_of("effective_statistics", of).subfigs[0].axes[1:3]:
        assert [text.get_text() for text in axes.texts] == ["no collapse"]


def test_periods_have_a_row_for_each_run(records: Any) -> None:
    of = {**seeds(records, "a", 30), **seeds(records, "b", 8)}
    left, right = picture_of("periods", of).subfigs[0].axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["a\n30 seeds", "b\n8 seeds"]
    for row, name in enumerate("ab"):
        tables = [pd.read_csv(Path(of[key]) / "periods.csv") for key in of if key.startswith(name)]
        counts = [len(table) for table in tables]
        lengths = [length for table in tables for length in table["period"].dropna()]
        for axes, what, values in ((left, "collapses", counts), (right, "periods", lengths)):
            label = f"{what} {name}"
            assert line(axes, label)[0].tolist() == sorted(values)
            assert set(line(axes, f"median {label}")[0]) == {np.median(values)}
            for share, low, high in (("50 %", 0.25, 0.75), ("90 %", 0.05, 0.95)):
                ((start, bottom, end, top),) = bars(axes, f"{share} {label}")
                np.testing.assert_allclose([start, end], np.quantile(values, [low, high]))
                assert bottom < top < row


def test_the_median_epoch_of_a_point_counts_seeds_without_it(records: Any) -> None:
    runs = [
        ShownRun(records.run("a", seed, point_2=epoch))
        for seed, epoch in enumerate([90, 120, None, 100, None])
    ]
    assert median_epoch(runs, "point_2") == 120  # the third of five
    assert median_epoch(runs[2:], "point_2") is None
    assert median_epoch(runs[:4], "point_2") == 100


def test_weight_norms_of_a_run_with_many_seeds_are_bands_beside_one_with_few(records: Any) -> None:
    of = {**seeds(records, "a", 12), **{f"b/{seed}": records.run("b", seed) for seed in (0, 1)}}
    picture = picture_of("weight_norm", of)
    norms = picture.subfigs[0].axes[0]
    histories = [pd.read_csv(Path(of[f"a/{seed}"]) / "history.csv").set_index("epoch") for seed in range(12)]
    for epoch, height in zip(*line(norms, "median a"), strict=True):
        values = [table["weight_norm"][epoch] for table in histories if epoch in table.index]
        assert len(values) == (12 if epoch <= 70 else 11)
        assert height == pytest.approx(np.median(values))
    assert (
        line(norms, "b/1")[1].tolist() == pd.read_csv(Path(of["b/1"]) / "history.csv")["weight_norm"].tolist()
    )
    assert {"a, 12 seeds", "b, seeds 0, 1"} <= set(key(picture))


def test_accuracy_and_loss_of_many_seeds(records: Any) -> None:
    of = seeds(records, "a", 16)
    accuracy, shares, loss = picture_of("accuracy_and_loss", of).subfigs[0].axes
    histories = [pd.read_csv(Path(folder) / "history.csv").set_index("epoch") for folder in of.values()]
    for axes, column, sign in ((accuracy, "validation_error", -1), (loss, "validation_loss", 1)):
        for epoch, height in zip(*line(axes, "median validation"), strict=True):
            values = [table[column][epoch] for table in histories if epoch in table.index]
            assert height == pytest.approx((sign < 0) + sign * np.median(values))
    assert line(shares, "share point_2")[1][-1] == 13 / 16
    assert line(shares, "share diverged")[1][-1] == 1 / 16
    assert loss.get_yscale() == "log"


def test_a_sweep_of_many_seeds_shows_shares_and_quantiles(records: Any) -> None:
    of = sweep(records, 20)
    picture = picture_of("sweep", of)
    shares, epochs, accuracy = picture.subfigs[0].axes
    table = pd.read_csv(of["decay"])
    heights = {label: bars(shares, label) for label in ("does not memorise", "memorises", "groks")}
    assert sorted(top - bottom for _, bottom, _, top in heights["memorises"]) == pytest.approx([0.25, 1])
    assert [top - bottom for _, bottom, _, top in heights["does not memorise"]] == pytest.approx([0.05])
    at_once = bars(shares, "generalises at once")
    assert [top - bottom for _, bottom, _, top in at_once] == pytest.approx([0.25])
    assert at_once[0][3] == pytest.approx(1)
    reached = table[table["optimizer.weight_decay"] == 0.5]["point_2"].tolist()
    assert set(line(epochs, "median point_2 0.5")[1]) == {sorted(reached)[9]}
    ((_, bottom, _, top),) = bars(epochs, "50 % point_2 0.1")
    found = table[table["optimizer.weight_decay"] == 0.1]["point_2"]
    assert bottom == sorted(found.fillna(math.inf))[4]
    assert top == sorted(found.fillna(math.inf))[14]
    assert min(line(epochs, "median point_2 0")[1]) > 2000  # not reached
    final = 1 - table[table["optimizer.weight_decay"] == 0]["validation_error"]
    assert line(accuracy, "median validation 0")[1] == pytest.approx(np.median(final))
    assert "1 of 80 members diverged." in notes(picture)


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_is_as_long_for_24_seeds_as_for_7(records: Any, kind: str) -> None:
    lengths = [len(key(picture_of(kind, shown(records, kind, count)))) for count in (7, 24)]
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize("kind", KINDS)
def test_six_seeds_are_still_told_one_by_one(records: Any, kind: str) -> None:
    assert not [entry for entry in key(picture_of(kind, shown(records, kind, 6))) if "median" in entry]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [7, 64])
def test_nothing_runs_off_the_picture_and_nothing_overlaps(records: Any, kind: str, count: int) -> None:
    picture = picture_of(kind, shown(records, kind, count))
    assert_on_the_page(picture)
    headings = []
    for axes in picture.subfigs[0].axes:
        texts = [text for text in (axes._left_title, *axes.texts) if text.get_text()]
        assert_apart(boxes_of(picture, texts))
        headings += [axes._left_title] if axes.get_title(loc="left") else []
    assert_apart(boxes_of(picture, headings))
