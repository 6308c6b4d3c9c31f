"""The transformer of both papers from its definition: slow, plain, float64, every position.

One example at a time, one head at a time, one position at a time. Nothing is shared between
examples and nothing is left out, so there is nothing to get wrong but the definition itself.

Weights are named tensors in their natural shapes; V vocabulary, T context, D width, F MLP width:
`token_embedding` (V, D), `position_embedding` (T, D), `layer_i.attention.{query,key,value,output}`
(D, D), `layer_i.mlp.in.weight` (D, F), `.in.bias` (F,), `.out.weight` (F, D), `.out.bias` (D,),
`unembedding` (D, V). Vectors are rows: y = x W + b.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

Weights = dict[str, Tensor]
Pairs = Sequence[tuple[Sequence[int], int]]
"""Examples: the tokens and the target of each."""


def named(parameters: Iterable, flat: np.ndarray | Tensor) -> Weights:
    """A flat weight vector as named float64 tensors that record gradients."""
    flat, tensors, start = np.asarray(flat, dtype=np.float64), {}, 0
    for parameter in parameters:
        stop = start + math.prod(parameter.shape)
        array = flat[start:stop].reshape(parameter.shape)
        tensors[parameter.name] = torch.tensor(array, requires_grad=True)
        start = stop
    assert start == len(flat)
    return tensors


def pairs(tokens: np.ndarray | Tensor, targets: np.ndarray | Tensor) -> Pairs:
    """Examples from arrays of tokens (N, T) and targets (N,)."""
    return list(zip(np.asarray(tokens).tolist(), np.asarray(targets).tolist(), strict=True))


def logits(w: Weights, tokens: Sequence[int], heads: int) -> list[Tensor]:
    """The logits (V,) at every position of one example."""
    x = [w["token_embedding"][t] + w["position_embedding"][i] for i, t in enumerate(tokens)]
    layer = 0
    while f"layer_{layer}.attention.query" in w:
        x = _attention(w, f"layer_{layer}.attention", x, heads)
        x = [x_i + _mlp(w, f"layer_{layer}.mlp", x_i) for x_i in x]
        layer += 1
    return [x_i @ w["unembedding"] for x_i in x]


def _attention(w: Weights, name: str, x: list[Tensor], heads: int) -> list[Tensor]:
    query = [x_i @ w[f"{name}.query"] for x_i in x]
    key = [x_i @ w[f"{name}.key"] for x_i in x]
    value = [x_i @ w[f"{name}.value"] for x_i in x]
    width = len(query[0]) // heads
    result = []
    for i in range(len(x)):
        mixed = []
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = [query[i][part] @ key[j][part] / math.sqrt(width) for j in range(i + 1)]
            attention = _softmax(torch.stack(scores))
            mixed.append(sum(attention[j] * value[j][part] for j in range(i + 1)))
        result.append(x[i] + torch.cat(mixed) @ w[f"{name}.output"])
    return result


def _mlp(w: Weights, name: str, x: Tensor) -> Tensor:
    hidden = x @ w[f"{name}.in.weight"] + w[f"{name}.in.bias"]
    return hidden.clamp(min=0) @ w[f"{name}.out.weight"] + w[f"{name}.out.bias"]


def _softmax(scores: Tensor) -> Tensor:
    powers = torch.exp(scores - scores.max().detach())
    return powers / powers.sum()


def loss(w: Weights, examples: Pairs, heads: int) -> Tensor:
    """Mean over the examples of −log p(target | tokens), read at the last position."""
    total = torch.zeros((), dtype=torch.float64)
    for tokens, target in examples:
        last = logits(w, tokens, heads)[-1]
        largest = last.max().detach()  # −log softmax, kept finite where the softmax underflows
        total = total + largest + torch.log(torch.exp(last - largest).sum()) - last[target]
    return total / len(examples)


def error(w: Weights, examples: Pairs, heads: int) -> float:
    """The share of examples whose largest logit is not the target's."""
    with torch.no_grad():
        wrong = [int(logits(w, tokens, heads)[-1].argmax()) != c for tokens, c in examples]
    return sum(wrong) / len(examples)


def loss_and_gradient(w: Weights, examples: Pairs, heads: int) -> tuple[float, dict[str, Tensor]]:
    """The mean loss and its gradient with respect to every named tensor, by autograd."""
    value = loss(w, examples, heads)
    gradients = torch.autograd.grad(value, list(w.values()), allow_unused=True)
    found = {
        name: torch.zeros_like(tensor) if gradient is None else gradient
        for (name, tensor), gradient in zip(w.items(), gradients, strict=True)
    }
    return value.item(), found


def stochastic_gradient_norm(w: Weights, batches: Sequence[Pairs], heads: int, weight_decay: float) -> float:
    """Mean over the batches of ‖∇ loss + weight_decay · w‖."""
    norms = []
    for batch in batches:
        _, gradient = loss_and_gradient(w, batch, heads)
        squares = [(gradient[name] + weight_decay * w[name]).square().sum().item() for name in w]
        norms.append(math.sqrt(sum(squares)))
    return sum(norms) / len(norms)
