"""Where something long is computed: its state in one file, replaced atomically, and the one before it.

A workshop is a folder that no rule declares, so it survives a failed or killed job. Its name is a
digest of all that determines the result (configuration, sources, versions, device), so a state is
never resumed under anything else.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from grokflow.artifacts.files import digest, write_json
from grokflow.artifacts.job import Termination
from grokflow.artifacts.provenance import source_digest
from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.errors import ArtifactError

SECONDS_BETWEEN_STATES = 60.0
"""How often `pause` saves; what a kill costs at most, besides what lies between two pauses."""

State = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Named arrays, and the rest as a JSON object."""


class Workshop:
    """The folder in which `subject` is computed.

    Parameters
    ----------
    root : folder of all workshops; None: nothing is kept.
    subject : what is computed, such as the path of its table; only for messages.
    settings : all of the configuration that determines the result.
    sources : grokflow's modules that do.
    """

    def __init__(
        self,
        root: str | Path | None,
        subject: str | Path,
        settings: Mapping[str, Any],
        sources: tuple[str, ...],
        device: str,
    ) -> None:
        self.key = {
            **settings,
            "device": torch.cuda.get_device_name() if device == "cuda" else device,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "numba": version("numba"),
            "source": source_digest(*sources),
        }
        self.subject = str(subject)
        self.folder = None if root is None else Path(root) / digest(self.key)
        self.termination = Termination()
        self.saved_at = time.monotonic()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this folder; the kernel lets go of it when the process ends, however it ends.

        Inside, SIGTERM waits for a safe place (`pause`).

        Raises
        ------
        ArtifactError : when another process computes the same.
        """
        if self.folder is None:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=0), self.termination:
                for left_over in self.folder.glob(".*.safetensors.*"):  # of a write that was killed
                    left_over.unlink()
                yield
        except Timeout:
            raise ArtifactError(
                self.folder,
                expected=f"no other process that computes {self.subject}",
                found="one that does",
                mend="Wait for it, or stop it; the work then goes on where it stood.",
            ) from None

    def save(self, tensors: Mapping[str, np.ndarray], progress: Mapping[str, Any]) -> None:
        """Replace the state on disk; the one before it stays too."""
        if self.folder is None:
            return
        key, path = self.folder / "key.json", self.folder / "state.safetensors"
        if not key.exists():
            write_json(key, {"subject": self.subject, **self.key})
        if path.exists():
            path.replace(path.with_name("previous.safetensors"))
        write_tensors(path, tensors, {"progress": json.dumps(progress)})
        self.saved_at = time.monotonic()

    def load(self, check: Callable[[State], None] = lambda state: None) -> State | None:
        """The last good state, or None; what cannot be used, and what differs, is printed.

        Parameters
        ----------
        check : raises ArtifactError for a state that cannot be used.
        """
        if self.folder is None:
            return None
        damaged = False
        for name in ("state.safetensors", "previous.safetensors"):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                tensors, metadata = read_tensors(path)
                try:
                    state = tensors, json.loads(metadata["progress"])
                except (KeyError, ValueError, TypeError, RecursionError):
                    raise ArtifactError(
                        path, expected="a saved state", found="another file of tensors"
                    ) from None
                check(state)
            except ArtifactError as error:
                damaged = True
                print(f"A saved state cannot be used. {error}", flush=True)
                continue
            return state
        print("Starting over, because no saved state can be used." if damaged else self._news(), flush=True)
        return None

    def pause(self, state: Callable[[], State]) -> None:
        """A safe place: save when that is due; save and end the process when SIGTERM has come.

        Raises
        ------
        SystemExit : after SIGTERM.
        """
        if self.folder is None:
            return
        if self.termination.asked or time.monotonic() - self.saved_at >= SECONDS_BETWEEN_STATES:
            self.save(*state())
        if self.termination.asked:
            self.termination.end()

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
