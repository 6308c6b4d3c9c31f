"""What counts as a wrong answer and what is too close to call; sets of examples, filled up or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from grokflow.config import Dataset, Model
from grokflow.data.dataset import make_dataset
from grokflow.model import objective
from grokflow.model.losses import CROSS_ENTROPY, NO_TARGET, wrong_answers
from grokflow.model.objective import CLOSE, Examples, Task, loss_and_error, make_task, wrong_examples


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_an_answer_is_wrong_where_the_first_of_the_highest_logits_is_not_the_targets(
    precision: torch.dtype,
) -> None:
    logits = torch.tensor(
        [[3, 1, 2], [1, 3, 2], [2, 2, 1], [2, 2, 1], [9, math.nan, 1], [9, math.nan, 1], [1, 2, 3]],
        dtype=precision,
        requires_grad=True,
    )
    targets = torch.tensor([0, 0, 0, 1, 1, 0, NO_TARGET])
    expected = torch.tensor([False, True, False, True, False, True, False])
    assert torch.equal(wrong_answers(logits, targets), expected)
    assert torch.equal((logits.argmax(-1) != targets)[:-1], expected[:-1])  # PyTorch's own, as on a GPU
    of_four = wrong_answers(logits.expand(4, -1, -1), targets.expand(4, -1))
    assert torch.equal(of_four, expected.expand(4, -1))


def test_answers_are_as_pytorchs_for_many_logits() -> None:
    logits = torch.randint(0, 30, (500, 97), generator=torch.Generator().manual_seed(0)).float()
    targets = logits.argmax(-1).roll(1)
    assert torch.equal(wrong_answers(logits, targets), logits.argmax(-1) != targets)
    assert not wrong_answers(logits, logits.argmax(-1)).any()


def several(sets: int, count: int) -> Examples:
    """A set of `count` examples for each of some models; all their numbers differ."""
    targets = torch.arange(sets * count).view(sets, count)
    return Examples(100 + torch.stack([2 * targets, 2 * targets + 1], dim=-1), targets)


def listed(examples: Examples) -> list[list[tuple[list[int], int]]]:
    """The tokens and target of each example, set by set."""
    pairs = zip(examples.tokens, examples.targets, strict=True)
    return [list(zip(tokens.tolist(), targets.tolist(), strict=True)) for tokens, targets in pairs]


def test_a_set_for_each_model_is_ordered_set_by_set() -> None:
    examples = several(3, 4)
    order = torch.tensor([[3, 1, 0, 2], [0, 1, 2, 3], [2, 2, 1, 0]])
    before = listed(examples)
    expected = [[own[i] for i in row] for own, row in zip(before, order.tolist(), strict=True)]
    assert listed(examples.ordered(order)) == expected
    assert listed(examples) == before


def test_one_order_for_a_single_set_and_for_all_sets_alike() -> None:
    examples, order = several(3, 4), torch.tensor([3, 1, 0, 2])
    assert listed(examples.ordered(order)) == [[own[i] for i in (3, 1, 0, 2)] for own in listed(examples)]
    single = Examples(examples.tokens[1], examples.targets[1]).ordered(order)
    assert single.targets.tolist() == [7, 5, 4, 6]
    assert single.tokens.tolist() == [[100 + 2 * c, 101 + 2 * c] for c in (7, 5, 4, 6)]


def test_rows_are_the_sets_of_some_models() -> None:
    examples = several(4, 3)
    before = listed(examples)
    assert listed(examples.rows(torch.tensor([2, 0]))) == [before[2], before[0]]
    assert listed(examples.rows(slice(1, 3))) == before[1:3]
    assert len(examples.rows(slice(1, 2))) == len(examples) == 3


def test_counts_are_of_the_examples_that_have_a_target() -> None:
    targets = torch.tensor([[0, 1, 2], [0, NO_TARGET, 5], [NO_TARGET] * 3])
    assert CROSS_ENTROPY.counts(targets).tolist() == [3, 2, 0]
    assert CROSS_ENTROPY.counts(torch.tensor([0, NO_TARGET, 1])).item() == 2


DATASET = Dataset(operation="a*b", modulus=5, train_fraction=0.6)


@pytest.fixture
def task() -> Task:
    """A small model on 15 train pairs and 10 validation pairs."""
    model = Model(layers=1, width=6, mlp_width=8, heads=2)
    return make_task(model, DATASET, make_dataset(DATASET), "cpu")


def filled(sets: list[Examples], length: int) -> Examples:
    """Sets of several sizes as one, each filled up to `length` with examples without a target."""
    tokens = torch.zeros(len(sets), length, 2, dtype=torch.long)
    targets = torch.full((len(sets), length), NO_TARGET)
    for row, own in enumerate(sets):
        tokens[row, : len(own)], targets[row, : len(own)] = own.tokens, own.targets
    return Examples(tokens, targets)


@pytest.mark.parametrize("batch", [4, 2048])
def test_examples_without_a_target_count_for_nothing(
    batch: int, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches of 4 the shortest set has batches of padding alone."""
    monkeypatch.setattr(objective, "EVALUATION_BATCH", batch)
    draw = np.random.default_rng(0)
    weights = torch.from_numpy(draw.normal(scale=0.5, size=(3, task.model.layout.size)))
    sets = [task.train.take(slice(0, 3)), task.train, task.validation]
    losses, errors = loss_and_error(task.model, weights, filled(sets, 17))
    for row, own in enumerate(sets):
        loss, error = loss_and_error(task.model, weights[row], own)
        assert losses[row].item() == pytest.approx(loss.item(), rel=1e-12)
        assert errors[row].item() == error.item()
    assert len(set(errors.tolist())) > 1


