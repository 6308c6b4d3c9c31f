"""A model of one's own: a multilayer perceptron on one-hot tokens, named `mlp.py:MLP` in mine.yaml.

A model is a class with two things: `layout`, which says how its named tensors lie in one flat weight vector,
and `logits`, a function of that vector and of tokens. The shapes, as in all of grokflow:

    M models trained together, or M points of a path measured together (no such axis for one alone)
    B examples, T tokens of each, V tokens in the vocabulary, W units of a hidden layer
"""

import math

import torch

from grokflow.model import Layout, Parameter, unflatten


class MLP:
    """One-hot tokens side by side, hidden layers with ReLU, logits: y = relu(relu(x W₁ + b₁) W₂ + b₂) U.

    `vocabulary` and `positions` are given because the constructor asks for them by these names; `width` and
    `layers` come from the `settings` of the configuration.
    """

    def __init__(self, vocabulary: int, positions: int, width: int = 256, layers: int = 1):
        self.vocabulary = vocabulary
        self.layers = layers
        sizes = [positions * vocabulary] + layers * [width]
        # Each tensor is drawn from N(0, scale²). `x.weight` and `x.bias` are one group: in the audit of scale
        # invariance they are scaled together.
        parameters = []
        for i in range(layers):
            parameters += [
                Parameter(f"layer_{i}.weight", (sizes[i], sizes[i + 1]), scale=1 / math.sqrt(sizes[i + 1])),
                Parameter(f"layer_{i}.bias", (sizes[i + 1],), scale=0.0),
            ]
        parameters.append(Parameter("unembedding", (width, vocabulary), scale=1 / math.sqrt(vocabulary)))
        self.layout = Layout(tuple(parameters))

    def logits(self, weights: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Logits (..., B, V) of weights (n,) or (M, n) for tokens (B, T) or (M, B, T)."""
        w = unflatten(weights, self.layout)
        one_hot = tokens.unsqueeze(-1) == torch.arange(self.vocabulary, device=tokens.device)
        x = one_hot.flatten(-2).to(weights.dtype)
        for i in range(self.layers):
            x = torch.relu(x @ w[f"layer_{i}.weight"] + w[f"layer_{i}.bias"].unsqueeze(-2))
        return x @ w["unembedding"]
