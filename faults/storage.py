"""What a disk does: full, failing, read-only, elsewhere; and what it gives back is not what was written."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faults import work
from faults.kills import FEW_EPOCHS, TRAININGS, Break, calls_of_saving, state_is_valid
from faults.table import CannotRun, Tries, fault
from grokflow.artifacts.provenance import check_files
from grokflow.data import make_dataset
from grokflow.errors import ArtifactError
from grokflow.model import make_task
from grokflow.training.engine import Trainer, training_job
from grokflow.training.rows import Row
from grokflow.verify import verify

REASONS = {errno.ENOSPC: "disk full", errno.EIO: "I/O error", errno.EDQUOT: "over quota"}


def temporaries(tree: Path) -> list[Path]:
    """What an unfinished write leaves."""
    return [path for path in tree.rglob(".*.*") if path.is_file() and ".snakemake" not in path.name]


def judge_refused(tries: Tries, tree: Path, process: work.Process, reason: str, expected: Any) -> None:
    """It ended in one message naming path and reason, left nothing behind, and goes on to the same bits."""
    clear = process.status() == 1 and reason in process.terminal and str(tree) in process.terminal
    clear &= "Traceback" not in process.terminal and process.terminal.count("\n") == 1
    tidy = not temporaries(tree)
    try:
        state_is_valid(tree)
        valid = True
    except ArtifactError:
        valid = False
    again = work.finish(tree, process.name, **FEW_EPOCHS)
    same = work.fingerprint(tree, process.name) == expected
    tries.add(
        f"{process.name}, {reason}: {process.terminal.strip()[-200:]}{'' if tidy else ' temporaries left'}",
        survived=clear and tidy and again.status() == 0,
        lost=not valid,
        wrong=not same,
    )


@fault(6, "disk full, I/O error, over quota", tries=1000, quick=6)
def failing_disk(tries: Tries) -> None:
    found = {name: calls_of_saving(tries, name) for name in TRAININGS}
    # Of one seed each call, of three as many, spread over theirs.
    every = [("train", k, number) for number in REASONS for k in range(1, found["train"][0] + 1)]
    spread = np.unique(np.linspace(1, found["group"][0], min(tries.wanted, 40)).astype(int)).tolist()
    every += [("group", k, number) for number in REASONS for k in spread]
    for (name, k, number), tree in zip(tries.sample(every), tries.folders(10**6), strict=False):
        work.before(tree, name)
        process = work.Process(tree, name, Break(k, error=number), **FEW_EPOCHS)
        process.status()
        judge_refused(tries, tree, process, os.strerror(number), found[name][2])
    calls, expected = found["train"][0], found["train"][2]
    tries.notes.append(
        f"each of {calls} writes, fsyncs and renames made to fail in three ways, and {len(spread)} of the "
        f"{found['group'][0]} of three seeds"
    )
    large_files(tries, expected)
    small_file_system(tries, expected)
    no_room_for_the_result(tries)


def large_files(tries: Tries, expected: Any) -> None:
    """Files may not grow beyond a limit that the kernel enforces."""
    for size, tree in zip((3_000, 20_000, 40_000), tries.folders(3), strict=True):
        work.before(tree, "train")
        process = work.Process(tree, "train", partial(limit_file_size, size), **FEW_EPOCHS)
        process.status()
        judge_refused(tries, tree, process, os.strerror(errno.EFBIG), expected)
    tries.notes.append("RLIMIT_FSIZE at three sizes")


def limit_file_size(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextlib.contextmanager
def mounted(at: Path, *arguments: str) -> Iterator[None]:
    """A file system mounted at a folder.

    Raises
    ------
    CannotRun : when this process may not mount.
    """
    at.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(["mount", *arguments, str(at)], capture_output=True, text=True, check=False)
    if found.returncode:
        raise CannotRun(found.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def small_file_system(tries: Tries, expected: Any) -> None:
    """A tmpfs with room for part of the run, then a larger one."""
    sizes = range(48, 48 + 8 * 20, 8) if tries.wanted > 100 else (64, 120)
    refused = 0
    for size, folder in zip(sizes, tries.folders(len(sizes)), strict=True):
        tree = folder / "small"
        try:
            with mounted(tree, "-t", "tmpfs", "-o", f"size={size}k", "tmpfs"):
                work.before(tree, "train")
                process = work.Process(tree, "train", **FEW_EPOCHS)
                if process.status() == 0:
                    continue
                refused += 1
                subprocess.run(["mount", "-o", "remount,size=16m", str(tree)], check=True)
                judge_refused(tries, tree, process, os.strerror(errno.ENOSPC), expected)
        except CannotRun as reason:
            tries.notes.append(f"no small file system: {reason}")
            return
    tries.notes.append(f"a real tmpfs that was full in {refused} of {len(sizes)} sizes")


def no_room_for_the_result(tries: Tries) -> None:
    """A fit and members of a sweep that cannot write what they found go on from their state."""
    for name, at in (("fit", "fit_0.safetensors"), ("members", ".csv")):
        for tree in tries.folders(1):
            work.before(tree, name)
            process = work.Process(tree, name, partial(refuse, at))
            said = process.status() == 1 and os.strerror(errno.ENOSPC) in process.terminal
            tidy = not temporaries(tree)
            again = work.finish(tree, name)
            same = work.fingerprint(tree, name) == work.undisturbed(name)
            tries.add(
                f"no room for {at}: {process.terminal.strip()[-200:]}",
                survived=said and tidy and again.status() == 0,
                lost="Going on from epoch" not in again.log,
                wrong=not same,
            )
    tries.notes.append("the results of a fit and of members of a sweep")


def refuse(ending: str) -> None:
    """Let no file of that name get its place."""
    original = os.replace

    def replace(source: Any, target: Any) -> None:
        if str(target).endswith(ending):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(source, target)

    setattr(os, "replace", replace)  # noqa: B010


def flipped(content: bytes, random: np.random.Generator, other: bytes) -> bytes:
    """One bit."""
    damaged = bytearray(content)
    damaged[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def zeroed(content: bytes, random: np.random.Generator, other: bytes) -> bytes:
    """A block of up to 512 bytes."""
    start = int(random.integers(len(content)))
    end = min(len(content), start + int(random.integers(1, 513)))
    return content[:start] + bytes(end - start) + content[end:]


def truncated(content: bytes, random: np.random.Generator, other: bytes) -> bytes:
    return content[: int(random.integers(len(content)))]


def emptied(content: bytes, random: np.random.Generator, other: bytes) -> bytes:
    return b""


def swapped(content: bytes, random: np.random.Generator, other: bytes) -> bytes:
    return other


DAMAGES: tuple[Callable[[bytes, np.random.Generator, bytes], bytes], ...] = (
    flipped,
    zeroed,
    truncated,
    emptied,
    swapped,
)


@fault(7, "bit flip, zeroed block, truncation, empty or swapped file", tries=1000, quick=40)
def damaged_file(tries: Tries) -> None:
    tree = tries.folder / "tree"
    shutil.copytree(work.finished_tree(), tree, dirs_exist_ok=True)
    made = sorted(p for p in tree.rglob("[!.]*") if p.is_file() and p.parts[len(tree.parts)] in
                  ("datasets", "runs", "paths", "sweeps"))  # fmt: skip
    states = sorted((tree / ".resume").rglob("*.safetensors"))
    newest = [path for path in states if path.name == "state.safetensors"]
    for number in range(tries.wanted):
        files = states if number % 5 == 4 else made
        # The newest state more often than by chance: it is one file of many.
        chosen = newest if number % 10 == 4 else files
        path = chosen[int(tries.random.integers(len(chosen)))]
        same_kind = [p for p in files if p.suffix == path.suffix and p != path] or [tree / "logs/train.log"]
        other = same_kind[int(tries.random.integers(len(same_kind)))].read_bytes()
        content, damage = path.read_bytes(), DAMAGES[int(tries.random.integers(len(DAMAGES)))]
        damaged = damage(content, tries.random, other)
        while damaged == content:
            damaged = flipped(content, tries.random, other)
        path.write_bytes(damaged)
        what, used = f"{damage.__name__} {path.relative_to(tree)}", 0
        if files is made:
            lines, _ = verify(tree) if number % 10 == 0 else (["unasked: " + path.name], None)
            survived = refused(path) and any(path.name in line for line in lines)
            # The jobs themselves: often in the few tries of the test suite.
            for name in readers(tree, path) if number % (25 if tries.wanted > 100 else 2) == 0 else ():
                reader = work.finish(tree, name)
                survived &= reader.status() == 1 and path.name in reader.terminal
                unchanged = work.fingerprint(tree, name) == work.undisturbed(name)
                used += not unchanged
            tries.add(what, survived=survived, wrong=used > 0)
        else:
            judge_state(
                tries,
                tree,
                path,
                what,
                to_the_end=number % 50 == 4 or (tries.wanted < 100 and number % 10 == 4),
            )
        path.write_bytes(content)
    tries.notes.append("each refused by name before a job reads it; every tenth by `grokflow.verify` too")


def readers(tree: Path, path: Path) -> list[str]:
    """The jobs that read the file."""
    inputs = {name: {Path(file) for file in work.job(tree, name).input} for name in work.SCRIPT_OF}
    return [name for name, files in inputs.items() if files & {path, *path.parents}]


def refused(path: Path) -> bool:
    """Whether a job that reads the file refuses it and names it."""
    try:
        check_files([path])
    except ArtifactError as error:
        return path.name in str(error)
    return False


def judge_state(tries: Tries, tree: Path, path: Path, what: str, *, to_the_end: bool) -> None:
    """The damaged state or checkpoint is named and an older state used, or nothing."""
    (name,) = (name for name in TRAININGS if path.is_relative_to(work.saved_in(tree, name)[0]))
    printed, dataset = io.StringIO(), make_dataset(work.RUN.dataset)
    task = make_task(work.RUN.model, work.RUN.dataset, dataset, "cpu")
    rows = [Row(run, number) for number, run in enumerate(work.RUNS_OF[name])]
    job = training_job(tree / ".resume", name, work.RUNS_OF[name], "cpu")
    with contextlib.redirect_stdout(printed):
        state = job.load(Trainer(rows, [task] * len(rows), job, "cpu"))
    older = what.startswith("swapped") and path.name == "state.safetensors"  # perhaps by the one before
    unused = path.name == "previous.safetensors" or older
    named = path.name in printed.getvalue() or (unused and state is not None)
    same = True
    if to_the_end:
        copy = tree.parent / f"{tree.name}-again"
        shutil.copytree(tree, copy)
        status = work.finish(copy, name).status()
        same = status == 0 and work.fingerprint(copy, name) == work.fingerprint(tree, name) | (
            {"state 0": work.undisturbed(name)["state 0"]}
        )
        shutil.rmtree(copy)
    kept = state is not None or path.name.startswith("epoch_")  # of two states one is still good
    tries.add(what, survived=named, lost=not kept, wrong=not same)


@fault(15, "clock set back, results/ read-only or on another file system", tries=5, quick=3)
def odd_places(tries: Tries) -> None:
    expected = work.undisturbed("train")
    for tree in tries.folders(1 if tries.wanted < 5 else 2):
        work.before(tree, "train")
        for path in tree.rglob("*"):
            os.utime(path, (time.time() + 86_400, time.time() + 86_400))
        process = work.Process(tree, "train", clock_runs_back)
        same = process.status() == 0 and work.fingerprint(tree, "train") == expected
        tries.add(f"clock: {process.terminal}", survived=process.status() == 0, wrong=not same)
    for folder in tries.folders(1):
        tree = folder / "elsewhere"
        with mounted(tree, "-t", "tmpfs", "tmpfs"):
            work.before(tree, "train")
            status = work.finish(tree, "train").status()
            same = work.fingerprint(tree, "train") == expected
            tries.add("another file system", survived=status == 0, wrong=not same)
    for folder in tries.folders(1 if tries.wanted < 5 else 2):
        tree = folder / "tree"
        work.before(tree, "train")
        tree.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as view, mounted(Path(view), "--bind", str(tree)):
            subprocess.run(["mount", "-o", "remount,ro,bind", view], check=True)
            process = work.Process(tree, "train", partial(look_at, view))
            process.status()
            said = os.strerror(errno.EROFS) in process.terminal and "Traceback" not in process.terminal
        status = work.finish(tree, "train").status()
        same = work.fingerprint(tree, "train") == expected
        tries.add(f"read-only: {process.terminal}", survived=said and status == 0, wrong=not same)
    tries.notes.append(
        "clocks of the process run backwards and inputs are from tomorrow; tmpfs; a read-only mount"
    )


def clock_runs_back() -> None:
    """Let every look at a clock give an earlier time than the last."""
    now = iter(range(10**9, 0, -7))
    time.time = time.monotonic = lambda: float(next(now))


def look_at(view: str) -> None:
    """Write where the read-only mount is."""
    original = work.job
    work.job = lambda tree, name, **changes: original(Path(view), name, **changes)
