"""Softmax attention from gathered rows: a formula in PyTorch, and the same in one pass over memory on a CPU.

PyTorch gathers each row's keys and values, multiplies, sums and normalises them one after the other,
each time through memory, and back again for the gradient. With few keys a row that costs as much as a
matrix product; compiled, the numbers of a row stay in the cache.

Shapes: `...` no or one leading axis (M models), R output rows, S input rows, Q rows with a query,
T context length, H heads, K head width, A = H K.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from grokflow.prefixes import Attended, flat_rows, rows


def attend(q: Tensor, k: Tensor, v: Tensor, attended: Attended, heads: int) -> Tensor:
    """The values (..., R, A) that the output rows attend to, mixed head by head.

    Parameters
    ----------
    q : (..., Q, A), the queries of the rows `attended.queries`.
    k, v : (..., S, A), keys and values of all input rows.
    """
    return (_Compiled.apply if q.is_cpu else plain)(q, k, v, attended, heads)


def plain(q: Tensor, k: Tensor, v: Tensor, attended: Attended, heads: int) -> Tensor:
    """`attend` as a formula: softmax(q·k / √K) v over the keys of each row that are not hidden."""
    shape = (heads, q.shape[-1] // heads)
    q = q if attended.query is None else rows(q, attended.query)
    k, v = (rows(x, attended.keys).unflatten(-1, shape) for x in (k, v))
    scores = (q.unflatten(-1, shape).unsqueeze(-3) * k).sum(-1) / math.sqrt(shape[1])
    if attended.hidden is not None:
        scores = scores.masked_fill(attended.hidden.unsqueeze(-1), -math.inf)
    return (scores.softmax(-2).unsqueeze(-1) * v).sum(-3).flatten(-2)


class _Compiled(torch.autograd.Function):
    """`plain` by `_forward`, its gradient by `_backward`."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, attended: Attended, heads: int) -> Tensor:
        *leading, R, T = attended.keys.shape
        query, hidden = attended.query, attended.hidden
        query = torch.arange(R).expand(*leading, R) if query is None else query
        hidden = torch.zeros(1, T, dtype=torch.bool) if hidden is None else hidden
        index = _flat(query, q), _flat(attended.keys, k).reshape(-1, T)
        mixed = q.new_empty(*leading, R, q.shape[-1])
        probabilities = q.new_empty(math.prod(leading) * R, heads, T)
        _forward(
            *_by_head(heads, q, k, v), *index, hidden.numpy(), *_by_head(heads, mixed), probabilities.numpy()
        )
        ctx.save_for_backward(q, k, v, probabilities)
        ctx.index, ctx.heads = index, heads
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, probabilities = ctx.saved_tensors
        gradients = [torch.zeros_like(x, memory_format=torch.contiguous_format) for x in inputs]
        arrays = _by_head(ctx.heads, gradient, *inputs)
        _backward(*arrays, *ctx.index, probabilities.numpy(), *_by_head(ctx.heads, *gradients))
        return (*gradients, None, None)


def _by_head(heads: int, *tensors: Tensor) -> list[np.ndarray]:
    """Tensors (..., R, A) as arrays (M R, H, K); of contiguous ones in the same memory."""
    return [x.detach().contiguous().view(-1, heads, x.shape[-1] // heads).numpy() for x in tensors]


def _flat(index: Tensor, x: Tensor) -> np.ndarray:
    """Row numbers of x (..., R, A) as those of its models' rows one after the other: (number of them,)."""
    return (index if x.ndim == 2 else flat_rows(index, x.shape[-2])).flatten().numpy()


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compiled at its first call for the processor it runs on; kept beside its file if that can be written.

    Sums are taken in an order that can be vectorised, always the same.
    """
    settings: dict[str, Any] = {"fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}
    try:
        kernel = njit(function, cache=True, **settings)
    except RuntimeError:  # nowhere to keep it
        kernel = njit(function, **settings)

    @functools.wraps(function)
    def run(*arrays: np.ndarray) -> None:
        try:
            kernel(*arrays)
        except Exception:  # what was kept cannot be read, as after a power failure; nothing has run yet
            kernel.recompile()
            kernel(*arrays)

    return run


@_compiled
def _forward(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    query: np.ndarray,
    keys: np.ndarray,
    hidden: np.ndarray,
    mixed: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Fill `mixed` (R, H, K) and `probabilities` (R, H, T), rows of all models; `hidden` is of one."""
    R, H, T = probabilities.shape
    K = q.shape[2]
    zero, lowest, scale = q.dtype.type(0), q.dtype.type(-np.inf), q.dtype.type(1 / math.sqrt(K))
    for r in range(R):
        own = r % hidden.shape[0]
        for h in range(H):
            highest = lowest
            for t in range(T):
                score = lowest
                if not hidden[own, t]:
                    score = zero
                    for i in range(K):
                        score += q[query[r], h, i] * k[keys[r, t], h, i]
                    score *= scale
                probabilities[r, h, t] = score
                highest = max(highest, score)
            total = zero
            for t in range(T):
                probabilities[r, h, t] = np.exp(probabilities[r, h, t] - highest)
                total += probabilities[r, h, t]
            for i in range(K):
                mixed[r, h, i] = zero
            for t in range(T):
                probabilities[r, h, t] /= total
                probability = probabilities[r, h, t]
                if probability != 0:
                    for i in range(K):
                        mixed[r, h, i] += probability * v[keys[r, t], h, i]


@_compiled
def _backward(
    gradient: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    query: np.ndarray,
    keys: np.ndarray,
    probabilities: np.ndarray,
    gradient_of_q: np.ndarray,
    gradient_of_k: np.ndarray,
    gradient_of_v: np.ndarray,
) -> None:
    """Add up the gradients of q, k and v, row after row, for `gradient` (R, H, K), that of `mixed`."""
    R, H, T = probabilities.shape
    K = q.shape[2]
    zero, scale = q.dtype.type(0), q.dtype.type(1 / math.sqrt(K))
    gradient_of_probability = np.empty(T, q.dtype)
    for r in range(R):
        for h in range(H):
            mean = zero
            for t in range(T):
                probability, row = probabilities[r, h, t], keys[r, t]
                if probability != 0:
                    found = zero
                    for i in range(K):
                        found += gradient[r, h, i] * v[row, h, i]
                        gradient_of_v[row, h, i] += probability * gradient[r, h, i]
                    gradient_of_probability[t] = found
                    mean += probability * found
            for t in range(T):
                probability, row = probabilities[r, h, t], keys[r, t]
                if probability != 0:
                    gradient_of_score = probability * (gradient_of_probability[t] - mean) * scale
                    for i in range(K):
                        gradient_of_k[row, h, i] += gradient_of_score * q[query[r], h, i]
                        gradient_of_q[query[r], h, i] += gradient_of_score * k[row, h, i]
