"""Collapses in training curves of any framework; units that are not what they are called are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from runs import Trained

import grokflow
from grokflow import ConfigError
from grokflow.artifacts.columns import PERIODS
from grokflow.dynamics import periods
from grokflow.periods import as_text, main

COLLAPSES = (40, 75, 100)
"""Rows of the last quiet epoch before each collapse."""


def accuracy(rows: int = 130) -> np.ndarray:
    """Learned in ten rows, then three collapses of four rows each."""
    found = np.ones(rows)
    found[:10] = np.linspace(0.1, 0.9, 10)
    for start in COLLAPSES:
        found[start + 1 : start + 4] = 0.4, 0.6, 0.9
    return found


def curve(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"epoch": np.arange(1, 131), "train_accuracy": accuracy(), **columns})


def starts(found: grokflow.Periods) -> list[float]:
    return found.table["start"].tolist()


def test_collapses_are_found_where_they_are() -> None:
    validation = np.linspace(0, 1, 130)
    found = grokflow.find_periods(curve(val_acc=validation))
    assert list(found.table.columns) == PERIODS
    assert starts(found) == [start + 1 for start in COLLAPSES]
    assert found.table["bottom"].tolist() == [start + 2 for start in COLLAPSES]
    assert found.table["end"].tolist() == [start + 5 for start in COLLAPSES]
    assert found.table["depth"].tolist() == pytest.approx([0.6] * 3)
    assert found.table["period"].tolist()[1:] == [35, 25]
    assert found.table["validation_accuracy_before"].tolist() == pytest.approx(validation[[*COLLAPSES]])
    assert found.table["validation_accuracy_after"].tolist() == pytest.approx(
        [validation[start + 14] for start in COLLAPSES]
    )
    assert found.columns == {
        "epoch": "epoch", "train_accuracy": "train_accuracy", "validation_accuracy": "val_acc"
    }  # fmt: skip
    assert found.notes == ()


def test_a_table_of_the_workflow_gives_its_periods(grokked: Trained) -> None:
    """Also what changed at each, which its own columns tell."""
    epochs = grokked.epoch_rows
    assert len(grokflow.find_periods(epochs)) == 0, "its validation column is blank"
    epochs.loc[60:62, "train_error"] = 0.5
    epochs.loc[55:90, "validation_error"] = np.linspace(0.8, 0.3, 36)
    expected = periods(epochs, epochs[epochs["validation_error"].notna()])
    found = grokflow.find_periods(epochs)
    assert len(expected) == 1
    pd.testing.assert_frame_equal(found.table, expected, check_dtype=False)
    assert found.table["effective_learning_rate_jump"].notna().all()


@pytest.mark.parametrize(
    ("names", "used"),
    [
        (["Step", "Train/Acc", "Valid/Acc"], ["Step", "Train/Acc", "Valid/Acc"]),
        (["epoch", "accuracy", "val_accuracy"], ["epoch", "accuracy", "val_accuracy"]),
        (["trainer/global_step", "training_accuracy", "test_acc"],) * 2,
        (["iteration", "trainAccuracy", "evalAccuracy"],) * 2,
    ],
)  # fmt: skip
def test_columns_are_guessed_by_the_names_that_frameworks_give(names: list[str], used: list[str]) -> None:
    table = curve(validation=np.linspace(0, 1, 130), train_loss=0.5, learning_rate=0.1)
    table.columns = [*names, "train_loss", "learning_rate"]
    found = grokflow.find_periods(table)
    assert list(found.columns.values()) == used
    assert starts(found) == [41, 76, 101]


def test_an_error_and_per_cent_are_taken_where_they_are_said() -> None:
    error = 100 * (1 - accuracy())
    table = pd.DataFrame({"t": np.arange(130.0), "wrong": error})
    found = grokflow.find_periods(table, epoch="t", train_error="wrong", percent=True)
    assert starts(found) == [*COLLAPSES]
    assert found.table["depth"].tolist() == pytest.approx([0.6] * 3)


def test_epochs_of_any_spacing_and_order_are_named_as_they_are() -> None:
    epochs = np.cumsum(np.random.default_rng(0).uniform(0.5, 3, 130))
    table = curve(epoch=epochs)
    shuffled = table.sample(frac=1, random_state=1)
    for each in (table, shuffled):
        found = grokflow.find_periods(each)
        assert found.table["start"].tolist() == epochs[[*COLLAPSES]].tolist()
        assert found.table["period"].tolist()[1:] == pytest.approx(np.diff(epochs[[*COLLAPSES]]))
        assert "apart: what lies between two rows is not seen." in found.notes[-1]
    assert found.notes[0] == "The epochs were not in rising order and were sorted."


def test_missing_values_and_rows_of_validation_alone_are_left_out_and_counted() -> None:
    """Lightning's CSVLogger writes train and validation metrics into rows of their own."""
    train = curve()
    validation = pd.DataFrame({"epoch": [1.5, 65.5, 129.5], "val_acc": [0.1, 0.5, 0.9]})
    nothing = pd.DataFrame({"epoch": [np.nan], "train_accuracy": [0.3]})
    table = pd.concat([train, validation, nothing]).sort_values("epoch").reset_index(drop=True)
    found = grokflow.find_periods(table)
    assert starts(found) == [41, 76, 101]
    assert found.table["validation_accuracy_before"][1] == pytest.approx(
        np.interp(76, [65.5, 129.5], [0.5, 0.9])
    )
    assert found.notes[0] == "1 of 134 rows have no epoch and were left out."
    assert found.notes[1] == "3 of 133 rows have no train error and count for validation alone."
    assert found.epochs["validation_error"].isna().sum() == 2, "outside of what was measured"
    assert found.notes[-1] == (
        "The validation error was not measured at 128 of 130 epochs and is interpolated linearly there."
    )


