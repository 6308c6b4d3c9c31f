"""What is the whole process's, PyTorch's threads and standard output: what a function sets is put back."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

import torch

ONE_AT_A_TIME = threading.Lock()
"""Held while standard output is replaced or put back."""


@contextlib.contextmanager
def threads_put_back() -> Iterator[None]:
    """Leave PyTorch with as many threads as it had; also a decorator."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Print nothing of what this thread prints; other threads, silent or not, are heard as before."""
    me = threading.get_ident()
    with ONE_AT_A_TIME:
        output = sys.stdout if isinstance(sys.stdout, _Output) else _Output(sys.stdout)
        sys.stdout = output
        output.silent.append(me)
    try:
        yield
    finally:
        with ONE_AT_A_TIME:
            output.silent.remove(me)
            if not output.silent and sys.stdout is output:
                sys.stdout = output.real


class _Output(io.TextIOBase):
    """Standard output without what some threads print."""

    def __init__(self, real: TextIO) -> None:
        self.real = real
        self.silent: list[int] = []

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() in self.silent else self.real.write(text)

    def flush(self) -> None:
        if threading.get_ident() not in self.silent:
            self.real.flush()
