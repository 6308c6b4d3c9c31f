"""The transformer of both papers from its definition: slow, plain, float64, every position.

One example at a time, one head at a time, one position at a time. Nothing is shared between
examples and nothing is left out, so there is nothing to get wrong but the definition itself.

Weights are named tensors in their natural shapes; V vocabulary, T context, D width, F MLP width:
`token_embedding` (V, D), `position_embedding` (T, D), `layer_i.attention.{query,key,value,output}`
(D, D), `layer_i.mlp.in.weight` (D, F), `.in.bias` (F,), `.out.weight` (F, D), `.out.bias` (D,),
`unembedding` (D, V). Vectors are rows: y = x W + b.

With `normalization: layer_norm` a norm stands before attention (`layer_i.attention.norm`), before the MLP
(`layer_i.mlp.norm`), inside it (`layer_i.mlp.hidden_norm`) and before the unembedding (`final_norm`), each
with the `.gain` and `.bias` that it learns. With `scale_invariant` norms stand there too, learning nothing;
the queries and keys of every head are normalised, and every vector that is added to the residual stream.
In between, `invariant_attention` is `layer_norm` but for the normalised queries, keys and vectors that
attention adds; `invariant_but_attention` is `scale_invariant` but for these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from grokflow.config import Model

Weights = dict[str, Tensor]
Pairs = Sequence[tuple[Sequence[int], int]]
"""Examples: the tokens and the target of each."""


ATTENTION_NORMALISED = ("invariant_attention", "scale_invariant")
WITHOUT_AFFINE = ("invariant_but_attention", "scale_invariant")


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


def frozen(name: str, model: Model) -> bool:
    """Whether a tensor is left as it was drawn."""
    return model.normalization in WITHOUT_AFFINE and name == "unembedding"


def logits(w: Weights, tokens: Sequence[int], model: Model) -> list[Tensor]:
    """The logits (V,) at every position of one example."""
    x = [
        _added(w["token_embedding"][t], model) + _added(w["position_embedding"][i], model)
        for i, t in enumerate(tokens)
    ]
    for layer in range(model.layers):
        x = _attention(w, f"layer_{layer}.attention", x, model)
        x = [x_i + _added(_mlp(w, f"layer_{layer}.mlp", x_i, model), model) for x_i in x]
    return [_norm(w, "final_norm", x_i, model) @ w["unembedding"] for x_i in x]


def _attention(w: Weights, name: str, x: list[Tensor], model: Model) -> list[Tensor]:
    normed = [_norm(w, f"{name}.norm", x_i, model) for x_i in x]
    query = [x_i @ w[f"{name}.query"] for x_i in normed]
    key = [x_i @ w[f"{name}.key"] for x_i in normed]
    value = [x_i @ w[f"{name}.value"] for x_i in normed]
    width = model.width // model.heads
    result = []
    for i in range(len(x)):
        mixed = []
        for head in range(model.heads):
            part = slice(head * width, (head + 1) * width)
            q = _of_attention(query[i][part], model)
            k = [_of_attention(key[j][part], model) for j in range(i + 1)]
            scores = [q @ k_j / math.sqrt(width) for k_j in k]
            attention = _softmax(torch.stack(scores))
            mixed.append(sum(attention[j] * value[j][part] for j in range(i + 1)))
        result.append(x[i] + _of_attention(torch.cat(mixed) @ w[f"{name}.output"], model))
    return result


def _mlp(w: Weights, name: str, x: Tensor, model: Model) -> Tensor:
    hidden = _norm(w, f"{name}.norm", x, model) @ w[f"{name}.in.weight"] + w[f"{name}.in.bias"]
    if model.mlp_norm == "before_relu":
        hidden = _norm(w, f"{name}.hidden_norm", hidden, model).clamp(min=0)
    else:
        hidden = _norm(w, f"{name}.hidden_norm", hidden.clamp(min=0), model)
    return hidden @ w[f"{name}.out.weight"] + w[f"{name}.out.bias"]


def _norm(w: Weights, name: str, x: Tensor, model: Model) -> Tensor:
    if model.normalization == "none":
        return x
    x = _standardised(x, model)
    if model.normalization not in WITHOUT_AFFINE and model.norm_affine != "none":
        x = w[f"{name}.gain"] * x
        if model.norm_affine != "gain":
            x = x + w[f"{name}.bias"]
    return x


def _added(x: Tensor, model: Model) -> Tensor:
    """An embedding, or what the MLP adds."""
    return _standardised(x, model) if model.normalization in WITHOUT_AFFINE else x


def _of_attention(x: Tensor, model: Model) -> Tensor:
    """A head's query or key, or what attention adds."""
    return _standardised(x, model) if model.normalization in ATTENTION_NORMALISED else x


def _standardised(x: Tensor, model: Model) -> Tensor:
    epsilon = 1e-20 if model.norm_epsilon is None else model.norm_epsilon
    centred = x - x.sum() / len(x)
    return centred / torch.sqrt((centred * centred).sum() / len(x) + epsilon)


def _softmax(scores: Tensor) -> Tensor:
    powers = torch.exp(scores - scores.max().detach())
    return powers / powers.sum()


def loss(w: Weights, examples: Pairs, model: Model) -> Tensor:
    """Mean over the examples of −log p(target | tokens), read at the last position."""
    total = torch.zeros((), dtype=torch.float64)
    for tokens, target in examples:
        last = logits(w, tokens, model)[-1]
        largest = last.max().detach()  # −log softmax, kept finite where the softmax underflows
        total = total + largest + torch.log(torch.exp(last - largest).sum()) - last[target]
    return total / len(examples)


def error(w: Weights, examples: Pairs, model: Model) -> float:
    """The share of examples whose largest logit is not the target's."""
    with torch.no_grad():
        wrong = [int(logits(w, tokens, model)[-1].argmax()) != c for tokens, c in examples]
    return sum(wrong) / len(examples)


def loss_and_gradient(w: Weights, examples: Pairs, model: Model) -> tuple[float, dict[str, Tensor]]:
    """The mean loss and its gradient with respect to every named tensor, by autograd; 0 where frozen."""
    value = loss(w, examples, model)
    gradients = torch.autograd.grad(value, list(w.values()), allow_unused=True)
    found = {
        name: torch.zeros_like(tensor) if gradient is None or frozen(name, model) else gradient
        for (name, tensor), gradient in zip(w.items(), gradients, strict=True)
    }
    return value.item(), found


def stochastic_gradient_norm(
    w: Weights, batches: Sequence[Pairs], model: Model, weight_decay: float
) -> float:
    """Mean over the batches of ‖∇ loss + weight_decay · w‖ over all that is trained."""
    trained = [name for name in w if not frozen(name, model)]
    norms = []
    for batch in batches:
        _, gradient = loss_and_gradient(w, batch, model)
        squares = [(gradient[name] + weight_decay * w[name]).square().sum().item() for name in trained]
        norms.append(math.sqrt(sum(squares)))
    return sum(norms) / len(norms)