def test_validation_errors_between_measurements_are_counted() -> None:
    validation = np.full(130, np.nan)
    validation[[0, 60, 120]] = 0.1, 0.2, 1.0
    found = grokflow.find_periods(curve(val_acc=validation))
    assert found.notes == (
        "The validation error was not measured at 118 of 130 epochs and is interpolated linearly there.",
    )


def test_an_epoch_that_was_logged_twice_counts_once() -> None:
    table = pd.concat([curve().assign(train_accuracy=0.3).iloc[50:60], curve()])
    found = grokflow.find_periods(table)
    assert starts(found) == [41, 76, 101]
    assert "10 epochs came more than once; the last row of each counts." in found.notes


MIXED = (
    "^curve: expected all columns in one unit, found 'train_accuracy' up to 100 and 'val_acc' up to 1. Bring all "
    "columns to one unit: train_accuracy is in per cent, val_acc is not. If val_acc never exceeds 1 %, add"
)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (curve(train_accuracy=100 * accuracy()), {}, r"'train_accuracy': expected the accuracy from 0 to 1, found numbers from 10 to 100. If it is in per cent, say so: --percent"),
        (curve(), {"percent": True}, "expected an accuracy in per cent, found numbers from 0.1 to 1: fractions"),
        (curve(train_accuracy=300 * accuracy()), {}, r"expected the accuracy from 0 to 1, found numbers from 30 to 300.$"),
        (curve(train_accuracy=accuracy() - 0.5), {}, "expected the accuracy from 0 to 1, found numbers from -0.4 to 0.5"),
        (curve(), {"train_error": "train_accuracy"}, "expected the error, found by its name the accuracy"),
        (curve(x=accuracy()), {"train_error": "x"}, r"'x': expected the error of a training, found what begins at 0.1 and ends near 1, as an accuracy does"),
        (curve(x=1 - accuracy()), {"train_accuracy": "x"}, "expected the accuracy of a training, found what begins at 0.9 and ends near 0, as an error does"),
        (curve(train_loss=0.1), {"train_error": "train_loss"}, "expected the error, found by its name the loss"),
        (curve().drop(columns="train_accuracy").assign(train_loss=0.2), {}, "expected a column of the train error or accuracy, found epoch, train_loss"),
        (curve().drop(columns="epoch"), {}, "expected a column of epochs or steps, found train_accuracy"),
        (curve(training_acc=accuracy()), {}, "expected one column of the train error or accuracy, found 'train_accuracy', 'training_acc'"),
        (curve(), {"train_accuracy": "train_acuracy"}, "found 'train_acuracy'. Did you mean 'train_accuracy'"),
        (curve(), {"train_accuracy": "train_accuracy", "train_error": "epoch"}, "expected the error or the accuracy of the train set, found both"),
        (curve(train_accuracy=["0.1", "n/b"] * 65), {}, "expected numbers or blanks, found 'n/b'"),
        (curve(train_accuracy=np.inf), {}, "expected finite numbers or blanks, found infinity"),
        (curve(train_accuracy=100 * accuracy(), val_acc=accuracy()), {}, MIXED),
        (curve(train_accuracy=100 * accuracy(), val_acc=accuracy()), {"percent": True}, MIXED),
        (curve(train_accuracy=100 * accuracy(), val_acc=accuracy()), {"check": False}, MIXED),
        (curve(), {"train_error": "train_accuracy"}, r"Name it by --…-accuracy \(…_accuracy=\); or, if it is the error, add --trust-units \(check=False\)\.$"),
        (curve(train_accuracy=np.nan), {}, "expected at least one number, found none"),
    ],
)  # fmt: skip
def test_what_is_not_what_it_is_called_is_told(table: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        grokflow.find_periods(table, **options)
    assert "\n" not in str(raised.value)


def test_a_validation_accuracy_below_one_per_cent_can_be_vouched_for() -> None:
    """As of a model that never generalises to one class of 97."""
    table = curve(train_accuracy=100 * accuracy(), val_acc=accuracy())
    found = grokflow.find_periods(table, percent=True, check=False)
    assert found.epochs["validation_error"].min() == pytest.approx(0.99)


def test_errors_that_are_called_accuracy_are_found_as_the_messages_say() -> None:
    table = curve(train_accuracy=1 - accuracy())
    with pytest.raises(ConfigError, match=r"as an error does. Name it as the error"):
        grokflow.find_periods(table)
    with pytest.raises(ConfigError, match=r"if it is the error, add --trust-units \(check=False\)"):
        grokflow.find_periods(table, train_error="train_accuracy")
    found = grokflow.find_periods(table, train_error="train_accuracy", check=False)
    assert starts(found) == [start + 1 for start in COLLAPSES]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([0.1, 0.2], "a list of 2"),
        (np.zeros((3, 2)), r"an array of the shape \(3, 2\)"),
        ({"train_accuracy": [0.1] * 500}, "a dict"),
        (None, "None"),
    ],
)
def test_what_is_no_curve_is_told(given: Any, found: str) -> None:
    expected = "curve: expected a Training, a pandas.DataFrame, or the name of a CSV file, found"
    with pytest.raises(ConfigError, match=rf"^{expected} {found}\. Give pandas.DataFrame\("):
        grokflow.find_periods(given)


