"""Where and how numbers are calculated: device, threads, determinism."""

from __future__ import annotations

import os

import torch

from grokflow.errors import ConfigError


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
