"""The decoder-only transformer of both papers, as a function of a flat weight vector.

Attention is causal, so what a position computes depends on the prefix up to it and on nothing
else. Each distinct prefix is one *row*, computed once and gathered by every example that shares
it: at position 0 of `a b` there are only p rows, whatever the batch. Before the first attention a
row is only a token at a position, and the last attention goes on with the last position alone.
`prefixes` does that bookkeeping; `Transformer.logits` is the model.

Shapes: M models (no or one leading axis), B examples, T context length, R rows, D width,
F MLP width, H heads, K head width, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import embedding, relu

from grokflow.config import Dataset, Model
from grokflow.dataset import tokenization
from grokflow.prefixes import Attended, Prefixes
from grokflow.weights import Layout, Parameter


@dataclass(frozen=True)
class Transformer:
    """One architecture on one alphabet.

    Parameters
    ----------
    config : depth, widths, heads, normalisation.
    alphabet : for each position, the range of tokens that can stand there.
    vocabulary : number of tokens; also the number of logits.
    """

    config: Model
    alphabet: tuple[range, ...]
    vocabulary: int

    @cached_property
    def layout(self) -> Layout:
        """Names and shapes of the weights. Linear maps act on row vectors: y = x W + b."""
        D, F, V = self.config.width, self.config.mlp_width, self.vocabulary
        A = self.config.width
        scale = 1 / math.sqrt(D)
        parameters = [
            Parameter("token_embedding", (V, D), scale),
            Parameter("position_embedding", (len(self.alphabet), D), scale),
        ]
        for layer in range(self.config.layers):
            parameters += [
                Parameter(f"layer_{layer}.attention.query", (D, A), scale),
                Parameter(f"layer_{layer}.attention.key", (D, A), scale),
                Parameter(f"layer_{layer}.attention.value", (D, A), scale),
                Parameter(f"layer_{layer}.attention.output", (A, D), scale),
                Parameter(f"layer_{layer}.mlp.in.weight", (D, F), scale),
                Parameter(f"layer_{layer}.mlp.in.bias", (F,), 0.0),
                Parameter(f"layer_{layer}.mlp.out.weight", (F, D), scale),
                Parameter(f"layer_{layer}.mlp.out.bias", (D,), 0.0),
            ]
        parameters.append(Parameter("unembedding", (D, V), 1 / math.sqrt(V)))
        return Layout(tuple(parameters))

    def logits(self, weights: Tensor, tokens: Tensor) -> Tensor:
        """Logits (..., B, V) at the last position.

        `weights` is (n,) or (M, n). `tokens` is (B, T), the same for every model, or (M, B, T);
        position i holds tokens of `alphabet[i]`.
        """
        w = self.layout.split(weights)
        tokens = tokens.expand(*weights.shape[:-1], *tokens.shape[-2:])
        x = self._embed(w["token_embedding"], w["position_embedding"])
        for layer, attended in enumerate(self._prefixes.of(tokens)):
            x = self._attention(w, f"layer_{layer}.attention", x, attended)
            x = x + self._mlp(w, f"layer_{layer}.mlp", x)
        return linear(x, w["unembedding"])

    def _embed(self, token: Tensor, position: Tensor) -> Tensor:
        """One row for each position and each token that can stand there: (..., R, D)."""
        return torch.cat(
            [
                token[..., tokens.start : tokens.stop, :] + position[..., i : i + 1, :]
                for i, tokens in enumerate(self.alphabet)
            ],
            dim=-2,
        )

    def _attention(self, w: dict[str, Tensor], name: str, x: Tensor, attended: Attended) -> Tensor:
        """The residual stream x (..., R_in, D) to that of the rows that go on, (..., R_out, D)."""
        heads = (self.config.heads, self.config.width_of_head)
        x_query = x[..., attended.queries, :]
        q = linear(x_query, w[f"{name}.query"])
        if attended.query is not None:
            q, x_query = rows(q, attended.query), rows(x_query, attended.query)
        k = rows(linear(x, w[f"{name}.key"]), attended.keys).unflatten(-1, heads)
        v = rows(linear(x, w[f"{name}.value"]), attended.keys).unflatten(-1, heads)
        scores = (q.unflatten(-1, heads).unsqueeze(-3) * k).sum(-1) / math.sqrt(heads[1])
        if attended.hidden is not None:
            scores = scores.masked_fill(attended.hidden.unsqueeze(-1), -math.inf)
        mixed = (scores.softmax(-2).unsqueeze(-1) * v).sum(-3).flatten(-2)
        return x_query + linear(mixed, w[f"{name}.output"])

    def _mlp(self, w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        hidden = relu(linear(x, w[f"{name}.in.weight"], w[f"{name}.in.bias"]), inplace=True)
        return linear(hidden, w[f"{name}.out.weight"], w[f"{name}.out.bias"])

    @cached_property
    def _prefixes(self) -> Prefixes:
        return Prefixes(self.alphabet, self.config.layers)


def make_model(model: Model, dataset: Dataset) -> Transformer:
    """The transformer of a configuration on the alphabet of its dataset."""
    code = tokenization(dataset)
    return Transformer(model, code.alphabet, code.vocabulary)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W + b for x (..., R, D), W (..., D, F), b (..., F), the leading axes alike."""
    if x.ndim == 2:
        return x @ weight if bias is None else torch.addmm(bias, x, weight)
    return x @ weight if bias is None else torch.baddbmm(bias.unsqueeze(-2), x, weight)


def rows(x: Tensor, index: Tensor) -> Tensor:
    """The rows `index` (..., *shape) of x (..., R, D), the leading axes alike: (..., *shape, D).

    Written as an embedding look-up because its gradient sums in a fixed order, on CUDA too.
    """
    if x.ndim == 2:
        return embedding(index, x)
    M, R, D = x.shape
    offset = torch.arange(0, M * R, R, device=x.device)
    return embedding(index + offset.view(M, *[1] * (index.ndim - 1)), x.reshape(M * R, D))
