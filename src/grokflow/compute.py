"""Where and how numbers are calculated: device, threads, determinism, and the record of it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

import grokflow
from grokflow.errors import ConfigError
from grokflow.files import checksum


def prepare(device: str, threads: int) -> str:
    """Fix the thread count and the deterministic algorithms; return the device, "cpu" or "cuda".

    Raises
    ------
    ConfigError : when "cuda" is asked for and there is none.
    """
    torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
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
        torch.backends.cuda.matmul.allow_tf32 = False
    return device


def source_digest(*modules: str) -> str:
    """16 hexadecimal digits that change when the source of one of grokflow's `modules` does.

    `modules` are paths below the package, such as "model.py" or "training"; none: the whole package.
    """
    root = Path(grokflow.__file__).parent
    named = [root / module for module in modules] or [root]
    paths = [path for p in named for path in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]
    return checksum(b"\0".join(path.read_bytes() for path in paths))[:16]


def provenance(device: str, threads: int, config: dict[str, Any]) -> dict[str, Any]:
    """What produced a file: versions, device, threads, the resolved configuration, the source."""
    return {
        "grokflow": grokflow.__version__,
        "source": source_digest(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "threads": threads,
        "config": config,
    }
