"""How many rows fit into memory."""

from __future__ import annotations

import re

import pytest
from runs import tiny_run

from grokflow.training import memory


def test_as_many_rows_train_as_half_of_the_free_memory_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = [2**30]
    monkeypatch.setattr(memory, "free_memory", lambda device: free[0])
    run, many = tiny_run(precision="float32"), 10**6
    fit = memory.rows_that_fit(run, many, "cpu")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{fit} of {many} rows fit")
    assert re.search(r"about 0 MiB each", line)
    assert fit > 1000
    big = run.model_copy(update={"model": run.model.model_copy(update={"mlp_width": 2**15, "width": 512})})
    assert 1 <= memory.rows_that_fit(big, many, "cpu") < fit / 100
    free[0] = 4096
    assert memory.rows_that_fit(big, many, "cpu") == 1
    free[0] = 2 * 2**30
    assert abs(memory.rows_that_fit(run, many, "cpu") - 2 * fit) <= 1


def test_where_all_fit_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 2**30)
    assert memory.rows_that_fit(tiny_run(), 3, "cpu") == 3
    assert capsys.readouterr().out == ""
