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

from grokflow.model.prefixes import Attended, flat_rows, rows


def attend(q: Tensor, k: Tensor, v: Tensor, attended: Attended, heads: int) -> Tensor:
    """The values (..., R, A) that the output rows attend to, mixed head by head.

    Parameters
    ----------
    q : (..., Q, A), the queries of the rows `attended.queries`.
    k, v : (..., S, A), keys and values of all input rows.
    """
    return (_Compiled.apply if q.is_cpu else attend_by_formula)(q, k, v, attended, heads)


def attend_by_formula(q: Tensor, k: Tensor, v: Tensor, attended: Attended, heads: int) -> Tensor:
    """`attend` as a formula: softmax(q·k / √K) v over the keys of each row that are not hidden."""
    shape = (heads, q.shape[-1] // heads)
    q = q if attended.query is None else rows(q, attended.query)
    k, v = (rows(x, attended.keys).unflatten(-1, shape) for x in (k, v))
    scores = (q.unflatten(-1, shape).unsqueeze(-3) * k).sum(-1) / math.sqrt(shape[1])
    if attended.hidden is not None:
        scores = scores.masked_fill(attended.hidden.unsqueeze(-1), -math.inf)
    return (scores.softmax(-2).unsqueeze(-1) * v).sum(-3).flatten(-2)


class _Compiled(torch.autograd.Function):
    """`attend_by_formula` by `_forward`, its gradient by `_backward`."""

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
    arrays = [np.ascontiguousarray(x.detach().numpy()) for x in tensors]
    return [x.reshape(-1, heads, x.shape[-1] // heads) for x in arrays]


def _flat(index: Tensor, x: Tensor) -> np.ndarray:
    """Indices of rows of x (..., R, A) as indices of the rows of all models, one after the other: flat."""
    return (index if x.ndim == 2 else flat_rows(index, x.shape[-2])).numpy().reshape(-1)


_SETTINGS: dict[str, Any] = {"fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}
"""Sums are taken in an order that can be vectorised, always the same."""


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compiled at its first call for the processor it runs on, and kept beside its file where possible."""
    try:
        kernel = njit(function, cache=True, **_SETTINGS)
    except RuntimeError:  # nowhere to keep it
        kernel = njit(function, **_SETTINGS)

    @functools.wraps(function)
    def run(*arrays: np.ndarray) -> None:
        try:
            kernel(*arrays)
        except Exception:  # what was kept cannot be read, as after a power failure; nothing has run yet
            kernel.recompile()
            kernel(*arrays)

    return run


# A loop over K is a function of its own: written inside the loops over rows and heads, it is not vectorised.
_loop: Callable[[Callable[..., Any]], Callable[..., Any]] = njit(**_SETTINGS)


@_loop
def _dot(x: np.ndarray, y: np.ndarray) -> float:
    """x·y of (K,) and (K,)."""
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total


@_loop
def _add(x: np.ndarray, factor: float, y: np.ndarray) -> None:
    """x += factor · y, both (K,)."""
    for i in range(x.shape[0]):
        x[i] += factor * y[i]


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
    zero, lowest = q.dtype.type(0), q.dtype.type(-np.inf)
    scale = q.dtype.type(1 / math.sqrt(q.shape[2]))
    for r in range(R):
        own = r % hidden.shape[0]
        for h in range(H):
            probability = probabilities[r, h]
            highest = lowest
            for t in range(T):
                score = lowest if hidden[own, t] else _dot(q[query[r], h], k[keys[r, t], h]) * scale
                probability[t] = score
                highest = max(highest, score)
            total = zero
            for t in range(T):
                probability[t] = np.exp(probability[t] - highest)
                total += probability[t]
            mixed[r, h] = zero
            for t in range(T):
                probability[t] /= total
                if probability[t] != 0:
                    _add(mixed[r, h], probability[t], v[keys[r, t], h])


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
    zero, scale = q.dtype.type(0), q.dtype.type(1 / math.sqrt(q.shape[2]))
    gradient_of_probability = np.empty(T, q.dtype)
    for r in range(R):
        own = query[r]
        for h in range(H):
            mean = zero
            for t in range(T):
                probability, row = probabilities[r, h, t], keys[r, t]
                if probability != 0:
                    gradient_of_probability[t] = _dot(gradient[r, h], v[row, h])
                    _add(gradient_of_v[row, h], probability, gradient[r, h])
                    mean += probability * gradient_of_probability[t]
            for t in range(T):
                probability, row = probabilities[r, h, t], keys[r, t]
                if probability != 0:
                    gradient_of_score = probability * (gradient_of_probability[t] - mean) * scale
                    _add(gradient_of_k[row, h], gradient_of_score, q[own, h])
                    _add(gradient_of_q[own, h], gradient_of_score, k[row, h])
