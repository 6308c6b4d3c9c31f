"""Long computations that can be stopped at any moment and go on from a saved state, to the same bits.

What is computed is a `Work`; `ResumableJob.carry_out` is the one loop that runs, saves and resumes it.
The state is one file, replaced atomically, and the state before it is kept too. Both lie in a folder
that no rule declares, so they survive a failed or killed job. The folder's name is a digest of all that
determines the result (configuration, sources, versions, device), so a state is never resumed under
anything else.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol

import numpy as np
from filelock import FileLock, Timeout

from grokflow.artifacts.files import digest, write_json
from grokflow.artifacts.job import Ended
from grokflow.artifacts.source import source_digest
from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.artifacts.writer import BackgroundWriter
from grokflow.errors import ArtifactError

SECONDS_BETWEEN_STATES = 60.0
"""Longest time between two saved states: what a kill costs at most, besides the epoch it falls in."""

SHARE_OF_SAVING = 0.005
"""Saving may take this share of the time: a state that takes ten milliseconds is saved every two seconds."""


class SavedState(NamedTuple):
    """All that a computation needs to go on."""

    tensors: dict[str, np.ndarray]
    """Named arrays, which nobody changes any more: they are written while the work goes on."""
    progress: dict[str, Any]
    """The rest, as JSON can hold it; `epoch` is the one that messages name."""


class Work(Protocol):
    """What is computed in steps and may be stopped between any two."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""

    def start(self) -> None:
        """Do what comes before the first step."""

    def advance(self) -> None:
        """Do one step: for a training, an epoch."""

    def state(self) -> SavedState:
        """All that it takes to go on from here."""

    def check(self, state: SavedState) -> None:
        """Refuse a state that cannot be used, with an ArtifactError."""

    def restore(self, state: SavedState) -> None:
        """Go on from a state that passed `check`."""


