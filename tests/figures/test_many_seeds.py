"""Many seeds of paper M's figures: the quantiles drawn are those of the seeds, whatever became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from layouts import assert_apart, assert_on_the_page, boxes_of
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from grokflow.config import Figure
from grokflow.figures import draw
from grokflow.figures.bands import SeedCurve, common_grid, quantiles, spread_over
from grokflow.figures.landmarks import landmark_of, place_of
from grokflow.figures.shown import ShownPath

SKIPPED = "seed 1 has no point_2: train error is 0.25 at the last epoch, 60"

KINDS = {
    "accuracy_and_table": ("run", {"epochs": [21, 44]}),
    "checkpoints": ("run", {"epochs": [21, 44]}),
    "path": ("path", {"t": {"train_error": 0.35}, "gradient_norm": [2.45, 0.0]}),
    "chain": ("path", {}),
}


def folders(tables: Any, kind: str, count: int) -> dict[str, str]:
    """Many seeds of a run, or of a path of which every tenth is missing."""
    if KINDS[kind][0] == "run":
        found: dict[str, str] = tables.many_runs(count)
        return found
    settings: dict[str, Any] = {"kind": "segment"}
    if kind == "chain":
        settings = {"kind": "chain", "epochs": (20, 30, 40, 50)}
    return {
        str(seed): tables.path(str(seed), skipped=SKIPPED if seed % 10 == 1 else None, **settings)
        for seed in range(count)
    }


def picture_of(kind: str, shown: dict[str, str], tables: Any) -> Any:
    """The picture of a kind with its reference."""
    subject, reference = KINDS[kind]
    figure = Figure.model_validate({"kind": kind, subject: "subject", "reference": reference})
    return draw(figure, shown, tables.dataset)


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


def band(axes: Axes, label: str) -> dict[float, tuple[float, float]]:
    """The lower and upper end of a band at each x."""
    (found,) = [drawn for drawn in axes.collections if drawn.get_label() == label]
    assert isinstance(found, PolyCollection)
    (path,) = found.get_paths()
    ends = pd.DataFrame(path.vertices, columns=["x", "y"]).groupby("x")["y"].agg(["min", "max"])
    return {float(x): (float(low), float(high)) for x, low, high in ends.itertuples()}


def assert_drawn(axes: Axes, label: str, expected: dict[float, list[float]]) -> None:
    """Median and bands are the quantiles of the values at each x, sorted and counted by hand."""

    def by_hand(values: list[float], level: float) -> float:
        ordered = sorted(values)
        place = level * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    x, y = line(axes, f"median {label}")
    assert x.tolist() == sorted(expected)
    np.testing.assert_allclose(y, [by_hand(expected[place], 0.5) for place in x], atol=1e-12)
    for share, low, high in (("50 %", 0.25, 0.75), ("90 %", 0.05, 0.95)):
        ends = band(axes, f"{share} {label}")
        for place, values in expected.items():
            found = [by_hand(values, low), by_hand(values, high)]
            np.testing.assert_allclose(ends[place], found, atol=1e-12)


def test_a_curve_on_a_grid() -> None:
    x, y = np.array([10.0, 20, 40]), np.array([1.0, 3, np.nan])
    grid = np.array([0.0, 10, 15, 20, 39, 50])
    nan = np.nan
    np.testing.assert_array_equal(SeedCurve(x, y).at(grid), [nan, 1, 2, 3, 3, 3])
    np.testing.assert_array_equal(SeedCurve(x, y, lost=True).at(grid), [nan, 1, 2, 3, nan, nan])
    np.testing.assert_array_equal(SeedCurve(x, y, lost=True).at(grid, "previous"), [nan, 1, 1, 3, nan, nan])
    assert np.isnan(SeedCurve(x, np.full(3, nan)).at(grid)).all()


def test_a_common_grid_has_every_place_or_many_even_ones() -> None:
    few = [SeedCurve(np.array(x), np.array(x)) for x in ([0.0, 2.0], [1.0, 2.0, 3.0])]
    assert common_grid(few).tolist() == [0, 1, 2, 3]
    many = common_grid([SeedCurve(np.arange(9000.0), np.arange(9000.0))])
    assert (many[0], many[-1]) == (0, 8999)
    np.testing.assert_allclose(np.diff(many), 8999 / 499)


def test_quantiles_leave_out_what_is_missing() -> None:
    values = np.array([[1, np.nan, np.nan], [3, 5, np.nan]])
    np.testing.assert_allclose(quantiles(values)[2], [2, 5, np.nan])
    assert np.isnan(quantiles(np.empty((0, 2)))).all()


def test_single_seeds_are_spread_over_the_order() -> None:
    order = [None, *range(19, 0, -1)]
    assert spread_over(order, lambda item: item) == [3, 11, 18]
    assert spread_over([None, 1, 2], lambda item: item) == [1, 2, None]
    assert spread_over([7], lambda item: item) == [7]
    assert spread_over([], lambda item: item) == []


def test_curves_of_incidence_count_divergence_and_what_is_not_known_yet(tables: Any) -> None:
    """Six seeds, by hand: two of them censored at 60, one diverged at 30, so 1 of 2 left reaches at 70."""
    settings: list[dict[str, Any]] = [
        {"point_2": 30, "last": 60},
        {"point_2": 40, "last": 60},
        {"point_2": None, "last": 60},
        {"point_1": 10, "point_2": None, "last": 30, "diverged": "epoch 31, step 93: loss nan"},
        {"point_2": 70, "last": 70},
        {"point_2": None, "last": 70},
        {"point_2": None, "last": 60},
    ]
    folders = {str(seed): tables.run(seed, **each) for seed, each in enumerate(settings)}
    picture = picture_of("accuracy_and_table", folders, tables)
    shares = picture.subfigs[0].axes[1]
    x, y = line(shares, "share point_2")
    expected = {0: 0, 30: 1 / 7, 40: 2 / 7, 60: 2 / 7, 70: 2 / 7 + 4 / 7 * 1 / 2}
    for at, share in expected.items():
        assert y[np.searchsorted(x, at, side="right") - 1] == pytest.approx(share)
    assert line(shares, "share diverged")[1][-1] == pytest.approx(1 / 7)
    (low, high), *_ = [ends for at, ends in band(shares, "95 % point_2").items() if at == 40]
    wilson = (2 / 7 + 3.8415 / 14, 1.96 * np.sqrt(2 / 7 * 5 / 7 / 7 + 3.8415 / 4 / 49), 1 + 3.8415 / 7)
    assert low <= (wilson[0] - wilson[1]) / wilson[2] + 1e-4
    assert high == pytest.approx((wilson[0] + wilson[1]) / wilson[2], abs=1e-4)
    assert "point 2 by epoch 70" in notes(picture)


def test_bands_of_a_path_are_quantiles_of_its_metrics(tables: Any) -> None:
    shown = folders(tables, "path", 64)
    picture = picture_of("path", shown, tables)
    measured = {name: folder for name, folder in shown.items() if int(name) % 10 != 1}
    metrics = [pd.read_csv(Path(folder) / "metrics.csv") for folder in measured.values()]
    places = metrics[0]["t"].tolist()
    for axes, columns in zip(
        picture.subfigs[0].axes,
        [
            {"train": "train_loss_l2", "validation": "validation_loss_l2"},
            {"train": "train_error", "validation": "validation_error"},
            {"train": "gradient_norm"},
        ],
        strict=True,
    ):
        for split, column in columns.items():
            values = {t: [float(table[column][row]) for table in metrics] for row, t in enumerate(places)}
            assert_drawn(axes, split, values)
    drawn = {str(line.get_label()) for line in picture.subfigs[0].axes[0].lines}
    single = [label for label in drawn if label.startswith("train ")]
    assert len(single) == 3
    for label in single:
        table = pd.read_csv(Path(shown[label.split()[1]]) / "metrics.csv")
        np.testing.assert_array_equal(line(picture.subfigs[0].axes[0], label)[1], table["train_loss_l2"])


def test_the_papers_values_of_a_path_have_a_percentile(tables: Any) -> None:
    picture = picture_of("path", folders(tables, "path", 64), tables)
    said = " ".join(key(picture))
    # 57 seeds; seed s has the norm 0.7 + 0.1 s at t = 0; below 2.45 those of s ≤ 17 without 1 and 11
    assert f"paper: gradient norm 2.45 at t = 0 (percentile {100 * 16 / 57:.0f} among 57)" in said
    error = picture.subfigs[0].axes[1]
    (label,) = [text.get_text() for text in error.texts]
    assert label == "paper, train: t = 0.35\npercentile 0 among 57"  # every seed's hump is at 0.4
    missing = "Not drawn: 7 of 64: 7 whose training ended before point 2 (1, 11, 21, 31, 41, 51, 61)."
    assert missing in notes(picture)
    assert "the t of the largest train error and the gradient norms at both ends" in notes(picture)


def test_many_missing_paths_are_counted_by_reason(tables: Any) -> None:
    reasons = {
        1: "seed 1 has no point_2: the last kept before training diverged (train loss nan)",
        2: "seed 2 has no point_2: validation error is 0.4 at the last epoch",
        3: "the table was empty",
    }
    shown = {str(seed): tables.path(str(seed), skipped=reasons.get(seed)) for seed in range(12)}
    said = notes(picture_of("path", shown, tables))
    assert "Not drawn: 3 of 12: 1 whose training diverged before point 2 (1), 1 whose training ended" in said
    assert "1 because the table was empty (3)." in said


@pytest.mark.parametrize(
    ("points", "column", "values", "landmark", "expected"),
    [
        (("point_1", "point_2"), "train_error", [0, 0.1, 0.3, 0.2, 0], "of the largest train error", 0.5),
        (("point_1", "point_2"), "train_error", [0, 0, 0, 0, 0], "of the largest train error", None),
        (
            ("point_1", "point_2"),
            "validation_error",
            [0.9, 0.01, 0.02, 0.01, 0],
            "from which the validation error stays at most 0.01",
            0.75,
        ),
        (
            ("point_1", "point_2"),
            "validation_error",
            [0.9, 0.1, 0.1, 0.1, 0.1],
            "from which the validation error stays at most 0.01",
            float("inf"),
        ),
        (
            ("point_1", "point_1"),
            "validation_error",
            [0.9, 0.5, 0.2, 0.1, 0.8],
            "of the lowest validation error",
            0.75,
        ),
        (
            ("point_1", "point_1"),
            "validation_error",
            [0.9, 0.1, 0.2, 0.1, 0.8],
            "of the lowest validation error",
            0.5,
        ),
    ],
)
def test_what_a_t_of_the_paper_is_compared_with(
    tables: Any,
    points: tuple[str, str],
    column: str,
    values: list[float],
    landmark: str,
    expected: float | None,
) -> None:
    folder = tables.path("0", points=points)
    file = Path(folder) / "metrics.csv"
    metrics = pd.read_csv(file)[:5].assign(t=[0, 0.25, 0.5, 0.75, 1])
    metrics.assign(**{column: values}).to_csv(file, index=False)
    path = ShownPath(folder)
    assert (landmark_of(path, column), place_of(path, column)) == (landmark, expected)


def test_accuracy_bands_keep_seeds_that_ended_and_leave_out_those_that_diverged(tables: Any) -> None:
    shown = folders(tables, "accuracy_and_table", 64)
    picture = picture_of("accuracy_and_table", shown, tables)
    accuracy, shares, table = picture.subfigs[0].axes[:3]
    assert table.images
    for split in ("train", "validation"):
        expected: dict[float, list[float]] = {float(epoch): [] for epoch in range(0, 71, 10)}
        for name, folder in shown.items():
            history = pd.read_csv(Path(folder) / "history.csv").set_index("epoch")[f"{split}_error"]
            for epoch, values in expected.items():
                if epoch in history.index:
                    values.append(1 - history[epoch])
                elif int(name) % 16 != 5:
                    values.append(1 - history.iloc[-1])
        assert len(expected[70]) == 60
        assert_drawn(accuracy, split, expected)
    assert "Of 64 seeds: 4 (5, 21, 37, 53) diverged; 8 (3, 11, 19, 27, 35, 43, 51, 59) without" in notes(
        picture
    )

    epochs = [30 + seed // 2 for seed in range(64) if seed % 8 != 3 and seed % 16 != 5]
    x, y = line(shares, "share point_2")
    for at in (0, 29, 30, 44, 61, 70):
        height = y[np.searchsorted(x, at, side="right") - 1]
        assert height == pytest.approx(sum(epoch <= at for epoch in epochs) / 64)
    assert line(shares, "share diverged")[1][-1] == 4 / 64
    assert y[-1] == 52 / 64
    reached = [*epochs, *[float("inf")] * 8]
    below = sum(epoch < 44 for epoch in reached) + sum(epoch == 44 for epoch in reached) / 2
    assert any(
        f"point 2 at 44, percentile {100 * below / 60:.0f} among 60" in entry for entry in key(picture)
    )
    assert line(shares, "paper point_2")[0] == [44]


def test_the_first_seeds_have_panels_of_checkpoints(tables: Any) -> None:
    picture = picture_of("checkpoints", folders(tables, "checkpoints", 64), tables)
    assert len(picture.subfigs[0].axes) == 3
    assert "Drawn: the first 3 of 64 seeds." in notes(picture)
    assert "Seed 5" not in notes(picture)


def test_a_whole_chain_goes_from_point_1_to_point_2_of_every_seed(tables: Any) -> None:
    shown = {
        str(seed): tables.path(str(seed), kind="chain", epochs=(20, 30 + seed, 100)) for seed in range(9)
    }
    drawn = picture_of("chain", shown, tables).subfigs[0].axes
    assert [drawn[row].get_title(loc="left") for row in (0, 3, 6)] == [
        "First segment",
        "Last segment",
        "Whole chain",
    ]
    metrics = {name: pd.read_csv(Path(folder) / "metrics.csv") for name, folder in shown.items()}
    first = {
        round(row / 5, 9): [float(table["validation_error"][row]) for table in metrics.values()]
        for row in range(6)
    }
    assert_drawn(drawn[1], "validation", first)
    x, y = line(drawn[7], "median train")
    at = 0.37  # of the 80 epochs
    values = []
    for seed, table in enumerate(metrics.values()):
        epochs = np.interp(np.arange(11) / 5, range(3), (20, 30 + seed, 100))
        values.append(np.interp(20 + 80 * at, epochs, table["train_error"]))
    assert np.interp(at, x, y) == pytest.approx(np.median(values), abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_is_as_long_for_64_seeds_as_for_7(tables: Any, kind: str) -> None:
    lengths = [len(key(picture_of(kind, folders(tables, kind, count), tables))) for count in (7, 64)]
    assert lengths[0] == lengths[1]
    said = key(picture_of(kind, folders(tables, kind, 6), tables))
    assert not [entry for entry in said if "median" in entry]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [7, 64])
def test_nothing_runs_off_the_picture(tables: Any, kind: str, count: int) -> None:
    picture = picture_of(kind, folders(tables, kind, count), tables)
    assert_on_the_page(picture)
    for axes in picture.subfigs[0].axes:
        assert_apart(boxes_of(picture, [axes._left_title, *axes.texts]))
    if kind in ("path", "chain"):
        seeds = {str(seed): tables.path(str(seed), skipped=SKIPPED) for seed in range(count)}
        assert "nothing to draw" in [
            text.get_text() for text in picture_of(kind, seeds, tables).subfigs[0].axes[0].texts
        ]
