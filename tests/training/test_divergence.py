"""A run whose loss is no longer finite: it ends there, says where, and keeps what it had."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import training as oracle
from runs import Trained, grokking_run, tiny_run, train_in, train_together

from grokflow.artifacts.results import RunResults
from grokflow.config import SGD
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_epochs
from grokflow.training import batch
from grokflow.training.batch import Batch, Measured
from grokflow.training.constraints import Constraints

ABSURD = {
    "optimizer": SGD(name="sgd", learning_rate=0.7, batch_size=8),
    "epochs": 40,
    "checkpoint_every": 2,
}


def where(trained: Trained) -> tuple[int, int]:
    """Epoch and step of the outcome."""
    found = re.fullmatch(r"epoch (\d+), step (\d+): (.*)", trained.outcome["diverged"])
    assert found
    assert re.search("(loss|weight norm) (nan|inf)", found[3])
    return int(found[1]), int(found[2])


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Logged so rarely that a minibatch finds out. Do not change its files."""
    return train_in(tmp_path_factory.mktemp("diverged"), tiny_run(**ABSURD, log_every=1000))


def inject(
    monkeypatch: pytest.MonkeyPatch, epoch: int, value: float, *, last: bool = False, steps: int = 4
) -> None:
    """Put `value` into a weight before the first, or after the last, step of `epoch`."""
    if last:
        original, calls = Constraints.__call__, itertools.count(1)

        def held(self, weights):
            original(self, weights)
            if next(calls) == epoch * steps:
                weights[3] = value

        monkeypatch.setattr(Constraints, "__call__", held)
        return
    whole = Batch.train_epoch

    def spoiled(self):
        if self.rows[0].epoch + 1 == epoch:
            self.weights[3] = value
        return whole(self)

    monkeypatch.setattr(Batch, "train_epoch", spoiled)


def assert_ends_before(trained: Trained, epoch: int) -> None:
    """Tables hold finite numbers of earlier epochs only; checkpoints are whole and finite."""
    assert (trained.rows["epoch"] < epoch).all()
    assert trained.epoch_rows["epoch"].tolist() == list(range(1, epoch))
    for table in (trained.rows, trained.epoch_rows.drop(columns="validation_error")):
        finite = table[[name for name in table.columns if not name.startswith("invariant_")]]
        assert np.isfinite(finite.to_numpy(dtype=float)).all()
    kept = checkpoint_epochs(trained.checkpoints)
    every = trained.run.checkpoint_every
    assert kept == list(range(0, epoch, every))
    for at in kept:
        assert trained.weights(at).isfinite().all()


def test_the_outcome_names_the_first_minibatch_without_a_finite_loss(diverged: Trained) -> None:
    expected = oracle.first_infinite(diverged.run, 40)
    assert expected is not None
    assert expected[0] > 3, "the run is to keep more than its start"
    assert where(diverged) == expected
    assert_ends_before(diverged, expected[0])


def test_a_logged_run_finds_out_no_later(diverged: Trained, tmp_path: Path) -> None:
    often = train_in(tmp_path, tiny_run(**ABSURD, log_every=1))
    epoch, step = where(often)
    assert where(diverged)[0] - 1 <= epoch <= where(diverged)[0]
    assert step <= where(diverged)[1]
    assert math.ceil(step / 4) == epoch
    assert_ends_before(often, epoch)
    assert often.rows["epoch"].tolist() == list(range(epoch))


def test_points_of_a_diverged_run_end_at_its_last_checkpoint(diverged: Trained) -> None:
    found = diverged.points()
    last = checkpoint_epochs(diverged.checkpoints)[-1]
    assert found["final"]["epoch"] == last
    assert found["final"]["step"] == 4 * last
    assert found["initial"]["epoch"] == 0
    assert found["diverged"] == diverged.outcome["diverged"]
    assert found["checkpoints"] == checkpoint_epochs(diverged.checkpoints)
    assert found["last_wrong"]["epoch"] == last
    assert f"at epoch {last}, the last kept before training diverged" in found["reasons"]["point_1"]


def test_a_logged_row_after_the_last_checkpoint_is_not_the_final_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inject(monkeypatch, 4, math.inf)
    trained = train_in(tmp_path, tiny_run())
    assert trained.rows["epoch"].tolist() == [0, 1, 2, 3]
    assert trained.points()["final"]["epoch"] == 2
    honest = Trained(trained.run, trained.folder)
    with pytest.raises(ArtifactError):
        honest.points()


