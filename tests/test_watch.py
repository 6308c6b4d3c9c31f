"""What `python -m grokflow.watch` shows: on terminals of any size, off them, and of folders of any kind."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from grokflow import watch
from grokflow.artifacts.logs import Logs
from grokflow.errors import ConfigError

BEGUN = "Begun {} UTC by process 1 on another-node.\n"
ALONE = (
    "epoch 1850/4500  train loss 0.0123 error 0.0012  validation loss 2.31 error 0.3100  point 1 at 72, "
    "collapses 3  9.8 epochs/s  270 s to epoch 4500\n"
)
TOGETHER = (
    "epoch 61/600  60 of 64 in training, point 1 in 36, point 2 in 5, diverged 4, collapses 7  medians: "
    "train loss 0.02 error 0.0010  validation loss 4.5 error 0.9800  11.9 epochs/s  45 s to epoch 600\n"
)
SWEEP = (
    "epoch 35/100  6 of 6 in training, point 1 in 2, point 2 in 0, diverged 0  26.7 epochs/s  2 s to epoch "
    "100\n"
)
FIT = (
    "fit epoch 240, at most 480  3 of 5 in fit, diverged 0  loss 0.5855  largest train error 0.1234  "
    "lowest validation error 0.0100  31.2 epochs/s  at most 8 s left\n"
)
MEASURED = (
    "measured point 1/point 2 at 61 values of t  largest train error 0.3510  largest gradient norm 0.1\n"
)

LOGS = {
    "runs/layer_norm_2layer/seed_1.train.log": ALONE,
    "runs/mode_connectivity/seed_0_to_63.train.log": TOGETHER,
    "sweeps/phase_diagram/group_1b724388a5201443.log": SWEEP,
    "paths/polyline_1_2/fit_0_to_4.log": FIT,
    "paths/segment_1_2/seed_0_to_63.measure.log": MEASURED * 12,
    "runs/groks/seed_3.periods.log": "",
    "datasets/addition.log": "Done in 0.1 s.\n",
    "figures/M-fig5.log": "Error: a.csv: expected a table, found none.\n",
    "runs/groks/seed_4.train.log": ALONE
    + "Ended by SIGTERM, all saved; the same command goes on from here.\n",
}


def write(folder: Path, logs: dict[str, str]) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    for name, text in logs.items():
        (folder / "logs" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "logs" / name).write_text(BEGUN.format(now) + text, encoding="utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, LOGS)
    return tmp_path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "grokflow.watch", *map(str, arguments)]


def test_one_state_as_text(results: Path) -> None:
    shown = subprocess.run(command(results, "--once"), capture_output=True, text=True, check=True, timeout=60)
    first, *lines = shown.stdout.splitlines()
    assert first == f"{results}: 6 running, 1 done, 1 failed, 1 stopped"
    assert set(lines) == {
        "train layer_norm_2layer, seed 1: epoch 1850/4500, train loss 0.0123, train error 0.0012, validation "
        "loss 2.31, validation error 0.3100, point 1 at 72, 3 collapses, 9.8 epochs/s, 4 min 30 s left",
        "train mode_connectivity, seeds 0 to 63: epoch 61/600, 60 of 64 going, train loss 0.02, train error "
        "0.0010, validation loss 4.5, validation error 0.9800, point 1 in 36, point 2 in 5, 4 diverged, "
        "7 collapses, 11.9 epochs/s, 45 s left",
        "sweep phase_diagram, 1b724388: epoch 35/100, 6 of 6 going, point 1 in 2, point 2 in 0, "
        "26.7 epochs/s, 2 s left",
        "fit polyline_1_2, seeds 0 to 4: epoch 240/480, 3 of 5 going, train loss 0.5855, largest train error "
        "0.1234, lowest validation error 0.0100, 31.2 epochs/s, 8 s left",
        "measure segment_1_2, seeds 0 to 63: 12 measured",
        next(line for line in lines if line.startswith("periods groks, seed 3: for ")),
        f"figure M-fig5: FAILED: a.csv: expected a table, found none. ({results}/logs/figures/M-fig5.log)",
        f"train groks, seed 4: stopped ({results}/logs/runs/groks/seed_4.train.log)",
    }


def rendered(results: Path, width: int, height: int) -> list[str]:
    console = Console(width=width, file=StringIO())
    console.print(watch.as_table(results, Logs(results).read(), time.time(), width, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 110, 150, 200])
def test_the_table_says_it_too(width: int, results: Path) -> None:
    lines = rendered(results, width, 40)
    assert max(map(cell_len, lines)) <= width
    (alone,) = [line for line in lines if "1850/4500" in line]
    assert "0.3100" in alone
    assert ("9.8" in alone, "0.0123" in alone) == (width >= 110, width >= 150)
    assert "train l" in alone
    if width >= 95:
        assert "36, 5 of 64, 4 div." in "".join(lines)
    assert any("M-fig5: failed" in line for line in lines)


@pytest.mark.parametrize(("running", "failed"), [(200, 30), (200, 0), (2, 200), (0, 200)])
@pytest.mark.parametrize("height", [10, 24, 50])
def test_many_jobs_fit_the_terminal(running: int, failed: int, height: int, tmp_path: Path) -> None:
    write(tmp_path, {f"runs/a/seed_{n}.train.log": ALONE for n in range(running)})
    write(tmp_path, {f"figures/f{n}.log": "Error: no.\n" for n in range(failed)})
    lines = rendered(tmp_path, 120, height)
    assert len(lines) < height
    shown = sum("1850/4500" in line for line in lines)
    assert shown >= min(running, 1)
    if shown < running:
        assert any(f"and {running - shown} more" in line for line in lines)
    assert f"{running} running" in lines[0] or not running


def test_before_anything_has_begun(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shown = subprocess.run(command(folder, "--once"), capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout == f"{folder}: no job has begun yet.\n"


def test_a_configuration_names_the_folder(tmp_path: Path) -> None:
    over = tmp_path / "mine.yaml"
    over.write_text("results: results/mine\n")
    assert watch.results_folder([Path("config.yaml"), over]) == Path("results/mine")
    assert watch.results_folder([]) == Path("results")
    with pytest.raises(ConfigError, match="one results folder"):
        watch.results_folder([tmp_path, tmp_path])
    refused = subprocess.run(command(tmp_path / "none.yaml"), capture_output=True, text=True, timeout=60)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_off_a_terminal_only_news_is_printed(results: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    class Enough(Exception):
        pass

    def changes(seconds: float) -> None:
        if len(slept) == 2:
            raise Enough
        if slept:
            (results / "logs/datasets/new.log").write_text(
                BEGUN.format("2026-01-01 00:00:00") + "Done in 1 s.\n"
            )
        slept.append(capsys.readouterr().out)

    slept: list[str] = []
    monkeypatch.setattr(time, "sleep", changes)
    with pytest.raises(Enough):
        watch._print_news(results, Logs(results))
    assert "6 running" in slept[0]
    assert "dataset addition" not in slept[0]  # it was done before
    assert slept[1] == ""
    assert capsys.readouterr().out.endswith(" dataset new: done\n")


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_ends_it_quietly(terminal: bool, results: Path) -> None:
    reader, writer = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        command(results),
        stdout=writer,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "140", "LINES": "40"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        output = b""
        end = time.monotonic() + 60
        while b"M-fig5" not in output:
            assert time.monotonic() < end, output
            if select.select([reader], [], [], 0.1)[0]:
                output += os.read(reader, 2**16)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        while select.select([reader], [], [], 0.1)[0]:
            more = os.read(reader, 2**16)
            output += more
            if not more:
                break
            if terminal and b"\x1b[?25h" in output:  # the cursor is shown again
                break
            if not terminal:
                break
        assert b"Traceback" not in output
        assert not terminal or b"\x1b[?25h" in output
    finally:
        process.kill()
        os.close(reader)
        os.close(writer)
