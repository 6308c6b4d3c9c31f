"""The same transformer as a researcher writes it: a plain eager nn.Module over every position.

It shares no code with `grokflow.model`: it embeds every token of every example, attends under a
causal mask, and computes the MLP and the logits at every position; the loss reads the last one.

Shapes: B examples, T context length, D width, F MLP width, H heads, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention


class Attention(nn.Module):
    """Causal self-attention without biases."""

    def __init__(self, width: int, heads: int, norm_epsilon: float | None) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _norm(width, norm_epsilon)
        self.query, self.key, self.value, self.output = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        x = self.norm(x)
        q, k, v = (
            linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(mixed.transpose(1, 2).flatten(-2))


class MLP(nn.Module):
    """One hidden layer; with normalization also of the hidden numbers, after the ReLU."""

    def __init__(self, width: int, mlp_width: int, norm_epsilon: float | None) -> None:
        super().__init__()
        self.norm = _norm(width, norm_epsilon)
        self.inner = nn.Linear(width, mlp_width)
        self.hidden_norm = _norm(mlp_width, norm_epsilon)
        self.out = nn.Linear(mlp_width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return self.out(self.hidden_norm(relu(self.inner(self.norm(x)))))


class Block(nn.Module):
    """Attention and MLP, each added to what comes in."""

    def __init__(self, width: int, mlp_width: int, heads: int, norm_epsilon: float | None) -> None:
        super().__init__()
        self.attention = Attention(width, heads, norm_epsilon)
        self.mlp = MLP(width, mlp_width, norm_epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        x = x + self.attention(x)
        return x + self.mlp(x)


class EagerTransformer(nn.Module):
    """Decoder-only transformer, learned positions, untied unembedding.

    Parameters
    ----------
    norm_epsilon : added to the variance in the LayerNorms of paper P; None for no normalization.
    """

    def __init__(
        self,
        *,
        layers: int,
        width: int,
        mlp_width: int,
        heads: int,
        context: int,
        vocabulary: int,
        norm_epsilon: float | None,
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Parameter(torch.empty(context, width))
        self.blocks = nn.ModuleList(Block(width, mlp_width, heads, norm_epsilon) for _ in range(layers))
        self.final_norm = _norm(width, norm_epsilon)
        self.unembedding = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T) to the logits (B, T, V) at every position."""
        x = self.token_embedding(tokens) + self.position_embedding
        for block in self.blocks:
            x = block(x)
        return self.unembedding(self.final_norm(x))

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over weights named as grokflow names them; nn.Linear holds its matrix transposed."""
        for name, parameter in self.named_parameters():
            value = tensors[_grokflow_name(name)]
            transposed = value.ndim == 2 and not name.startswith(("token_", "position_"))
            parameter.copy_(value.T if transposed else value)


def _norm(width: int, epsilon: float | None) -> nn.Module:
    return nn.Identity() if epsilon is None else nn.LayerNorm(width, eps=epsilon)


def _grokflow_name(name: str) -> str:
    """`blocks.0.mlp.inner.bias` to `layer_0.mlp.in.bias`, `final_norm.weight` to `final_norm.gain`."""
    for theirs, ours in (("blocks.", "layer_"), ("mlp.inner.", "mlp.in."), ("norm.weight", "norm.gain")):
        name = name.replace(theirs, ours)
    return name if ".mlp." in name else name.removesuffix(".weight")
