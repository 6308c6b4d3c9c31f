"""An epoch as a CUDA graph: captured once, then replayed with one launch in place of thousands.

What is captured must read and change the same tensors each time, never wait for the GPU, and take no
number from Python that differs between epochs: the step counts on the device too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 2
"""Runs before the capture, in which libraries take their memory and choose their algorithms."""


def captured(
    body: Callable[[], None], changes: Sequence[Tensor], *, what: str = "Epochs", patience: int = 0
) -> Callable[[], None]:
    """`body` as a CUDA graph where `changes` lie on a GPU; elsewhere `body` itself.

    It is captured when it is called, not before, so that the graph that it replaces is gone by then: cuBLAS
    keeps its workspace in the memory of the first graph, and a later one uses it too.

    Parameters
    ----------
    changes : every tensor that `body` changes and that outlasts it; capturing leaves them as they are.
    what : what `body` does, as the log calls it.
    patience : calls that run `body` before it is captured.

    Returns
    -------
    What does the same as `body`. Where it cannot be captured, it runs `body`, and one line says why.
    """
    if not changes[0].is_cuda:
        return body
    return _Captured(body, changes, what, patience)


class _Captured:
    """`body`, captured when it has been called `patience` times."""

    def __init__(self, body: Callable[[], None], changes: Sequence[Tensor], what: str, patience: int) -> None:
        self.body, self.changes, self.what, self.patience = body, changes, what, patience
        self.replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        if self.replay is None and self.patience == 0:
            self.replay = _replay(self.body, self.changes, self.what)
        if self.replay is not None:
            self.replay()
        else:
            self.patience -= 1
            self.body()


def _replay(body: Callable[[], None], changes: Sequence[Tensor], what: str) -> Callable[[], None]:
    kept = [tensor.clone() for tensor in changes]
    stream, aside = torch.cuda.current_stream(), _stream_aside()
    try:
        aside.wait_stream(stream)
        try:
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    body()
        finally:
            stream.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            body()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        # The error is that the capture failed; what made it fail is the one before.
        reason, *_ = str(error.__context__ or error).strip().splitlines() or [type(error).__name__]
        print(f"{what} run step by step: they cannot be captured as a CUDA graph ({reason}).", flush=True)
        return body
    finally:
        torch.cuda.set_stream(stream)  # a capture that fails leaves its own
        for tensor, value in zip(changes, kept, strict=True):
            tensor.copy_(value)
    return graph.replay


@functools.cache
def _stream_aside() -> torch.cuda.Stream:
    """One for every capture of the process: libraries keep memory for each stream they have met."""
    return torch.cuda.Stream()
