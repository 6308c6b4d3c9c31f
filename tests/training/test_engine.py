"""Training: the right trajectory, the same after any interruption, and everything kept."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from oracles import training as oracle
from runs import LAYER_NORM, SCALE_INVARIANT, Trained, grokking_run, tiny_run, train_in
from safetensors.numpy import load_file

from grokflow.artifacts.columns import EPOCHS, HISTORY
from grokflow.artifacts.resumable import ResumableJob
from grokflow.config import SGD, AdamW, Dataset, Model, ResolvedRun
from grokflow.errors import ArtifactError
from grokflow.estimates import EVALUATION_BATCH
from grokflow.model.checkpoints import checkpoint_epochs, checkpoint_path
from grokflow.model.objective import Examples, loss_and_error
from grokflow.training import batch, engine, runs
from grokflow.training.detection import FIRST_LOOK, Watch, looks

MOMENTUM = SGD(name="sgd", learning_rate=0.05, weight_decay=0.01, momentum=0.9, batch_size=10)
ADAMW = AdamW(name="adamw", learning_rate=0.01, weight_decay=0.5, warmup_steps=6, batch_size=9)
LONG_TOKENS = Dataset(operation="a+b", modulus=5, tokens="a o b =", train_fraction=0.6)
TWO_LAYERS = Model(layers=2, width=4, mlp_width=6, heads=2)


pytestmark = pytest.mark.usefixtures("a_state_after_every_epoch")

VARIATIONS = {
    "sgd": {},
    "momentum": {"optimizer": MOMENTUM, "seed": 3},
    "adamw": {"optimizer": ADAMW},
    "one batch larger than the train set": {"optimizer": SGD(name="sgd", learning_rate=0.1)},
    "streams of their own": {"initialization_seed": 4, "order_seed": 9},
    "two layers on a o b =": {"dataset": LONG_TOKENS, "model": TWO_LAYERS},
    "norm": {"model": LAYER_NORM, "optimizer": ADAMW},
    "invariant": {"model": SCALE_INVARIANT, "optimizer": MOMENTUM},
    "invariant attention": {
        "model": LAYER_NORM.model_copy(update={"normalization": "invariant_attention"}),
        "sphere": True,
    },
    "invariant but attention": {
        "model": SCALE_INVARIANT.model_copy(update={"normalization": "invariant_but_attention"}),
        "sphere": True,
    },
    "sphere": {"model": LAYER_NORM, "optimizer": MOMENTUM, "sphere": True},
    "invariant on the sphere": {"model": SCALE_INVARIANT, "sphere": True},
}


@pytest.mark.parametrize("variation", VARIATIONS)
def test_three_epochs_agree_with_the_plain_loop(variation: str, tmp_path: Path) -> None:
    run = tiny_run(**VARIATIONS[variation], epochs=3, checkpoint_every=1)
    trained = train_in(tmp_path, run)
    for epoch, expected in enumerate(oracle.train(run, 3)):
        found = load_file(checkpoint_path(trained.checkpoints, epoch))
        assert set(found) == set(expected)
        for name, tensor in expected.items():
            assert found[name].shape == tensor.shape
            assert np.abs(found[name] - tensor.detach().numpy()).max() <= 1e-10, (epoch, name)


@pytest.mark.parametrize(
    "variation",
    [
        "adamw",
        "two layers on a o b =",
        "norm",
        "invariant",
        "invariant attention",
        "invariant but attention",
    ],
)
def test_history_agrees_with_the_plain_loop(variation: str, tmp_path: Path) -> None:
    run = tiny_run(**VARIATIONS[variation], epochs=2)
    expected = pd.DataFrame(oracle.history(run, 2))
    assert list(expected.columns) == HISTORY
    trained = train_in(tmp_path, run)
    pd.testing.assert_frame_equal(trained.rows, expected, check_dtype=False, rtol=1e-10)
    none = run.model.normalization == "none"
    assert trained.rows["invariant_weight_norm"].isna().all() == none


@pytest.mark.parametrize("variation", ["momentum", "norm", "invariant", "sphere", "two layers on a o b ="])
def test_the_table_of_all_epochs_agrees_with_the_plain_loop(variation: str, tmp_path: Path) -> None:
    run = tiny_run(**VARIATIONS[variation], epochs=2, log_every=100)
    expected = pd.DataFrame(oracle.epochs(run, 2))
    assert list(expected.columns) == EPOCHS
    found = train_in(tmp_path, run).epoch_rows
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-10)
    none = run.model.normalization == "none"
    assert found["invariant_weight_norm"].isna().all() == none


def test_a_stream_that_is_held_fixed_no_longer_depends_on_the_seed(tmp_path: Path) -> None:
    """With both held, nothing depends on it; with one held, the other still does."""

    def weights(name: str, **changes: int) -> list[list[float]]:
        trained = train_in(tmp_path / name, tiny_run(epochs=2, **changes))
        return [trained.weights(epoch).tolist() for epoch in (0, 2)]

    usual = weights("usual", seed=0)
    assert weights("both", seed=1, initialization_seed=0, order_seed=0) == usual
    for own, held in (("order_seed", "initialization_seed"), ("initialization_seed", "order_seed")):
        one_held = weights(held, seed=1, **{held: 0})
        assert one_held == weights(f"{held} alone", seed=0, **{own: 1})
        assert (one_held[0] == usual[0]) == (held == "initialization_seed")
        assert one_held[1] != usual[1]


def test_every_epoch_has_a_row_of_its_own(grokked: Trained, tiny: Trained) -> None:
    last = int(grokked.rows["epoch"].iloc[-1])
    assert grokked.epoch_rows["epoch"].tolist() == list(range(1, last + 1))
    assert grokked.epoch_rows["train_error"].iloc[-1] == 0
    assert tiny.epoch_rows["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    weights = tiny.epoch_rows["weight_norm"].tolist()
    assert weights == pytest.approx(tiny.rows["weight_norm"].tolist()[1:], rel=1e-14)


def test_the_outcome_names_the_last_epoch_and_the_invariant_groups(
    grokked: Trained, tiny: Trained, tmp_path: Path
) -> None:
    assert tiny.outcome == {"epoch": 6, "diverged": None, "invariant_groups": []}
    last = int(grokked.rows["epoch"].iloc[-1])
    assert grokked.outcome == {"epoch": last, "diverged": None, "invariant_groups": []}
    normed = train_in(tmp_path, tiny_run(**VARIATIONS["norm"], epochs=1))
    groups = ["layer_0.mlp.in", "layer_1.mlp.in", "residual stream"]
    assert sorted(normed.outcome["invariant_groups"]) == groups


GOLDEN = {
    "epoch": [0, 1, 2, 3],
    "step": [0, 4, 8, 12],
    "train_loss": [1.9405771695933596, 1.9007393645497075, 1.8703720949113254, 1.959548709328424],
    "train_error": [0.88, 0.8, 0.84, 0.88],
    "validation_loss": [
        2.1798508574671978,
        2.2246618828679128,
        2.59748530387323,
        2.146603187685837,
    ],
    "validation_error": [
        0.8823529411764706,
        0.8823529411764706,
        0.9411764705882353,
        0.9411764705882353,
    ],
    "weight_norm": [8.119331740718719, 8.083495211098231, 8.077594151547881, 8.058324391460777],
    "gradient_norm": [
        1.546422956407675,
        1.4949725419947097,
        1.5383225337486328,
        1.6533165848349891,
    ],
    "effective_learning_rate": [
        0.0015169086489043233,
        0.0015303882734834344,
        0.0015326251303789352,
        0.0015399637850268136,
    ],
    "effective_gradient_norm": [
        12.555920994536915,
        12.084603383937585,
        12.425945101802276,
        13.322961362382424,
    ],
}
"""Printed by `PYTHONPATH=tests python -m oracles.training`: the plain loop, not the code under test.
They change when the draws, the initial weights, the model or the optimizer do."""


def test_the_golden_trajectory_never_changes(tiny: Trained) -> None:
    expected = pd.DataFrame(GOLDEN)
    found = tiny.rows.iloc[:4]
    pd.testing.assert_frame_equal(found[list(GOLDEN)], expected, check_dtype=False, rtol=1e-10)


def test_the_same_run_twice_leaves_the_same_files(tiny: Trained, tmp_path: Path) -> None:
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()


def test_seeds_differ(tiny: Trained, tmp_path: Path) -> None:
    other = train_in(tmp_path, tiny_run(seed=1))
    assert not torch.allclose(other.weights(0), tiny.weights(0))
    assert other.rows["train_loss"].iloc[-1] != tiny.rows["train_loss"].iloc[-1]


def test_float32_follows_float64(tiny: Trained, tmp_path: Path) -> None:
    single = train_in(tmp_path, tiny_run(precision="float32"))
    assert single.weights(6).dtype == torch.float32
    assert (single.weights(6).double() - tiny.weights(6)).abs().max() < 1e-5
    found, expected = single.rows["train_loss"].tolist(), tiny.rows["train_loss"].tolist()
    assert found == pytest.approx(expected, rel=1e-5)


class Interruption(BaseException):
    """Neither an error of grokflow nor any other Exception: as sudden as a signal."""


def interrupt(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, *, at_call: int, after: bool = False
) -> None:
    """Let the call number `at_call` of `owner.name` raise, before or after it did its work."""
    original, calls = getattr(owner, name), itertools.count(1)

    def interrupted(*args, **settings):
        now = next(calls) == at_call
        if now and not after:
            raise Interruption
        result = original(*args, **settings)
        if now:
            raise Interruption
        return result

    monkeypatch.setattr(owner, name, interrupted)


def assert_goes_on_after_interruption(
    folder: Path, run: ResolvedRun, expected: Trained, monkeypatch: pytest.MonkeyPatch, **how
) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, **how)
        with pytest.raises(Interruption):
            train_in(folder, run)
    assert train_in(folder, run).contents() == expected.contents()


@pytest.mark.parametrize("step", [1, 2, 4, 5, 9, 16, 19, 24])
def test_an_interruption_in_a_step_changes_nothing(
    step: int, tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"owner": batch, "name": "batch_pass", "at_call": step}
    assert_goes_on_after_interruption(tmp_path, tiny.run, tiny, monkeypatch, **how)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2, 4])
@pytest.mark.parametrize(("owner", "name"), [(engine, "write_checkpoint"), (ResumableJob, "_write")])
def test_an_interruption_around_a_save_changes_nothing(
    owner: object,
    name: str,
    call: int,
    after: bool,
    tiny: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    how = {"owner": owner, "name": name, "at_call": call, "after": after}
    assert_goes_on_after_interruption(tmp_path, tiny.run, tiny, monkeypatch, **how)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (runs, "write_table", 1),
        (runs, "write_table", 2),
        (shutil, "rmtree", 1),
        (runs, "write_bytes", 1),
        (runs, "write_bytes", 3),
        (runs, "write_json", 1),
        (runs, "find_points", 1),
        (runs, "write_json", 2),
    ],
)
def test_an_interruption_while_publishing_changes_nothing(
    owner: object,
    name: str,
    call: int,
    tiny: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    how = {"owner": owner, "name": name, "at_call": call}
    assert_goes_on_after_interruption(tmp_path, tiny.run, tiny, monkeypatch, **how)


@pytest.mark.parametrize("variation", ["momentum", "adamw", "norm", "invariant", "sphere"])
def test_an_optimizers_state_survives_interruptions(
    variation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(**VARIATIONS[variation])
    expected = train_in(tmp_path / "whole", run)
    for step in (2, 7, 4):  # three interruptions of one training
        with monkeypatch.context() as patch:
            interrupt(patch, batch, "batch_pass", at_call=step)
            with pytest.raises(Interruption):
                train_in(tmp_path / "broken", run)
    assert train_in(tmp_path / "broken", run).contents() == expected.contents()


@pytest.mark.parametrize("step", [60, 147])
def test_a_run_with_points_survives_interruptions(
    step: int, grokked: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"owner": batch, "name": "batch_pass", "at_call": step}
    assert_goes_on_after_interruption(tmp_path, grokked.run, grokked, monkeypatch, **how)


def count_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with every step of training."""
    steps, original = [], batch.batch_pass

    def counted(*args):
        steps.append(1)
        return original(*args)

    monkeypatch.setattr(batch, "batch_pass", counted)
    return steps