def test_points_that_were_reached_before_stay(
    grokked: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = grokked.points()
    first = expected["point_1"]["epoch"]
    inject(monkeypatch, first + 5, math.inf)
    found = train_in(tmp_path, grokking_run()).points()
    assert found["point_1"] == expected["point_1"]
    assert found["point_2"] is None
    assert found["final"]["epoch"] == max(e for e in found["checkpoints"])
    assert found["final"]["epoch"] >= first


@pytest.mark.parametrize("epoch", [1, 2, 3, 5])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_weight_that_becomes_infinite_ends_the_run_in_that_epoch(
    epoch: int, value: float, tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inject(monkeypatch, epoch, value)
    trained = train_in(tmp_path, tiny_run())
    found, step = where(trained)
    assert found == epoch
    assert 4 * (epoch - 1) < step <= 4 * epoch
    assert_ends_before(trained, epoch)
    assert trained.history.read_text() == "".join(
        tiny.history.read_text().splitlines(keepends=True)[: epoch + 1]
    )
    assert trained.epochs.read_text() == "".join(tiny.epochs.read_text().splitlines(keepends=True)[:epoch])
    for at in checkpoint_epochs(trained.checkpoints):
        assert torch.equal(trained.weights(at), tiny.weights(at))


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_a_weight_that_becomes_infinite_in_the_last_step_of_an_epoch(
    epoch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every minibatch had a finite loss; the norm of the weights gives it away."""
    inject(monkeypatch, epoch, math.nan, last=True)
    trained = train_in(tmp_path, tiny_run())
    assert where(trained) == (epoch, 4 * epoch)
    assert_ends_before(trained, epoch)


def test_a_diverged_run_ends_the_same_again(diverged: Trained, tmp_path: Path) -> None:
    first = train_in(tmp_path, diverged.run)
    assert first.contents() == diverged.contents()
    assert train_in(tmp_path, diverged.run).contents() == diverged.contents()


def test_a_mended_run_is_not_bound_to_the_one_that_diverged(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        inject(patch, 5, math.inf)
        assert train_in(tmp_path, tiny_run()).outcome["diverged"]
    assert train_in(tmp_path, tiny_run()).contents() == tiny.contents()


@pytest.mark.parametrize("first", [1, 3])
def test_a_shorter_run_before_does_not_change_a_diverged_one(
    first: int, diverged: Trained, tmp_path: Path
) -> None:
    assert first < where(diverged)[0]
    shorter = train_in(tmp_path, diverged.run.model_copy(update={"epochs": first}))
    assert shorter.outcome["diverged"] is None
    assert train_in(tmp_path, diverged.run).contents() == diverged.contents()


def test_a_row_that_only_the_shorter_run_logged_is_not_the_last_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shorter run logged its last epoch, 5; the longer one logs 4 and diverges in 6."""
    inject(monkeypatch, 6, math.inf)
    run = tiny_run(epochs=12, log_every=4)
    whole = train_in(tmp_path / "whole", run)
    assert where(whole)[0] == 6
    train_in(tmp_path / "two", run.model_copy(update={"epochs": 5}))
    assert train_in(tmp_path / "two", run).contents() == whole.contents()


@pytest.mark.parametrize("at_call", [2, 9, 14])
def test_a_diverged_run_survives_interruptions(
    at_call: int, diverged: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = batch.batch_pass, itertools.count(1)

    def interrupted(*args):
        if next(calls) == at_call:
            raise KeyboardInterrupt
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "batch_pass", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_in(tmp_path, diverged.run)
    assert train_in(tmp_path, diverged.run).contents() == diverged.contents()


@pytest.mark.parametrize("epochs", [3, 4])
def test_with_fewer_epochs_than_it_takes_the_run_ends_well(
    epochs: int, diverged: Trained, tmp_path: Path
) -> None:
    train_in(tmp_path / "both", diverged.run)
    run = diverged.run.model_copy(update={"epochs": epochs})
    shorter = train_in(tmp_path / "both", run)
    assert shorter.outcome["diverged"] is None
    assert shorter.outcome["epoch"] == epochs
    assert shorter.contents() == train_in(tmp_path / "alone", run).contents()


def test_the_outcome_can_be_written_and_read(diverged: Trained, tiny: Trained) -> None:
    for trained in (diverged, tiny):
        assert RunResults(trained.folder).outcome == trained.outcome


@pytest.mark.parametrize(
    "content", ["", "[]", "1", '{"epoch": 3}', json.dumps({"epoch": 1, "diverged": None})]
)
def test_a_damaged_outcome_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "outcome.json"
    path.write_text(content)
    with pytest.raises(ArtifactError, match=r"outcome\.json: expected .*Delete it"):
        _ = RunResults(tmp_path).outcome


def test_a_missing_outcome_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="outcome"):
        _ = RunResults(tmp_path).outcome


def test_the_reason_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    train_in(tmp_path, tiny_run(**ABSURD))
    printed = capsys.readouterr().out
    assert re.search(
        r"Diverged: epoch \d+, step \d+: train loss .*lower the optimizer's learning_rate\.", printed
    )


def test_a_seed_that_diverges_right_after_point_2_keeps_the_epoch_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another seed, which has not reached it, still goes on."""
    runs = [grokking_run(seed=seed, log_every=1, epochs=142) for seed in range(2)]
    first, other = train_together(tmp_path / "undisturbed", runs)
    point_2 = first.points()["point_2"]["epoch"]
    assert other.points()["point_2"] is None
    original = Batch.measure

    def infinite(self: Batch, rows: Sequence[int]) -> Measured:
        found = original(self, rows)
        for place, i in enumerate(rows):
            row = self.rows[i]
            if row.run.seed == 0 and row.epoch == point_2 + 1:
                found.train_loss[place] = math.inf
        return found

    monkeypatch.setattr(Batch, "measure", infinite)
    found, _ = train_together(tmp_path / "diverged", runs)
    assert found.outcome["diverged"].startswith(f"epoch {point_2 + 1}, ")
    for epoch in (point_2 - 1, point_2):
        assert torch.equal(found.weights(epoch), first.weights(epoch))
    assert found.points()["last_wrong"] == first.points()["last_wrong"]
