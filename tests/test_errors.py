"""How a command ends that cannot do what it was asked for: with one message, and the status 2."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from grokflow.artifacts.tables import read_table
from grokflow.errors import ArtifactError, kind_of_value, refuses_bad_input, with_article

BAD = {
    "connect": ["a.pt", "b.pt", "--model", "my.py:MLP", "--data", "data.npz", "--out", "out"],
    "crate.writing": ["nowhere"],
    "disk": ["nowhere.yaml"],
    "summary": ["nowhere"],
    "verify": ["nowhere"],
    "watch": ["nowhere.yaml", "--once"],
}


@pytest.mark.parametrize("command", BAD)
def test_bad_input_ends_with_one_message_and_status_2(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [command, *BAD[command]])
    assert importlib.import_module(f"grokflow.{command}").main() == 2
    said = capsys.readouterr()
    assert said.err.startswith("Error: ")
    assert (said.err.count("\n"), said.out) == (1, "")


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        ("int", "an int"), ("Axes", "an Axes"), ("str", "a str"), ("MLP", "an MLP"), ("SGD", "an SGD"),
        ("GRU", "a GRU"), ("ReLU", "a ReLU"), ("UserModel", "a UserModel"), ("optimizer", "an optimizer"),
    ],
)  # fmt: skip
def test_an_article_is_the_spoken_one(noun: str, said: str) -> None:
    assert with_article(noun) == said


def test_a_value_is_told_by_its_type() -> None:
    values = [3, None, (1, 2, 3), [], np.zeros((2, 3)), {}, dict]
    said = ["an int", "None", "a tuple of 3", "a list of 0", "an array of the shape (2, 3)", "a dict"]
    assert [kind_of_value(value) for value in values] == [*said, "the class dict"]


def test_a_fault_of_grokflow_is_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    def of(error: Exception) -> int:
        raise error

    main = refuses_bad_input(of)
    assert main(ArtifactError("a.csv", expected="a table", found="none")) == 2
    assert main(OSError(28, "No space left on device", "a.csv")) == 2
    assert capsys.readouterr().err == (
        "Error: a.csv: expected a table, found none.\nError: [Errno 28] No space left on device: 'a.csv'\n"
    )
    with pytest.raises(KeyError):
        main(KeyError("a"))


def test_the_error_of_a_file_system_names_the_file_once_and_no_number(tmp_path: Path) -> None:
    missing = tmp_path / "a.csv"
    with pytest.raises(ArtifactError, match=r"^\S*a\.csv: expected a table, found no such file\.$"):
        read_table(missing, [])
    missing.mkdir()
    with pytest.raises(ArtifactError, match=r"^\S*a\.csv: expected a table, found Is a directory\.$"):
        read_table(missing, [])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "None"),
        (3, "an int"),
        ("x", "a str"),
        ((1, 2), "a tuple of 2"),
        (int, "the class int"),
        (np.zeros((2, 3)), "an array of the shape (2, 3)"),
    ],
)
def test_what_a_value_is_has_its_article(value: object, said: str) -> None:
    assert kind_of_value(value) == said
