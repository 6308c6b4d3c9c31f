"""How a command ends that cannot do what it was asked for: with one message, and the status 2."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from grokflow.errors import ArtifactError, refuses_bad_input

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
