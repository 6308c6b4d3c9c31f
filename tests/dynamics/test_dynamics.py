"""Collapses, saw-teeth and their coincidence, on signals made so that the answer is known."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts.columns import PERIODS, SETTLING
from grokflow.dynamics import (
    Coincidence,
    Collapse,
    Quantity,
    SawTooth,
    Tooth,
    coincidence,
    coincidence_test,
    find_collapses,
    find_teeth,
    periods,
    saw_tooth,
    validation_accuracy,
)

MEMORISED = 101
"""The first epoch at which a made error is 0."""

SHAPES = {
    "step": [1.0, 1.0, 1.0, 1.0],
    "spike": [1.0],
    "triangle": [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25],
    "sudden": [1.0, 0.8, 0.6, 0.4, 0.2],
    "slow": [0.2, 0.4, 0.6, 0.8, 1.0],
    "hesitant": [0.3, 0.9, 0.5, 1.0, 0.4],
}
"""Train errors inside a collapse of depth 1, epoch by epoch."""

NOISES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda random, n: random.normal(0, 1, n),
    "folded normal": lambda random, n: np.abs(random.normal(0, 1, n)),
    "uniform": lambda random, n: random.uniform(0, 1, n),
    "Laplace": lambda random, n: random.laplace(0, 1, n),
}


def made_error(length: int, *collapses: tuple[int, list[float], float]) -> tuple[np.ndarray, np.ndarray]:
    """Epochs 1 … length and an error that falls to 0 at MEMORISED; each collapse: start, shape, depth."""
    epoch = np.arange(1, length + 1)
    error = np.maximum(0, 1 - (epoch - 1) / (MEMORISED - 1))
    for start, shape, depth in collapses:
        inside = np.array(shape)[: length - start]
        error[start : start + len(inside)] = depth * inside  # the epoch after `start` has index `start`
    return epoch, error


def noisy(error: np.ndarray, noise: str, scale: float, seed: int) -> np.ndarray:
    return np.clip(error + scale * NOISES[noise](np.random.default_rng(seed), len(error)), 0, 1)


class TestCollapses:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("depth", [0.08, 0.3, 0.99])
    def test_found_where_they_were_put(self, shape: str, depth: float) -> None:
        values = SHAPES[shape]
        found = find_collapses(*made_error(900, (300, values, depth), (611, values, depth)))
        top, end = values.index(1.0) + 1, len(values) + 1
        # 0.08 · 0.1 would be quiet; the smallest value of a shape, 0.2, is above 0.01 for every depth
        assert found == [
            Collapse(start, start + top, start + end, start + end + SETTLING, pytest.approx(depth))
            for start in (300, 611)
        ]

    @pytest.mark.parametrize("shape", ["step", "triangle", "sudden", "slow", "hesitant"])
    @pytest.mark.parametrize("noise", NOISES)
    @pytest.mark.parametrize("seed", range(3))
    def test_found_under_noise(self, shape: str, noise: str, seed: int) -> None:
        starts = [1500, 2000, 4999]
        values = SHAPES[shape]
        epoch, error = made_error(6000, *((start, values, 0.6) for start in starts))
        found = find_collapses(epoch, noisy(error, noise, 0.004, seed))
        assert len(found) == 3
        for collapse, start in zip(found, starts, strict=True):
            assert abs(collapse.start - start) <= 1
            assert collapse.bottom == start + values.index(1.0) + 1 or shape == "step"
            assert collapse.end is not None
            assert abs(collapse.end - (start + len(values) + 1)) <= 1
            assert collapse.depth == pytest.approx(0.6, abs=0.05)

    def test_the_last_one_may_never_end(self) -> None:
        late = [0.2, 0.6] + [0.4] * 98
        found = find_collapses(*made_error(700, (300, SHAPES["spike"], 0.5), (600, late, 1)))
        assert found == [Collapse(300, 301, 302, 312, 0.5), Collapse(600, 602, None, None, 0.6)]

    @pytest.mark.parametrize(
        ("after", "settled"),
        [
            ([], [312]),
            ([(311, [0.04], 1)], [322 + 1]),  # a shallow excursion at 312: quiet from 313 on
            ([(312, [0.04], 1)], [312]),
            ([(306, [0.02], 1), (315, [0.02], 1)], [327]),
            ([(311, [0.5], 1)], [None, 323]),  # the next collapse starts before
            ([(312, [0.5], 1)], [312, 324]),
            ([(305, [0.02], 1), (312, [0.5], 1)], [None, 324]),
        ],
    )
    def test_settled_is_the_first_epoch_that_ends_ten_more_quiet_ones(
        self, after: list[tuple[int, list[float], float]], settled: list[int | None]
    ) -> None:
        """After a collapse that ends at epoch 302."""
        found = find_collapses(*made_error(700, (300, [0.5], 1), *after))
        assert [one.settled for one in found] == settled
        assert [one.start for one in found] == [300, *(start for start, (depth,), _ in after if depth > 0.1)]

    @pytest.mark.parametrize(("length", "settled"), [(311, None), (312, 312)])
    def test_training_may_end_before_a_collapse_has_settled(self, length: int, settled: int | None) -> None:
        (found,) = find_collapses(*made_error(length, (300, [0.5], 1)))
        assert (found.end, found.settled) == (302, settled)

    def test_one_that_never_ends_is_found_however_long_it_is(self) -> None:
        epoch, error = made_error(10_000, (200, [0.6] * 10_000, 1))
        (found,) = find_collapses(epoch, noisy(error, "normal", 0.01, 0))
        assert found.end is None
        assert found.start in (199, 200)

    def test_a_recovery_of_one_epoch_splits(self) -> None:
        assert len(find_collapses(*made_error(500, (300, [0.5, 0.0, 0.5], 1)))) == 2
        assert len(find_collapses(*made_error(500, (300, [0.5, 0.02, 0.5], 1)))) == 1

    def test_shallow_excursions_do_not_count(self) -> None:
        assert find_collapses(*made_error(500, (300, [0.059], 1))) == []
        assert len(find_collapses(*made_error(500, (300, [0.061], 1)))) == 1

    def test_it_begins_at_memorisation(self) -> None:
        epoch, error = made_error(500, (50, [0.02, 0.9], 1), (300, [0.9], 1))
        assert [one.start for one in find_collapses(epoch, error)] == [300]

    def test_epochs_are_those_given(self) -> None:
        epoch, error = made_error(500, (300, [0.9], 1))
        assert find_collapses(epoch + 40, error) == [Collapse(340, 341, 342, 352, 0.9)]

    def test_a_run_that_is_mostly_collapsed(self) -> None:
        plateau = [0.6] * 80
        starts = range(200, 4000, 100)
        found = find_collapses(*made_error(4100, *((start, plateau, 1) for start in starts)))
        assert [(one.start, one.end) for one in found] == [(start, start + 81) for start in starts]

    def test_a_run_that_recovers_poorly(self) -> None:
        epoch, error = made_error(4100, *((start, [0.8, 0.5], 1) for start in range(300, 4000, 100)))
        error[150:] = np.maximum(error[150:], 0.07)
        found = find_collapses(epoch, noisy(error, "normal", 0.002, 0))
        deep = [one for one in found if one.depth > 0.5]
        assert [one.bottom for one in deep] == [start + 1 for start in range(300, 4000, 100)]
        assert all(one.end == one.bottom + 2 for one in deep)

    @pytest.mark.parametrize("noise", NOISES)
    @pytest.mark.parametrize("level", [0.0, 0.02, 0.3])
    @pytest.mark.parametrize("scale", [0.001, 0.01, 0.03, 0.2, 1.0])
    @pytest.mark.parametrize("seed", range(3))
    def test_noise_has_none(self, noise: str, level: float, scale: float, seed: int) -> None:
        epoch = np.arange(1, 10_001)
        error = level + scale * NOISES[noise](np.random.default_rng(seed), len(epoch))
        if level > 0.1 and scale < 0.1:
            error[:100] = np.linspace(1, level, 100)  # noise about a level that is never memorised
        elif not (error <= 0.01).any():
            error[0] = 0.01
        assert find_collapses(epoch, error) == []

    def test_a_falling_curve_has_none(self) -> None:
        epoch = np.arange(1, 10_001)
        for curve in (np.exp(-epoch / 300), 1 / epoch, np.maximum(0, 1 - epoch / 9000)):
            assert find_collapses(epoch, curve) == []
            assert find_collapses(epoch, noisy(curve, "normal", 0.01, 0)) == []

    @pytest.mark.parametrize("value", [0.0, 0.005, 0.02, 0.7, np.nan])
    @pytest.mark.parametrize("length", [0, 1, 2, 3, 1000])
    def test_a_constant_has_none(self, value: float, length: int) -> None:
        assert find_collapses(np.arange(length), np.full(length, value)) == []

    def test_never_memorised_has_none(self) -> None:
        epoch, error = made_error(900, (300, SHAPES["step"], 0.5))
        assert len(find_collapses(epoch, error)) == 1
        assert find_collapses(epoch, np.maximum(error, 0.011)) == []

    def test_a_run_that_diverges_ends_collapsed(self) -> None:
        epoch, error = made_error(500)
        error[400:] = np.nan
        assert find_collapses(epoch, error) == [Collapse(400, 401, None, None, 1.0)]


def made_teeth(*steps: int) -> np.ndarray:
    """A series that rises from 1 to e in steps[0] steps, falls back in steps[1], rises …"""
    levels = np.arange(len(steps) + 1) % 2
    return np.exp(np.interp(np.arange(sum(steps) + 1), np.cumsum([0, *steps]), levels))


class TestTeeth:
    def test_durations(self) -> None:
        values = made_teeth(90, 10, 80, 5, 100, 1, 30)
        assert find_teeth(values) == [Tooth(90, 10), Tooth(80, 5), Tooth(100, 1)]
        assert saw_tooth(values) == SawTooth(3, 90.0, 5.0)

    def test_backwards_it_falls_slowly(self) -> None:
        backwards = saw_tooth(made_teeth(90, 10, 80, 5, 100, 1, 30, 20)[::-1])
        assert backwards == SawTooth(3, 5.0, 80.0)

    def test_units_do_not_matter(self) -> None:
        values = made_teeth(90, 10, 80, 5, 100, 1, 30)
        assert find_teeth(1e-9 * values) == find_teeth(values)
        assert find_teeth(1e-9 * values**0.01, share_of_range=0.1) == find_teeth(values)

    def test_a_series_that_begins_with_a_fall(self) -> None:
        assert find_teeth(made_teeth(90, 10, 80, 5, 30)[90:]) == [Tooth(80, 5)]

    def test_the_fall_at_the_end_is_not_complete(self) -> None:
        assert find_teeth(made_teeth(90, 10, 80, 5)) == [Tooth(90, 10)]

    def test_wiggles_do_not_count(self) -> None:
        values = made_teeth(90, 10, 80, 10, 30)
        smooth = np.arange(len(values))
        assert len(find_teeth(values * np.exp(0.02 * np.sin(smooth)))) == 2
        assert len(find_teeth(values * np.exp(0.2 * np.sin(smooth)))) > 2

    @pytest.mark.parametrize("rise", [0.5, 5.0])
    def test_reversals_of_a_twentieth_count_however_far_the_curve_rises(self, rise: float) -> None:
        up = rise * np.array([0, 0.5, 0.5, 1.0, 0.0, 1.0])
        up[2] -= np.log(1.049)
        assert find_teeth(np.exp(up)) == [Tooth(3, 1)]
        up[2] = up[1] - np.log(1.051)
        assert find_teeth(np.exp(up)) == [Tooth(1, 1), Tooth(1, 1)]

    def test_reversals_of_a_tenth_of_the_range_count_by_the_first_rule(self) -> None:
        up = np.array([0, 0.5, 0.41, 1.0, 0.0, 1.0])  # the dip of 0.09 is a wiggle
        assert find_teeth(np.exp(up), share_of_range=0.1) == [Tooth(3, 1)]
        assert len(find_teeth(np.exp(up))) == 2
        up[2] = 0.39
        assert find_teeth(np.exp(up), share_of_range=0.1) == [Tooth(1, 1), Tooth(1, 1)]
        assert saw_tooth(np.exp(up), share_of_range=0.1) == SawTooth(2, 1.0, 1.0)

    @pytest.mark.parametrize(
        "values",
        [
            np.array([]),
            np.array([2.0]),
            np.full(500, 0.3),
            0.3 * (1 + 4e-4 * (np.arange(500) % 2)),
            np.geomspace(1, 100, 500),
            np.geomspace(100, 1, 500),
            np.full(500, np.nan),
            np.full(500, np.inf),
            np.zeros(500),
        ],
        ids=["empty", "one", "constant", "rounding", "rising", "falling", "nan", "inf", "zero"],
    )
    def test_no_teeth(self, values: np.ndarray) -> None:
        assert find_teeth(values) == []
        none = saw_tooth(values)
        assert none.teeth == 0
        assert np.isnan([none.rise, none.fall]).all()

    def test_values_without_a_logarithm_are_passed_over(self) -> None:
        values = made_teeth(90, 10, 80, 5, 30)
        values[[20, 40, 130]] = 0, np.inf, np.nan
        assert find_teeth(values) == [Tooth(90, 10), Tooth(80, 5)]


def made_run(
    length: int, starts: list[int], at: list[int] | None = None, duration: int = 4
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collapses at `starts`; η_eff drops, g_eff jumps and validation gains there, or `at` other places."""
    shape = [1.0] * (duration - 1)
    epoch, error = made_error(length, *((start, shape, 0.5) for start in starts))
    drops = np.array(starts if at is None else at)
    since = epoch - np.array([0, *drops])[np.searchsorted(drops, epoch, side="left")]
    number = np.searchsorted(drops, epoch - duration, side="right")
    falling = np.minimum(since / duration, 1) * (epoch > drops.min())
    learning_rate = np.exp(since / 300 - falling)
    gradient_norm = np.where((epoch > drops.min()) & (since < duration), 10.0, 1.0) + 0.1 * np.sin(epoch)
    epochs = pd.DataFrame(
        {
            "epoch": epoch,
            "train_error": error,
            "validation_error": np.nan,
            "effective_learning_rate": learning_rate,
            "effective_gradient_norm": gradient_norm,
            "invariant_effective_learning_rate": learning_rate**2,
            "invariant_effective_gradient_norm": gradient_norm**2,
        }
    )
    logged = np.arange(0, length + 1, 10)
    history = pd.DataFrame(
        {"epoch": logged, "validation_error": 0.9 - 0.8 * np.append(0, number)[logged] / len(drops)}
    )
    return epochs, history


