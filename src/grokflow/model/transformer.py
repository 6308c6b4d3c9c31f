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

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import relu

from grokflow.config import Model
from grokflow.model.attention import attend
from grokflow.model.layout import Layout, layout_of
from grokflow.model.prefixes import Attended, Prefixes, rows
from grokflow.model.weights import unflatten


@dataclass(frozen=True)
class Transformer:
    """One architecture on one alphabet.

    Parameters
    ----------
    config : depth, widths, heads, normalization.
    alphabet : for each position, the range of tokens that can stand there.
    vocabulary : number of tokens; also the number of logits.
    """

    config: Model
    alphabet: tuple[range, ...]
    vocabulary: int

    @cached_property
    def layout(self) -> Layout:
        """Names and shapes of the weights."""
        return layout_of(self.config, len(self.alphabet), self.vocabulary)

    @cached_property
    def residual_stream(self) -> tuple[str, ...]:
        """The parameter groups whose products are added up to the residual stream."""
        writers = ("token_embedding", "position_embedding", "attention.output", "mlp.out")
        return tuple(group for group in self.layout.groups if group.endswith(writers))

    def logits(self, weights: Tensor, tokens: Tensor) -> Tensor:
        """Logits (..., B, V) at the last position.

        `weights` is (n,) or (M, n). `tokens` is (B, T), the same for every model, or (M, B, T);
        position i holds tokens of `alphabet[i]`.
        """
        w = unflatten(weights, self.layout)
        for name in self.layout.frozen:
            w[name] = w[name].detach()
        tokens = tokens.expand(*weights.shape[:-1], *tokens.shape[-2:])
        x = self._embed(w["token_embedding"], w["position_embedding"])
        for layer, attended in enumerate(self._prefixes.of(tokens)):
            x = self._attention(w, f"layer_{layer}.attention", x, attended)
            x = x + self._written(self._mlp(w, f"layer_{layer}.mlp", x), self.config.invariant.rest)
        return linear(self._norm(w, "final_norm", x), w["unembedding"])

    def _embed(self, token: Tensor, position: Tensor) -> Tensor:
        """One row for each position and each token that can stand there: (..., R, D)."""
        token, position = (self._written(x, self.config.invariant.rest) for x in (token, position))
        return torch.cat(
            [
                token[..., tokens.start : tokens.stop, :] + position[..., i : i + 1, :]
                for i, tokens in enumerate(self.alphabet)
            ],
            dim=-2,
        )

    def _attention(self, w: dict[str, Tensor], name: str, x: Tensor, attended: Attended) -> Tensor:
        """The residual stream x (..., R_in, D) to that of the rows that go on, (..., R_out, D)."""
        normed = self._norm(w, f"{name}.norm", x)
        x_query = x[..., attended.queries, :]
        q = self._by_head(linear(normed[..., attended.queries, :], w[f"{name}.query"]))
        if attended.query is not None:
            x_query = rows(x_query, attended.query)
        k = self._by_head(linear(normed, w[f"{name}.key"]))
        v = linear(normed, w[f"{name}.value"])
        mixed = attend(q, k, v, attended, self.config.heads)
        return x_query + self._written(linear(mixed, w[f"{name}.output"]), self.config.invariant.attention)

    def _mlp(self, w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        x = self._norm(w, f"{name}.norm", x)
        hidden = linear(x, w[f"{name}.in.weight"], w[f"{name}.in.bias"])
        if self.config.mlp_norm == "before_relu":
            hidden = relu(self._norm(w, f"{name}.hidden_norm", hidden))
        else:
            hidden = self._norm(w, f"{name}.hidden_norm", relu(hidden, inplace=True))
        return linear(hidden, w[f"{name}.out.weight"], w[f"{name}.out.bias"])

    # Normalization: four places of paper P; and in the parts that are built to be scale-invariant.

    def _norm(self, w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        """LayerNorm of every row of x (..., R, D), with what it learned; x itself without normalization."""
        if self.config.normalization == "none":
            return x
        return layer_norm(x, self._epsilon, w.get(f"{name}.gain"), w.get(f"{name}.bias"))

    def _written(self, x: Tensor, invariant: bool) -> Tensor:
        """What goes into the residual stream, normalised where its writer is to be scale-invariant."""
        return layer_norm(x, self._epsilon) if invariant else x

    def _by_head(self, x: Tensor) -> Tensor:
        """Queries or keys (..., R, A): normalised head by head where attention is scale-invariant."""
        if not self.config.invariant.attention:
            return x
        return layer_norm(x.unflatten(-1, (self.config.heads, -1)), self._epsilon).flatten(-2)

    @property
    def _epsilon(self) -> float:
        return self.config.norm_epsilon or 1e-20

    @cached_property
    def _prefixes(self) -> Prefixes:
        return Prefixes(self.alphabet, self.config.layers)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W + b for x (..., R, D), W (..., D, F), b (..., F), the leading axes alike."""
    if x.ndim == 2:
        return x @ weight if bias is None else torch.addmm(bias, x, weight)
    return x @ weight if bias is None else torch.baddbmm(bias.unsqueeze(-2), x, weight)


def layer_norm(x: Tensor, epsilon: float, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """(x − mean) / √(variance + ε) over the last axis of x (..., R, D), times gain (..., D), plus bias.

    Source: Ba, Kiros & Hinton 2016, equation 4.
    """
    if gain is None or gain.ndim == 1:
        return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, epsilon)
    normed = torch.nn.functional.layer_norm(x, x.shape[-1:], eps=epsilon)
    scaled = normed * gain.unsqueeze(-2)
    return scaled if bias is None else scaled + bias.unsqueeze(-2)
