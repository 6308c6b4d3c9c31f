"""The errors on curves against epochs of fitting: what is drawn of few and of many fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from layouts import assert_on_the_page, assert_without_noise

from grokflow.artifacts.columns import FIT
from grokflow.config import Figure
from grokflow.figures import draw, save

EVERY = 20

CONVERGED, CUT_OFF = "end of a fit that converged", "end of one that did not, within its budget"


def fitted(
    root: Path, name: str, epochs: int = 240, *, converged: bool = True, skipped: str | None = None
) -> str:
    """The folder of one fit of `epochs`, looked at every 20, with errors that fall at its own pace."""
    path, seeds = name.split("/")
    first, *second = [int(seed) for seed in seeds.split("-")]
    point = "point_1" if second else "point_2"
    random = np.random.default_rng(first)
    epoch = np.arange(1, epochs + 1)
    looked = epoch % EVERY == 0
    pace, noise = 15 + 25 * random.random(), np.exp(0.15 * random.normal(size=epochs))
    lowest = 0.004 + 0.8 * np.exp(-epoch / pace) if second else 0.0
    table = pd.DataFrame(
        {
            "epoch": epoch,
            "learning_rate": 0.003,
            "loss": 1.0,
            "mean_train_loss_l2": np.where(looked, 1.0, np.nan),
            "largest_train_error": np.where(looked, (0.012 + 0.5 * np.exp(-epoch / pace)) * noise, np.nan),
            "lowest_validation_error": np.where(looked, lowest * noise, np.nan),
        }
    )
    record = {
        "kind": "polyline",
        "skipped": skipped,
        "from": {"seed": first, "point": "point_1", "epoch": 600},
        "to": {"seed": (second or [first])[0], "point": point, "epoch": None if skipped else 700},
        "control_points": [] if skipped else ["a", "bend 1", "b"],
        "converged": None if skipped else converged,
        "fit_epochs": None if skipped else epochs,
    }
    folder = root / path / f"seed_{seeds}"
    folder.mkdir(parents=True)
    table[FIT][: 0 if skipped else None].to_csv(folder / "fit.csv", index=False)
    (folder / "path.json").write_text(json.dumps(record))
    return str(folder)


def picture_of(places: dict[str, str], **settings: Any) -> Any:
    names = list(dict.fromkeys(name.split("/")[0] for name in places))
    return draw(Figure(kind="fit_budget", paths=names, **settings), places, "")


def few(root: Path) -> dict[str, str]:
    """Three fits of each of two paths, one of them cut off."""
    places = {f"pairs/{a}-{a + 1}": fitted(root, f"pairs/{a}-{a + 1}", 200 + 40 * a) for a in (0, 2)}
    places["pairs/4-5"] = fitted(root, "pairs/4-5", 500, converged=False)
    return places | {f"own/{seed}": fitted(root, f"own/{seed}", 240 + 20 * seed) for seed in range(3)}


def many(root: Path, count: int = 32) -> dict[str, str]:
    """Fits of disjoint pairs, every tenth of them cut off."""
    names = [f"pairs/{a}-{a + 1}" for a in range(0, 2 * count, 2)]
    cut = {name: number % 10 == 9 for number, name in enumerate(names)}
    return {
        name: fitted(root, name, 500 if cut[name] else 160 + 40 * (number % 5), converged=not cut[name])
        for number, name in enumerate(names)
    }


def words(picture: Any) -> str:
    return " ".join(text.get_text() for text in picture.findobj(matplotlib.text.Text))


def lines(picture: Any, panel: int) -> dict[str, Any]:
    """The lines of a panel, by their labels; of marks of the same kind the last."""
    return {line.get_label(): line for line in picture.subfigs[0].axes[panel].lines}


def test_of_few_fits_every_one_is_drawn_with_how_it_ended(tmp_path: Path) -> None:
    places = few(tmp_path)
    picture = picture_of(places)
    own = pd.read_csv(Path(places["pairs/4-5"]) / "fit.csv").dropna()
    found = lines(picture, 0)
    assert {f"largest_train_error pairs/{pair}" for pair in ("0-1", "2-3", "4-5")} < set(found)
    drawn = found["largest_train_error pairs/4-5"]
    assert drawn.get_xdata().tolist() == own["epoch"].tolist()
    assert drawn.get_ydata().tolist() == own["largest_train_error"].tolist()
    cut_off = found[CUT_OFF]
    assert (cut_off.get_xdata()[0], cut_off.get_ydata()[0]) == (500, own["largest_train_error"].iloc[-1])
    marks = [line for line in picture.subfigs[0].axes[0].lines if line.get_label() == CONVERGED]
    assert [mark.get_xdata()[0] for mark in marks] == [200, 280]
    said = words(picture)
    assert "Optimised polyline from point 1 to point 1′: 2 of 3 fits converged" in said
    assert "Optimised polyline from point 1 to point 2: 3 of 3 fits converged" in said
    assert "seeds 4 → 5" in said
    assert "seed 2" in said


def test_of_many_fits_the_median_and_bands_are_drawn_and_no_seed_is_named(tmp_path: Path) -> None:
    places = many(tmp_path)
    picture = picture_of(places)
    epochs = np.arange(EVERY, 501, EVERY)
    held = []
    for folder in places.values():
        table = pd.read_csv(Path(folder) / "fit.csv").dropna().set_index("epoch")["largest_train_error"]
        held.append([table[min(epoch, table.index[-1])] for epoch in epochs])
    axes = picture.subfigs[0].axes[0]
    median = lines(picture, 0)["median largest_train_error"]
    assert median.get_xdata().tolist() == epochs.tolist()
    assert median.get_ydata().tolist() == pytest.approx(np.median(held, axis=0).tolist(), rel=1e-12)
    bands = {band.get_label(): band.get_paths()[0].vertices for band in axes.collections}
    for share, levels in (("90 %", (5, 95)), ("50 %", (25, 75))):
        at_200 = sorted({float(y) for x, y in bands[f"{share} largest_train_error"] if x == 200})
        expected = np.percentile(np.array(held)[:, list(epochs).index(200)], levels)
        assert at_200 == pytest.approx(expected.tolist(), rel=1e-12)
    assert len([line for line in axes.lines if line.get_linewidth() < 1]) == 3
    marks = [line for line in axes.lines if line.get_label() == CUT_OFF]
    assert [mark.get_xdata()[0] for mark in marks] == [500] * 3
    said = words(picture)
    assert "29 of 32 fits converged; they took 160 to 500 epochs, half of them up to 240." in said
    assert "seeds 0" not in said
    assert "32 fits: median, 50 % and 90 % of them 3 single ones" in said
    assert "32 of 32" in words(picture_of(places | many_of_another(tmp_path)))


def test_skipped_ones_among_many_are_named_without_their_path(tmp_path: Path) -> None:
    skipped = {f"own/{n}": fitted(tmp_path, f"own/{n}", skipped="it has no point_2") for n in (41, 47)}
    said = words(picture_of(many(tmp_path) | skipped | many_of_another(tmp_path)))
    assert ": 2 whose training ended before point 2 (41, 47)." in said
    assert "of the optimised polyline from point 1 to point " in said
    assert "own" not in said


def many_of_another(root: Path) -> dict[str, str]:
    return {f"own/{seed}": fitted(root, f"own/{seed}") for seed in range(32)}


def test_a_path_that_was_skipped_is_named_and_not_drawn(tmp_path: Path) -> None:
    why = "seed 1 has no point_2: validation error is 0.25"
    places = few(tmp_path) | {"own/7": fitted(tmp_path, "own/7", skipped=why)}
    picture = picture_of(places)
    assert "Not drawn: seed 7, because seed 1 has no point 2" in words(picture)
    assert "largest_train_error own/7" not in lines(picture, 2)
    alone = picture_of({"own/8": fitted(tmp_path, "own/8", skipped=why)})
    assert "nothing to draw" in words(alone)


@pytest.mark.parametrize("make", [few, many])
def test_the_picture_is_whole_and_the_same_each_time(make: Any, tmp_path: Path) -> None:
    places = make(tmp_path)
    picture = picture_of(places)
    assert_on_the_page(picture)
    assert_without_noise(picture)
    written = []
    for each in (picture, picture_of(places)):
        save(each, png=str(tmp_path / "figure.png"), svg=str(tmp_path / "figure.svg"))
        written.append([(tmp_path / f"figure.{ending}").read_bytes() for ending in ("png", "svg")])
    assert written[0] == written[1]
