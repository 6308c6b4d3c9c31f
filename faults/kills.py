"""Processes that are killed or told to end: the same command then gives the same bits."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import torch

from faults import work
from faults.repeats import Project
from faults.table import Tries, fault
from grokflow.artifacts import resumable
from grokflow.artifacts.tensors import read_tensors
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_epochs
from grokflow.training import runs
from grokflow.training.batch import Batch

INTERVAL = work.RUN.checkpoint_every


def interrupted(
    tries: Tries, tree: Path, name: str, number: int, inject: work.Injection | None = None
) -> tuple[work.Process, int, bool]:
    """Start a job and send it a signal in a random epoch; the job, the epoch, whether it was cut off."""
    process = work.Process(tree, name, inject)
    process.wait_for(int(tries.random.integers(0, work.EPOCHS[name] - 20)))
    time.sleep(tries.random.uniform(0, 0.01))
    reached = int(process.epoch.value)
    process.send(number)
    status = process.status()
    return process, reached, status in (-number, 128 + number)


def judge(
    tries: Tries, tree: Path, name: str, what: str, *, survived: bool = True, lost: bool = False
) -> None:
    """Run the same job again and compare all that it makes with the undisturbed job's."""
    again = work.finish(tree, name)
    ended = again.status() == 0
    same = ended and work.fingerprint(tree, name) == work.undisturbed(name)
    tries.add(what, survived=survived and ended, lost=lost, wrong=ended and not same)


TRAININGS = ("train", "group")
"""One seed, and three as one batch."""


@fault(1, "kill -9 of a training, of one seed or of three", tries=100, quick=4)
def kill_training(tries: Tries) -> None:
    for number, tree in enumerate(tries.folders()):
        name = TRAININGS[number % 2]
        work.before(tree, name)
        _, reached, cut_off = interrupted(tries, tree, name, signal.SIGKILL)
        lost = reached - max(0, work.saved_epoch(tree)) > INTERVAL
        judge(tries, tree, name, f"{name}, kill in epoch {reached}", survived=cut_off, lost=lost)
    tries.notes.append(f"with a state every 0.02 s, work lost at most {INTERVAL} epochs")


