"""Effective gradient and learning rate are those of training on the unit sphere."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from runs import LAYER_NORM, SCALE_INVARIANT
from torch import Tensor

from grokflow.artifacts.columns import STATISTICS
from grokflow.config import SGD, Dataset, Model
from grokflow.data.dataset import make_dataset
from grokflow.model.invariance import audited_groups
from grokflow.model.layout import Layout, Parameter
from grokflow.model.objective import Task, loss_and_gradient, make_task
from grokflow.model.weights import norm_of
from grokflow.training import make_optimizer
from grokflow.training.statistics import PieceNorms, statistics

DATASET = Dataset(operation="a*b", modulus=5, train_fraction=0.6)

GROUPS = [
    (LAYER_NORM, "residual stream"),
    (LAYER_NORM, "layer_1.mlp.in"),
    (SCALE_INVARIANT, "layer_0.attention.query"),
    (SCALE_INVARIANT, "token_embedding"),
    (SCALE_INVARIANT, "all"),
]
"""A model and what of it is scale-invariant as a whole."""

every_group = pytest.mark.parametrize(("model", "group"), GROUPS, ids=lambda x: getattr(x, "width", x))


def setting(model: Model, group: str) -> tuple[Task, Tensor, np.ndarray]:
    """A task, random weights (n,), and the numbers of those in the group."""
    task = make_task(model, DATASET, make_dataset(DATASET), "cpu")
    noise = np.random.default_rng(4).normal(scale=0.3, size=task.model.layout.size)
    weights = torch.from_numpy(task.model.layout.initial(4) + noise)
    pieces = audited_groups(task.model)[group]
    return task, weights, np.concatenate([np.arange(p.start, p.stop) for p in pieces])


def loss_at(task: Task, weights: Tensor, index: np.ndarray, own: Tensor) -> float:
    """The loss with the numbers at `index` replaced by `own`."""
    changed = weights.clone()
    changed[index] = own
    return loss_and_gradient(task.model, changed, task.train)[0].item()


@every_group
def test_the_effective_gradient_is_the_gradient_on_the_unit_sphere(model: Model, group: str) -> None:
    task, weights, index = setting(model, group)
    theta = weights[index]
    norm = theta.norm()
    unit = theta / norm
    _, gradient = loss_and_gradient(task.model, weights, task.train)
    effective = gradient[index] * norm
    assert (effective @ unit).abs() <= 1e-9 * effective.norm()
    random = torch.Generator().manual_seed(0)
    steepest = effective / effective.norm()
    for direction in [torch.randn(len(theta), generator=random, dtype=torch.float64) for _ in range(4)] + [
        steepest
    ]:
        tangent = direction - (direction @ unit) * unit
        tangent /= tangent.norm()
        h = 1e-6
        ahead, behind = (
            loss_at(task, weights, index, math.cos(h) * unit + sign * math.sin(h) * tangent)
            for sign in (1, -1)
        )
        slope = (ahead - behind) / (2 * h)
        assert slope == pytest.approx((effective @ tangent).item(), abs=1e-6 * effective.norm().item())
    # The table holds its length.
    _, _, rate, length = statistics(0.1, [norm.item()], [gradient[index].norm().item()])
    assert length == pytest.approx(effective.norm().item(), rel=1e-12)
    assert rate == pytest.approx(0.1 / (theta @ theta).item(), rel=1e-12)


@every_group
def test_a_step_turns_the_direction_by_the_effective_rate_times_the_effective_gradient(
    model: Model, group: str
) -> None:
    """To second order in the learning rate: halving it leaves a quarter of the difference."""
    task, weights, index = setting(model, group)
    theta = weights[index]
    _, gradient = loss_and_gradient(task.model, weights, task.train)
    differences = []
    for rate in (0.02, 0.01, 0.005):
        row = statistics(rate, [theta.norm().item()], [gradient[index].norm().item()])
        effective_rate, effective_gradient = row[2], gradient[index] * theta.norm()
        assert effective_gradient.norm().item() == pytest.approx(row[3], rel=1e-12)
        after = weights.clone()
        make_optimizer(SGD(name="sgd", learning_rate=rate), after).step(after, gradient, 1)
        found = after[index] / after[index].norm()
        expected = theta / theta.norm() - effective_rate * effective_gradient
        assert (found - theta / theta.norm()).norm() > 100 * rate * (found - expected).norm()
        differences.append((found - expected).norm().item())
    ratios = [a / b for a, b in itertools.pairwise(differences)]
    assert ratios == pytest.approx([4, 4], rel=0.05)


def test_a_row_has_all_columns_and_blanks_for_what_is_not_there() -> None:
    row = statistics(0.5, [2.0, 4.0], [3.0, 1.0])
    assert len(row) == len(STATISTICS)
    assert row == [2.0, 3.0, 0.125, 6.0, 4.0, 1.0, 0.03125, 4.0]
    row = statistics(0.5, [2.0, 0.0], [3.0, 0.0])
    assert row[:4] == [2.0, 3.0, 0.125, 6.0]
    assert all(math.isnan(x) for x in row[4:])


LAYOUT = Layout(
    (
        Parameter("a", (4,), 1.0),
        Parameter("still", (3,), 1.0, frozen_norm=1.0),
        Parameter("b", (5,), 1.0),
    )
)


@pytest.mark.parametrize("invariant", [
    [],
    [(0, 4)],
    [(1, 3), (7, 9), (10, 12)],
    [(9, 11), (0, 2)],
    [(0, 4), (7, 12)],
])  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_piece_norms_count_every_trained_number_once(invariant: list, dtype: torch.dtype) -> None:
    inside = [slice(*piece) for piece in invariant]
    pieces = PieceNorms(LAYOUT, inside)
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 12))).to(dtype)
    squares = torch.stack([pieces.squares(vector) for vector in vectors])
    assert squares.dtype == torch.float64
    found = pieces.norms(squares)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-13
    for vector, (everything, part) in zip(vectors, found.tolist(), strict=True):
        expected = norm_of(vector, LAYOUT.trained).item()
        assert everything == pytest.approx(expected, rel=tolerance)
        expected = norm_of(vector, inside).item() if inside else 0
        assert part == pytest.approx(expected, rel=tolerance)
