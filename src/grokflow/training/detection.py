"""Is a split predicted without an error? Asked after every epoch, so asked cheaply."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from grokflow.model.objective import CHUNK, Examples, wrong_answers
from grokflow.model.transformer import Transformer

FIRST_LOOK = 16
"""Examples looked at first; before the point is near, one of them is wrong and the look ends there."""


def looks(examples: int) -> Iterator[slice]:
    """The parts in which so many examples are looked at, each eight times the one before, up to `CHUNK`."""
    start, size = 0, FIRST_LOOK
    while start < examples:
        yield slice(start, start + size)
        start, size = start + size, min(8 * size, CHUNK)


class Watch:
    """Looks first at the examples that were wrong last time and stops at the first wrong answer.

    The order changes only how long an answer takes, so nothing of it need survive an interruption.
    """

    def __init__(self, model: Transformer, examples: Examples) -> None:
        self.model = model
        self.examples = examples
        self.order = torch.arange(len(examples), device=examples.targets.device)

    @torch.no_grad()
    def is_perfect(self, weights: Tensor) -> bool:
        """Whether the weights (n,) predict every example."""
        for part in looks(len(self.order)):
            looked_at = self.order[part]
            batch = self.examples.take(looked_at)
            wrong = wrong_answers(self.model.logits(weights, batch.tokens), batch.targets)
            if wrong.any():
                rest = [self.order[: part.start], looked_at[~wrong], self.order[part.stop :]]
                self.order = torch.cat([looked_at[wrong], *rest])
                return False
        return True
