"""A workflow with a configuration of a test's own, and the hashes of all that it makes."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from faults.repeats import Project


class Workflow(Project):
    """A copy of the workflow in a folder of its own, with a test's configuration and files `beside` it."""

    def __init__(self, folder: Path, configuration: Path, *beside: Path) -> None:
        super().__init__(folder)
        shutil.copy(configuration, folder / "tiny.yaml")
        for file in beside:
            shutil.copy(file, folder)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, cores: int = 2, **environment: str) -> subprocess.Popen[str]:
        self.started.append(super().start(*arguments, cores=cores, **environment))
        return self.started[-1]

    def end(self) -> None:
        """Leave nothing of it running, whatever a test came to."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def fingerprint(self) -> dict[str, str]:
        return fingerprint(self.folder / "results")


def fingerprint(results: Path) -> dict[str, str]:
    """SHA-256 of all results, their records included; of logs, times and saved states none."""
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("[!.]*"))
        if path.is_file() and not {"logs", ".resume"}.intersection(path.relative_to(results).parts)
    }


def sha256(fingerprint: dict[str, str]) -> str:
    """One for all."""
    return hashlib.sha256("\n".join(f"{v} {k}" for k, v in fingerprint.items()).encode()).hexdigest()
