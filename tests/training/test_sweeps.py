"""Sweeps: a member does in its chunk what it would do alone."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from runs import ADAMW, GROKKING, LAYER_NORM, MOMENTUM, SCALE_INVARIANT, TINY, Trained, train_in

from grokflow.artifacts.resumable import Workshop
from grokflow.artifacts.tables import gather
from grokflow.config import (
    Config,
    Dataset,
    Model,
    ResolvedMember,
    ResolvedRun,
    Sweep,
    name_of_chunk,
)
from grokflow.config import chunks_of_sweep as chunks
from grokflow.config import members_of_sweep as members
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_epochs
from grokflow.model.objective import Examples
from grokflow.training import sweeps
from grokflow.training.sweeps import OUTCOMES, _Chunk, train_chunk

NOWHERE = Workshop(None, "a chunk", {}, ("training/sweeps.py",), "cpu")
"""Keeps no state of what is trained there."""


def member(base: dict[str, Any], row: int, **changes: Any) -> ResolvedMember:
    """Member number `row`: its own seed, weight decay and split."""
    settings = {**base, **changes}
    decay, split = 0.1 * row, 10 + row
    run = ResolvedRun(
        **{
            **settings,
            "seed": row,
            "dataset": settings["dataset"].model_copy(update={"split_seed": split}),
            "optimizer": settings["optimizer"].model_copy(update={"weight_decay": decay}),
            "checkpoint_every": settings["epochs"],
        }
    )
    return ResolvedMember(settings={"optimizer.weight_decay": decay, "dataset.split_seed": split}, run=run)


TINY_CHUNKS = {
    "sgd": {},
    "momentum": {"optimizer": MOMENTUM},
    "adamw, a o b =": {
        "optimizer": ADAMW,
        "dataset": Dataset(operation="a+b", modulus=5, tokens="a o b =", train_fraction=0.8),
        "model": Model(layers=2, width=4, mlp_width=6, heads=2),
    },
    "norm": {"model": LAYER_NORM, "optimizer": ADAMW},
    "invariant": {"model": SCALE_INVARIANT, "optimizer": MOMENTUM},
}


@pytest.mark.parametrize("kind", TINY_CHUNKS)
def test_weights_of_a_chunk_are_those_of_single_runs(kind: str, tmp_path: Path) -> None:
    """After up to 50 steps that differ in seed, weight decay, split, and in how many an epoch has."""
    chosen = []
    for row, fraction in enumerate((0.3, 0.8, 0.55, 0.8)):
        base = {**TINY, **TINY_CHUNKS[kind]}
        base["dataset"] = base["dataset"].model_copy(update={"train_fraction": fraction})
        chosen.append(member(base, row, epochs=10))
    chunk = _Chunk(chosen, "cpu")
    chunk.go(NOWHERE)
    assert chunk.rows == [1, 3, 2, 0]
    for place, row in enumerate(chunk.rows):
        alone = train_in(tmp_path / str(row), chosen[row].run).weights(10)
        assert (chunk.weights[place] - alone).abs().max() <= 1e-12
    assert (chunk.weights[0] - chunk.weights[1]).abs().max() > 0.1


LOG_EVERY = 5
GROKS = {**GROKKING, "epochs": 200, "log_every": LOG_EVERY, "stop_after_point_2": 10}


def grokking_member(seed: int, split: int, decay: float) -> ResolvedMember:
    """One that generalises before epoch 200, or with no weight decay does not."""
    settings = {"dataset.split_seed": split, "optimizer.weight_decay": decay}
    changed = {
        "dataset": GROKS["dataset"].model_copy(update={"split_seed": split}),
        "optimizer": GROKS["optimizer"].model_copy(update={"weight_decay": decay}),
    }
    run = ResolvedRun(**{**GROKS, **changed, "seed": seed, "checkpoint_every": GROKS["epochs"]})
    return ResolvedMember(settings=settings, run=run)


@pytest.fixture(scope="module")
def grokking(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[ResolvedMember], list[Trained]]:
    """Three members, and each of them trained alone for all its epochs, every one of them logged."""
    chosen = [grokking_member(0, 0, 1.0), grokking_member(1, 1, 0.0), grokking_member(0, 0, 1.5)]
    whole = {"stop_after_point_2": None, "log_every": LOG_EVERY}
    folder = tmp_path_factory.mktemp("alone")
    alone = [train_in(folder / str(i), m.run.model_copy(update=whole)) for i, m in enumerate(chosen)]
    return chosen, alone


def expected_outcome(trained: Trained, after: int | None) -> dict[str, Any]:
    """What a look at every `log_every`-th epoch finds in the history of a single run."""
    last = trained.run.epochs
    rows = trained.rows
    rows = rows[(rows["epoch"] % LOG_EVERY == 0) | (rows["epoch"] == last)]
    train, validation = rows["train_error"] == 0, rows["validation_error"] == 0
    point_1, point_2 = (rows.loc[found, "epoch"].min() for found in (train, train & validation))
    if after is not None and not math.isnan(point_2):
        last = int(rows.loc[rows["epoch"] >= point_2 + after, "epoch"].min())
    end = rows[rows["epoch"] == last].iloc[0]
    return {
        "point_1": point_1,
        "point_2": point_2,
        "epochs": last,
        "train_error": end["train_error"],
        "validation_error": end["validation_error"],
        "diverged": math.nan,
    }


def test_a_members_row_is_what_its_own_run_would_log(
    grokking: tuple[list[ResolvedMember], list[Trained]],
) -> None:
    chosen, alone = grokking
    found = train_chunk(chosen, "cpu")
    assert found["seed"].tolist() == [0, 1, 0]
    assert found["dataset.split_seed"].tolist() == [0, 1, 0]
    assert found["optimizer.weight_decay"].tolist() == [1.0, 0.0, 1.5]
    expected = pd.DataFrame([expected_outcome(trained, 10) for trained in alone])
    assert expected["point_2"].notna().tolist() == [True, False, True]
    assert expected["epochs"].nunique() == 3, "members are to finish at different times"
    for name in expected.columns:
        column = found[name].astype("Float64" if name != "diverged" else object)
        for ours, theirs in zip(column, expected[name], strict=True):
            assert (pd.isna(ours) and pd.isna(theirs)) or ours == pytest.approx(theirs, rel=1e-12), name


def test_members_that_finish_leave_the_others_as_they_are(
    grokking: tuple[list[ResolvedMember], list[Trained]],
) -> None:
    chosen, _ = grokking
    chunk = _Chunk(chosen, "cpu")
    chunk.go(NOWHERE)
    assert chunk.rows == [1]
    assert chunk.weights.shape == (1, chunk.model.layout.size)
    lone = _Chunk(chosen[1:2], "cpu")
    lone.go(NOWHERE)
    assert chunk.epoch == lone.epoch == 200
    assert (chunk.weights - lone.weights).abs().max() <= 1e-9
    assert chunk.outcomes[1] == lone.outcomes[0]


def test_a_single_members_chunk_agrees_with_one_among_others(
    grokking: tuple[list[ResolvedMember], list[Trained]],
) -> None:
    chosen, _ = grokking
    together = train_chunk(chosen, "cpu")
    apart = pd.concat([train_chunk([one], "cpu") for one in chosen], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart, check_dtype=False, rtol=1e-12)


def test_all_members_may_finish_early(grokking: tuple[list[ResolvedMember], list[Trained]]) -> None:
    chosen, _ = grokking
    chunk = _Chunk([chosen[0], chosen[2]], "cpu")
    chunk.go(NOWHERE)
    assert chunk.rows == []
    assert chunk.epoch < 200
    assert chunk.epoch == max(outcome["epochs"] for outcome in chunk.outcomes)


def test_rows_are_right_and_finite_that_are_so_in_all_that_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random, chunk = np.random.default_rng(0), _Chunk([member(TINY, row) for row in range(3)], "cpu")
    every = Examples(torch.zeros(3, 3000, 1, dtype=torch.long), torch.zeros(3, 3000, dtype=torch.long))
    for _ in range(100):
        wrong, infinite = torch.zeros(2, 3, 3000, dtype=torch.bool)
        for row in (*wrong, *infinite):
            row[random.permutation(3000)[: random.choice([0, 0, 1, 2, 1000])]] = True
        looked_at = []

        def look(
            _: Examples, part: slice, wrong=wrong, infinite=infinite, looked_at=looked_at
        ) -> tuple[torch.Tensor, torch.Tensor]:
            looked_at.append(part)
            return wrong[:, part].sum(-1), ~infinite[:, part].any(-1)

        monkeypatch.setattr(chunk, "wrong", look)
        asked = random.choice([True, False], 3)
        right, finite = chunk.right(every, asked.tolist())
        assert right == (asked & ~wrong.any(-1).numpy()).tolist()
        assert finite == (~infinite[:, : looked_at[-1].stop].any(-1)).tolist()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_member_that_diverges_is_reported_and_the_others_go_on(at: int) -> None:
    chosen = [member(TINY, row, epochs=8, log_every=2) for row in range(3)]
    absurd = chosen[at].run.optimizer.model_copy(update={"learning_rate": 1e200})
    mixed = list(chosen)
    mixed[at] = chosen[at].model_copy(update={"run": chosen[at].run.model_copy(update={"optimizer": absurd})})
    healthy, found = _Chunk(chosen, "cpu"), _Chunk(mixed, "cpu")
    healthy.go(NOWHERE)
    found.go(NOWHERE)
    others = [row for row in range(3) if row != at]
    assert found.rows == others
    assert (found.weights - healthy.weights[others]).abs().max() <= 1e-12
    table = train_chunk(mixed, "cpu")
    assert table["diverged"].notna().tolist() == [row == at for row in range(3)]
    row = table.iloc[at]
    assert row["diverged"] == "epoch 2"
    assert row["epochs"] == 2
    assert pd.isna(row["point_1"])
    assert pd.isna(row["point_2"])
    assert pd.isna(row["train_error"])
    assert pd.isna(row["validation_error"])
    assert (table["epochs"][others] == 8).all()


def test_a_member_that_diverges_after_point_2_is_reported() -> None:
    """Its points are known, so nothing else asks for its answers any more."""
    chunk = _Chunk([member(TINY, row, epochs=8, log_every=2) for row in range(3)], "cpu")
    chunk.outcomes[1].update(point_1=0, point_2=0)
    chunk.weights[1] = math.nan
    chunk.epoch = 2
    chunk.look()
    assert [outcome["diverged"] for outcome in chunk.outcomes] == [None, "epoch 2", None]
    assert chunk.rows == [0, 2]


def test_a_chunk_that_diverges_altogether_ends() -> None:
    chosen = [member(TINY, row, epochs=8, log_every=2) for row in range(2)]
    absurd = TINY["optimizer"].model_copy(update={"learning_rate": 1e200})
    chosen = [m.model_copy(update={"run": m.run.model_copy(update={"optimizer": absurd})}) for m in chosen]
    table = train_chunk(chosen, "cpu")
    assert table["diverged"].tolist() == ["epoch 2", "epoch 2"]
    assert table["point_1"].isna().all()


def test_learning_rates_may_differ(tmp_path: Path) -> None:
    chosen = []
    for row, rate in enumerate((0.1, 0.02)):
        one = member(TINY, row, epochs=3)
        optimizer = one.run.optimizer.model_copy(update={"learning_rate": rate})
        chosen.append(one.model_copy(update={"run": one.run.model_copy(update={"optimizer": optimizer})}))
    chunk = _Chunk(chosen, "cpu")
    chunk.go(NOWHERE)
    for row, one in enumerate(chosen):
        alone = train_in(tmp_path / str(row), one.run)
        assert checkpoint_epochs(alone.checkpoints) == [0, 3]
        assert (chunk.weights[row] - alone.weights(3)).abs().max() <= 1e-10


def test_errors_do_not_depend_on_the_size_of_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [member(TINY, row, epochs=4, log_every=2) for row in range(2)]
    expected = train_chunk(chosen, "cpu")
    monkeypatch.setattr(sweeps, "CHUNK", 7)
    pd.testing.assert_frame_equal(train_chunk(chosen, "cpu"), expected)


def test_the_table_survives_being_written_and_read(tmp_path: Path) -> None:
    table = train_chunk([member(TINY, row, epochs=3) for row in range(2)], "cpu")
    table.to_csv(tmp_path / "part.csv", index=False, lineterminator="\n")
    lines = (tmp_path / "part.csv").read_text().splitlines()
    for row, line in enumerate(lines[1:]):
        cells = dict(zip(lines[0].split(","), line.split(","), strict=True))
        assert float(cells.pop("train_error")) == table["train_error"][row]
        assert float(cells.pop("validation_error")) == table["validation_error"][row]
        settings = {"optimizer.weight_decay": f"{0.1 * row}", "dataset.split_seed": f"{10 + row}"}
        outcome = {"point_1": "", "point_2": "", "epochs": "3", "diverged": ""}
        assert cells == {**settings, "seed": f"{row}", **outcome}
    assert gather([tmp_path / "part.csv"]).to_csv(index=False).splitlines() == lines


def test_the_tables_columns_are_in_the_order_that_is_documented() -> None:
    table = train_chunk([member(TINY, 0, epochs=1)], "cpu")
    assert list(table.columns) == ["optimizer.weight_decay", "dataset.split_seed", *OUTCOMES]


# The members of a sweep, from the configuration.


def config(**changes: Any) -> Config:
    sweep = {
        "dataset": "table",
        "model": "small",
        "optimizer": "sgd",
        "vary": {"optimizer.weight_decay": [0.0, 0.1, 1], "dataset.train_fraction": [0.4, 0.6]},
        "seeds": [3, 1],
        "epochs": 7,
        "stop_after_point_2": 2,
        "log_every": 3,
        "members_at_once": 4,
        **changes,
    }
    return Config(
        precision="float64",
        threads=2,
        device="cpu",
        datasets={"table": TINY["dataset"]},
        models={"small": TINY["model"]},
        optimizers={"sgd": TINY["optimizer"]},
        runs={},
        sweeps={"grid": Sweep(**sweep)},
    )


def test_members_are_every_combination_with_every_seed_in_order() -> None:
    found = members(config(), "grid")
    expected = [
        (decay, fraction, seed) for seed in (3, 1) for decay in (0.0, 0.1, 1) for fraction in (0.4, 0.6)
    ]
    assert len(found) == 12
    for one, (decay, fraction, seed) in zip(found, expected, strict=True):
        assert one.settings == {"optimizer.weight_decay": decay, "dataset.train_fraction": fraction}
        assert one.run == ResolvedRun(
            dataset=TINY["dataset"].model_copy(update={"train_fraction": fraction}),
            model=TINY["model"],
            optimizer=TINY["optimizer"].model_copy(update={"weight_decay": float(decay)}),
            seed=seed,
            epochs=7,
            stop_after_point_2=2,
            checkpoint_every=7,
            log_every=3,
            precision="float64",
            threads=2,
            device="cpu",
        )


def test_a_value_that_a_key_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        members(config(vary={"optimizer.learning_rate": [0.1, -1]}), "grid")


def shape(one: ResolvedMember) -> tuple[object, ...]:
    """What all rows of a batch must share, written out by hand."""
    run = one.run
    dataset = run.dataset.model_copy(update={"split_seed": 0})
    optimizer = run.optimizer.model_copy(update={"learning_rate": 1.0, "weight_decay": 0.0})
    return dataset, run.model, optimizer, run.epochs, run.log_every, run.precision


@pytest.mark.parametrize("at_once", [1, 4, 5, 100])
def test_chunks_hold_members_of_one_shape(at_once: int) -> None:
    configured = config(members_at_once=at_once)
    found = chunks(configured, "grid")
    assert all(1 <= len(chunk) <= at_once for chunk in found)
    for chunk in found:
        assert all(shape(one) == shape(chunk[0]) for one in chunk)
    every = [one for chunk in found for one in chunk]
    assert sorted(every, key=str) == sorted(members(configured, "grid"), key=str)
    assert len(found) == 2 * math.ceil(6 / at_once)
    # Within a shape the order is that of the members.
    order = members(configured, "grid")
    for fraction in (0.4, 0.6):
        of_shape = [one for one in every if one.run.dataset.train_fraction == fraction]
        assert of_shape == [one for one in order if one.run.dataset.train_fraction == fraction]


@pytest.mark.parametrize(("key", "values", "number"), [
    ("dataset.split_seed", [0, 1, 2], 1),
    ("optimizer.learning_rate", [0.1, 0.2], 1),
    ("optimizer.weight_decay", [0.1, 0.2], 1),
    ("optimizer.momentum", [0.0, 0.9], 2),
    ("optimizer.batch_size", [8, 16], 2),
    ("dataset.train_fraction", [0.4, 0.5, 0.6], 3),
    ("dataset.modulus", [5, 7], 2),
    ("model.width", [8, 16], 2),
])  # fmt: skip
def test_only_what_a_row_can_have_of_its_own_shares_a_chunk(key: str, values: list, number: int) -> None:
    configured = config(vary={key: values}, members_at_once=100)
    assert len(chunks(configured, "grid")) == number


RANDOM: dict[str, Any] = {
    "vary": {
        "optimizer.weight_decay": {"from": 0.001, "to": 10.0, "scale": "log"},
        "dataset.train_fraction": {"from": 0.3, "to": 0.6},
        "model.layers": {"from": 1, "to": 2},
        "optimizer.momentum": [0.0, 0.5],
    },
    "draws": 200,
    "seeds": [0],
}


def test_a_random_design_draws_within_its_ranges_evenly() -> None:
    settings = pd.DataFrame([one.settings for one in members(config(**RANDOM), "grid")])
    assert len(settings) == 200
    decay, fraction = settings["optimizer.weight_decay"], settings["dataset.train_fraction"]
    assert decay.between(0.001, 10).all()
    assert 60 < (decay < 0.1).sum() < 140  # half of it, on a log scale
    assert fraction.between(0.3, 0.6).all()
    assert 60 < (fraction < 0.45).sum() < 140
    for key, values in (("model.layers", [1, 2]), ("optimizer.momentum", [0.0, 0.5])):
        counts = settings[key].value_counts()
        assert sorted(counts.index) == values
        assert counts.min() > 60
    assert abs(np.corrcoef(np.log(decay), fraction)[0, 1]) < 0.3


def test_more_draws_keep_the_first_and_another_seed_draws_anew() -> None:
    few, more, other = (
        [one.settings for one in members(config(**{**RANDOM, **changed}), "grid")]
        for changed in ({"draws": 20}, {"draws": 30}, {"draws": 20, "design_seed": 1})
    )
    assert more[:20] == few
    assert not any(settings in few for settings in other)


def test_a_combination_that_is_drawn_twice_is_trained_once() -> None:
    drawn = members(config(vary={"model.layers": {"from": 1, "to": 3}}, draws=50, seeds=[4, 5]), "grid")
    assert sorted((one.settings["model.layers"], one.run.seed) for one in drawn) == [
        (layers, seed) for layers in (1, 2, 3) for seed in (4, 5)
    ]


def test_members_of_a_random_design_share_a_chunk_whatever_their_train_fraction() -> None:
    vary = {"dataset.train_fraction": {"from": 0.3, "to": 0.6}}
    found = chunks(config(vary=vary, draws=6, seeds=[0], members_at_once=4), "grid")
    assert [len(chunk) for chunk in found] == [4, 2]
    table = train_chunk(found[0], "cpu")
    assert len(set(table["dataset.train_fraction"])) == 4
    alone = [train_chunk([one], "cpu") for one in found[0]]
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True), check_exact=True)


# What fits into memory.

FOUR = [member(TINY, row, epochs=6, precision="float32") for row in range(4)]


@pytest.mark.parametrize("fit", [1, 3])
def test_members_that_do_not_fit_together_are_trained_in_turn_to_the_same_bits(
    fit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = _Chunk(FOUR, "cpu")
    together.go(NOWHERE)
    weights = {row: together.weights[place] for place, row in enumerate(together.rows)}
    table = train_chunk(FOUR, "cpu")
    trained: list[torch.Tensor] = []
    original = _Chunk.go

    def go(self: _Chunk, *arguments: Any) -> None:
        original(self, *arguments)
        trained.extend(self.weights[self.rows.index(row)] for row in range(len(self.rows)))

    monkeypatch.setattr(_Chunk, "go", go)
    monkeypatch.setattr(sweeps, "members_that_fit", lambda *_: fit)
    pd.testing.assert_frame_equal(train_chunk(FOUR, "cpu"), table, check_exact=True)
    assert all(torch.equal(weights[row], one) for row, one in enumerate(trained))
    assert len(trained) == 4


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_chunk_trains_nothing_again_though_other_memory_is_free(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = train_chunk(FOUR, "cpu")
    monkeypatch.setattr("grokflow.artifacts.resumable.SECONDS_BETWEEN_STATES", 0.0)
    monkeypatch.setattr(sweeps, "members_that_fit", lambda *_: 3)
    epochs = 0
    original = _Chunk.one_epoch

    def one_epoch(self: _Chunk) -> None:
        nonlocal epochs
        if epochs == 6 * (stop - 1) + 4:
            raise KeyboardInterrupt
        epochs += 1
        original(self)

    with monkeypatch.context() as cut_off:
        cut_off.setattr(_Chunk, "one_epoch", one_epoch)
        with pytest.raises(KeyboardInterrupt):
            train_chunk(FOUR, "cpu", resume=tmp_path)
    capsys.readouterr()
    monkeypatch.setattr(sweeps, "members_that_fit", lambda *_: 1)
    found = train_chunk(FOUR, "cpu", resume=tmp_path)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    trained = re.findall(r"^epoch (\d+)/6  (\d) members", capsys.readouterr().out, re.MULTILINE)
    rest_of_three = [("5", "3"), ("6", "3")]
    one = [(str(epoch), "1") for epoch in range(1, 7)]
    assert trained == (rest_of_three + one if stop == 1 else one[4:])
    assert not list(tmp_path.glob("*/state.safetensors"))


def test_how_many_fit_is_half_of_the_free_memory_and_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = [2**30]
    monkeypatch.setattr(sweeps, "free_memory", lambda device: free[0])
    run = FOUR[0].run
    fit = sweeps.members_that_fit(run, "cpu")
    (line,) = capsys.readouterr().out.splitlines()
    size = float(re.findall(r"about (\d+) MiB", line)[0])
    assert f"{fit} fit" in line
    assert fit > 1000
    assert size < 1
    big = run.model_copy(update={"model": run.model.model_copy(update={"mlp_width": 2**15, "width": 512})})
    assert 1 <= sweeps.members_that_fit(big, "cpu") < fit / 100
    free[0] = 4096
    assert sweeps.members_that_fit(big, "cpu") == 1
    free[0] = 2 * 2**30
    assert abs(sweeps.members_that_fit(run, "cpu") - 2 * fit) <= 1


def test_every_chunk_of_a_configured_sweep_trains_and_gathers(tmp_path: Path) -> None:
    configured = config(epochs=2, log_every=1, members_at_once=4)
    paths = []
    for i, chunk in enumerate(chunks(configured, "grid")):
        paths.append(tmp_path / f"{i}.csv")
        train_chunk(chunk, "cpu").to_csv(paths[-1], index=False, lineterminator="\n")
    found = gather(paths)
    assert len(found) == 12
    keys = ["optimizer.weight_decay", "dataset.train_fraction", "seed"]
    expected = {(*one.settings.values(), one.run.seed) for one in members(configured, "grid")}
    assert {tuple(float(x) for x in row) for row in found[keys].to_numpy()} == expected


def test_gather_keeps_the_order_and_every_text_as_it_stands(tmp_path: Path) -> None:
    first, second, empty = (tmp_path / name for name in ("b.csv", "a.csv", "c.csv"))
    first.write_text("x,y\n1.50,\n0.1,NaN\n")
    second.write_text("x,y\n007,none\n")
    empty.write_text("x,y\n")
    found = gather([first, empty, second])
    assert found.to_csv(index=False) == "x,y\n1.50,\n0.1,NaN\n007,none\n"
    assert found.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"x,z\n1,2\n", b"y,x\n1,2\n", b"x\n1\n"])
def test_gather_refuses_what_is_no_such_table(content: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "first.csv").write_text("x,y\n1,2\n")
    other = tmp_path / "other.csv"
    if content is not None:
        other.write_bytes(content)
    with pytest.raises(ArtifactError, match="other"):
        gather([tmp_path / "first.csv", other])


def test_a_members_rows_stay_its_own_numbers() -> None:
    """Stacked examples are each member's own split."""
    chosen = [member(TINY, row, epochs=2) for row in range(3)]
    chunk = _Chunk(chosen, "cpu")
    assert chunk.train.targets.shape == (3, 25)
    assert not torch.equal(chunk.train.tokens[0], chunk.train.tokens[1])
    a, b = chunk.train.tokens[..., 0], chunk.train.tokens[..., 1]
    assert np.array_equal(chunk.train.targets, a * b % 7)


@pytest.mark.parametrize(
    ("few", "more"),
    [
        (
            {"vary": {"dataset.train_fraction": [0.6]}},
            {"vary": {"dataset.train_fraction": [0.5, 0.6, 0.7]}},
        ),
        (
            {"vary": {"optimizer.weight_decay": [0.0, 1]}, "seeds": [3, 1]},
            {"vary": {"optimizer.weight_decay": [0.0, 1]}, "seeds": [3, 1, 2]},
        ),
    ],
    ids=["a value", "a seed"],
)
def test_a_full_chunk_keeps_its_name_when_others_join(few: dict[str, Any], more: dict[str, Any]) -> None:
    names = [{name_of_chunk(chunk) for chunk in chunks(config(**changes), "grid")} for changes in (few, more)]
    assert names[0] < names[1]
