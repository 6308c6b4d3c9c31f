"""The regimes of a sweep: of one member, and at each combination of the varied keys."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grokflow.artifacts.columns import OUTCOMES
from grokflow.dynamics import REGIMES, SweepRegimes, is_late, regime


@pytest.mark.parametrize(
    ("point_1", "point_2", "expected"),
    [
        (None, None, "does not memorise"),
        (float("nan"), float("nan"), "does not memorise"),
        (50, None, "memorises"),
        (50, float("nan"), "memorises"),
        (50, 100, "groks"),
        (50, 99, "generalises at once"),
        (0, 0, "groks"),
    ],
)
def test_the_regime_of_two_points(point_1: float | None, point_2: float | None, expected: str) -> None:
    assert regime(point_1, point_2) == expected
    assert expected in REGIMES


@pytest.mark.parametrize(("point_1", "point_2", "late"), [(100, 200, True), (100, 199, False), (7, 7, False)])
def test_generalisation_is_late_from_twice_as_many_epochs_on(point_1: int, point_2: int, late: bool) -> None:
    assert is_late(point_1, point_2) is late


NEVER, MEMORISES, GROKS, AT_ONCE = (None, None), (40, None), (40, 100), (40, 60)


def sweep(file: Path, points: dict[tuple[Any, ...], list[tuple[int | None, int | None]]]) -> SweepRegimes:
    """A sweep with a row for each pair of points at each combination of the keys `a` and `b`."""
    keys = ["a", "b"][: len(next(iter(points)))]
    rows = [
        {**dict(zip(keys, values, strict=True)), "seed": seed, "point_1": first, "point_2": second}
        for values, of_seeds in points.items()
        for seed, (first, second) in enumerate(of_seeds)
    ]
    table = pd.DataFrame(rows).reindex(columns=[*keys, *OUTCOMES])
    table.assign(epochs=400).sample(frac=1, random_state=0).to_csv(file, index=False)
    return SweepRegimes(file)


@pytest.mark.parametrize(
    ("of_seeds", "expected"),
    [
        ([GROKS], "groks"),
        ([GROKS, AT_ONCE, GROKS], "groks"),
        ([AT_ONCE, GROKS, AT_ONCE], "generalises at once"),
        ([NEVER, GROKS], "does not memorise"),  # of equally many the earlier one
        ([AT_ONCE, MEMORISES], "memorises"),
        ([AT_ONCE, AT_ONCE, NEVER, GROKS, GROKS], "groks"),
    ],
)
def test_the_regime_at_a_value_is_that_of_most_seeds(
    of_seeds: list[tuple[int | None, int | None]], expected: str, tmp_path: Path
) -> None:
    found = sweep(tmp_path / "s.csv", {(0.1,): of_seeds, (0.2,): [MEMORISES]}).regimes
    assert found.to_dict() == {0.1: expected, 0.2: "memorises"}


def test_the_delay_at_a_value_is_the_median_of_the_seeds_that_generalise(tmp_path: Path) -> None:
    points = {(0.1, 1): [GROKS, AT_ONCE, (10, 1000)], (0.1, 2): [MEMORISES, NEVER], (0.3, 2): [GROKS, NEVER]}
    delays = sweep(tmp_path / "s.csv", points).delays.to_dict()
    assert delays == {(0.1, 1): 60, (0.1, 2): pytest.approx(math.nan, nan_ok=True), (0.3, 2): 60}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(1, 1), (1, 2), (2, 1), (2, 2)], True),
        ([(1, 1), (1, 2), (2, 1)], True),  # one is missing
        ([(1, 1), (1, 2), (1, 3)], True),  # a single row
        ([(1, 1)], True),
        ([(1, 1), (2, 3), (3, 2)], False),  # no value recurs: drawn at random
        ([(1, 1), (2, 2)], False),
    ],
)
def test_values_that_recur_make_a_grid(values: list[tuple[int, int]], expected: bool, tmp_path: Path) -> None:
    assert sweep(tmp_path / "s.csv", {each: [GROKS, AT_ONCE] for each in values}).is_grid is expected
