"""PyTorch's threads, which are the whole process's: what a function sets is put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def threads_put_back() -> Iterator[None]:
    """Leave PyTorch with as many threads as it had; also a decorator."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
