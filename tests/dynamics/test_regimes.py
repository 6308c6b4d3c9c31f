"""The regimes of a sweep: of one member, and at each combination of the varied keys."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grokflow.artifacts.columns import SWEEP
from grokflow.dynamics import REGIMES, SweepRegimes, is_grokking, is_late, regime


@pytest.mark.parametrize(
    ("point_1", "point_2", "error", "expected"),
    [
        (None, None, None, "does not memorise"),
        (float("nan"), float("nan"), float("nan"), "does not memorise"),
        (50, None, 0.9, "memorises"),
        (50, float("nan"), 0.1, "memorises"),
        (50, 100, 0.9, "groks"),
        (50, 100, 0.5, "groks"),
        (50, 100, 0.499, "generalises at once"),  # both rise together, though the last pair comes late
        (50, 1000, 0.1, "generalises at once"),
        (50, 99, 0.9, "generalises at once"),
        (0, 0, 0.0, "generalises at once"),
    ],
)
def test_the_regime_of_a_member(
    point_1: float | None, point_2: float | None, error: float | None, expected: str
) -> None:
    assert regime(point_1, point_2, error) == expected
    assert expected in REGIMES


@pytest.mark.parametrize(("point_1", "point_2", "late"), [(100, 200, True), (100, 199, False), (7, 7, False)])
def test_generalisation_is_late_from_twice_as_many_epochs_on(point_1: int, point_2: int, late: bool) -> None:
    assert is_late(point_1, point_2) is late


@pytest.mark.parametrize(
    ("late", "error", "expected"), [(200, 0.5, True), (199, 0.9, False), (200, 0.49, False)]
)
def test_grokking_is_late_and_starts_from_nothing_learned(late: int, error: float, expected: bool) -> None:
    assert is_grokking(100, late, error) is expected
    assert not is_grokking(100, late, math.nan)


NEVER, MEMORISES, GROKS, AT_ONCE = (None, None), (40, None), (40, 100), (40, 60)


def sweep(file: Path, points: dict[tuple[Any, ...], list[tuple[int | None, int | None]]]) -> SweepRegimes:
    """A sweep with a row for each pair of points at each combination of the keys `a` and `b`."""
    keys = ["a", "b"][: len(next(iter(points)))]
    rows = [
        {
            **dict(zip(keys, values, strict=True)),
            "seed": seed,
            "point_1": first,
            "point_2": second,
            "validation_error_at_point_1": 0.9,
        }
        for values, of_seeds in points.items()
        for seed, (first, second) in enumerate(of_seeds)
    ]
    table = pd.DataFrame(rows).reindex(columns=[*keys, *SWEEP])
    table.assign(epochs=400).sample(frac=1, random_state=0).to_csv(file, index=False)
    return SweepRegimes(file)


@pytest.mark.parametrize(
    ("of_seeds", "expected", "agree"),
    [
        ([GROKS], "groks", 1),
        ([GROKS, AT_ONCE, GROKS], "groks", 2 / 3),
        ([AT_ONCE, GROKS, AT_ONCE], "generalises at once", 2 / 3),
        ([NEVER, GROKS], "does not memorise", 1 / 2),  # of equally many the earlier one
        ([AT_ONCE, MEMORISES], "memorises", 1 / 2),
        ([AT_ONCE, AT_ONCE, NEVER, GROKS, GROKS], "groks", 2 / 5),
        ([GROKS, (10, 1000)], "groks", 1),
    ],
)
def test_the_regime_at_a_value_is_that_of_most_seeds(
    of_seeds: list[tuple[int | None, int | None]], expected: str, agree: float, tmp_path: Path
) -> None:
    found = sweep(tmp_path / "s.csv", {(0.1,): of_seeds, (0.2,): [MEMORISES]})
    assert found.regimes.to_dict() == {0.1: expected, 0.2: "memorises"}
    assert found.agreement.to_dict() == {0.1: pytest.approx(agree), 0.2: 1}


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
