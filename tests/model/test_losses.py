"""Losses of the user's, and examples of any shape: against PyTorch on each model alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from grokflow.model.losses import CROSS_ENTROPY, NO_TARGET, OwnLoss
from grokflow.model.module import ModuleModel
from grokflow.model.objective import Examples, gradient_pass, loss_and_error, loss_and_gradient


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def images(*leading: int) -> Examples:
    """Images (1, 4, 4) with two targets each, in float64."""
    return Examples(torch.randn(*leading, 10, 1, 4, 4).double(), torch.randn(*leading, 10, 2).double(), 3, 1)


@pytest.fixture
def model() -> ModuleModel:
    return ModuleModel(
        nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 2)), input_axes=3
    )


MSE = OwnLoss(mse_loss, "squared error", output_axes=1, target_axes=1)


def by_hand(model: ModuleModel, weights: Tensor, inputs: Tensor, targets: Tensor) -> tuple[float, Tensor]:
    """Mean squared error by the formula, its gradient by autograd."""
    weights = weights.clone().requires_grad_()
    loss = ((model.logits(weights, inputs) - targets) ** 2).sum() / targets.numel()
    loss.backward()
    assert weights.grad is not None
    return loss.item(), weights.grad


@pytest.mark.parametrize("own", [False, True])
def test_several_models_have_the_loss_of_each_alone(model: ModuleModel, own: bool) -> None:
    weights, examples = torch.randn(3, model.layout.size).double(), images(3) if own else images()
    losses, gradients = loss_and_gradient(model, weights, examples, MSE)
    totals, errors = loss_and_error(model, weights, examples, MSE)
    assert losses.shape == totals.shape == errors.shape == (3,)
    for row in range(3):
        parts = (examples.tokens[row], examples.targets[row]) if own else (examples.tokens, examples.targets)
        loss, gradient = by_hand(model, weights[row], *parts)
        assert losses[row].item() == pytest.approx(loss, rel=1e-12)
        assert totals[row].item() == pytest.approx(loss, rel=1e-12)
        torch.testing.assert_close(gradients[row], gradient, rtol=1e-10, atol=1e-12)
    assert errors.isnan().all(), "a regression has no wrong answers"


def test_the_pass_over_minibatches_weighs_each_by_its_size(model: ModuleModel) -> None:
    weights, examples = torch.randn(model.layout.size).double(), images()
    found = gradient_pass(model, weights, list(examples.batches(4)), 0.5, loss=MSE)
    whole, _ = by_hand(model, weights, examples.tokens, examples.targets)
    parts = [slice(0, 4), slice(4, 8), slice(8, 10)]
    gradients = [by_hand(model, weights, examples.tokens[p], examples.targets[p])[1] for p in parts]
    assert found.loss.item() == pytest.approx(whole, rel=1e-12)
    assert found.norm.item() == pytest.approx(np.mean([g.norm().item() for g in gradients]), rel=1e-10)
    with_decay = [(g + 0.5 * weights).norm().item() for g in gradients]
    assert found.norm_l2.item() == pytest.approx(np.mean(with_decay), rel=1e-10)


def test_wrong_answers_are_what_the_users_function_says(model: ModuleModel) -> None:
    def far(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - targets).abs() > 1).any(-1)

    loss = OwnLoss(mse_loss, "squared error", 1, 1, far)
    weights, examples = 0.3 * torch.randn(2, model.layout.size).double(), images()
    _, errors = loss_and_error(model, weights, examples, loss)
    for row, own in enumerate(weights):
        differences = (model.logits(own, examples.tokens) - examples.targets).abs().tolist()
        assert errors[row].item() == sum(max(each) > 1 for each in differences) / 10
    assert 0 < errors.min() < 1


def test_examples_of_any_shape_are_taken_and_ordered_as_tokens_are() -> None:
    examples, order = images(2), torch.tensor([[3, 1, 0, 2, 9, 8, 7, 6, 5, 4], list(range(10))])
    ordered = examples.ordered(order)
    for row in range(2):
        assert torch.equal(ordered.tokens[row], examples.tokens[row][order[row]])
        assert torch.equal(ordered.targets[row], examples.targets[row][order[row]])
    assert [len(batch) for batch in examples.batches(4)] == [4, 4, 2]
    single = images()
    of_each = single.take(order[:, :3])
    assert of_each.tokens.shape == (2, 3, 1, 4, 4)
    assert torch.equal(of_each.targets[1], single.targets[:3])
    assert len(of_each) == 3
    assert MSE.counts(single.targets).item() == 10
    assert MSE.counts(examples.targets).tolist() == [10, 10]
    assert examples.rows(torch.tensor([1])).tokens.shape == (1, 10, 1, 4, 4)
    assert len(examples.rows(torch.tensor([1]))) == 10


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_any_number_is_a_target_of_a_users_loss(dtype: torch.dtype) -> None:
    """Also the one that fills up a batch of cross-entropy: the two classes of a hinge loss are ±1."""

    def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
        return (1 - outputs.squeeze(-1) * targets).clamp(min=0).mean()

    loss = OwnLoss(hinge, "hinge", output_axes=1, target_axes=0)
    linear = ModuleModel(torch.nn.Linear(3, 1))
    weights, inputs = torch.randn(2, 4).double(), torch.randn(8, 3).double()
    targets = torch.tensor([1, -1, -1, -1, 1, -1, -1, -1], dtype=dtype)
    found, _ = loss_and_error(linear, weights, Examples(inputs, targets), loss)
    for row, own in enumerate(weights):
        margins = [float(x @ own[:3] + own[3]) * int(y) for x, y in zip(inputs, targets, strict=True)]
        expected = sum(max(0, 1 - margin) for margin in margins) / 8
        assert found[row].item() == pytest.approx(expected, rel=1e-12)
    assert CROSS_ENTROPY.counts(torch.tensor([NO_TARGET, 2, 0])).item() == 2


def test_cross_entropy_is_pytorchs() -> None:
    logits, targets = torch.randn(3, 5, 4).double(), torch.tensor([0, 1, 2, 3, 0])
    for row, own in enumerate(logits):
        expected = cross_entropy(own, targets)
        assert CROSS_ENTROPY.mean(own, targets) == expected
        assert CROSS_ENTROPY.mean(logits, targets.expand(3, -1))[row].item() == pytest.approx(expected.item())
        assert CROSS_ENTROPY.of_examples(own, targets).mean().item() == pytest.approx(expected.item())


def test_without_examples_there_is_no_number(model: ModuleModel) -> None:
    """As of a validation set that nobody gave."""
    nothing = images().take(slice(0, 0))
    loss, error = loss_and_error(model, torch.randn(model.layout.size).double(), nothing, MSE)
    assert loss.isnan()
    assert error.isnan()
