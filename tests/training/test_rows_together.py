"""Several rows in one training: each does what it would do alone, whatever becomes of the others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from runs import (
    GROKKING,
    LAYER_NORM,
    SCALE_INVARIANT,
    TINY,
    Trained,
    assert_alike,
    grokking_run,
    member,
    tiny_run,
    train_in,
    train_perturbed,
    train_together,
)

from grokflow.artifacts.columns import HISTORY
from grokflow.config import SGD, AdamW, Dataset, Model, ResolvedRun
from grokflow.data import make_dataset
from grokflow.model import CROSS_ENTROPY, NO_TARGET, Examples, make_task
from grokflow.model.checkpoints import checkpoint_epochs
from grokflow.training import batch, engine
from grokflow.training.batch import Batch
from grokflow.training.engine import Trainer, training_job
from grokflow.training.rows import Row

pytestmark = pytest.mark.usefixtures("a_state_after_every_epoch")

MODELS = {
    "plain": TINY["model"],
    "two layers": Model(layers=2, width=4, mlp_width=6, heads=2),
    "layer norm": LAYER_NORM,
    "scale-invariant": SCALE_INVARIANT,
}
OPTIMIZERS = {
    "sgd": SGD(name="sgd", learning_rate=0.1, weight_decay=0.01, batch_size=8),
    "momentum": SGD(name="sgd", learning_rate=0.02, weight_decay=0.01, momentum=0.9, batch_size=8),
    "adamw": AdamW(name="adamw", learning_rate=0.01, weight_decay=0.5, warmup_steps=6, batch_size=8),
}
TOKENS = {
    "a b": TINY["dataset"],
    "a o b =": Dataset(operation="a+b", modulus=6, tokens="a o b =", train_fraction=0.7),
}


def seeds(number: int, **changes: Any) -> list[ResolvedRun]:
    return [tiny_run(**changes, seed=seed) for seed in range(number)]


CASES = [
    (model, optimizer, tokens, sphere)
    for model, optimizer, tokens in itertools.product(MODELS, OPTIMIZERS, TOKENS)
    for sphere in ([False] if MODELS[model].normalization == "none" else [False, True])
]


@pytest.mark.parametrize(("model", "optimizer", "tokens", "sphere"), CASES)
def test_seeds_together_agree_with_each_alone(
    model: str, optimizer: str, tokens: str, sphere: bool, tmp_path: Path
) -> None:
    """Over 50 steps or a few more, in float64: the weights and both tables, to rounding."""
    chosen = seeds(
        2,
        model=MODELS[model],
        optimizer=OPTIMIZERS[optimizer],
        dataset=TOKENS[tokens],
        sphere=sphere,
        epochs=13,
        checkpoint_every=13,
        log_every=13,
    )
    together = train_together(tmp_path / "together", chosen)
    assert 50 <= 13 * math.ceil(len(together[0].task.train) / 8) <= 55
    for run, found in zip(chosen, together, strict=True):
        alone = train_in(tmp_path / f"alone_{run.seed}", run)
        assert_alike(found, alone, train_perturbed(tmp_path / f"perturbed_{run.seed}", run))
        assert found.outcome == alone.outcome
    assert (together[0].weights(13) - together[1].weights(13)).abs().max() > 0.1


def names(trained: Trained) -> list[str]:
    return sorted(
        str(path.relative_to(trained.folder)) for path in trained.folder.rglob("*") if path.is_file()
    )


def grokking(seed: int, **changes: Any) -> ResolvedRun:
    """A run of 104 train pairs: seed 1 generalises at epoch 46, seed 2 at 154, the others later than 170."""
    dataset = GROKKING["dataset"].model_copy(update={"train_fraction": 0.95})
    return grokking_run(**{"seed": seed, "dataset": dataset, "epochs": 170, **changes})


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> list[Trained]:
    """Eight seeds that memorise and, most of them, generalise, at different epochs. Do not change them."""
    chosen = [grokking(seed) for seed in range(8)]
    return train_together(tmp_path_factory.mktemp("eight"), chosen)


def test_a_seeds_files_are_the_same_whichever_group_it_was_in(eight: list[Trained], tmp_path: Path) -> None:
    assert len({trained.outcome["epoch"] for trained in eight}) == 3, "they are to end at different epochs"
    for seed in (1, 5):
        alone = train_in(tmp_path / str(seed), eight[seed].run)
        expected = [name for name in names(alone) if not name.startswith("resume")]
        assert names(eight[seed]) == expected
        assert eight[seed].points() == alone.points()
        pd.testing.assert_frame_equal(eight[seed].rows[HISTORY[:6]], alone.rows[HISTORY[:6]], rtol=1e-6)


def test_every_rows_points_are_the_first_epochs_without_an_error(tmp_path: Path) -> None:
    """Though they are logged every thousand epochs only: found from the weights of every epoch."""
    chosen = [grokking(s, epochs=60, checkpoint_every=1, log_every=1000) for s in range(3)]
    reached = []
    for trained in train_together(tmp_path, chosen):
        task, first = trained.task, {}
        for epoch in checkpoint_epochs(trained.checkpoints):
            logits = [
                task.model.logits(trained.weights(epoch), s.tokens) for s in (task.train, task.validation)
            ]
            right = [
                bool((x.argmax(-1) == split.targets).all())
                for x, split in zip(logits, (task.train, task.validation), strict=True)
            ]
            first.setdefault("point_1", epoch) if right[0] else None
            first.setdefault("point_2", epoch) if all(right) else None
        points = trained.points()
        found = {name: points[name]["epoch"] for name in ("point_1", "point_2") if points[name]}
        assert found == first
        reached.append(sorted(found))
    assert reached == [[], ["point_1", "point_2"], ["point_1"]]


def contents(together: Sequence[Trained]) -> list[dict[str, Any]]:
    return [trained.contents() for trained in together]


class Interruption(BaseException):
    """As sudden as a signal."""


def interrupt(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, at_call: int) -> None:
    original, calls = getattr(owner, name), itertools.count(1)

    def interrupted(*arguments: Any, **settings: Any) -> Any:
        if next(calls) == at_call:
            raise Interruption
        return original(*arguments, **settings)

    monkeypatch.setattr(owner, name, interrupted)


def test_eight_seeds_killed_three_times_are_as_undisturbed(
    eight: list[Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (40, 27, 50):
        with monkeypatch.context() as patch:
            interrupt(patch, batch, "batch_pass", step)
            with pytest.raises(Interruption):
                train_together(tmp_path, [trained.run for trained in eight])
    found = train_together(tmp_path, [trained.run for trained in eight])
    assert contents(found) == contents(eight)


@pytest.mark.parametrize("call", [1, 3, 20, 41])
@pytest.mark.parametrize(("owner", "name"), [(engine, "write_checkpoint"), (engine.ResumableJob, "_write")])
def test_an_interruption_around_a_save_changes_nothing(
    owner: object,
    name: str,
    call: int,
    eight: list[Trained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = [trained.run for trained in eight]
    with monkeypatch.context() as patch:
        interrupt(patch, owner, name, call)
        with pytest.raises(Interruption):
            train_together(tmp_path, chosen)
    assert contents(train_together(tmp_path, chosen)) == contents(eight)


def spoil(monkeypatch: pytest.MonkeyPatch, seed: int, epoch: int, value: float = math.inf) -> None:
    """Put `value` into a weight of one seed before `epoch`."""
    original = Batch.train_epoch

    def spoiled(self: Batch) -> Any:
        for place, row in enumerate(self.rows):
            if row.run.seed == seed and row.epoch + 1 == epoch:
                self.weights[place, 3] = value
        return original(self)

    monkeypatch.setattr(Batch, "train_epoch", spoiled)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_seed_that_diverges_leaves_seven_as_they_are(
    value: float, eight: list[Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 3, 45, value)
    found = train_together(tmp_path, [trained.run for trained in eight])
    diverged, others = found[3], [trained for trained in found if trained.run.seed != 3]
    assert diverged.outcome["diverged"].startswith("epoch 45, step 45: ")
    assert diverged.outcome["epoch"] == 44
    assert checkpoint_epochs(diverged.checkpoints)[-1] <= 44
    points = diverged.points()
    assert points["diverged"] == diverged.outcome["diverged"]
    assert points["point_2"] is None
    assert "diverged" in points["reasons"]["point_2"]
    assert np.isfinite(diverged.epoch_rows[["train_loss", "weight_norm"]]).all(axis=None)
    assert contents(others) == contents([trained for trained in eight if trained.run.seed != 3])


def test_the_others_do_not_depend_on_whether_one_diverged_and_was_gone_when_they_were_interrupted(
    eight: list[Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 3, 20)
    with monkeypatch.context() as patch:
        interrupt(patch, batch, "batch_pass", 60)
        with pytest.raises(Interruption):
            train_together(tmp_path, [trained.run for trained in eight])
    found = train_together(tmp_path, [trained.run for trained in eight])
    assert found[3].outcome["diverged"].startswith("epoch 20, ")
    assert contents(found[:3] + found[4:]) == contents(eight[:3] + eight[4:])


def test_a_group_without_one_of_its_seeds_leaves_the_others_the_same_bits(tmp_path: Path) -> None:
    """A row in a batch does not depend on which other rows there are."""
    chosen = seeds(4, epochs=6)
    four = train_together(tmp_path / "four", chosen)
    three = train_together(tmp_path / "three", [chosen[i] for i in (0, 2, 3)])
    assert contents(three) == contents([four[i] for i in (0, 2, 3)])


@pytest.mark.parametrize("first", [3, 5])
def test_more_epochs_for_a_finished_group_go_on(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train_together(tmp_path / "whole", seeds(3, epochs=6))
    train_together(tmp_path / "two", seeds(3, epochs=first))
    steps: list[int] = []
    original = batch.batch_pass
    monkeypatch.setattr(batch, "batch_pass", lambda *args: steps.append(1) or original(*args))
    assert contents(train_together(tmp_path / "two", seeds(3, epochs=6))) == contents(expected)
    assert len(steps) == 4 * (6 - first)


def test_a_longer_wait_after_point_2_goes_on_for_every_row_from_its_own_end(tmp_path: Path) -> None:
    short, long = ([grokking(seed, stop_after_point_2=after) for seed in range(3)] for after in (0, 10))
    expected = train_together(tmp_path / "whole", long)
    ends = [t.outcome["epoch"] for t in train_together(tmp_path / "two", short)]
    assert len(set(ends)) > 1
    found = train_together(tmp_path / "two", long)
    assert contents(found) == contents(expected)


def test_rows_that_do_not_fit_together_train_in_turn(
    eight: list[Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "rows_that_fit", lambda run, rows, device: 3)
    chosen = [trained.run for trained in eight]
    with monkeypatch.context() as patch:
        interrupt(patch, batch, "batch_pass", 200)  # in the second batch
        with pytest.raises(Interruption):
            train_together(tmp_path, chosen)
    assert contents(train_together(tmp_path, chosen)) == contents(eight)


KINDS = {
    "sgd": {},
    "momentum": {"optimizer": OPTIMIZERS["momentum"]},
    "adamw, a o b =": {
        "optimizer": OPTIMIZERS["adamw"],
        "dataset": TOKENS["a o b ="],
        "model": MODELS["two layers"],
    },
    "norm": {"model": LAYER_NORM, "optimizer": OPTIMIZERS["adamw"]},
    "invariant": {"model": SCALE_INVARIANT, "optimizer": OPTIMIZERS["momentum"]},
}


def trained_members(chosen: Sequence[ResolvedRun]) -> Trainer:
    """The rows after training, of which only the outcome is recorded."""
    rows = [Row(run, number, recorded=False) for number, run in enumerate(chosen)]
    tasks = [make_task(run.model, run.dataset, make_dataset(run.dataset), "cpu") for run in chosen]
    job = training_job(None, "rows", chosen, "cpu")
    training = Trainer(rows, tasks, job, "cpu")
    job.carry_out(training)
    return training


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_differ_in_all_that_rows_may_agree_with_runs(kind: str, tmp_path: Path) -> None:
    """In seeds, weight decay, split, learning rate, and in how many steps an epoch has."""
    base, chosen = {**TINY, **KINDS[kind]}, []
    for row, fraction in enumerate((0.3, 0.8, 0.55, 0.8)):
        base["dataset"] = base["dataset"].model_copy(update={"train_fraction": fraction})
        run = member(base, row, epochs=10).run
        rate = run.optimizer.learning_rate * (1 - 0.1 * row)
        changed = {"optimizer": run.optimizer.model_copy(update={"learning_rate": rate})}
        streams = {} if row == 0 else {"initialization_seed": 5 + row % 2, "order_seed": 7 - row}
        chosen.append(run.model_copy(update=changed | streams))
    training = trained_members(chosen)
    for row, run in enumerate(chosen):
        alone = train_in(tmp_path / f"alone_{row}", run)
        near = train_perturbed(tmp_path / f"perturbed_{row}", run).weights(10)
        allowed = 100 * (near - alone.weights(10)).abs().max() + 1e-14
        found = torch.from_numpy(training.stopped[row]["weights"])
        assert (found - alone.weights(10)).abs().max() <= allowed
        assert training.rows[row].errors == tuple(alone.rows.iloc[-1][["train_error", "validation_error"]])


def test_stacked_examples_are_each_rows_own_split_filled_up_with_none() -> None:
    chosen = [
        member(
            {**TINY, "dataset": TINY["dataset"].model_copy(update={"train_fraction": f})}, row, epochs=2
        ).run
        for row, f in enumerate((0.6, 0.3, 0.6))
    ]
    tasks = [make_task(run.model, run.dataset, make_dataset(run.dataset), "cpu") for run in chosen]
    rows = [Row(run, number, recorded=False) for number, run in enumerate(chosen)]
    found = Batch(rows, tasks, "cpu", batched=True)
    assert [row.number for row in found.rows] == [0, 2, 1], "those with more steps an epoch come first"
    assert found.train.targets.shape == (3, 25)
    assert CROSS_ENTROPY.counts(found.train.targets).tolist() == [25, 25, 12]
    assert not torch.equal(found.train.tokens[0], found.train.tokens[1])
    a, b, c = found.train.tokens[..., 0], found.train.tokens[..., 1], found.train.targets
    assert ((a * b % 7 == c) | (c == NO_TARGET)).all()


def test_watch_of_many_rows_agrees_with_brute_force() -> None:
    """Each row has its own examples and its own wrong ones; some rows are not asked."""

    class Remembered:
        """Gets the examples wrong whose numbers the weights of its row say."""

        def logits(self, weights: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
            wrong = weights.gather(-1, tokens[..., 0])
            return torch.stack([1 - wrong, wrong], dim=-1)

    random, M, N = np.random.default_rng(0), 4, 700
    numbers = torch.stack([torch.from_numpy(random.permutation(N)) for _ in range(M)])
    examples = Examples(numbers.unsqueeze(-1), torch.zeros(M, N, dtype=torch.long))
    watch = batch.Watch(Remembered(), examples)  # type: ignore[arg-type]
    for turn in range(80):
        wrong = torch.zeros(M, N)
        for row in wrong:
            row[random.permutation(N)[: random.choice([0, 0, 1, 2, N // 3])]] = 1
        asked = [row for row in range(M) if random.random() < 0.7]
        expected = [row for row in asked if not wrong[row].any()]
        first = watch.wrong_at_first_look(wrong).numpy() if turn % 2 else None
        assert watch.perfect(wrong, asked, first) == expected
        for row in range(M):
            assert sorted(watch.order[row].tolist()) == list(range(N))


def test_progress_of_many_says_how_many_are_where(
    eight: list[Trained], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grokflow.training.progress.SECONDS_BETWEEN_LINES", 0.0)
    train_together(tmp_path, [trained.run for trained in eight[:2]])
    printed = capsys.readouterr().out
    assert "epoch 10/170  2 of 2 in training, point 1 in 0, point 2 in 0, diverged 0" in printed
    assert "seed 1" in printed
    assert printed.count("point 1\n") == 2
