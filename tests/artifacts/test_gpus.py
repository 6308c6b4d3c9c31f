"""Each job has a slot of a GPU of its own, among those that it may use, and loses it only by ending.

No GPU is needed: a script named nvidia-smi lists those that a test wants.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from grokflow.artifacts import gpus
from grokflow.artifacts.gpus import VISIBLE, one_gpu, usable_gpus

FOUR = "\n".join(f"GPU {i}: NVIDIA H100 80GB HBM3 (UUID: GPU-{i}a2b)" for i in range(4))

PARTS = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aa)
  MIG 3g.20gb     Device  0: (UUID: MIG-11)
  MIG 3g.20gb     Device  1: (UUID: MIG-22)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bb)"""

Driver = Callable[[str], None]


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Puts an nvidia-smi on the PATH that lists GPUs, and gives the test a folder of locks of its own."""
    (tmp_path / "locks").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "locks"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv(VISIBLE, "")  # so that it is unset again after the test, in which one_gpu sets it
    monkeypatch.delenv(VISIBLE)

    def install(listed: str) -> None:
        script = tmp_path / "nvidia-smi"
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}\nEND\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return install


@pytest.mark.parametrize(
    ("listed", "allowed", "expected"),
    [
        (FOUR, None, ["GPU-0a2b", "GPU-1a2b", "GPU-2a2b", "GPU-3a2b"]),
        (FOUR, "2,1", ["GPU-2a2b", "GPU-1a2b"]),
        (FOUR, "GPU-3a2b, GPU-0", ["GPU-3a2b", "GPU-0a2b"]),
        (FOUR, "1,9,2", ["GPU-1a2b"]),  # CUDA stops at a number that it does not know
        (FOUR, "", []),
        (FOUR, "-1", []),
        (FOUR, "0,0", ["GPU-0a2b"]),
        (PARTS, None, ["MIG-11", "MIG-22", "GPU-bb"]),
        (PARTS, "MIG-22", ["MIG-22"]),
        (PARTS, "1", ["GPU-bb"]),
        ("", None, []),
        ("No devices were found", None, []),
    ],
)
def test_the_usable_gpus_are_those_that_cuda_would_see(
    driver: Driver, listed: str, allowed: str | None, expected: list[str]
) -> None:
    driver(listed)
    assert usable_gpus({} if allowed is None else {VISIBLE: allowed}) == expected


def test_without_a_driver_there_is_none(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with one_gpu() as gpu:
        assert gpu is None
        assert VISIBLE not in os.environ


def test_a_driver_that_fails_is_none(driver: Driver, tmp_path: Path) -> None:
    driver(FOUR)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert usable_gpus({}) == []


def test_a_job_sees_its_gpu_alone_and_the_next_one_another(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(FOUR)
    monkeypatch.setenv(VISIBLE, "3,1")
    with one_gpu() as first:
        assert os.environ[VISIBLE] == first == "GPU-3a2b"
        monkeypatch.setenv(VISIBLE, "3,1")
        with one_gpu() as second:
            assert second == "GPU-1a2b"
    monkeypatch.setenv(VISIBLE, "3,1")
    with one_gpu() as third:
        assert third == "GPU-3a2b"


def test_slots_are_shared_only_where_every_gpu_has_a_job(driver: Driver) -> None:
    driver("\n".join(FOUR.splitlines()[:2]))
    taken = []
    with contextlib.ExitStack() as held:
        for _ in range(4):
            os.environ.pop(VISIBLE, None)  # as in another process
            taken.append(held.enter_context(one_gpu(jobs_per_gpu=2)))
    assert taken == ["GPU-0a2b", "GPU-1a2b", "GPU-0a2b", "GPU-1a2b"]


def test_a_job_that_waits_says_so_once_and_goes_on_when_a_slot_is_free(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    driver(FOUR.splitlines()[0])
    first = one_gpu()
    first.__enter__()
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            first.__exit__(None, None, None)

    monkeypatch.setattr(gpus, "time", SimpleNamespace(sleep=nap))
    with one_gpu() as gpu:
        assert gpu == "GPU-0a2b"
    assert len(naps) == 3
    assert capsys.readouterr().out == "Waiting for a GPU: all 1 slots are taken.\n"


MANY = """
import fcntl, json, os, random, signal, sys, time
from grokflow.artifacts.gpus import SECONDS_BETWEEN_TRIES, one_gpu
from grokflow.artifacts import gpus

gpus.SECONDS_BETWEEN_TRIES = 0.02
folder, jobs, killed, slots = sys.argv[1], *map(int, sys.argv[2:])

def work(number):
    # Another kind of lock than the one that is tested says whether somebody else has the slot.
    with one_gpu(slots) as gpu:
        for slot in range(slots):
            own = os.open(f"{folder}/{gpu}.{slot}", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.lockf(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                continue
        else:
            os._exit(7)
        os.write(1, b".")
        if number < killed:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(random.uniform(0.005, 0.02))
        os.close(own)
    os._exit(0)

children = [os.fork() or work(number) for number in random.sample(range(jobs), jobs)]
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


@pytest.mark.parametrize("slots", [1, 2])
def test_of_two_hundred_jobs_on_four_gpus_never_two_have_one_slot_though_twenty_are_killed(
    driver: Driver, tmp_path: Path, slots: int
) -> None:
    driver(FOUR)
    folder = tmp_path / "there"
    folder.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(MANY), str(folder), "200", "20", str(slots)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    statuses = json.loads(ended[ended.index("[") :])
    assert (statuses.count(0), statuses.count(-9), statuses.count(7)) == (180, 20, 0)
    assert len({file.name.partition(".")[0] for file in folder.iterdir()}) == 4
