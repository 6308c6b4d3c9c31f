"""Point 1 and point 2: what points.json says, and that it agrees with the weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from oracles import training as oracle
from oracles import transformer
from runs import Trained, grokking_run, train_in

from grokflow.artifacts.files import write_json
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_epochs, checkpoint_path, write_checkpoint
from grokflow.training import points


def wrong_pairs(trained: Trained, epoch: int, split: str) -> list[dict[str, int]]:
    """The pairs of a split that the weights of `epoch` get wrong, by the oracle."""
    examples = oracle.examples(trained.run, trained.dataset, split)
    w = transformer.named(trained.task.model.layout.parameters, trained.weights(epoch))
    wrong = []
    for tokens, c in examples:
        if int(transformer.logits(w, tokens, trained.run.model)[-1].argmax()) != c:
            wrong.append({"a": tokens[0], "b": tokens[1], "c": c})
    return wrong


def expected_point(trained: Trained, epoch: int) -> dict[str, float]:
    """One step an epoch, because a batch holds more than the train set."""
    rows = trained.dataset["split"].value_counts()
    return {
        "epoch": epoch,
        "step": epoch,
        "train_error": len(wrong_pairs(trained, epoch, "train")) / rows["train"],
        "validation_error": len(wrong_pairs(trained, epoch, "validation")) / rows["validation"],
    }


def test_a_run_that_groks_has_both_points(grokked: Trained) -> None:
    found = grokked.points()
    first, second = found["point_1"]["epoch"], found["point_2"]["epoch"]
    assert 0 < first < second
    assert found["point_1"] == expected_point(grokked, first)
    assert found["point_1"]["train_error"] == 0
    assert found["point_1"]["validation_error"] > 0.5
    assert found["point_2"] == expected_point(grokked, second)
    assert found["point_2"]["train_error"] == found["point_2"]["validation_error"] == 0
    assert found["initial"] == expected_point(grokked, 0)
    assert found["final"] == expected_point(grokked, second + 10)
    assert found["reasons"] == {}
    assert found["config"] == grokked.run.weights_digest
    assert found["checkpoints"] == checkpoint_epochs(grokked.checkpoints)


def test_last_wrong_are_the_pairs_wrong_one_epoch_before_point_2(grokked: Trained) -> None:
    found = grokked.points()
    before = found["point_2"]["epoch"] - 1
    expected = wrong_pairs(grokked, before, "validation")
    assert expected
    assert found["last_wrong"] == {"epoch": before, "count": len(expected), "pairs": expected}


def test_a_run_that_only_memorises_has_point_1_and_a_reason(tmp_path: Path) -> None:
    trained = train_in(tmp_path, grokking_run(epochs=60))
    found = trained.points()
    assert found["point_1"] == expected_point(trained, found["point_1"]["epoch"])
    assert found["point_2"] is None
    error = found["final"]["validation_error"]
    assert found["reasons"] == {
        "point_2": f"train error is 0 and validation error {error:.4g} at the last epoch, 60"
    }
    expected = wrong_pairs(trained, 60, "validation")
    assert found["last_wrong"] == {"epoch": 60, "count": len(expected), "pairs": expected}


def test_a_run_that_learns_nothing_has_no_point_and_two_reasons(tiny: Trained) -> None:
    found = tiny.points()
    assert found["point_1"] is None
    assert found["point_2"] is None
    assert found["initial"]["epoch"] == 0
    assert (found["final"]["epoch"], found["final"]["step"]) == (6, 24)
    train, validation = found["final"]["train_error"], found["final"]["validation_error"]
    assert found["reasons"] == {
        "point_1": f"train error is {train:.4g} at the last epoch, 6",
        "point_2": f"train error is {train:.4g} and validation error {validation:.4g} at the last epoch, 6",
    }
    expected = wrong_pairs(tiny, 6, "validation")
    assert found["last_wrong"] == {"epoch": 6, "count": len(expected), "pairs": expected}


def test_a_long_list_of_wrong_pairs_is_cut_but_counted(
    tiny: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny.points()["last_wrong"]
    monkeypatch.setattr(points, "LARGEST_LIST", 3)
    cut = tiny.points()["last_wrong"]
    assert cut == {**whole, "pairs": whole["pairs"][:3]}
    assert cut["count"] > 3


def test_points_can_be_written_as_json(grokked: Trained, tiny: Trained, tmp_path: Path) -> None:
    for trained in (grokked, tiny):
        write_json(tmp_path / "points.json", trained.points())


def row_at(rows: pd.DataFrame, epoch: int) -> int:
    (found,) = rows.index[rows["epoch"] == epoch]
    return found


def set_value(epoch: int, column: str, value: object):
    def tampered(rows: pd.DataFrame) -> pd.DataFrame:
        at = rows.index[-1] if epoch < 0 else row_at(rows, epoch)
        rows = rows.astype(object)
        rows.loc[at, column] = value
        return rows

    return tampered


TAMPERED = {
    "point 1 too early, where weights are kept": set_value(20, "train_error", 0.0),
    "point 1 too early, where none are kept": set_value(30, "train_error", 0.0),
    "point 2 too early": set_value(100, "validation_error", 0.0),
    "a better end": set_value(-1, "validation_error", 0.25),
    "a better start": set_value(0, "train_error", 0.5),
    "an end at another epoch": set_value(-1, "epoch", 150),
    "an error that is not a number": set_value(-1, "validation_error", float("nan")),
    "no rows": lambda rows: rows.iloc[:0],
    "no errors": lambda rows: rows.drop(columns="train_error"),
}


def test_validation_alone_without_an_error_is_not_point_2(copy_of_grokked: Trained) -> None:
    expected = copy_of_grokked.points()
    rows = copy_of_grokked.rows
    assert rows.loc[row_at(rows, 20), "train_error"] > 0
    set_value(20, "validation_error", 0.0)(rows).to_csv(copy_of_grokked.history, index=False)
    assert copy_of_grokked.points() == expected


TAMPERED |= {
    "point 1 left out": lambda rows: rows.drop(index=rows.index[rows["train_error"] == 0][0]),
    "the end left out": lambda rows: rows.iloc[:-4],
    "another step": set_value(0, "step", 7),
    "a text for an error": set_value(-1, "validation_error", "none"),
    "an empty epoch": set_value(0, "epoch", ""),
}


@pytest.mark.parametrize("what", list(TAMPERED))
def test_a_tampered_history_is_refused(what: str, copy_of_grokked: Trained) -> None:
    tampered = TAMPERED[what](copy_of_grokked.rows)
    tampered.to_csv(copy_of_grokked.history, index=False)
    with pytest.raises(ArtifactError):
        copy_of_grokked.points()


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b"\xff\xfe", b"epoch\n1\n"])
def test_a_file_that_is_no_history_is_refused(content: bytes, copy_of_grokked: Trained) -> None:
    copy_of_grokked.history.write_bytes(content)
    with pytest.raises(ArtifactError, match="history"):
        copy_of_grokked.points()


def test_a_missing_history_is_refused(copy_of_grokked: Trained) -> None:
    copy_of_grokked.history.unlink()
    with pytest.raises(ArtifactError, match="history"):
        copy_of_grokked.points()


@pytest.fixture(params=["initial", "point_1", "before_point_2", "point_2", "final"])
def needed(request: pytest.FixtureRequest, grokked: Trained) -> int:
    """The epoch of a checkpoint that the points are verified with."""
    found = grokked.points()
    if request.param == "before_point_2":
        return found["point_2"]["epoch"] - 1
    return found[request.param]["epoch"]


def test_a_damaged_checkpoint_is_refused(copy_of_grokked: Trained, needed: int) -> None:
    path = checkpoint_path(copy_of_grokked.checkpoints, needed)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=path.name):
        copy_of_grokked.points()


def test_a_missing_checkpoint_is_refused(copy_of_grokked: Trained, needed: int) -> None:
    path = checkpoint_path(copy_of_grokked.checkpoints, needed)
    path.unlink()
    with pytest.raises(ArtifactError, match=path.name):
        copy_of_grokked.points()


def test_a_checkpoint_under_another_epochs_name_is_refused(copy_of_grokked: Trained, needed: int) -> None:
    path = checkpoint_path(copy_of_grokked.checkpoints, needed)
    shutil.copy(checkpoint_path(copy_of_grokked.checkpoints, 60), path)
    with pytest.raises(ArtifactError, match=f"the weights of epoch {needed}, found of 60"):
        copy_of_grokked.points()


def test_a_checkpoint_of_another_run_is_refused(copy_of_grokked: Trained, needed: int) -> None:
    layout = copy_of_grokked.task.model.layout
    other = grokking_run(seed=1)
    write_checkpoint(copy_of_grokked.checkpoints, needed, layout, layout.initial(1), other.weights_digest)
    with pytest.raises(ArtifactError, match=f"epoch_{needed:06d}"):
        copy_of_grokked.points()


def test_other_weights_of_the_same_run_and_epoch_are_refused(copy_of_grokked: Trained) -> None:
    """Whole file, right configuration, right epoch: only the recomputed error gives it away."""
    first = copy_of_grokked.points()["point_1"]["epoch"]
    layout, run = copy_of_grokked.task.model.layout, copy_of_grokked.run
    write_checkpoint(copy_of_grokked.checkpoints, first, layout, layout.initial(0), run.weights_digest)
    with pytest.raises(ArtifactError, match="as its checkpoint gives"):
        copy_of_grokked.points()


def tie(trained: Trained, epoch: int) -> dict[int, int]:
    """Let answer 1 be as probable as 2 at `epoch`: how many train pairs are wrong then, how many tied."""
    layout = trained.task.model.layout
    weights = trained.weights(epoch).numpy().copy()
    part = layout.slices["unembedding"]
    unembedding = weights[part].reshape(trained.run.model.width, -1)
    unembedding[:, 1] = unembedding[:, 2]
    write_checkpoint(trained.checkpoints, epoch, layout, weights, trained.run.weights_digest)
    train = trained.dataset[trained.dataset["split"] == "train"]
    return {answer: int((train["c"] == answer).sum()) for answer in (1, 2)}


def test_pairs_too_close_to_call_may_count_either_way_and_no_others(copy_of_grokked: Trained) -> None:
    """A GPU, or a batch of another size, orders two equal logits in its own way."""
    final = copy_of_grokked.points()["final"]["epoch"]
    wrong, close = tie(copy_of_grokked, final).values()
    train, rows = len(copy_of_grokked.task.train), copy_of_grokked.rows
    for count in (wrong, wrong + close):
        set_errors(copy_of_grokked, rows, final, count / train)
        assert copy_of_grokked.points()["final"]["train_error"] == count / train
    set_errors(copy_of_grokked, rows, final, (wrong - 1) / train)
    with pytest.raises(ArtifactError, match=f"train_error .* at epoch {final}, as its checkpoint gives"):
        copy_of_grokked.points()


def set_errors(trained: Trained, rows: pd.DataFrame, epoch: int, train_error: float) -> None:
    """Write the history with this train error at the last epoch, and the validation error of its weights."""
    validation = len(wrong_pairs(trained, epoch, "validation")) / len(trained.task.validation)
    rows = set_value(-1, "validation_error", validation)(set_value(-1, "train_error", train_error)(rows))
    rows.to_csv(trained.history, index=False)


def test_a_close_pair_may_be_missing_among_the_last_wrong_and_no_other(copy_of_grokked: Trained) -> None:
    before = copy_of_grokked.points()["point_2"]["epoch"] - 1
    tie(copy_of_grokked, before)
    found = copy_of_grokked.points()
    pairs = found["last_wrong"]["pairs"]
    path = copy_of_grokked.folder / "points.json"

    def check(left: list[dict[str, int]]) -> None:
        write_json(path, {**found, "last_wrong": {**found["last_wrong"], "pairs": left}})
        points.check_points(path, copy_of_grokked.run, copy_of_grokked.dataset, "cpu")

    check(pairs)
    without = [pair for pair in pairs if pair["c"] != 2]
    assert without != pairs
    check(without)
    right = [{"a": a, "b": b, "c": a * b % 11} for a in range(11) for b in range(1, 11)]
    with pytest.raises(ArtifactError, match="last_wrong"):
        check([*pairs, *(pair for pair in right if pair not in pairs)])
    write_json(path, {**found, "last_wrong": {**found["last_wrong"], "count": len(pairs) + 1000}})
    with pytest.raises(ArtifactError, match="last_wrong"):
        points.check_points(path, copy_of_grokked.run, copy_of_grokked.dataset, "cpu")
    write_json(path, {**found, "point_2": found["point_1"]})
    with pytest.raises(ArtifactError, match="point_2"):
        points.check_points(path, copy_of_grokked.run, copy_of_grokked.dataset, "cpu")
