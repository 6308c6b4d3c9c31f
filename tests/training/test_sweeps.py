"""Sweeps: a member does among others what it would do alone, and its outcome is in the table."""

from __future__ import annotations

import gc
import math
import re
import weakref
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from runs import GROKKING, TINY, Trained, config_of_sweep, member, train_in

from grokflow.artifacts.columns import SWEEP
from grokflow.artifacts.tables import gather
from grokflow.config import ResolvedMember, ResolvedRun, groups_of_sweep, members_of_sweep
from grokflow.errors import ArtifactError
from grokflow.training import engine, train_members
from grokflow.training.batch import Batch

GROKS = {**GROKKING, "epochs": 200, "stop_after_point_2": 10}


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
    """Three members, and each of them trained as a run."""
    chosen = [grokking_member(0, 0, 1.0), grokking_member(1, 1, 0.0), grokking_member(0, 0, 1.5)]
    folder = tmp_path_factory.mktemp("alone")
    return chosen, [train_in(folder / str(i), member.run) for i, member in enumerate(chosen)]


def expected_outcome(trained: Trained) -> dict[str, Any]:
    """What the history of the same training as a run says."""
    rows = trained.rows
    train, validation = rows["train_error"] == 0, rows["validation_error"] == 0
    point_1, point_2 = (rows.loc[found, "epoch"].min() for found in (train, train & validation))
    return {
        "point_1": point_1,
        "point_2": point_2,
        "validation_error_at_point_1": rows.set_index("epoch")["validation_error"][point_1],
        "epochs": int(rows["epoch"].iloc[-1]),
        "train_error": rows["train_error"].iloc[-1],
        "validation_error": rows["validation_error"].iloc[-1],
        "diverged": math.nan,
    }


def test_a_members_outcome_is_that_of_the_same_training_as_a_run(
    grokking: tuple[list[ResolvedMember], list[Trained]],
) -> None:
    """To the epoch: a member's points are looked for after every epoch too."""
    chosen, alone = grokking
    found = train_members(chosen, "cpu")
    assert found["seed"].tolist() == [0, 1, 0]
    assert found["dataset.split_seed"].tolist() == [0, 1, 0]
    assert found["optimizer.weight_decay"].tolist() == [1.0, 0.0, 1.5]
    expected = pd.DataFrame([expected_outcome(trained) for trained in alone])
    assert expected["point_2"].notna().tolist() == [True, False, True]
    assert expected["epochs"].nunique() == 3, "members are to finish at different times"
    for name in expected.columns:
        column = found[name].astype("Float64" if name != "diverged" else object)
        for ours, theirs in zip(column, expected[name], strict=True):
            assert (pd.isna(ours) and pd.isna(theirs)) or ours == pytest.approx(theirs, rel=1e-12), name


def test_members_alone_have_the_outcomes_that_they_have_together(
    grokking: tuple[list[ResolvedMember], list[Trained]],
) -> None:
    chosen, _ = grokking
    together = train_members(chosen, "cpu")
    apart = pd.concat([train_members([one], "cpu") for one in chosen], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart, check_dtype=False, rtol=1e-12)


ABSURD = TINY["optimizer"].model_copy(update={"learning_rate": 1e200})


def spoiled(one: ResolvedMember) -> ResolvedMember:
    """The member with a learning rate at which it diverges in its second step."""
    return one.model_copy(update={"run": one.run.model_copy(update={"optimizer": ABSURD})})


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_member_that_diverges_is_in_the_table_with_where_and_why(at: int) -> None:
    chosen = [member(TINY, row, epochs=8) for row in range(3)]
    healthy = train_members(chosen, "cpu")
    chosen[at] = spoiled(chosen[at])
    table = train_members(chosen, "cpu")
    assert table["diverged"].notna().tolist() == [row == at for row in range(3)]
    row = table.iloc[at]
    assert re.fullmatch(r"epoch 1, step [234]: train loss (inf|nan)", row["diverged"])
    assert row["epochs"] == 0
    missing = ["point_1", "point_2", "validation_error_at_point_1", "train_error", "validation_error"]
    assert row[missing].isna().all()
    others = [row for row in range(3) if row != at]
    found, expected = table.loc[others, SWEEP], healthy.loc[others, SWEEP]
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


def test_members_that_all_diverge_make_a_table_too() -> None:
    table = train_members([spoiled(member(TINY, row, epochs=8)) for row in range(2)], "cpu")
    assert table["diverged"].notna().all()
    assert table["point_1"].isna().all()


