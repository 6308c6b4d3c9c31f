"""What counts as a wrong answer."""

from __future__ import annotations

import math

import pytest
import torch

from grokflow.model.objective import NO_TARGET, wrong_answers


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
    several = wrong_answers(logits.expand(4, -1, -1), targets.expand(4, -1))
    assert torch.equal(several, expected.expand(4, -1))


def test_answers_are_as_pytorchs_for_many_logits() -> None:
    logits = torch.randint(0, 30, (500, 97), generator=torch.Generator().manual_seed(0)).float()
    targets = logits.argmax(-1).roll(1)
    assert torch.equal(wrong_answers(logits, targets), logits.argmax(-1) != targets)
    assert not wrong_answers(logits, logits.argmax(-1)).any()
