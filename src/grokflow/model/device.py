"""Where and how numbers are calculated: device, threads, determinism."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

import torch

from grokflow.errors import ConfigError

CGROUPS = Path("/sys/fs/cgroup")


def free_memory(device: str) -> int:
    """Bytes that this process may still take: of the GPU, or of the machine within its control group."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    meminfo, groups = Path("/proc/meminfo"), Path("/proc/self/cgroup")
    if not meminfo.exists():  # no Linux
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    available = re.search(r"^MemAvailable: *(\d+) kB$", meminfo.read_text(), re.MULTILINE)
    found = [int(available[1]) * 1024] if available else []
    # A scheduler's limit on the job stands at one of the groups above the process.
    name = groups.read_text().rpartition("0::/")[2].strip() if groups.exists() else ""
    group = CGROUPS / name
    for folder in (group, *group.parents):
        if not folder.is_relative_to(CGROUPS):
            break
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit here
            limit = int((folder / "memory.max").read_text())
            found.append(max(0, limit - int((folder / "memory.current").read_text())))
    return min(found, default=0)


def name_of(device: str) -> str:
    """What "cuda" is here, such as "NVIDIA H200"; "cpu" is the same everywhere."""
    return str(torch.cuda.get_device_name()) if device == "cuda" else device


def prepare(device: str, threads: int, gpus: int = 1) -> str:
    """Fix the thread count and the deterministic algorithms; return the device, "cpu" or "cuda".

    Parameters
    ----------
    device : "auto", "cpu" or "cuda", as the configuration says.
    gpus : how many the job was given; 0 means the CPU.

    Raises
    ------
    ConfigError : when "cuda" is asked for and there is none.
    """
    torch.set_num_threads(threads)
    if not gpus and device == "cuda":
        raise ConfigError(
            "device",
            expected="a GPU for each job, because the configuration says 'cuda'",
            found="--resources gpu=0",
            mend="Set device to 'auto' or 'cpu', or gpu to the number of GPUs.",
        )
    if not gpus:
        return "cpu"
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu" and shutil.which("nvidia-smi"):
            print("There is a GPU, but PyTorch cannot use it; using the CPU.", flush=True)
    if device == "cuda":
        if not torch.cuda.is_available():
            raise ConfigError(
                "device",
                expected="a CUDA device, because the configuration says 'cuda'",
                found="none that PyTorch can use",
                mend="Set device to 'auto' or 'cpu'.",
            )
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cuda.matmul.allow_tf32 = False
    return device