class Break:
    """Makes the k-th write, fsync or rename of a save fail, or kill the process before, in or after it."""

    def __init__(self, at: int, when: str = "before", error: int = 0) -> None:
        self.at, self.when, self.error, self.calls = at, when, error, 0
        self.first_state = 0
        """The call that puts the first state in its place."""

    def __call__(self) -> None:
        resumable.SECONDS_BETWEEN_STATES = 0.0  # after every epoch, so that every try has the same calls
        for name in ("fsync", "replace", "fdopen"):
            setattr(os, name, partial(self.call, getattr(os, name), name))

    def call(self, original: Any, name: str, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if name == "replace" and Path(arguments[1]).name == "state.safetensors":
            self.first_state = self.first_state or self.calls
        if self.calls != self.at:
            return original(*arguments, **named)
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        if self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if name == "fdopen" and self.when == "in":
            return HalfWritten(result)
        os.kill(os.getpid(), signal.SIGKILL)
        return result


class HalfWritten:
    """A file that takes half of what is written and then has its process killed."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def write(self, content: bytes) -> None:
        self.stream.write(content[: len(content) // 2])
        self.stream.flush()
        os.kill(os.getpid(), signal.SIGKILL)


FEW_EPOCHS: dict[str, Any] = {"epochs": 3, "checkpoint_every": 1, "stop_after_point_2": None}


def calls_of_saving(tries: Tries, name: str = "train") -> tuple[int, int, dict[str, str]]:
    """How many writes, fsyncs and renames a short training makes before it publishes, which one first leaves
    a state, and its fingerprint.
    """
    for tree in tries.folders(1):
        work.before(tree, name)
        process = work.Process(tree, name, partial(count, Break(0), tree / "calls"), **FEW_EPOCHS)
        if process.status():
            raise RuntimeError(process.terminal + process.log)
        calls, first_state = map(int, (tree / "calls").read_text().split())
        return calls, first_state, work.fingerprint(tree, name)
    raise AssertionError


def count(breaking: Break, path: Path) -> None:
    """Write down how many calls there were before the first seed was published."""
    breaking()
    original = runs.publish

    def publish(*arguments: Any) -> Any:
        if not path.exists():
            path.write_text(f"{breaking.calls} {breaking.first_state}")
        return original(*arguments)

    setattr(runs, "publish", publish)  # noqa: B010


def state_is_valid(tree: Path) -> bool:
    """Every file that counts is whole; once there was a state, there is a good one."""
    states = []
    for folder in (tree / ".resume").glob("*"):
        for row in folder.glob("row_*"):
            for epoch in checkpoint_epochs(row):
                read_tensors(row / f"epoch_{epoch:06d}.safetensors")
        for name in ("state.safetensors", "previous.safetensors"):
            if (folder / name).exists():
                read_tensors(folder / name)
                states.append(name)
    return bool(states)


@fault(2, "kill -9 in saving, at each write, fsync and rename", tries=1000, quick=6)
def kill_saving(tries: Tries) -> None:
    calls, first_state, expected = calls_of_saving(tries)
    moments = [(k, when) for k in range(1, calls + 1) for when in ("before", "in", "after")]
    for (k, when), tree in zip(tries.sample(moments), tries.folders(10**6), strict=False):
        work.before(tree, "train")
        killed = work.Process(tree, "train", Break(k, when), **FEW_EPOCHS).status() == -signal.SIGKILL
        try:
            there = state_is_valid(tree)
            valid = True
        except ArtifactError:
            there = valid = False
        again = work.finish(tree, "train", **FEW_EPOCHS)
        same = work.fingerprint(tree, "train") == expected
        stray = [p for p in tree.rglob(".*.safetensors.*") if ".resume" in p.parts]
        tries.add(
            f"{when} call {k}",
            survived=killed and valid and again.status() == 0 and not stray,
            lost=k > first_state and not there,
            wrong=not same,
        )
    tries.notes.append(f"{calls} calls, each before, after, and half-way through what it writes")


@fault(4, "SIGTERM", tries=20, quick=4)
def terminate(tries: Tries) -> None:
    names = ("train", "group", "fit", "members")
    for number, tree in enumerate(tries.folders()):
        name = names[number % len(names)]
        work.before(tree, name)
        process, reached, _ = interrupted(tries, tree, name, signal.SIGTERM, save_seldom)
        noted = process.status() == 128 + signal.SIGTERM and "the same command goes on" in process.log
        lost = work.saved_epoch(tree) < reached
        judge(tries, tree, name, f"{name}, epoch {reached}", survived=noted, lost=lost)
    tries.notes.append("one seed, three, fit and sweep in turn; each ended at once with its last epoch saved")
    if tries.wanted >= 20:
        terminate_workflow(tries)


def save_seldom() -> None:
    """What is saved is then what SIGTERM saved."""
    resumable.SECONDS_BETWEEN_STATES, resumable.SHARE_OF_SAVING = 3600.0, 1e-9


def terminate_workflow(tries: Tries) -> None:
    """SIGTERM to a training under Snakemake: to its process, and to the whole process group."""
    calm = Project(tries.folder / "calm")
    calm.run()
    for to in ("the job", "the process group"):
        project = Project(tries.folder / to.replace(" ", "_"))
        workflow = project.start(cores=1)
        log = project.folder / "results/logs/runs/run/seed_0.train.log"
        while not (log.exists() and "epoch 0/" in log.read_text()) and workflow.poll() is None:
            time.sleep(0.001)
        training = [
            process
            for process in psutil.Process(workflow.pid).children(recursive=True)
            if process.cmdline()[-1:] and process.cmdline()[-1].endswith("train.py")
        ]
        if to == "the job":
            for process in training:
                process.send_signal(signal.SIGTERM)
        else:
            os.killpg(workflow.pid, signal.SIGTERM)
        workflow.communicate()
        psutil.wait_procs(training, timeout=60)
        noted = "the same command goes on" in log.read_text() if log.exists() else False
        status, output = project.run()
        resumed = "Going on from epoch" in log.read_text()
        same = status == 0 and project.fingerprint() == calm.fingerprint()
        tries.add(f"{to}, noted {noted}: {output[-300:]}", survived=resumed, wrong=status == 0 and not same)
    tries.notes.append("under Snakemake: to the job and to the process group")


@fault(5, "kill -9 three times in one job: training, fit, sweep", tries=20, quick=4)
def kill_three_times(tries: Tries) -> None:
    for number, tree in enumerate(tries.folders()):
        name = ("train", "group", "fit", "members")[number % 4]
        work.before(tree, name)
        kills, gone_on, lost = 0, 0, False
        for part in (0.2, 0.5, 0.8):
            process = work.Process(tree, name)
            reached = process.wait_for(int(part * (work.EPOCHS[name] - 20)))
            process.send(signal.SIGKILL)
            kills += process.status() == -signal.SIGKILL
            gone_on += "Going on from epoch" in process.log
            lost |= name in TRAININGS and reached - max(0, work.saved_epoch(tree)) > INTERVAL
        survived = kills == 3 and gone_on >= 1
        judge(tries, tree, name, f"{name}, {kills} kills, {gone_on} resumed", survived=survived, lost=lost)


@fault(12, "out of memory in a job, then tried again", tries=10, quick=2)
def out_of_memory(tries: Tries) -> None:
    for number, tree in enumerate(tries.folders()):
        work.before(tree, "train")
        at = int(tries.random.integers(INTERVAL + 1, 120))
        first = work.Process(tree, "train", partial(limit_memory, at, number % 2 == 0))
        said = first.status() == 1 and "out of memory" in first.terminal
        again = work.finish(tree, "train")
        same = work.fingerprint(tree, "train") == work.undisturbed("train")
        tries.add(
            f"epoch {at}: {first.terminal}",
            survived=said and again.status() == 0,
            lost="Going on from epoch" not in again.log,
            wrong=not same,
        )
    tries.notes.append(
        "RLIMIT_AS reached by a job that leaks, in Python or in PyTorch; then run again as by `--retries 1`"
    )


def limit_memory(epoch: int, in_torch: bool) -> None:
    """From that epoch on leak memory, under a limit a little above what the job has now."""
    import resource

    hoard: list[Any] = []
    original = Batch.train_epoch

    def leaking(self: Any) -> Any:
        if self.rows[0].epoch >= epoch:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            if not hoard:
                resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
            hoard.append(torch.ones(2**24) if in_torch else bytearray(2**26))
        return original(self)

    setattr(Batch, "train_epoch", leaking)  # noqa: B010