class Termination:
    """While entered, SIGTERM and SIGINT are noted and not obeyed: long work ends where its state is saved.

    A scheduler sends SIGTERM some seconds before it kills; Ctrl-C sends SIGINT. Outside the main thread
    nothing is noted, because Python gives signals to that one alone.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Termination:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = self.asked or signal.Signals(number)


class ResumableJob:
    """One long computation with its folder.

    Parameters
    ----------
    root : folder of all unfinished computations; None: nothing is saved.
    subject : what is computed, as messages call it.
    settings : all of the configuration that determines the result.
    module : the module that computes it, whose sources (`source_digest`) determine the result as well.
    device : what it is computed on, such as "cpu" or the name of a GPU.
    threads : threads that write files beside the work.
    """

    def __init__(
        self,
        root: str | Path | None,
        subject: str | Path,
        settings: Mapping[str, Any],
        module: str,
        device: str,
        *,
        threads: int = 1,
    ) -> None:
        self.key = {
            **settings,
            "device": device,
            **{name: version(name) for name in ("torch", "numpy", "numba")},
            "source": source_digest(module),
        }
        self.subject = str(subject)
        self.folder = None if root is None else Path(root) / digest(self.key)
        self.writer = BackgroundWriter(threads)
        self.termination = Termination()
        self.saved_at = time.monotonic()
        self.seconds_to_save = self.seconds_to_write = 0.002  # a guess, until one was saved

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this folder; the kernel lets go of it when the process ends, however it ends.

        Inside, a signal to stop waits until the work is between two steps.

        Raises
        ------
        ArtifactError : when another process computes the same.
        """
        if self.folder is None:
            try:
                yield
            finally:
                self.writer.close()
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=0), self.termination:
                for left_over in self.folder.rglob(".*.safetensors.*"):  # of a write that was killed
                    left_over.unlink()
                try:
                    yield
                finally:
                    self.writer.close()
        except Timeout:
            raise ArtifactError(
                self.folder,
                expected=f"no other process that computes {self.subject}",
                found="one that does",
                mend="Wait for it, or stop it; the work then goes on where it stood.",
            ) from None

    def carry_out(self, work: Work) -> bool:
        """Do the work, from the last good state if there is one.

        Returns
        -------
        Whether anything was left to do.

        Raises
        ------
        Ended : after a signal to stop, with the state saved.
        """
        state = self.load(work)
        if state is None:
            work.start()
        else:
            work.restore(state)
            print(f"Going on from epoch {state.progress['epoch']}.", flush=True)
        begun = not work.done
        while not work.done:
            work.advance()
            if not work.done:
                self._pause(work)
        self.writer.wait()
        return begun

    def _pause(self, work: Work) -> None:
        """Between two steps: save when that is due, and end when a signal to stop has come."""
        if self.folder is None:
            return
        now = time.monotonic()
        interval = min(SECONDS_BETWEEN_STATES, self.seconds_to_save / SHARE_OF_SAVING)
        if self.termination.asked or now - self.saved_at >= interval:
            self.save(work.state())
            self.seconds_to_save = time.monotonic() - now + self.seconds_to_write
        if self.termination.asked:
            self.writer.wait()
            raise Ended(self.termination.asked)

    def save(self, state: SavedState) -> None:
        """Replace the state on disk, once all files handed to the writer are there; the one before stays."""
        if self.folder is not None:
            self.writer.submit_after_all(self._write, state)
            self.saved_at = time.monotonic()

    def _write(self, state: SavedState) -> None:
        assert self.folder is not None
        started = time.monotonic()
        key, path = self.folder / "key.json", self.folder / "state.safetensors"
        if not key.exists():
            write_json(key, {"subject": self.subject, **self.key})
        if path.exists():
            path.replace(path.with_name("previous.safetensors"))
        write_tensors(path, state.tensors, {"progress": json.dumps(state.progress)})
        self.seconds_to_write = time.monotonic() - started

    def load(self, work: Work) -> SavedState | None:
        """The last state that `work` can use, or None; what cannot be used, and what differs, is printed."""
        if self.folder is None:
            return None
        damaged = False
        for name in ("state.safetensors", "previous.safetensors"):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                state = _read(path)
                work.check(state)
            except ArtifactError as error:
                damaged = True
                print(f"A saved state cannot be used. {error}", flush=True)
                continue
            return state
        print("Starting over, because no saved state can be used." if damaged else self._news(), flush=True)
        return None

    def discard(self) -> None:
        """Remove what was saved, because the result is there."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _news(self) -> str:
        """That there is no state; and how the one that there is of the same subject differs."""
        assert self.folder is not None
        nearest: list[str] | None = None
        for path in self.folder.parent.glob("*/key.json"):
            with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):  # no JSON, no object
                other = json.loads(path.read_text(encoding="utf-8"))
                if other.pop("subject", None) == self.subject:
                    found = _differences(other, self.key)
                    nearest = found if nearest is None or len(found) < len(nearest) else nearest
        if not nearest:  # of another subject, or killed before its first state
            return "Starting."
        return f"Starting from nothing: the saved state of {self.subject} differs in {', '.join(nearest)}."


def _read(path: Path) -> SavedState:
    tensors, metadata = read_tensors(path)
    try:
        progress = dict(json.loads(metadata["progress"]))
        progress["epoch"] += 0  # a number, which messages name
    except (KeyError, ValueError, TypeError, RecursionError):
        raise ArtifactError(path, expected="a saved state", found="another file of tensors") from None
    return SavedState(tensors, progress)


def _differences(old: Any, new: Any, key: str = "") -> list[str]:
    """`name (old → new)` for each leaf that is not the same."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = (dict(enumerate(values)) for values in (old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            difference
            for name in sorted(old.keys() | new.keys(), key=str)
            for difference in _differences(old.get(name), new.get(name), f"{key}.{name}".strip("."))
        ]
    return [] if old == new else [f"{key} ({old} → {new})"]
