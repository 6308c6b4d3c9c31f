"""About how much work a training is: enough to know which of several takes longest."""

from __future__ import annotations

from grokflow.config import ResolvedRun
from grokflow.data.dataset import count_pairs


def training_work(run: ResolvedRun) -> float:
    """The operations of its matrix products, about; in float64 each counts twice.

    2 operations a weight and example forward and twice that backward, over 4 D² + 2 D F weights a layer
    (D width, F MLP width).
    """
    dataset, model = run.dataset, run.model
    examples = dataset.train_fraction * count_pairs(dataset)
    weights = model.layers * model.width * (4 * model.width + 2 * model.mlp_width)
    return 6 * run.epochs * examples * weights * (2 if run.precision == "float64" else 1)