@dataclass(frozen=True)
class Answers:
    """A model whose logits are given; its tokens say which of them."""

    given: Tensor

    def logits(self, weights: Tensor, tokens: Tensor) -> Tensor:
        return self.given[tokens[:, 0]]


def answered(logits: Tensor, targets: list[int]) -> tuple[list[int], list[int]]:
    """Which of these answers are wrong, and which are too close to call."""
    examples = Examples(torch.arange(len(targets)).unsqueeze(-1), torch.tensor(targets))
    found = wrong_examples(Answers(logits), torch.zeros(1), examples)  # type: ignore[arg-type]
    return found.wrong.tolist(), found.close.tolist()


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("largest", [1.0, 1000.0])
def test_an_answer_is_close_where_rounding_decides_it(
    dtype: torch.dtype, least: float, largest: float
) -> None:
    assert CLOSE[dtype] == least
    below, above = 0.5 * least * largest, 2 * least * largest
    high = 0.5 * largest
    rows = [
        [high, high - below, -largest],  # right, by less than rounding
        [high, high + below, -largest],  # wrong, by less than rounding
        [high, high - above, -largest],  # right
        [high, high + above, -largest],  # wrong
        [high, high, -largest],  # a tie: the first counts, and it is close
        [high, 0, -largest],
        [0, high, high + below],  # the two highest are close, the target's is not
    ]
    wrong, close = answered(torch.tensor(rows, dtype=torch.float64).to(dtype), [0] * len(rows))
    assert wrong == [1, 3, 6]
    assert close == [0, 1, 4]


def test_numbers_of_wrong_and_close_answers_count_through_all_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logits = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]])
    for batch in (1, 2, 2048):
        monkeypatch.setattr(objective, "EVALUATION_BATCH", batch)
        assert answered(logits, [0, 0, 1, 2, 2]) == ([1, 2, 4], [2, 4])


def test_where_a_model_says_the_same_of_all_answers_every_pair_is_close(task: Task) -> None:
    found = wrong_examples(task.model, torch.zeros(task.model.layout.size), task.train)
    assert found.close.tolist() == list(range(15))
    assert found.wrong.tolist() == task.train.targets.nonzero().squeeze(-1).tolist()