def test_what_was_trained_is_not_trained_again(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, batch, "batch_pass", at_call=4 * 5 + 2)  # in the sixth epoch
        with pytest.raises(Interruption):
            train_in(tmp_path, tiny.run)
    steps = count_steps(monkeypatch)
    train_in(tmp_path, tiny.run)
    assert len(steps) == 4  # from the state of epoch 5


def test_a_finished_run_is_published_again_without_a_step(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_in(tmp_path, tiny.run)
    shutil.rmtree(tmp_path / "checkpoints")
    (tmp_path / "history.csv").unlink()
    (tmp_path / "epochs.csv").unlink()
    steps = count_steps(monkeypatch)
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()
    assert steps == []


@pytest.mark.parametrize("first", [1, 2, 3, 5])
def test_more_epochs_go_on_and_equal_the_longer_run(
    first: int, tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the shorter run ended between two checkpoints: its last epoch is then no longer kept."""
    shorter = train_in(tmp_path, tiny_run(epochs=first))
    assert checkpoint_epochs(shorter.checkpoints)[-1] == first
    steps = count_steps(monkeypatch)
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()
    assert len(steps) == 4 * (6 - first)


def test_rarer_logging_drops_the_shorter_runs_last_row(tmp_path: Path) -> None:
    settings = {"log_every": 4, "checkpoint_every": 8}
    whole = train_in(tmp_path / "whole", tiny_run(epochs=10, **settings))
    assert whole.rows["epoch"].tolist() == [0, 4, 8, 10]
    shorter = train_in(tmp_path / "two", tiny_run(epochs=5, **settings))
    assert shorter.rows["epoch"].tolist() == [0, 4, 5]
    assert train_in(tmp_path / "two", tiny_run(epochs=10, **settings)).contents() == whole.contents()


def test_fewer_epochs_start_over_and_equal_the_shorter_run(tmp_path: Path) -> None:
    expected = train_in(tmp_path / "short", tiny_run(epochs=3))
    train_in(tmp_path / "long", tiny_run())
    assert train_in(tmp_path / "long", tiny_run(epochs=3)).contents() == expected.contents()


def test_a_longer_wait_after_point_2_goes_on(grokked: Trained, tmp_path: Path) -> None:
    train_in(tmp_path, grokking_run(stop_after_point_2=0))
    assert train_in(tmp_path, grokked.run).contents() == grokked.contents()


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "a flipped bit": lambda content: content[:-9] + bytes([content[-9] ^ 4]) + content[-8:],
    "text": lambda content: b"epoch 3 of 6",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_state_is_named_and_the_one_before_it_is_used(
    what: str, tiny: Trained, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    saved = train_in(tmp_path, tiny_run(epochs=5)).state
    saved.write_bytes(DAMAGE[what](saved.read_bytes()))
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()
    printed = capsys.readouterr().out
    assert re.search("A saved state cannot be used. .*/state.safetensors: expected", printed)
    assert "Going on from epoch 4." in printed


@pytest.mark.parametrize("what", DAMAGE)
def test_without_a_good_state_it_starts_over_with_the_same_result(
    what: str, tiny: Trained, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    saved = train_in(tmp_path, tiny_run(epochs=3)).state
    for path in (saved, saved.with_name("previous.safetensors")):
        path.write_bytes(DAMAGE[what](path.read_bytes()))
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()
    assert "Starting over, because no saved state can be used" in capsys.readouterr().out


def test_a_whole_file_of_another_kind_in_its_place_starts_over(tiny: Trained, tmp_path: Path) -> None:
    saved = train_in(tmp_path, tiny_run(epochs=3)).state
    shutil.copy(checkpoint_path(tiny.checkpoints, 4), saved)
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()


def test_a_checkpoint_missing_beside_the_state_is_made_again(tiny: Trained, tmp_path: Path) -> None:
    trained = train_in(tmp_path, tiny.run)
    checkpoint_path(trained.state.parent / "row_0", 4).unlink()
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()


def test_a_damaged_checkpoint_is_mended_by_what_its_message_says(tiny: Trained, tmp_path: Path) -> None:
    trained = train_in(tmp_path, tiny.run)
    published = checkpoint_path(trained.checkpoints, 4)
    published.write_bytes(published.read_bytes()[:-8] + b"\xff" * 8)
    shutil.rmtree(trained.checkpoints)  # "Delete this seed's folder; the same command makes it again."
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()


def test_runs_share_a_folder_of_saved_states_without_meeting(tmp_path: Path, tiny: Trained) -> None:
    for change in ({"seed": 1}, {"precision": "float32"}, {"optimizer": ADAMW}, {"log_every": 2}):
        train_in(tmp_path, tiny_run(**change))
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()
    assert len(list((tmp_path / "resume").iterdir())) == 5


@pytest.mark.parametrize(("epochs", "every", "kept"), [
    (6, 2, [0, 2, 4, 6]),
    (5, 2, [0, 2, 4, 5]),
    (3, 1, [0, 1, 2, 3]),
    (3, 100, [0, 3]),
])  # fmt: skip
def test_checkpoints_are_kept_at_every_so_many_epochs_and_at_the_last(
    epochs: int, every: int, kept: list[int], tmp_path: Path
) -> None:
    trained = train_in(tmp_path, tiny_run(epochs=epochs, checkpoint_every=every))
    assert checkpoint_epochs(trained.checkpoints) == kept
    assert set(kept) <= set(trained.rows["epoch"])


@pytest.mark.parametrize(("every", "logged"), [(1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 3, 5, 6]), (9, [0, 5, 6])])
def test_epochs_are_logged_as_often_as_asked_and_where_kept(
    every: int, logged: list[int], tmp_path: Path
) -> None:
    trained = train_in(tmp_path, tiny_run(log_every=every, checkpoint_every=5))
    assert trained.rows["epoch"].tolist() == logged


def test_logging_does_not_change_the_trajectory(tiny: Trained, tmp_path: Path) -> None:
    rarely = train_in(tmp_path, tiny_run(log_every=100, checkpoint_every=6))
    assert torch.equal(rarely.weights(6), tiny.weights(6))


@pytest.fixture(scope="module")
def every_epoch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, pd.DataFrame]:
    """The grokking run with every epoch kept, and its errors computed from the kept weights."""
    folder = tmp_path_factory.mktemp("every_epoch")
    trained = train_in(folder, grokking_run(checkpoint_every=1, log_every=1000))
    rows = []
    for epoch in checkpoint_epochs(trained.checkpoints):
        weights, task = trained.weights(epoch), trained.task
        (_, train), (_, validation) = (
            loss_and_error(task.model, weights, part) for part in (task.train, task.validation)
        )
        rows.append((epoch, train, validation))
    return trained, pd.DataFrame(rows, columns=["epoch", "train", "validation"])


def test_points_are_the_first_epochs_without_an_error(
    every_epoch: tuple[Trained, pd.DataFrame], grokked: Trained
) -> None:
    """Although the run logs every tenth epoch only, found to the epoch."""
    _, errors = every_epoch
    first = int(errors.loc[errors["train"] == 0, "epoch"].iloc[0])
    both = (errors["train"] == 0) & (errors["validation"] == 0)
    second = int(errors.loc[both, "epoch"].iloc[0])
    assert first < second
    assert first % grokked.run.log_every
    assert second % grokked.run.log_every
    rows = grokked.rows
    assert rows.loc[rows["train_error"] == 0, "epoch"].iloc[0] == first
    perfect = rows[(rows["train_error"] == 0) & (rows["validation_error"] == 0)]
    assert perfect["epoch"].iloc[0] == second


def test_checkpoints_are_kept_at_the_points_before_point_2_and_at_the_end(grokked: Trained) -> None:
    points = grokked.points()
    first, second = points["point_1"]["epoch"], points["point_2"]["epoch"]
    last = second + grokked.run.stop_after_point_2
    expected = {*range(0, last + 1, 20), first, second - 1, second, last}
    assert checkpoint_epochs(grokked.checkpoints) == sorted(expected)
    assert grokked.rows["epoch"].iloc[-1] == last


def test_kept_weights_are_those_of_their_epoch(
    every_epoch: tuple[Trained, pd.DataFrame], grokked: Trained
) -> None:
    whole, _ = every_epoch
    for epoch in checkpoint_epochs(grokked.checkpoints):
        assert torch.equal(grokked.weights(epoch), whole.weights(epoch))


def test_a_run_ends_at_its_last_epoch_even_when_point_2_is_near(tmp_path: Path, grokked: Trained) -> None:
    second = grokked.points()["point_2"]["epoch"]
    trained = train_in(tmp_path, grokking_run(epochs=second + 3))
    assert trained.rows["epoch"].iloc[-1] == second + 3


class Remembered:
    """A model that gets the examples wrong whose numbers the weights say; counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def logits(self, weights: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        self.asked += len(tokens)
        return torch.stack([1 - weights[tokens[:, 0]], weights[tokens[:, 0]]], dim=1)


def test_an_evaluation_is_never_of_more_than_a_chunk() -> None:
    sizes = [part.stop - part.start for part in looks(10 * EVALUATION_BATCH)]
    assert sizes[0] == FIRST_LOOK
    assert max(sizes) == EVALUATION_BATCH


@pytest.mark.parametrize(
    "examples", [1, FIRST_LOOK, FIRST_LOOK + 1, 9 * FIRST_LOOK, 9 * FIRST_LOOK + 1, 1500, 4000]
)
def test_watch_agrees_with_brute_force_whatever_was_wrong_before(examples: int) -> None:
    random, model = np.random.default_rng(examples), Remembered()
    every = Examples(torch.arange(examples).view(-1, 1), torch.zeros(examples, dtype=torch.long))
    watch = Watch(model, every)
    for _ in range(60):
        wrong = torch.zeros(examples)
        wrong[random.permutation(examples)[: random.choice([0, 0, 1, 2, examples // 3])]] = 1
        assert watch.perfect(wrong) == ([] if wrong.any() else [0])
        assert sorted(watch.order.tolist()) == list(range(examples))


def test_watch_looks_first_at_what_was_wrong_last() -> None:
    model, wrong = Remembered(), torch.zeros(4000)
    every = Examples(torch.arange(4000).view(-1, 1), torch.zeros(4000, dtype=torch.long))
    watch = Watch(model, every)
    wrong[3999] = 1
    assert watch.perfect(wrong) == []
    assert model.asked == 4000
    assert watch.perfect(wrong) == []
    assert model.asked == 4000 + FIRST_LOOK


def test_two_processes_do_not_train_the_same_run(tiny: Trained, tmp_path: Path) -> None:
    trained = train_in(tmp_path, tiny_run(epochs=1))
    with (
        FileLock(trained.state.with_name("lock")),
        pytest.raises(ArtifactError, match="no other process"),
    ):
        train_in(tmp_path, tiny.run)
    assert train_in(tmp_path, tiny.run).contents() == tiny.contents()


def test_history_is_a_table_of_finite_numbers(grokked: Trained) -> None:
    rows = grokked.rows
    assert list(rows.columns) == HISTORY
    assert rows["epoch"].is_monotonic_increasing
    assert rows["epoch"].is_unique
    assert (rows["step"] == rows["epoch"] * math.ceil(88 / 128)).all()
    invariant = [name for name in HISTORY if name.startswith("invariant_")]
    assert np.isfinite(rows.drop(columns=invariant).to_numpy()).all()
    assert rows[invariant].isna().all(axis=None)
    assert ",nan" not in grokked.history.read_text() + grokked.epochs.read_text()
    product = rows["gradient_norm"] * rows["weight_norm"]
    assert rows["effective_gradient_norm"].tolist() == pytest.approx(product.tolist(), rel=1e-14)
    rates = grokked.run.optimizer.learning_rate / rows["weight_norm"] ** 2
    assert rows["effective_learning_rate"].tolist() == pytest.approx(rates.tolist(), rel=1e-14)


def test_progress_is_printed_for_who_watches(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    train_in(tmp_path, grokking_run(epochs=60))
    printed = capsys.readouterr().out
    assert "epoch 0/60  train loss" in printed
    assert "point 1" in printed
    assert "point 2" not in printed
