"""An epoch as a CUDA graph: captured once, then replayed with one launch in place of thousands.

What is captured must read and change the same tensors each time, ask the GPU for nothing, and take no
number from Python that differs between epochs: the step counts on the device too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 2
"""Runs before the capture, in which libraries take their memory and choose their algorithms."""


def captured(body: Callable[[], None], changes: Sequence[Tensor]) -> Callable[[], None]:
    """`body` as a replayed CUDA graph where `changes` lie on a GPU; elsewhere `body` itself.

    Parameters
    ----------
    changes : every tensor that `body` changes and that outlasts it; capturing leaves them as they are.

    Returns
    -------
    What does the same as `body`. Where it cannot be captured, `body`, and one line says why.
    """
    if not changes[0].is_cuda:
        return body
    kept = [tensor.clone() for tensor in changes]
    try:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                body()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            body()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        print(f"Epochs run step by step: they cannot be captured as a CUDA graph ({reason}).", flush=True)
        return body
    finally:
        for tensor, value in zip(changes, kept, strict=True):
            tensor.copy_(value)
    return graph.replay
