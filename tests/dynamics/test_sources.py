"""What each source of variance does to point 2, against the same written out by hand."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grokflow.artifacts.columns import SWEEP
from grokflow.dynamics import SweepSources
from grokflow.errors import ArtifactError

SPLIT, ORDER, DECAY = "dataset.split_seed", "run.order_seed", "optimizer.weight_decay"


def sources(folder: Path, rows: list[dict[str, Any]]) -> SweepSources:
    """A sweep from its rows; what one does not say is as in a member that groks."""
    errors = {"train_error": 0.0, "validation_error": 0.0, "validation_error_at_point_1": 0.9}
    usual = {"seed": 0, "point_1": 40, "epochs": 2000, **errors}
    keys = [key for key in rows[0] if "." in key]
    table = pd.DataFrame([{**usual, "diverged": None, **row} for row in rows])[[*keys, *SWEEP]]
    table.to_csv(folder / "sweep.csv", index=False)
    return SweepSources(folder / "sweep.csv")


def member(split: int, order: int, point_2: float | None, **other: Any) -> dict[str, Any]:
    return {SPLIT: split, ORDER: order, "point_2": point_2, **other}


def test_each_key_has_its_own_members_and_the_base(tmp_path: Path) -> None:
    found = sources(
        tmp_path,
        [member(0, 0, 100), member(1, 0, 200), member(2, 0, 800), member(0, 7, 110), member(0, 8, None)],
    )
    assert found.members(SPLIT)["point_2"].tolist() == [100, 200, 800]
    assert found.members(ORDER)["point_2"].dropna().tolist() == [100, 110]
    split, order = found.spread(SPLIT), found.spread(ORDER)
    assert split[:3] == (3, 3, 200)
    assert split.deviation == pytest.approx(statistics.stdev(map(math.log10, (100, 200, 800))), rel=1e-12)
    assert order[:3] == (3, 2, 105)
    assert order.deviation == pytest.approx(statistics.stdev(map(math.log10, (100, 110))), rel=1e-12)


@pytest.mark.parametrize("start", range(5))
def test_the_base_is_found_whether_it_was_trained_or_not(tmp_path: Path, start: int) -> None:
    """And whichever member comes first."""
    rows = [member(1, 0, 200), member(2, 0, 800), member(0, 7, 110), member(0, 8, 120), member(0, 9, 130)]
    found = sources(tmp_path, rows[start:] + rows[:start])
    assert sorted(found.members(SPLIT)["point_2"]) == [200, 800]
    assert sorted(found.members(ORDER)["point_2"]) == [110, 120, 130]


def test_members_of_several_seeds_are_compared_with_those_of_their_own(tmp_path: Path) -> None:
    """Seed 5 is ten times as slow, which is no variance of the split; its base has another order."""
    rows = [member(0, 0, 100), member(1, 0, 200), member(0, 3, 100)]
    rows += [member(0, 5, 1000, seed=5), member(1, 5, 2000, seed=5), member(0, 3, 1000, seed=5)]
    found = sources(tmp_path, rows)
    split = found.spread(SPLIT)
    assert (split.members, split.reached) == (4, 4)
    each = statistics.variance([math.log10(100), math.log10(200)])
    assert split.deviation == pytest.approx(math.sqrt(each), rel=1e-12)
    assert found.spread(ORDER).deviation == pytest.approx(0, abs=1e-12)


def test_what_cannot_be_compared_has_no_deviation(tmp_path: Path) -> None:
    found = sources(tmp_path, [member(0, 0, None), member(1, 0, 200), member(0, 3, None)])
    assert found.spread(SPLIT)[:3] == (2, 1, 200)
    assert math.isnan(found.spread(SPLIT).deviation)
    assert found.spread(ORDER)[:2] == (2, 0)
    assert math.isnan(found.spread(ORDER).median)


def test_words_and_fractions_are_varied_too(tmp_path: Path) -> None:
    rows = [
        {DECAY: decay, "model.normalization": kind, "point_2": 100}
        for decay, kind in ((0.1, "none"), (1.0, "none"), (1.0, "layer_norm"))
    ]
    found = sources(tmp_path, rows)
    assert found.members(DECAY).index.tolist() == [0, 1]
    assert found.members("model.normalization").index.tolist() == [1, 2]


def test_a_grid_is_refused(tmp_path: Path) -> None:
    grid = [member(split, order, 100) for split in (0, 1) for order in (0, 1)]
    with pytest.raises(ArtifactError, match=r"sweep\.csv.*one_at_a_time"):
        sources(tmp_path, grid).spread(SPLIT)