def test_units_can_be_vouched_for() -> None:
    """A training that did undo itself."""
    table = curve(x=np.r_[np.zeros(60), np.ones(70)])
    found = grokflow.find_periods(table, train_error="x", check=False)
    assert starts(found) == [60]
    assert found.table["end"].isna().all()


def test_a_curve_that_never_memorises_has_none() -> None:
    found = grokflow.find_periods(curve(train_accuracy=0.5))
    assert found.table.empty
    assert repr(found) == "Periods(curve: 0 collapses)"
    assert found.plot()._repr_png_()[1:4] == b"PNG"


def test_the_picture_shades_the_collapses() -> None:
    found = grokflow.find_periods(curve(val_acc=np.linspace(0, 1, 130)), name="of Keras")
    (axes,) = found.plot().figure.get_axes()
    spans = [patch for patch in axes.patches if str(patch.get_label()).startswith("collapse")]
    assert [patch.get_x() for patch in spans] == [41, 76, 101]
    assert axes.get_title(loc="left") + axes.get_title() == "of Keras: 3 collapses"
    assert found.plot("periods")._repr_png_()[1:4] == b"PNG"


@pytest.mark.parametrize("kind", ["nonsense", "block", "accuracy_and_loss", "path"])
def test_a_kind_of_figure_that_a_table_is_not_enough_for_is_told(kind: str) -> None:
    with pytest.raises(ConfigError, match=f"kind: expected one of collapses, periods, found '{kind}'"):
        grokflow.find_periods(curve()).plot(kind)


