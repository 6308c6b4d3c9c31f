"""The same transformer as a researcher writes it: a plain eager nn.Module over every position.

It shares no code with `grokflow.model`: it embeds every token of every example, attends under a
causal mask, and computes the MLP and the logits at every position; the loss reads the last one.

Shapes: B examples, T context length, D width, H heads, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """Causal self-attention without biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        q, k, v = (
            linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention and MLP, each added to what comes in."""

    def __init__(self, width: int, mlp_width: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_width),
            nn.ReLU(),
            nn.Linear(mlp_width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        x = x + self.attention(x)
        return x + self.mlp(x)


class EagerTransformer(nn.Module):
    """Decoder-only transformer without normalisation, learned positions, untied unembedding."""

    def __init__(
        self, *, layers: int, width: int, mlp_width: int, heads: int, context: int, vocabulary: int
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Parameter(torch.empty(context, width))
        self.blocks = nn.ModuleList(Block(width, mlp_width, heads) for _ in range(layers))
        self.unembedding = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T) to the logits (B, T, V) at every position."""
        x = self.token_embedding(tokens) + self.position_embedding
        for block in self.blocks:
            x = block(x)
        return self.unembedding(x)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over weights named as grokflow names them; nn.Linear holds its matrix transposed."""
        for name, parameter in self.named_parameters():
            value = tensors[_grokflow_name(name)]
            transposed = value.ndim == 2 and not name.startswith(("token_", "position_"))
            parameter.copy_(value.T if transposed else value)


def _grokflow_name(name: str) -> str:
    """`blocks.0.mlp.2.bias` to `layer_0.mlp.out.bias`."""
    for ours, theirs in (("layer_", "blocks."), ("mlp.in.", "mlp.0."), ("mlp.out.", "mlp.2.")):
        name = name.replace(theirs, ours)
    return name if ".mlp." in name else name.removesuffix(".weight")
