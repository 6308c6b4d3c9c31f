"""What the figures of paper P draw is what the tables say, at the right place."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from grokflow.config import Reference
from grokflow.dynamics import REGIMES
from grokflow.errors import ArtifactError
from grokflow.figures.ray import class_of
from grokflow.figures.regimes import LOOKS
from grokflow.figures.shown import Shown

COLLAPSES = ((120, 130), (165, None))


def panels(kind: str, shown: dict[str, str]) -> list[Axes]:
    """The panels of a figure."""
    picture = importlib.import_module(f"grokflow.figures.{kind}").draw(Shown(shown, Reference()))
    return list(picture.subfigs[0].axes)


def data(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """x and y of the one line with this label."""
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(found.get_xdata()).tolist(), np.asarray(found.get_ydata()).tolist()


def labels(axes: Axes) -> set[str]:
    """What is drawn as lines."""
    return {str(line.get_label()) for line in axes.lines}


def spans(axes: Axes) -> list[tuple[float, float]]:
    """Start and end of the bands."""
    return [(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches]


def texts(axes: Axes) -> list[str]:
    """What is written in a panel."""
    return [text.get_text() for text in axes.texts]


def table(folder: str, file: str) -> pd.DataFrame:
    """A table of a seed."""
    return pd.read_csv(Path(folder) / file)


def test_accuracy_and_loss_are_the_history(records: Any) -> None:
    shown = {"a/0": records.run("a", 0), "a/1": records.run("a", 1, point_2=None)}
    accuracy, loss = panels("accuracy_and_loss", shown)
    for name, folder in shown.items():
        history = table(folder, "history.csv")
        for split in ("train", "validation"):
            assert data(accuracy, f"{split} {name}")[0] == history["epoch"].tolist()
            np.testing.assert_allclose(data(accuracy, f"{split} {name}")[1], 1 - history[f"{split}_error"])
            assert data(loss, f"{split} {name}")[1] == history[f"{split}_loss"].tolist()
        at = history.set_index("epoch").loc[40, "train_loss"]
        assert data(loss, f"point_1 {name}") == ([40], [pytest.approx(at)])
    assert data(accuracy, "point_2 a/0") == ([110], [1])
    assert "point_2 a/1" not in labels(accuracy) | labels(loss)
    assert (accuracy.get_yscale(), loss.get_yscale()) == ("linear", "log")


def test_collapses_are_shaded_on_every_epoch(records: Any) -> None:
    folder = records.run("a", 1, collapses=COLLAPSES)
    (axes,) = panels("collapses", {"a/1": folder})
    epochs, history = table(folder, "epochs.csv"), table(folder, "history.csv")
    assert data(axes, "train a/1")[0] == epochs["epoch"].tolist()
    np.testing.assert_allclose(data(axes, "train a/1")[1], 1 - epochs["train_error"])
    drawn = dict(zip(*data(axes, "validation a/1"), strict=True))
    assert list(drawn) == epochs["epoch"].tolist()
    for epoch, error in zip(history["epoch"][1:], history["validation_error"][1:], strict=True):
        assert drawn[epoch] == pytest.approx(1 - error)
    recorded = epochs[epochs["epoch"].between(121, 129)]
    np.testing.assert_allclose(
        [drawn[epoch] for epoch in recorded["epoch"]], 1 - recorded["validation_error"]
    )
    assert spans(axes) == [(120, 130), (165, 200)]  # never recovered: to the end
    assert data(axes, "point_1 a/1")[0] == [40]
    assert data(axes, "point_2 a/1")[0] == [110]
    assert axes.get_title(loc="left") == "a, seed 1: 2 collapses"


def test_each_run_has_its_column_of_collapses(records: Any) -> None:
    drawn = panels("collapses", {f"{run}/{seed}": records.run(run, seed) for run in "ab" for seed in (0, 1)})
    places = {axes.get_title(loc="left").split(":")[0]: axes.get_position() for axes in drawn}
    assert places["a, seed 0"].x0 == places["a, seed 1"].x0 < places["b, seed 0"].x0
    assert places["a, seed 0"].y0 == places["b, seed 0"].y0 > places["a, seed 1"].y0


def test_effective_statistics_are_those_of_every_epoch(records: Any) -> None:
    shown = {"a/0": records.run("a", 0), "a/1": records.run("a", 1, invariant=False, collapses=())}
    drawn = panels("effective_statistics", shown)
    quantities = ("effective_learning_rate", "effective_gradient_norm")
    for row, quantity in enumerate(quantities, start=1):
        with_groups, without = drawn[2 * row], drawn[2 * row + 1]
        for column in (quantity, f"invariant_{quantity}"):
            epochs = table(shown["a/0"], "epochs.csv")
            assert data(with_groups, f"{column} a/0") == (epochs["epoch"].tolist(), epochs[column].tolist())
        assert f"invariant_{quantity} a/1" not in labels(without)
        assert f"{quantity} a/1" in labels(without)
        lines = [line for line in with_groups.lines if quantity in str(line.get_label())]
        assert len({str(line.get_linestyle()) for line in lines}) == 2
        assert len({line.get_marker() for line in lines}) == 2
    for axes in drawn[0::2]:
        assert spans(axes) == [(120, 130), (165, 178)]
        assert axes.get_xlim() == drawn[0].get_xlim()
    assert [axes.get_yscale() for axes in drawn[4:]] == ["log", "log"]


def test_periods_are_bars_and_dots_in_the_seeds_row(records: Any) -> None:
    shown = {
        "a/0": records.run("a", 0, collapses=((120, 130), (150, 155), (165, None))),
        "b/0": records.run("b", 0, collapses=(), point_2=None),
    }
    timeline, lengths = panels("periods", shown)
    bars = [(bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in timeline.patches]
    assert bars == [(120, 10, 0), (150, 5, 0), (165, 35, 0)]
    assert data(lengths, "periods a/0") == ([30, 15], [0, 0])
    assert data(lengths, "periods b/0") == ([], [])
    assert data(timeline, "point_1 b/0") == ([40], [1])
    assert "point_2 b/0" not in labels(timeline)
    assert texts(lengths) == ["3 collapses", "no collapse"]
    assert [label.get_text() for label in timeline.get_yticklabels()] == ["a, seed 0", "b, seed 0"]


def test_rays_of_the_first_seed_at_the_initial_point(records: Any) -> None:
    shown = {f"{run}/{seed}": records.run(run, seed) for run in "ab" for seed in (1, 2)}
    drawn = panels("ray", shown)
    assert [axes.get_title(loc="left") for axes in drawn] == ["a", "b"]
    rays = table(shown["a/1"], "rays.csv")
    rays.loc[(rays["group"] == "all") & (rays["scale"] == 0.5), "change"] = 0
    rays.to_csv(Path(shown["a/1"]) / "rays.csv", index=False)
    axes = panels("ray", shown)[0]
    for group, rows in rays[rays["point"] == "initial"].groupby("group"):
        x, y = data(axes, str(group))
        assert x == rows["scale"].tolist()
        expected = (
            rows["change"].where(~np.isclose(rows["scale"], 1)).clip(lower=1e-17)
        )  # C = 1 is no scaling
        np.testing.assert_array_equal(y, expected)
    assert data(axes, "tolerance")[1] == [1e-9, 1e-9]
    assert "exactly 0" in [label.get_text() for label in axes.get_yticklabels()]
    widths = {str(line.get_label()): line.get_linewidth() for line in axes.lines}
    assert widths["all"] > widths["residual stream"] > widths["unembedding"]


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("layer_1.attention.key", "query, key, value"),
        ("layer_0.attention.output", "attention output"),
        ("layer_0.mlp.in", "MLP in"),
        ("layer_0.mlp.norm", "norms"),
        ("token_embedding", "embeddings"),
        ("unembedding", "unembedding"),
        ("residual stream", "residual stream"),
        ("all", "all weights"),
        ("token_embedding.norm", "norms"),
    ],
)
def test_groups_fall_into_classes(group: str, expected: str) -> None:
    assert class_of(group) == expected


def test_a_cell_of_invariance_is_the_worst_seed(records: Any) -> None:
    invariant = {"normalization": "scale_invariant", "norm_affine": "none", "unembedding_norm": 8.0}
    shown = {
        "a/0": records.run("a", 0, model=invariant),
        "a/1": records.run("a", 1, model=invariant, point_2=None),
        "b/0": records.run("b", 0, model={"normalization": "none"}, point_1=None, point_2=None),
    }
    axes, _ = panels("invariance", shown)
    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert columns == [
        "initial",
        "point 1",
        "point 2",
        "initial",
        "point 1\nnot reached",
        "point 2\nnot reached",
    ]
    assert rows[-2:] == ["residual stream", "all weights"]
    embedding, unembedding = rows.index("token embedding"), rows.index("unembedding")
    assert written[0, embedding] == "✓ 2e-15"  # seed 1 has twice the change of seed 0
    assert written[2, embedding] == "✓ 9e-16"  # seed 0 alone
    assert written[0, unembedding].startswith("(")  # frozen
    assert written[3, embedding] == "6e-3"
    assert (4, embedding) not in written
    assert (3, rows.index("final norm")) not in written  # no such group
    (image,) = axes.images
    shown = image.get_array()
    assert shown[embedding, 3] == pytest.approx(np.log10(0.02 * np.log10(2)))
    assert np.ma.is_masked(shown[embedding, 4]) or np.isnan(shown[embedding, 4])


def test_weight_norm_is_the_history(records: Any) -> None:
    shown = {
        f"{run}/{seed}": records.run(run, seed, decay=decay)
        for run, decay in (("a", 0), ("b", 0.01))
        for seed in (0, 1)
    }
    norms, accuracy = panels("weight_norm", shown)
    for name, folder in shown.items():
        history = table(folder, "history.csv")
        assert data(norms, name) == (history["epoch"].tolist(), history["weight_norm"].tolist())
        np.testing.assert_allclose(data(accuracy, name)[1], 1 - history["validation_error"])
        at = history.set_index("epoch").loc[110, "weight_norm"]
        assert data(norms, f"point_2 {name}") == ([110], [pytest.approx(at)])
    kinds = {name: next(line for line in norms.lines if line.get_label() == name) for name in shown}
    assert kinds["a/0"].get_linestyle() == kinds["a/1"].get_linestyle() != kinds["b/0"].get_linestyle()
    assert kinds["a/0"].get_marker() == kinds["a/1"].get_marker() != kinds["b/0"].get_marker()


def block(records: Any, **model: Any) -> list[str]:
    """What stands in a drawing, from below."""
    (axes,) = panels("block", {"a/0": records.run("a", 0, model=model)})
    placed = sorted((text.get_position()[::-1], text.get_text()) for text in axes.texts)
    return [text for _, text in placed if text]  # an arrow is a text without letters


def test_a_block_has_the_layer_norms_of_its_configuration(records: Any) -> None:
    plain = block(records, normalization="none")
    assert "LayerNorm" not in plain
    assert "a\nno LayerNorm" in plain
    usual = block(records, layers=3)
    assert usual.count("LayerNorm") == 4  # before attention and MLP, within the MLP, before the unembedding
    assert usual.index("ReLU") + 1 == usual.index("LayerNorm", usual.index("ReLU"))
    assert "× 3" in usual
    assert "a\nLayerNorms with gain and bias" in usual
    assert {"4 heads × 32", "linear  128 → 512", "linear  512 → 128", "output  128 → 128"} <= set(usual)
    before = block(records, mlp_norm="before_relu")
    assert before[before.index("ReLU") - 1] == "LayerNorm"
    assert before[before.index("ReLU") + 1] == "linear  512 → 128"


def test_a_scale_invariant_block_normalises_all_that_is_written(records: Any) -> None:
    drawn = block(records, normalization="scale_invariant", norm_affine="none", unembedding_norm=8.0)
    assert drawn.count("LayerNorm") == 4 + 2 + 2 + 2  # embeddings; query and key; both branches' outputs
    assert "frozen at norm 8" in drawn
    assert drawn[drawn.index("linear  512 → 128") + 1] == "LayerNorm"
    assert drawn[drawn.index("output  128 → 128") + 1] == "LayerNorm"
    assert drawn.count("per head") == 2
    assert "a\nLayerNorms without gain or bias" in drawn


def test_a_block_with_invariant_attention_normalises_what_attention_reads_and_writes(records: Any) -> None:
    drawn = block(records, normalization="invariant_attention")
    assert drawn.count("LayerNorm") == 4  # those of paper P, which learn
    assert drawn.count("LayerNorm*") == 2 + 1  # query and key; attention's output
    assert drawn.count("per head") == 2
    assert drawn[drawn.index("output  128 → 128") + 1] == "LayerNorm*"
    assert drawn[drawn.index("linear  512 → 128") + 1] == "LayerNorm"  # before the unembedding
    assert not any("frozen" in text for text in drawn)
    assert "a\nLayerNorms with gain and bias (* without)" in drawn
    nothing_learned = block(records, normalization="invariant_attention", norm_affine="none")
    assert nothing_learned.count("LayerNorm") == 4 + 3
    assert "a\nLayerNorms without gain or bias" in nothing_learned


def test_a_block_that_is_invariant_but_for_attention_normalises_all_else(records: Any) -> None:
    drawn = block(records, normalization="invariant_but_attention", norm_affine=None)
    assert drawn.count("LayerNorm") == 4 + 2 + 1  # embeddings; the MLP's output
    assert "per head" not in drawn
    between = drawn[drawn.index("output  128 → 128") : drawn.index("linear  128 → 512")]
    assert between.count("LayerNorm") == 1  # before the MLP
    assert drawn[drawn.index("linear  512 → 128") :].count("LayerNorm") == 2
    assert "frozen at norm 10" in drawn
    assert "a\nLayerNorms without gain or bias" in drawn


def test_a_normalization_that_nobody_knows_is_refused(records: Any) -> None:
    folder = Path(records.run("a", 0))
    record = json.loads((folder / "provenance.json").read_text())
    record["config"]["run"]["model"]["normalization"] = "batch_norm"
    (folder / "provenance.json").write_text(json.dumps(record))
    with pytest.raises(ArtifactError, match=r"invariant_attention.*batch_norm"):
        panels("block", {"a/0": str(folder)})


def test_what_a_configuration_leaves_out_is_as_the_model_has_it(records: Any) -> None:
    nothing = {"norm_affine": None, "mlp_norm": None, "unembedding_norm": None}
    assert block(records, **nothing) == block(records)
    invariant = block(records, normalization="scale_invariant", **nothing)
    assert {"frozen at norm 10", "a\nLayerNorms without gain or bias"} <= set(invariant)


def test_every_regime_has_a_look_of_its_own() -> None:
    assert list(LOOKS) == list(REGIMES)
    for told_by in ("letter", "colour", "meaning"):
        assert len({getattr(look, told_by) for look in LOOKS.values()}) == len(REGIMES)


def test_a_strip_for_each_source_of_variance(records: Any) -> None:
    keys = ["dataset.split_seed", "run.initialization_seed", "run.order_seed"]
    tried = [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2)]
    point_2 = [100, 200, None, 120, 101, 102]
    rows = [
        {**dict(zip(keys, values, strict=True)), "seed": 0, "point_2": reached}
        for values, reached in zip(tried, point_2, strict=True)
    ]
    strips, table = panels("variance", {"sources": records.sweep("sources", rows)})
    assert [label.get_text() for label in strips.get_yticklabels()] == [
        "split",
        "initialisation",
        "order of examples",
    ]
    drawn = {str(line.get_label()): line.get_xdata() for line in strips.lines}
    beyond = drawn["point_2 dataset.split_seed"][-1]
    assert beyond > 2000  # epochs that were trained
    assert drawn["point_2 dataset.split_seed"].tolist() == [100, 200, beyond]
    assert drawn["median point_2 dataset.split_seed"].tolist() == [150, 150]
    assert drawn["point_2 run.initialization_seed"].tolist() == [100, 120]
    assert drawn["point_2 run.order_seed"].tolist() == [100, 101, 102]
    assert drawn["point_1 run.order_seed"].tolist() == [40, 40, 40]
    assert strips.get_xscale() == "log"
    cells: dict[float, list[str]] = {}
    for text in sorted(table.texts, key=lambda text: text.get_position()):
        cells.setdefault(text.get_position()[1], []).append(text.get_text())
    assert cells[1] == ["split", "2 of 3", "150", "0.213  (a factor of 1.63)"]  # log10(2) / √2
    assert cells[2][:3] == ["initialisation", "2 of 2", "110"]
    assert cells[3][:3] == ["order of examples", "3 of 3", "101"]


def test_a_sweep_over_one_value(records: Any) -> None:
    rows = [
        {"optimizer.weight_decay": value, "seed": seed, "validation_error": 0.1 * seed, **points}
        for value, points in (
            (0.01, {"point_2": None}),
            (0, {"point_2": None}),
            (1, {"point_1": None, "point_2": None}),
            (0.1, {}),
        )
        for seed in (0, 1)
    ]
    rows[-1]["point_2"] = 60
    left, right = panels("sweep", {"decay": records.sweep("decay", rows)})
    places = dict(zip((t.get_text() for t in left.get_xticklabels()), left.get_xticks(), strict=True))
    assert [places[value] for value in ("0.01", "0.1", "1")] == [-2, -1, 0]
    assert places["0"] < -2
    for seed in (0, 1):
        x, y = data(left, f"point_1 {seed}")
        assert np.argsort(x).tolist() == [1, 0, 3, 2]
        assert [y[n] for n in (0, 1, 3)] == [40, 40, 40]
        assert y[2] > 2000  # not reached: above the end of training
        assert min(data(left, f"point_2 {seed}")[1][:3]) > 2000
        np.testing.assert_allclose(data(right, f"validation {seed}")[1], 1 - 0.1 * seed)
    assert [data(left, f"point_2 {seed}")[1][3] for seed in (0, 1)] == [150, 60]
    written = [label.get_text() for label in left.get_yticklabels()]
    assert written[-2:] == [f"{point} not reached\nin 2000 epochs" for point in ("point 1", "point 2")]
    shaded = [(str(patch.get_label())) for patch in left.patches]
    assert shaded == ["memorises", "memorises", "groks", "differ", "does not memorise"]
    assert texts(left) == ["M", "M", "G", "N"]
    np.testing.assert_allclose(data(right, "mean of the seeds")[1], 0.95)


def test_a_narrow_sweep_has_a_linear_axis(records: Any) -> None:
    rows = [{"dataset.train_fraction": value, "seed": 0} for value in (0.3, 0.5, 0.9)]
    left, _ = panels("sweep", {"fraction": records.sweep("fraction", rows)})
    assert left.get_xticks().tolist() == [0.3, 0.5, 0.9]
    assert left.get_xlabel() == "train fraction"


def test_a_sweep_over_two_values_is_a_grid_of_regimes(records: Any) -> None:
    rows = [
        {"dataset.train_fraction": fraction, "optimizer.weight_decay": decay, "seed": seed}
        | {"point_2": 40 + 10 * seed + (300 if fraction == 0.3 else 0) if decay else None}
        for fraction in (0.3, 0.6)
        for decay in (0, 1)
        for seed in (0, 1, 2)
    ]
    (axes,) = panels("sweep", {"grid": records.sweep("grid", rows[:-3])})
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "M", (1, 0): "G\n+310", (0, 1): "M"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("weight decay", "train fraction")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.3", "0.6"]


@pytest.mark.parametrize("keys", [1, 2])
def test_values_whose_seeds_disagree_are_hatched_and_the_key_says_so(records: Any, keys: int) -> None:
    """Late, but with half of it learned at point 1, is not grokking: seed 2 differs at one value."""
    for differs in (False, True):
        rows = [
            {"dataset.train_fraction": fraction, "seed": seed}
            | ({"optimizer.weight_decay": decay} if keys == 2 else {})
            | {"validation_error_at_point_1": 0.4 if differs and (fraction, seed) == (0.6, 2) else 0.9}
            for fraction in (0.3, 0.6)
            for decay in ((0, 1) if keys == 2 else (0,))
            for seed in (0, 1, 2)
        ]
        axes, *_ = panels("sweep", {"sweep": records.sweep(f"sweep_{differs}", rows)})
        hatched = [drawn for drawn in (*axes.collections, *axes.patches) if drawn.get_label() == "differ"]
        assert len(hatched) == (keys if differs else 0)
        assert all(drawn.get_hatch() for drawn in hatched)
        key = {text.get_text() for text in axes.get_figure(root=True).findobj(Text)}
        assert ("hatched: not all seeds agree" in key) == differs
        if keys == 2:
            said = {text.get_text() for text in axes.texts}
            assert said == ({"G\n+110", "G 2, A 1\n+110"} if differs else {"G\n+110"})


def test_a_random_design_over_two_values_is_a_plane_of_discs(records: Any) -> None:
    at = {(0.31, 0.02): None, (0.62, 0.5): 130, (0.83, 2.5): 60, (0.44, 1.1): 330}
    rows = [
        {"dataset.train_fraction": fraction, "optimizer.weight_decay": decay, "seed": seed}
        | {"point_1": 30, "point_2": point_2}
        for (fraction, decay), point_2 in at.items()
        for seed in (0, 1)
    ]
    (axes,) = panels("sweep", {"random": records.sweep("random", rows)})
    discs = {str(drawn.get_label()): drawn for drawn in axes.collections}
    assert set(discs) == {"memorises", "groks"}
    assert discs["memorises"].get_offsets().tolist() == [[0.02, 0.31]]
    places = {tuple(place): size for place, size in zip(
        discs["groks"].get_offsets().tolist(), discs["groks"].get_sizes(), strict=True
    )}  # fmt: skip
    assert set(places) == {(0.5, 0.62), (2.5, 0.83), (1.1, 0.44)}
    assert places[2.5, 0.83] < places[0.5, 0.62] < places[1.1, 0.44]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("weight decay", "train fraction")
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0.02, 0.31): "M", (0.5, 0.62): "G", (2.5, 0.83): "G", (1.1, 0.44): "G"}


def test_many_values_of_one_key_are_written_as_far_as_there_is_room(records: Any) -> None:
    rows = [{"dataset.train_fraction": round(0.1 + 0.02 * i, 3), "seed": 0} for i in range(40)]
    left, _ = panels("sweep", {"fraction": records.sweep("fraction", rows)})
    ticks = left.get_xticks().tolist()
    assert 8 <= len(ticks) <= 15
    assert set(ticks) <= {row["dataset.train_fraction"] for row in rows}