def test_the_table_survives_being_written_and_read(tmp_path: Path) -> None:
    table = train_members([member(TINY, row, epochs=3) for row in range(2)], "cpu")
    table.to_csv(tmp_path / "part.csv", index=False, lineterminator="\n")
    lines = (tmp_path / "part.csv").read_text().splitlines()
    for row, line in enumerate(lines[1:]):
        cells = dict(zip(lines[0].split(","), line.split(","), strict=True))
        assert float(cells.pop("train_error")) == table["train_error"][row]
        assert float(cells.pop("validation_error")) == table["validation_error"][row]
        settings = {"optimizer.weight_decay": f"{0.1 * row}", "dataset.split_seed": f"{10 + row}"}
        outcome = {"point_1": "", "point_2": "", "validation_error_at_point_1": ""}
        outcome |= {"epochs": "3", "diverged": ""}
        assert cells == {**settings, "seed": f"{row}", **outcome}
    assert gather([tmp_path / "part.csv"]).to_csv(index=False).splitlines() == lines


def test_the_tables_columns_are_in_the_order_that_is_documented() -> None:
    table = train_members([member(TINY, 0, epochs=1)], "cpu")
    assert list(table.columns) == ["optimizer.weight_decay", "dataset.split_seed", *SWEEP]


def test_members_of_a_random_design_train_together_whatever_their_train_fraction() -> None:
    vary = {"dataset.train_fraction": {"from": 0.3, "to": 0.6}}
    config = config_of_sweep(vary=vary, draws=6, seeds=[0], epochs=7)
    first, second = groups_of_sweep(config, "grid").values()
    assert (len(first), len(second)) == (4, 2)
    table = train_members(first, "cpu")
    assert len(set(table["dataset.train_fraction"])) == 4
    alone = [train_members([one], "cpu") for one in first]
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True), rtol=1e-12)


def test_every_group_of_a_configured_sweep_trains_and_gathers(tmp_path: Path) -> None:
    paths = []
    for name, group in groups_of_sweep(config_of_sweep(), "grid").items():
        paths.append(tmp_path / f"{name}.csv")
        train_members(group, "cpu").to_csv(paths[-1], index=False, lineterminator="\n")
    found = gather(paths)
    assert len(found) == 12
    keys = ["optimizer.weight_decay", "dataset.train_fraction", "seed"]
    members = members_of_sweep(config_of_sweep(), "grid")
    expected = {(*one.settings.values(), one.run.seed) for one in members}
    assert {tuple(float(x) for x in row) for row in found[keys].to_numpy()} == expected


FOUR = [member(TINY, row, epochs=6, precision="float32") for row in range(4)]


@pytest.mark.parametrize("stop", [1, 2])
def test_interrupted_members_go_on_though_other_memory_is_free(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of four fit together, and the training is cut off in the first or in the second batch."""
    expected = train_members(FOUR, "cpu")
    monkeypatch.setattr("grokflow.artifacts.resumable.SECONDS_BETWEEN_STATES", 0.0)
    monkeypatch.setattr(engine, "rows_that_fit", lambda *_: 3)
    original, trained = Batch.train_epoch, []

    def epoch(self: Batch) -> Any:
        if len(trained) == 6 * (stop - 1) + 4:
            raise KeyboardInterrupt
        trained.append(len(self.rows))
        return original(self)

    with monkeypatch.context() as cut_off:
        cut_off.setattr(Batch, "train_epoch", epoch)
        with pytest.raises(KeyboardInterrupt):
            train_members(FOUR, "cpu", resume=tmp_path)
    trained = [None] * 100  # is not cut off again
    monkeypatch.setattr(engine, "rows_that_fit", lambda *_: 1)
    monkeypatch.setattr(Batch, "train_epoch", epoch)
    found = train_members(FOUR, "cpu", resume=tmp_path)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    again = trained[100:]
    assert again == [1] * (3 * 2 + 6 if stop == 1 else 2)
    assert not list(tmp_path.glob("*/state.safetensors"))


@pytest.mark.parametrize("fit", [1, 3])
def test_members_that_do_not_fit_together_train_in_turn_to_the_same_table(
    fit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = train_members(FOUR, "cpu")
    monkeypatch.setattr(engine, "rows_that_fit", lambda *_: fit)
    pd.testing.assert_frame_equal(train_members(FOUR, "cpu"), table, check_exact=True)


def test_a_batch_is_gone_before_the_next_takes_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the garbage collector, which comes late in a job."""
    monkeypatch.setattr(engine, "rows_that_fit", lambda *_: 1)
    original, batches = Batch.__init__, []

    def watched(self: Batch, *arguments: Any, **settings: Any) -> None:
        assert not any(batch() for batch in batches)
        batches.append(weakref.ref(self))
        original(self, *arguments, **settings)

    monkeypatch.setattr(Batch, "__init__", watched)
    gc.disable()
    try:
        train_members(FOUR, "cpu")
    finally:
        gc.enable()
    assert len(batches) == 4


def test_what_is_kept_of_members_is_there_until_their_table_is(tmp_path: Path) -> None:
    def publish(table: pd.DataFrame) -> None:
        assert list(tmp_path.glob("*/lock"))
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        train_members(FOUR, "cpu", resume=tmp_path, publish=publish)
    assert list(tmp_path.glob("*/lock"))
    train_members(FOUR, "cpu", resume=tmp_path)
    assert not list(tmp_path.glob("*/lock"))


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
