"""Which rows a causal transformer must compute: one for each distinct prefix, and no more.

Positions 0 … S-1 whose prefixes are fewer than the examples are *shared*: all their possible
prefixes are rows, whatever the batch, so every shape is known beforehand. Later positions have one
row an example. Rows are laid out by position, so the last B rows are the last position's.

Shapes: B examples, T context length, R rows; `...` no or one leading axis (M models).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import embedding


@dataclass(frozen=True)
class Attended:
    """What one attention layer reads, as row numbers of its input, for each row of its output."""

    keys: Tensor
    """(..., R, T): the input rows that an output row attends to, one a position."""
    hidden: Tensor | None
    """(R, T): True where the position lies in the future; None when nothing is hidden."""
    queries: slice
    """The only input rows that need a query."""
    query: Tensor | None
    """(..., R): the row of `queries` that an output row continues; None for each its own."""


@dataclass(frozen=True)
class Prefixes:
    """The rows of every layer. `alphabet`: for each position, the tokens that can stand there."""

    alphabet: tuple[range, ...]
    layers: int
    _cache: dict[tuple[int, torch.device], _Shared] = field(default_factory=dict, compare=False)

    def of(self, tokens: Tensor) -> list[Attended]:
        """One `Attended` a layer for tokens (..., B, T)."""
        *leading, B, T = tokens.shape
        shared = self._shared(B, tokens.device)
        start = tokens + shared.start_of_token  # rows before the first attention: (token, position)
        if self.layers == 1:
            return [
                Attended(
                    start,
                    None,
                    shared.last_start_rows,
                    start[..., -1] - shared.last_start_rows.start,
                )
            ]

        own_positions = T - shared.positions
        # Before the first attention, an example's row at any position sees the same (token, position) rows.
        start_keys = torch.cat([shared.start_keys.expand(*leading, -1, -1)] + [start] * own_positions, dim=-2)
        start_query = torch.cat(
            [
                shared.start_query.expand(*leading, -1),
                start[..., shared.positions :].mT.flatten(-2),
            ],
            dim=-1,
        )
        prefix = self._prefix_rows(tokens, shared)
        keys = torch.cat([shared.keys.expand(*leading, -1, -1)] + [prefix] * own_positions, dim=-2)
        R = keys.shape[-2]
        everything = slice(0, R)
        first = Attended(start_keys, shared.hidden, slice(0, shared.start_rows), start_query)
        middle = Attended(keys, shared.hidden, everything, None)
        last = Attended(prefix, None, slice(R - B, R), None)
        return [first] + [middle] * (self.layers - 2) + [last]

    def _prefix_rows(self, tokens: Tensor, shared: _Shared) -> Tensor:
        """(..., B, T): the row of each example's prefix at each position, after the first attention."""
        *leading, B, _ = tokens.shape
        columns, row = [], torch.zeros(*leading, B, dtype=torch.long, device=tokens.device)
        for i in range(shared.positions):
            row = row * len(self.alphabet[i]) + (tokens[..., i] - self.alphabet[i].start)
            columns.append(row + shared.first_row[i])
        columns += [own.expand(*leading, B) for own in shared.own_rows]
        return torch.stack(columns, dim=-1)

    def _shared(self, examples: int, device: torch.device) -> _Shared:
        key = (examples, device)
        if key not in self._cache:
            self._cache[key] = _Shared(self.alphabet, examples, device)
        return self._cache[key]


class _Shared:
    """The part of the bookkeeping that depends on the number of examples alone."""

    def __init__(self, alphabet: tuple[range, ...], examples: int, device: torch.device) -> None:
        T = len(alphabet)
        sizes = [len(tokens) for tokens in alphabet]
        offsets = [sum(sizes[:i]) for i in range(T)]
        self.positions = positions = sum(math.prod(sizes[: i + 1]) <= examples for i in range(T - 1))
        self.start_rows = sum(sizes)
        self.last_start_rows = slice(offsets[-1], offsets[-1] + sizes[-1])
        self.start_of_token = torch.tensor(
            [offset - tokens.start for offset, tokens in zip(offsets, alphabet, strict=True)],
            device=device,
        )
        self.first_row: list[int] = []
        start_keys, start_query, keys = [], [], []
        total = 0
        for i in range(positions):
            count = math.prod(sizes[: i + 1])
            prefixes = torch.arange(count)
            # The prefix at j ≤ i is the leading digits of a mixed-radix number; hidden ones stay 0.
            at = [prefixes // math.prod(sizes[j + 1 : i + 1]) for j in range(i + 1)]
            self.first_row.append(total)
            start = [offsets[j] + at[j] % sizes[j] for j in range(i + 1)]
            row = [self.first_row[j] + at[j] for j in range(i + 1)]
            start_query.append(start[i])
            start_keys.append(_padded(start, T))
            keys.append(_padded(row, T))
            total += count
        empty = torch.zeros(0, T, dtype=torch.long)
        self.start_keys = torch.cat([empty, *start_keys]).to(device)
        self.start_query = torch.cat([empty[:, 0], *start_query]).to(device)
        self.keys = torch.cat([empty, *keys]).to(device)
        own = total + torch.arange((T - positions) * examples)
        self.own_rows = list(own.view(T - positions, examples).to(device))
        rows_at = [len(k) for k in keys] + [examples] * (T - positions)
        position = torch.arange(T).repeat_interleave(torch.tensor(rows_at))
        self.hidden = (torch.arange(T) > position.unsqueeze(-1)).to(device)


def _padded(columns: list[Tensor], width: int) -> Tensor:
    missing = [torch.zeros_like(columns[0])] * (width - len(columns))
    return torch.stack(columns + missing, dim=-1)


def rows(x: Tensor, index: Tensor) -> Tensor:
    """The rows `index` (..., *shape) of x (..., R, D), the leading axes alike: (..., *shape, D).

    Written as an embedding look-up because its gradient sums in a fixed order, on CUDA too among
    deterministic algorithms (`device.prepare`).
    """
    if x.ndim == 2:
        return embedding(index, x)
    M, R, D = x.shape
    return embedding(flat_rows(index, R), x.reshape(M * R, D))


def flat_rows(index: Tensor, size: int) -> Tensor:
    """Row numbers (M, *shape) within each model's `size` rows, counted on from model to model."""
    M = len(index)
    offset = torch.arange(0, M * size, size, device=index.device)
    return index + offset.view(M, *[1] * (index.ndim - 1))
