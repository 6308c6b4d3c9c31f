"""The logs of jobs, read back: which job each is of, what has become of it, and how far it is.

The frame of a job (`grokflow.artifacts.job`) begins and ends its log; in between stand the lines of
`grokflow.training.progress`, of a fit or of measuring. A log may grow while it is read: what does not end in
a newline is not looked at yet.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

State = Literal["running", "silent", "done", "failed", "stopped", "killed"]

STATES: dict[State, str] = {
    "running": "its process is there, or its log has grown lately",
    "silent": "on another machine, and its log has not grown for long: perhaps it was killed",
    "done": "ended well",
    "failed": "ended with an error: its process is gone, and that is the last message of its log",
    "stopped": "ended by a signal, with its state saved",
    "killed": "its process is gone, and its log has no end",
}
"""Of a job, each with what it means."""

SILENT_AFTER = 300.0
"""Seconds. A training adds a line every five seconds, but a single step of a large one may take minutes."""

HEAD, TAIL = 200, 16_384
"""Bytes that are read at both ends: each line of progress says all that is known at that moment."""

BEGUN = re.compile(r"^Begun (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC by process (\d+) on (.+)\.$", re.MULTILINE)

NUMBER = r"([-+\d.einfa]+)"
"""As Python writes one, `nan` and `inf` included."""

FIELDS: dict[str, tuple[re.Pattern[str], tuple[str, ...]]] = {
    name: (re.compile(pattern), tuple(keys.split()))
    for name, pattern, keys in (
        ("training", r"^epoch (\d+)/(\d+)  ", "epoch epochs"),
        ("last", r" s to epoch (\d+)", "epochs"),
        ("fit", r"^fit epoch (\d+), at most (\d+)  ", "epoch epochs"),
        ("rows", r"(\d+) of (\d+) in (?:training|fit)", "going rows"),
        (
            "losses",
            rf"train loss {NUMBER} error {NUMBER}  validation loss {NUMBER} error {NUMBER}",
            "train_loss train_error validation_loss validation_error",
        ),
        ("fit loss", rf"in fit, diverged \d+  loss {NUMBER}", "train_loss"),
        ("train error", rf"largest train error {NUMBER}", "train_error"),
        ("validation error", rf"lowest validation error {NUMBER}", "validation_error"),
        ("point 1", r"point 1 (?:at|in) (\d+)", "point_1"),
        ("point 2", r"point 2 (?:at|in) (\d+)", "point_2"),
        ("diverged", r"diverged (\d+)", "diverged"),
        ("collapses", r"collapses (\d+)", "collapses"),
        ("speed", rf"{NUMBER} epochs/s", "speed"),
        ("left", r"epochs/s  (?:at most )?(\d+) s ", "seconds_left"),
    )
}
"""What a line of progress may say, and the fields of `Progress` that it fills."""

EPOCHS, MEASURED = ("epoch ", "fit epoch "), ("measured ", "skipped: ")
PROGRESS = EPOCHS + MEASURED
"""How lines of progress begin."""

WHOLE = ("epoch", "epochs", "going", "rows", "point_1", "point_2", "diverged", "collapses")


@dataclass(frozen=True)
class Progress:
    """How far a training or a fit is; None: its log does not say.

    Of several rows trained together, losses and errors are medians, and `point_1`, `point_2` and `diverged`
    are numbers of rows; of one alone the points are epochs. Of a fit, the errors are the largest train error
    and the lowest validation error on its curve.
    """

    epoch: int | None = None
    epochs: int | None = None
    """The last one, as far as one can tell now."""
    going: int | None = None
    rows: int | None = None
    train_loss: float | None = None
    train_error: float | None = None
    validation_loss: float | None = None
    validation_error: float | None = None
    point_1: int | None = None
    point_2: int | None = None
    diverged: int | None = None
    collapses: int | None = None
    speed: float | None = None
    """Epochs a second."""
    seconds_left: float | None = None
    is_fit: bool = False
    measured: int = 0
    """Paths that a job has measured, or found to be skipped."""


@dataclass(frozen=True)
class JobLog:
    """A job as its log tells of it."""

    path: Path
    job: str
    """What it does, such as `train mode_connectivity, seed 0`."""
    state: State
    changed: float
    """When its log last grew, in seconds since 1970."""
    begun: float | None = None
    """When it began; None: an earlier version of grokflow wrote the log."""
    progress: Progress = field(default_factory=Progress)
    message: str = ""
    """Why it failed, in one line."""


class Logs:
    """The logs of a results folder; reading them again costs little, because only what has changed is read.

    Parameters
    ----------
    results : the folder of which `logs` lies in.
    """

    def __init__(self, results: str | Path) -> None:
        self.folder = Path(results) / "logs"
        self._read: dict[Path, tuple[tuple[int, int], str, str]] = {}

    def read(self) -> list[JobLog]:
        """Every job that has a log, in the order in which they began."""
        found = []
        for path in sorted(self.folder.rglob("*.log")):
            try:
                stat = path.stat()
                key = stat.st_size, stat.st_mtime_ns
                if path not in self._read or self._read[path][0] != key:
                    self._read[path] = (key, *_ends(path))
            except OSError:  # removed, or replaced, in between
                continue
            _, head, tail = self._read[path]
            found.append(as_job(path, job_of(path.relative_to(self.folder)), head, tail, stat.st_mtime))
        return sorted(found, key=lambda job: (job.begun or 0, job.job))


def as_job(path: Path, job: str, head: str, tail: str, changed: float) -> JobLog:
    """What the beginning and the end of a log, of whole lines, say of its job."""
    first, lines = BEGUN.search(head), tail.splitlines()
    begun, process, machine = (_time(first[1]), int(first[2]), first[3]) if first else (None, 0, "")
    state, message = _ended(lines), ""
    if state is None:
        here = machine == socket.gethostname()  # on another machine nobody can see
        runs = _runs(process, begun) if here and begun is not None else None
        error = None if runs else _last_error(lines)
        state, message = ("failed", error) if error is not None else (_unended(begun, runs, changed), "")
    return JobLog(path, job, state, changed, begun, progress_of(lines), message)


def progress_of(lines: Iterable[str]) -> Progress:
    """What the lines of a log say together; a later line wins."""
    found: dict[str, Any] = {}
    measured = 0
    for line in lines:
        if line.startswith(MEASURED):
            measured += 1
        elif line.startswith(EPOCHS):
            for pattern, keys in FIELDS.values():
                if match := pattern.search(line):
                    found.update(zip(keys, match.groups(), strict=True))
            found["is_fit"] = line.startswith("fit ")
    kinds = {"is_fit": bool, **dict.fromkeys(WHOLE, int)}
    return Progress(**{key: kinds.get(key, float)(value) for key, value in found.items()}, measured=measured)


def job_of(log: Path) -> str:
    """What the job of a log does, by the name of that log in the folder of all logs."""
    kind, *inner = log.parts
    if len(inner) == 2:
        name, rest = inner[0], inner[1].removesuffix(".log")
        rest, _, what = rest.partition(".")
        which = rest.partition("_")[2].replace("_", " ")
        if kind == "sweeps":
            return f"sweep {name}, {which[:8]}"
        what = what or rest.partition("_")[0]
        return f"{what} {name}, seed{'s' if ' ' in which or '-' in which else ''} {which}"
    last = log.name.removesuffix(".log")
    named = {"figures": "figure", "datasets": "dataset", "sweeps": "table of"}.get(kind)
    return f"{named} {last}" if named and inner else last


def _time(written: str) -> float:
    return datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


def _ended(lines: list[str]) -> State | None:
    """How a job ended, by its own account; None: it does not say, or with an error."""
    last = lines[-1] if lines else ""
    return "done" if last.startswith("Done in ") else "stopped" if last.startswith("Ended by ") else None


def _last_error(lines: list[str]) -> str | None:
    """The error that ends a log; None: it ends otherwise. One with progress after it was only printed."""
    for line in reversed(lines):
        if line.startswith(PROGRESS):
            return None
        if line.startswith("Error: "):
            return line.removeprefix("Error: ")
        if line.startswith("Traceback "):
            return lines[-1]
    return None


def _unended(begun: float | None, runs: bool | None, changed: float) -> State:
    """What has become of a job whose log has no end; `runs`: whether its process does, None if unknown."""
    if runs is not None:
        return "running" if runs else "killed"
    silent = time.time() - changed > SILENT_AFTER
    if begun is None:  # of an earlier version, whose logs have no end, or not yet written
        return "done" if silent else "running"
    return "silent" if silent else "running"


def _runs(process: int, begun: float) -> bool:
    """Whether the process that began a log is there, and not another one that got its number later."""
    try:
        found = psutil.Process(process)
        return found.status() != psutil.STATUS_ZOMBIE and bool(found.create_time() <= begun + 5)
    except psutil.NoSuchProcess:
        return False


def _ends(path: Path) -> tuple[str, str]:
    """The first and the last whole lines of a log."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
    if size > TAIL:  # it begins within a line
        tail = tail.partition(b"\n")[2]
    whole = (part[: part.rfind(b"\n") + 1].decode("utf-8", "replace") for part in (head, tail))
    first, last = whole
    return first, last