QUANTITIES: list[Quantity] = [
    "effective_learning_rate",
    "effective_gradient_norm",
    "invariant_effective_learning_rate",
    "invariant_effective_gradient_norm",
    "validation_accuracy",
    "logged_validation_accuracy",
]


def measured(
    epochs: pd.DataFrame, history: pd.DataFrame, of: Quantity, before: int | None = None
) -> Coincidence:
    collapses = find_collapses(epochs["epoch"].to_numpy(), epochs["train_error"].to_numpy())
    return coincidence_test(epochs, history, collapses, of, before)


def random_starts(seed: int, length: int = 3000, count: int = 8) -> list[int]:
    """Anywhere, at least 20 apart."""
    places = np.random.default_rng(seed).integers(200, length - 50 - 20 * count, count)
    return [int(place) for place in np.sort(places) + 20 * np.arange(count)]


class TestCoincidence:
    @pytest.mark.parametrize("of", QUANTITIES)
    def test_drops_at_collapses(self, of: Quantity) -> None:
        found = measured(*made_run(3000, random_starts(0)), of)
        assert found.mean > 0
        assert 0 < found.p < 0.01

    @pytest.mark.parametrize("of", QUANTITIES)
    def test_drops_at_periodic_collapses(self, of: Quantity) -> None:
        assert measured(*made_run(3000, list(range(200, 2900, 300))), of).p < 0.05

    @pytest.mark.parametrize("of", QUANTITIES)
    def test_collapses_elsewhere(self, of: Quantity) -> None:
        runs = (made_run(3000, random_starts(seed), random_starts(seed + 1000)) for seed in range(40))
        p = np.array([measured(*run, of).p for run in runs])
        assert np.mean(p < 0.05) <= 0.1
        assert np.mean(p > 0.3) >= 0.3

    def test_the_opposite_is_no_coincidence(self) -> None:
        epochs, history = made_run(3000, random_starts(0))
        epochs["effective_learning_rate"] = 1 / epochs["effective_learning_rate"]
        history["validation_error"] = 1 - history["validation_error"]
        assert measured(epochs, history, "effective_learning_rate").p > 0.9
        assert measured(epochs, history, "validation_accuracy").p > 0.9

    @pytest.mark.parametrize("of", QUANTITIES)
    def test_a_trend_is_no_coincidence(self, of: Quantity) -> None:
        epochs, history = made_run(3000, random_starts(0))
        for name in QUANTITIES[:4]:
            rate = -1 if "learning" in name else 1
            epochs[name] = np.exp(rate * epochs["epoch"] / 100)
        history["validation_error"] = 1 - history["epoch"] / 3000
        found = measured(epochs, history, of)
        assert found.mean == pytest.approx(
            {"validation_accuracy": 14 / 3000, "logged_validation_accuracy": 4 / 3000}.get(of, 0.04)
        )
        assert found.p == 1

    def test_means(self) -> None:
        epochs, history = made_run(1000, [300, 600], duration=10)
        rate, norm = (epochs[name].to_numpy().copy() for name in QUANTITIES[:2])
        rate[:], norm[:] = 1.0, 1.0
        rate[[309, 609]] = 0.5, 0.125  # epochs 310 and 610, the ends
        norm[[304, 609]] = 8.0, 2.0
        norm[[298, 310]] = 100.0  # outside
        epochs["effective_learning_rate"], epochs["effective_gradient_norm"] = rate, norm
        history["validation_error"] = np.where(history["epoch"] < 310, 0.9, 0.4)
        history.loc[history["epoch"] >= 610, "validation_error"] = 0.1
        assert measured(epochs, history, "effective_learning_rate").mean == pytest.approx(2 * np.log(2))
        assert measured(epochs, history, "effective_gradient_norm").mean == pytest.approx(2 * np.log(2))
        assert measured(epochs, history, "validation_accuracy").mean == pytest.approx(0.4)
        sole = measured(epochs, history, "validation_accuracy", before=600)
        assert sole.mean == pytest.approx(0.5)
        assert np.isnan(sole.p)

    def test_the_window_ends_before(self) -> None:
        """After point 2 nothing changes; without a bound that plateau would make any gain look rare."""
        epochs, history = made_run(3000, [300, 500, 700])
        history["validation_error"] = np.maximum(0, 1 - history["epoch"] / 1000)
        assert measured(epochs, history, "validation_accuracy").p < 0.5
        assert measured(epochs, history, "validation_accuracy", before=1000).p == 1

    def test_a_collapse_that_ends_after_the_bound_counts(self) -> None:
        epochs, history = made_run(3000, [300, 500, 700], duration=50)
        history["validation_error"] = 0.9
        history.loc[history["epoch"] >= 750, "validation_error"] = 0.0
        assert measured(epochs, history, "validation_accuracy", before=740).mean == pytest.approx(0.3)

    def test_p_counts_shifts(self) -> None:
        """By hand: x rises by 1 at indices 2 and 6 of 10; intervals of one step at both of these."""
        x = np.array([0.0, 0, 1, 1, 1, 1, 2, 2, 2, 2])

        def change(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
            return x[ends] - x[starts]

        # means by shift: 1, 0, 0, 0, ½ (1→5), 0, ½ (5→1), 0, 0, 0; with 4: (5, 9) → the second runs over
        # the end, so the first alone: 1. With 6: (7, 1) → ½.
        assert coincidence(change, np.array([1, 5]), np.array([2, 6]), 10) == Coincidence(1.0, 0.2)

    def test_shifts_of_a_long_window_go_all_round_it(self) -> None:
        x = np.concatenate([np.zeros(4000), np.arange(4000.0)])  # rises by 1 a step in the second half
        observed = coincidence(
            lambda starts, ends: x[ends] - x[starts], np.array([4100, 4200]), np.array([4101, 4201]), 8000
        )
        assert observed.mean == 1
        assert observed.p == pytest.approx(0.5, abs=0.03)

    @pytest.mark.parametrize("of", QUANTITIES)
    def test_what_was_before_memorisation_does_not_matter(self, of: Quantity) -> None:
        epochs, history = made_run(1500, [300, 600, 1203], at=[304, 800, 1200])
        expected = measured(epochs, history, of)
        assert expected.p < 1
        wild = np.where(np.arange(MEMORISED - 1) // 10 % 2, 1e-3, 1e3)  # epochs 91 to 100 are the last
        for name in QUANTITIES[:4]:
            epochs.loc[: MEMORISED - 2, name] = wild
        history.loc[history["epoch"] < MEMORISED - 10, "validation_error"] = [0.0, 1.0, 0.5] * 3 + [0.0]
        assert measured(epochs, history, of) == expected

    def test_too_few(self) -> None:
        for starts in ([], [300]):
            epochs, history = made_run(1000, starts, at=[300])
            assert np.isnan(measured(epochs, history, "effective_learning_rate").p)
        epochs, history = made_run(1000, [300, 997], duration=40)  # the second never ends
        assert np.isnan(measured(epochs, history, "effective_learning_rate").p)
        epochs, history = made_run(1000, [300, 600])
        epochs["train_error"] = 0.5
        assert np.isnan(coincidence_test(epochs, history, [], "effective_learning_rate").p)

    @pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
    @pytest.mark.parametrize("of", QUANTITIES[:4])
    def test_odd_values_give_no_p(self, value: float, of: Quantity) -> None:
        epochs, history = made_run(1000, [300, 600])
        epochs[of] = value
        found = measured(epochs, history, of)
        assert np.isnan([found.mean, found.p]).all()

    def test_no_history_gives_no_p(self) -> None:
        epochs, history = made_run(1000, [300, 600])
        assert np.isnan(measured(epochs, history[:0], "validation_accuracy").p)

    def test_it_is_repeatable(self) -> None:
        epochs, history = made_run(10_000, list(range(200, 9900, 190)), duration=40)
        first = [measured(epochs, history, of) for of in QUANTITIES]
        assert first == [measured(epochs, history, of) for of in QUANTITIES]


def made_jumps(starts: list[int]) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Each collapse lifts the validation accuracy by 0.225, which it reaches after it has ended.

    A collapse starts three epochs after a logged one and lasts five; at the next logged epoch the accuracy
    is 0.06 below where it was. Returned are epochs, history and the accuracy of every epoch from 1 on.
    """
    epochs, history = made_run(1000, starts, duration=5)
    accuracy = np.full(1001, 0.1)
    for start in starts:
        accuracy[start + 1 :] += 0.225
        accuracy[start + 1 : start + 9] = accuracy[start] - 0.06
        assert accuracy[start + 15] - accuracy[start] == pytest.approx(0.225)
    history["validation_error"] = 1 - accuracy[history["epoch"]]
    for start in starts:
        near = epochs["epoch"].between(start, start + 15)
        epochs.loc[near, "validation_error"] = 1 - accuracy[1:][near]
    return epochs, history, accuracy[1:]


class TestValidationAccuracy:
    STARTS = (303, 513, 723)

    def test_it_is_measured_where_a_collapse_has_settled(self) -> None:
        """Also where it ends between two logged epochs; the table and the test have the same numbers."""
        epochs, history, _ = made_jumps([*self.STARTS])
        assert not set(epochs["epoch"][epochs["validation_error"].notna()]) <= set(history["epoch"])
        table = periods(epochs, history)
        assert table["start"].tolist() == [*self.STARTS]
        assert table["end"].tolist() == [start + 5 for start in self.STARTS]
        assert table["settled"].tolist() == [start + 15 for start in self.STARTS]
        jumps = table["validation_accuracy_after"] - table["validation_accuracy_before"]
        assert jumps.tolist() == pytest.approx([0.225] * 3)
        found = measured(epochs, history, "validation_accuracy")
        assert found.mean == pytest.approx(0.225)
        assert found.p < 0.05
        first = measured(epochs, history, "logged_validation_accuracy")
        assert first.mean == pytest.approx(-0.03)
        assert first.p > 0.9

    def test_it_is_recorded_then_logged_then_interpolated(self) -> None:
        epochs, history, accuracy = made_jumps([*self.STARTS])
        found = validation_accuracy(epochs, history)
        recorded = epochs["validation_error"].notna() | epochs["epoch"].isin(history["epoch"])
        assert found[recorded] == pytest.approx(accuracy[recorded], abs=1e-15)
        assert found[301] == pytest.approx(
            (2 * accuracy[302] + accuracy[299]) / 3
        )  # epoch 302 of 300 and 303
        epochs.loc[309, "validation_error"] = 0.75  # at epoch 310, which is logged too
        assert validation_accuracy(epochs, history)[309] == 0.25

    def test_before_and_after_all_measurements_it_is_unknown(self) -> None:
        epochs, history, _ = made_jumps([303])
        found = validation_accuracy(epochs, history[2:-1])
        assert np.flatnonzero(np.isnan(found)).tolist() == [*range(19), *range(990, 1000)]

    def test_nothing_measured(self) -> None:
        epochs, history = made_run(1000, [300])
        assert np.isnan(validation_accuracy(epochs, history[:0])).all()

    def test_a_collapse_that_never_settled_is_left_out(self) -> None:
        epochs, history, _ = made_jumps([*self.STARTS])
        late = epochs["epoch"] > 723
        epochs.loc[late & epochs["validation_error"].notna(), "validation_error"] = 1.0
        whole, cut = (measured(epochs[:length], history, "validation_accuracy") for length in (738, 737))
        assert whole.mean < 0.1
        assert cut.mean == pytest.approx(0.225)


def small_run() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Thirty epochs, memorised at 3, collapsed after 5 and 11, and at the end."""
    epoch, error = np.arange(1, 31), np.zeros(30)
    error[[0, 1]] = 0.9, 0.4
    error[[5, 6]] = 0.2, 0.6
    error[[10, 11, 12, 13]] = 0.01, 0.5, 0.3, 0.005
    error[[28, 29]] = 0.3, 0.9
    rate, norm = np.full(30, 4.0), np.full(30, 1.0)
    rate[7], norm[5], norm[7], norm[8] = 1.0, 3.0, 5.0, 99.0  # epoch 8 is the first end
    rate[13], norm[10], norm[11], norm[12] = 8.0, 2.0, 1.0, 7.0
    invariant = np.full(30, np.nan)
    epochs = pd.DataFrame(
        {
            "epoch": epoch,
            "train_error": error,
            "validation_error": np.nan,
            "effective_learning_rate": rate,
            "effective_gradient_norm": norm,
            "invariant_effective_learning_rate": invariant,
            "invariant_effective_gradient_norm": invariant,
        }
    )
    history = pd.DataFrame(
        {
            "epoch": [0, 4, 5, 8, 12, 16, 30],
            "validation_error": [1.0, 0.875, 0.75, 0.5, 0.25, 0.125, 0.125],
        }
    )
    return epochs, history


class TestPeriods:
    def test_values(self) -> None:
        table = periods(*small_run())
        assert list(table.columns) == PERIODS
        expected = [
            [1, 5, 7, 8, None, 0.6, None, 0.25, None, 0.25, 5.0, None, None],
            [2, 11, 12, 14, 24, 0.49, 6, 0.6875, 0.875, 2.0, 3.5, None, None],
            [3, 28, 30, None, None, 0.9, 17, 0.875, None, None, None, None, None],
        ]
        for found, row in zip(table.itertuples(index=False), expected, strict=True):
            for name, value in zip(PERIODS, row, strict=True):
                cell = getattr(found, name)
                assert pd.isna(cell) if value is None else cell == pytest.approx(value), name

    def test_invariant_jumps(self) -> None:
        epochs, history = small_run()
        for name in QUANTITIES[:2]:
            epochs[f"invariant_{name}"] = epochs[name] ** 2
        table = periods(epochs, history)
        for name in QUANTITIES[:2]:
            np.testing.assert_allclose(table[f"invariant_{name}_jump"], table[f"{name}_jump"] ** 2)

    @pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e308, 5e-324])
    def test_odd_values(self, value: float) -> None:
        epochs, history = small_run()
        epochs.loc[[4, 11], list(QUANTITIES[:4])] = value  # epoch 5 is a start, 12 lies inside
        epochs.loc[7, list(QUANTITIES[:4])] = 1e-300
        table = periods(epochs, history)
        assert np.isfinite(table["depth"]).all()
        assert not np.isinf(table.to_numpy(dtype=float, na_value=np.nan)).any()
        if value in (0, np.inf) or np.isnan(value):
            assert np.isnan(table["effective_learning_rate_jump"][0])
            assert table["effective_gradient_norm_jump"][1] == pytest.approx(3.5)

    def test_nothing_logged_in_time(self) -> None:
        epochs, history = small_run()
        table = periods(epochs, history[3:6])
        assert table["validation_accuracy_before"].isna().tolist() == [True, False, True]
        assert table["validation_accuracy_after"].isna().all()

    def test_csv_has_whole_numbers(self) -> None:
        table = periods(*small_run())
        text = table.to_csv(index=False)
        lines = text.splitlines()
        assert lines[1].startswith("1,5,7,8,,0.6,,0.25,,0.25,5.0,")
        assert lines[3].startswith("3,28,30,,,0.9,17,0.875,")
        again = pd.read_csv(io.StringIO(text), dtype=dict(table.dtypes))
        pd.testing.assert_frame_equal(again, table)

    @pytest.mark.parametrize("rows", [0, 1, 5])
    def test_none(self, rows: int) -> None:
        epochs, history = small_run()
        table = periods(epochs[:rows], history)
        assert table.empty
        assert table.to_csv(index=False) == ",".join(PERIODS) + "\n"
        assert dict(table.dtypes) == dict(periods(epochs, history).dtypes)