def test_the_command_prints_a_line_for_each_and_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "log.csv", tmp_path / "out"
    curve().to_csv(file, index=False, sep=";")
    assert main([str(file), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Columns: epoch = 'epoch', train_accuracy = 'train_accuracy'." in said
    assert "3 collapses; from one to the next 25 to 35, median 30." in said
    assert pd.read_csv(out / "periods.csv")["start"].tolist() == [41, 76, 101]
    assert "Written to" in said
    written = {"periods.csv", "collapses.png", "collapses.svg"}
    assert {file.name for file in out.iterdir()} == written
    assert all(name in said.splitlines()[-1] for name in written)


def test_steps_are_written_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = 1_255_447 + 3 * np.arange(130)
    steps[-1] += 1_234_567
    file = tmp_path / "log.csv"
    curve(epoch=steps).rename(columns={"epoch": "global_step"}).to_csv(file, index=False)
    assert main([str(file)]) == 0
    said = capsys.readouterr().out
    first, middle, last = (line.split() for line in said.splitlines()[3:6])
    assert first == ["1255567", "1255570", "1255579", "0.6"]
    assert middle[:5] == ["1255672", "1255675", "1255684", "0.6", "105"]
    assert last[0] == "1255747"
    assert "The epochs are 3 to 1234570 apart" in said
    apart = curve(epoch=10_000_007 * np.arange(130))
    assert repr(grokflow.find_periods(apart)) == "Periods(curve: 3 collapses, median period 300000210)"


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        ((40, 60, 80, 100), "4 collapses; from one to the next each 20."),
        ((40, 60), "2 collapses; from one to the next 20."),
    ],
)
def test_periods_of_one_length_are_said_once(starts: tuple[int, ...], said: str) -> None:
    even = np.where(np.isin(np.arange(130), starts), 0.5, 1.0)
    assert as_text(grokflow.find_periods(curve(train_accuracy=even))).endswith(said)


def test_fractions_of_an_epoch_are_written_without_the_noise_of_their_difference() -> None:
    found = grokflow.find_periods(curve(epoch=0.01 * np.arange(130)))
    assert found.table["start"].tolist() == pytest.approx([0.4, 0.75, 1])
    rows = [line.split()[0] for line in as_text(found).splitlines()[2:5]]
    assert rows == ["0.4", "0.75", "1"]
    assert as_text(found).endswith("3 collapses; from one to the next 0.25 to 0.35, median 0.3.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "expected a CSV file with a header, found No such file"),
        (["log.csv", "--percent"], "expected an accuracy in per cent"),
        (["log.csv", "--train-error", "train_accuracy"], "found by its name the accuracy"),
        (["empty.csv"], "expected a CSV file with a header"),
    ],
)
def test_the_command_ends_with_one_message(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    curve().to_csv("log.csv", index=False)
    Path("empty.csv").touch()
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert message in said.err
    assert said.err.count("\n") == 1
