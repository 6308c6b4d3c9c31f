"""Which GPU a job uses: of those that it may use, one that no other job of ours has.

Snakemake counts GPUs and tells no job which is its own, so all would use the first. A job therefore takes a
lock file, before it imports PyTorch, and lets PyTorch see that GPU alone. The kernel lets go of the lock when
the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable by which CUDA, or a scheduler, says which GPUs a process may use."""

SECONDS_BETWEEN_TRIES = 0.5
"""While all slots are taken; varied by half, so that those that wait do not ask all at once."""

GPU = re.compile(r"GPU (\d+): .*\(UUID: (GPU-[\w-]+)\)")
PART = re.compile(r"\s+MIG .*\(UUID: (MIG-[\w/-]+)\)")
"""Lines of `nvidia-smi -L`: a GPU, and a part of the GPU above it that counts as one of its own (MIG)."""


@contextlib.contextmanager
def one_gpu(jobs_per_gpu: int = 1) -> Iterator[str | None]:
    """Hold a slot of a GPU until the end, and let this process see that GPU alone, from now on.

    Waits while all slots are taken. Does nothing where no GPU can be seen: what needs one says so itself.

    Parameters
    ----------
    jobs_per_gpu : slots of each GPU, that is, how many jobs may use it at a time.

    Yields
    ------
    The UUID of the GPU, or None.
    """
    gpus = usable_gpus(os.environ)
    if not gpus:
        yield None
        return
    with _slot(gpus, jobs_per_gpu) as gpu:
        os.environ[VISIBLE] = gpu
        yield gpu


def usable_gpus(environment: Mapping[str, str]) -> list[str]:
    """The UUIDs of this machine's GPUs that the environment lets a process use, in its order."""
    present = _present_gpus()
    allowed = environment.get(VISIBLE)
    if allowed is None:
        return [uuid for parts in present.values() for uuid in parts]
    found: list[str] = []
    for name in map(str.strip, allowed.split(",")):
        # CUDA ignores whatever stands behind a name that it does not know.
        parts = present.get(name) or [
            uuid for all_parts in present.values() for uuid in all_parts if name and uuid.startswith(name)
        ]
        if not parts:
            break
        found += [uuid for uuid in parts if uuid not in found]
    return found


def _present_gpus() -> dict[str, list[str]]:
    """By the number of each GPU its UUID, or the UUIDs of its parts; nothing without a driver."""
    try:
        command = ["nvidia-smi", "-L"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, list[str]] = {}
    number, whole = "", True
    for line in listed.stdout.splitlines():
        if gpu := GPU.match(line):
            number, whole = gpu[1], True
            found[number] = [gpu[2]]
        elif (part := PART.match(line)) and found:
            found[number] = [part[1]] if whole else [*found[number], part[1]]
            whole = False
    return found


@contextlib.contextmanager
def _slot(gpus: list[str], jobs_per_gpu: int) -> Iterator[str]:
    folder = Path(tempfile.gettempdir()) / f"grokflow-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # First slots first, so that a second job shares a GPU only where all have one.
    slots = [(gpu, number) for number in range(jobs_per_gpu) for gpu in gpus]
    told = False
    while True:
        for gpu, number in slots:
            lock = FileLock(folder / f"{gpu.replace('/', '_')}.{number}", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                continue
            try:
                yield gpu
            finally:
                lock.release()
            return
        if not told:
            print(f"Waiting for a GPU: all {len(slots)} slots are taken.", flush=True)
            told = True
        time.sleep(SECONDS_BETWEEN_TRIES * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
