"""Logs are read back: what jobs write, how they end, and what was only half written."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from runs import grokking_run, train_in, train_together

from grokflow.artifacts import logs
from grokflow.artifacts.job import job
from grokflow.artifacts.logs import Logs, Progress, as_job, job_of, progress_of
from grokflow.artifacts.results import RunResults
from grokflow.errors import ArtifactError

PROGRESS = (
    "epoch 3/9  train loss 2.5 error 0.5000  validation loss 3 error 0.7500  1.5 epochs/s  4 s to epoch 9\n"
)
HERE, ELSEWHERE = socket.gethostname(), "another-node"


def begun(process: int, machine: str = HERE, ago: float = 0) -> str:
    written = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - ago))
    return f"Begun {written} UTC by process {process} on {machine}.\n"


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def read(tmp_path: Path, text: str, ago: float = 0) -> logs.JobLog:
    path = tmp_path / "logs/runs/groks/seed_3.train.log"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - ago,) * 2)
    (found,) = Logs(tmp_path).read()
    return found


@pytest.fixture
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grokflow.training.progress.SECONDS_BETWEEN_LINES", 0.0)


def collapses(error: np.ndarray) -> int:
    """By the rule of a line of progress, one epoch after the other."""
    count, quiet = 0, False
    for value in error:
        if value >= 0.06 and quiet:
            count += 1
        if value <= 0.01 or value >= 0.06:
            quiet = value <= 0.01
    return count


def test_the_lines_of_a_training_say_what_its_history_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], every_line: None
) -> None:
    trained = train_in(tmp_path, grokking_run())
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    seed = RunResults(tmp_path)
    history = seed.history.set_index("epoch")
    assert len(lines) >= len(history)  # all that is logged, and what is tried once a point is near
    points = {number: seed.epoch_of(f"point_{number}") for number in (1, 2)}
    assert None not in points.values()
    for found in (progress_of([line]) for line in lines):
        assert found.epochs in (trained.run.epochs, history.index[-1])
        assert found.point_1 == (points[1] if found.epoch >= points[1] else None)
        assert found.point_2 == (points[2] if found.epoch >= points[2] else None)
        error = seed.epochs["train_error"][seed.epochs["epoch"] <= found.epoch].to_numpy()
        assert (found.collapses or 0) == collapses(error)
        if found.epoch in history.index:
            for name in ("train_loss", "train_error", "validation_loss", "validation_error"):
                assert getattr(found, name) == pytest.approx(
                    history.loc[found.epoch, name], rel=1e-3, abs=6e-5
                )
    assert progress_of(lines).epoch == history.index[-1]


def test_the_last_line_of_many_rows_says_how_many_are_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], every_line: None
) -> None:
    trained = train_together(tmp_path, [grokking_run(seed=seed, epochs=90) for seed in (0, 1, 2)])
    found = progress_of(capsys.readouterr().out.splitlines())
    seeds = [RunResults(each.folder) for each in trained]
    assert (found.epoch, found.epochs, found.going, found.rows, found.diverged) == (90, 90, 0, 3, 0)
    for number in (1, 2):
        reached = sum(seed.epoch_of(f"point_{number}") is not None for seed in seeds)
        assert getattr(found, f"point_{number}") == reached
    last = pd.DataFrame([seed.history.iloc[-1] for seed in seeds]).median()
    for name in ("train_loss", "train_error", "validation_loss", "validation_error"):
        assert getattr(found, name) == pytest.approx(last[name], rel=1e-3, abs=6e-5)
    assert found.collapses == sum(collapses(seed.epochs["train_error"].to_numpy()) for seed in seeds)


def test_the_frame_of_a_job_begins_and_ends_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "logs/figures/M-fig1.log"
    made = SimpleNamespace(provenance=str(tmp_path / "figures/M-fig1.provenance.json"))
    output = type("Output", (list,), vars(made))([made.provenance])
    given = SimpleNamespace(log=[str(log)], input=[], params={}, output=output)
    Path(made.provenance).parent.mkdir()
    with job(given):
        (found,) = Logs(tmp_path).read()
        assert (found.job, found.state) == ("figure M-fig1", "running")
        assert found.begun == pytest.approx(time.time(), abs=30)
    assert Logs(tmp_path).read()[0].state == "done"
    with pytest.raises(SystemExit), job(given):
        raise ArtifactError("a.csv", expected="a table", found="none")
    monkeypatch.setattr(logs, "_runs", lambda process, begun: False)  # as this one would have ended
    (found,) = Logs(tmp_path).read()
    assert (found.state, found.message) == ("failed", "a.csv: expected a table, found none.")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "running"),
        ("Begun 2026-11-27 00:1", "running"),
        (PROGRESS, "running"),
        (begun(os.getpid()) + PROGRESS, "running"),
        (begun(os.getpid()) + PROGRESS + "Done in 3", "running"),
        (begun(os.getpid()) + PROGRESS + "Done in 3.4 s.\n", "done"),
        (begun(os.getpid(), ago=1e6) + PROGRESS, "killed"),
        (begun(1, ELSEWHERE) + PROGRESS, "running"),
        (
            begun(1, ELSEWHERE) + "Ended by SIGTERM, all saved; the same command goes on from here.\n",
            "stopped",
        ),
    ],
)
def test_what_has_become_of_a_job(text: str, state: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert found.state == state
    assert (found.progress.epoch == 3) == (PROGRESS in text)


TRACEBACK = "Traceback (most recent call last):\n  line\nValueError: no\n"


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (PROGRESS + TRACEBACK, "ValueError: no"),
        (PROGRESS + TRACEBACK + "Error: no.\n", "no."),
        (
            PROGRESS + "Error: own.py: CUDA error.\nCompile with assertions.\n",
            "own.py: CUDA error.",
        ),
    ],
)
def test_an_error_is_the_last_message_of_a_process_that_is_gone(
    end: str, message: str, tmp_path: Path, dead: int
) -> None:
    for number, start in enumerate((begun(dead), begun(1, ELSEWHERE), "")):
        found = read(tmp_path / str(number), start + end)
        assert (found.state, found.message) == ("failed", message)
    found = read(tmp_path / "running", begun(os.getpid()) + end)
    assert (found.state, found.message) == ("running", "")


@pytest.mark.parametrize("printed", ["Error: 0.5\n", TRACEBACK])
def test_what_a_users_code_prints_is_no_failure(printed: str, tmp_path: Path, dead: int) -> None:
    assert read(tmp_path / "runs", begun(os.getpid()) + printed).state == "running"
    assert read(tmp_path / "elsewhere", begun(1, ELSEWHERE) + printed + PROGRESS).state == "running"
    assert read(tmp_path / "killed", begun(dead) + printed + PROGRESS).state == "killed"


def test_a_job_whose_process_is_gone_was_killed(tmp_path: Path, dead: int) -> None:
    assert read(tmp_path, begun(dead) + PROGRESS).state == "killed"


def test_a_job_elsewhere_is_silent_after_a_while(tmp_path: Path) -> None:
    assert read(tmp_path, begun(1, ELSEWHERE) + PROGRESS, ago=logs.SILENT_AFTER + 9).state == "silent"


def test_of_a_log_without_a_beginning_no_more_is_asked(tmp_path: Path) -> None:
    """Earlier versions wrote neither beginning nor end."""
    assert read(tmp_path, PROGRESS, ago=logs.SILENT_AFTER + 9).state == "done"


def test_only_what_has_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "logs/runs/groks"
    folder.mkdir(parents=True)
    for seed in range(300):
        text = begun(1, ELSEWHERE) + PROGRESS * 300 + PROGRESS.replace("epoch 3/", f"epoch {seed}/")
        (folder / f"seed_{seed}.train.log").write_text(text)
    opened, original = [], logs._ends
    monkeypatch.setattr(logs, "_ends", lambda path: opened.append(path.name) or original(path))
    read = Logs(tmp_path)
    assert sorted(job.progress.epoch for job in read.read()) == list(range(300))
    assert len(opened) == 300
    with (folder / "seed_7.train.log").open("a") as file:
        file.write(PROGRESS.replace("epoch 3/9", "epoch 900/901"))
    opened.clear()
    assert max(job.progress.epoch for job in read.read()) == 900
    assert opened == ["seed_7.train.log"]


@pytest.mark.parametrize(
    ("log", "job"),
    [
        ("runs/groks/seed_3.train.log", "train groks, seed 3"),
        ("runs/mode_connectivity/seed_0_to_63.train.log", "train mode_connectivity, seeds 0 to 63"),
        ("runs/groks/seed_3.periods.log", "periods groks, seed 3"),
        ("paths/polyline_1_2/fit_0.log", "fit polyline_1_2, seed 0"),
        ("paths/polyline_1_1p/fit_0-1_to_2-3.log", "fit polyline_1_1p, seeds 0-1 to 2-3"),
        ("paths/polyline_1_1p/seed_0-1.measure.log", "measure polyline_1_1p, seeds 0-1"),
        ("sweeps/decay/group_09259f7142563e86.log", "sweep decay, 09259f71"),
        ("sweeps/decay.log", "table of decay"),
        ("datasets/addition.log", "dataset addition"),
        ("figures/M-fig5.log", "figure M-fig5"),
        ("claims.log", "claims"),
        ("something/new/in/here.log", "here"),
    ],
)
def test_a_job_is_called_by_its_log(log: str, job: str) -> None:
    assert job_of(Path(log)) == job


def test_a_line_of_another_shape_says_nothing() -> None:
    lines = ["epoch one", "epoch 3 of 4", "Going on from epoch 4.", "", "measured", "fit epoch"]
    assert progress_of(lines) == Progress()


def test_bytes_that_are_no_text_are_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(begun(1, ELSEWHERE).encode() + b"\xff\xfe\0\n" + PROGRESS.encode())
    assert as_job(path, "a", *logs._ends(path), time.time()).progress.epoch == 3
