"""The validation error around collapses of train accuracy: at which epochs it is recorded, and its values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracles.training import around_collapses
from runs import Trained, grokking_run, train_in, train_together

from grokflow.artifacts.columns import EPOCHS, RECOVERED, SETTLING
from grokflow.config import ResolvedRun
from grokflow.training import batch, recording
from grokflow.training.batch import Batch
from grokflow.training.rows import Row

pytestmark = pytest.mark.usefixtures("a_state_after_every_epoch")

SHAKEN = {0: (60, 95), 1: (70,), 2: (59, 66)}
"""Epochs after which the weights of a seed are disturbed, so that train accuracy collapses in the next."""

LAST = 120


def run_of(seed: int = 0, **changes: Any) -> ResolvedRun:
    """One step an epoch; seed 0 memorises at epoch 40."""
    settings = {"epochs": LAST, "stop_after_point_2": None, "log_every": 1000, "checkpoint_every": 1000}
    return grokking_run(**{"seed": seed, **settings, **changes})


def shake(patch: pytest.MonkeyPatch, epochs: Mapping[int, tuple[int, ...]]) -> None:
    """Disturb the weights of each seed after these of its epochs."""
    original: Callable[[Batch], Any] = Batch.train_epoch

    def shaken(self: Batch) -> Any:
        found = original(self)
        for place, row in enumerate(self.rows):
            if row.epoch + 1 in epochs.get(row.run.seed, ()):
                weights = self.weights[place] if self.batched else self.weights
                weights[::3] *= 0.3
        return found

    patch.setattr(Batch, "train_epoch", shaken)


@pytest.fixture(scope="module", autouse=True)
def _shaken() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shake(patch, SHAKEN)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Seed 0, undisturbed but for what `SHAKEN` says. Do not change its files."""
    return train_in(tmp_path_factory.mktemp("whole"), run_of())


def test_it_is_the_logged_validation_error_around_collapses_and_blank_elsewhere(
    whole: Trained, tmp_path: Path
) -> None:
    logged = train_in(tmp_path, run_of(log_every=1))
    found = logged.epoch_rows.set_index("epoch")
    expected = around_collapses(found["train_error"].to_dict())
    assert {60, 61, 95, 96} <= expected, "no collapse where the weights were disturbed"
    assert not {50, 59, 94} & expected
    assert set(found.index[found["validation_error"].notna()]) == expected
    history = logged.rows.set_index("epoch")["validation_error"]
    at = sorted(expected)
    assert found["validation_error"][at].tolist() == history[at].tolist()
    assert found["validation_error"][at].nunique() > 3
    assert whole.epochs.read_bytes() == logged.epochs.read_bytes(), "it depends on what is logged"


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_nothing_else_changes_by_a_bit(
    seeds: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [run_of(seed) for seed in seeds]
    recorded = train_together(tmp_path / "recorded", runs)
    monkeypatch.setattr(recording, "_record_collapses", lambda *_: None)
    plain = train_together(tmp_path / "plain", runs)
    for one, other in zip(recorded, plain, strict=True):
        assert one.epoch_rows["validation_error"].notna().any()
        assert other.epoch_rows["validation_error"].isna().all()
        tables = (each.epoch_rows.drop(columns="validation_error") for each in (one, other))
        pd.testing.assert_frame_equal(*tables, check_exact=True)
        assert one.contents() | {"epochs.csv": b""} == other.contents() | {"epochs.csv": b""}


def test_a_quiet_run_evaluates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "loss_and_error", None)
    found = train_in(tmp_path, run_of(epochs=58)).epoch_rows
    assert (found["train_error"] <= RECOVERED).any()
    assert found["validation_error"].isna().all()


def test_seeds_together_have_the_columns_that_they_have_alone(tmp_path: Path) -> None:
    together = train_together(tmp_path / "together", [run_of(seed) for seed in SHAKEN])
    columns = ["epoch", "train_error", "validation_error"]
    for seed, found in zip(SHAKEN, together, strict=True):
        alone = train_in(tmp_path / f"alone_{seed}", run_of(seed))
        pd.testing.assert_frame_equal(found.epoch_rows[columns], alone.epoch_rows[columns], rtol=1e-12)
        assert alone.epoch_rows["validation_error"].notna().any()


class Interruption(BaseException):
    """As sudden as a signal."""


@pytest.mark.parametrize("step", [60, 61, 62, 66, 96])
def test_an_interruption_before_an_onset_or_in_a_collapse_changes_nothing(
    step: int, whole: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epoch 61 is an onset: its row, and the blank in the row before it, come after the interruption."""
    original, calls = batch.batch_pass, itertools.count(1)

    def interrupted(*arguments: Any) -> Any:
        if next(calls) == step:
            raise Interruption
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "batch_pass", interrupted)
        with pytest.raises(Interruption):
            train_in(tmp_path, whole.run)
    assert train_in(tmp_path, whole.run).contents() == whole.contents()


@pytest.mark.parametrize("first", [60, 61, 64])
def test_more_epochs_go_on_from_before_an_onset_or_in_a_collapse(
    first: int, whole: Trained, tmp_path: Path
) -> None:
    shorter = train_in(tmp_path, run_of(epochs=first)).epoch_rows.set_index("epoch")["validation_error"]
    assert shorter.notna().any() == (first > 60), "a collapse that was not there yet"
    assert train_in(tmp_path, whole.run).contents() == whole.contents()


@pytest.mark.parametrize("epoch", [61, 64])
def test_a_seed_that_diverges_keeps_what_was_recorded_before(
    epoch: int, whole: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Batch.train_epoch

    def spoiled(self: Batch) -> Any:
        for place, row in enumerate(self.rows):
            if row.run.seed == 0 and row.epoch + 1 == epoch:
                (self.weights[place] if self.batched else self.weights)[3] = np.inf
        return original(self)

    monkeypatch.setattr(Batch, "train_epoch", spoiled)
    alone = train_in(tmp_path / "alone", run_of())
    assert alone.outcome["diverged"].startswith(f"epoch {epoch}, ")
    expected = whole.epoch_rows[: epoch - 1]
    if epoch == 61:  # nobody knows that a collapse would have begun
        expected = expected.assign(validation_error=np.nan)
    pd.testing.assert_frame_equal(alone.epoch_rows, expected, check_exact=True)
    together = train_together(tmp_path / "together", [run_of(0), run_of(1)])
    assert together[0].outcome == alone.outcome
    assert together[1].epoch_rows["validation_error"].notna().any()


def test_the_rule_that_looks_back_is_the_definition() -> None:
    """Of every epoch, only from the rows up to it; an onset adds the epoch before."""
    random = np.random.default_rng(0)
    for quiet in (0.5, 0.9, 0.97):
        for _ in range(20):
            row, error = Row(run_of()), np.where(random.random(150) < quiet, 0.005, 0.3)
            error[: random.integers(0, 30)] = 0.3
            found: set[int] = set()
            for epoch, value in enumerate(error, start=1):
                values = dict.fromkeys(EPOCHS, np.nan) | {"epoch": epoch, "train_error": value}
                row.epochs.append(list(values.values()))
                if row.is_unsettled:
                    found |= {epoch - 1, epoch} if value > RECOVERED else {epoch}
            assert found == around_collapses(dict(enumerate(error, start=1)))


def test_it_is_recorded_until_a_run_has_settled() -> None:
    error = [0.0, 0.0, 0.5, 0.5] + [0.0] * 30
    end = 5  # the first quiet epoch again
    assert max(around_collapses(dict(enumerate(error, start=1)))) == end + SETTLING
