"""Is a split predicted without an error? Asked after every epoch, so asked cheaply.

Shapes: M models, or one without a leading axis; n weights, N examples, B examples of one look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from grokflow.estimates import EVALUATION_BATCH
from grokflow.model.losses import wrong_answers
from grokflow.model.objective import Examples
from grokflow.model.protocol import ModelFunction

FIRST_LOOK = 16
"""Examples looked at first; before the point is near, one of them is wrong and the look ends there."""


def looks(examples: int) -> Iterator[slice]:
    """The parts in which `examples` are looked at, each eight times the one before, up to a limit."""
    start, size = 0, FIRST_LOOK
    while start < examples:
        yield slice(start, start + size)
        start, size = start + size, min(8 * size, EVALUATION_BATCH)


class Watch:
    """Looks at the examples of a split that were wrong last time first, and stops at the first wrong answer.

    The order changes only how long an answer takes, so nothing of it need survive an interruption.
    """

    def __init__(self, model: ModelFunction, examples: Examples) -> None:
        self.model = model
        self.examples = examples
        """(N,), or (M, N) for a split of each of M models."""
        order = torch.arange(len(examples), device=examples.targets.device)
        self.order = order.repeat(*examples.targets.shape[:-1], 1).view_as(examples.targets)
        """Numbers of examples, like the examples (N,) or (M, N): those that were wrong last time first."""

    @torch.no_grad()
    def wrong_at_first_look(self, weights: Tensor) -> Tensor:
        """(...): whether weights (..., n) get one of the first examples wrong. Never waits for a GPU."""
        return self._wrong(weights, self.examples, self.order[..., :FIRST_LOOK]).any(-1)

    @torch.no_grad()
    def perfect(
        self, weights: Tensor, asked: Sequence[int] = (0,), first_look: np.ndarray | None = None
    ) -> list[int]:
        """Those of the rows `asked` that predict every example right. A single model (n,) is row 0.

        Parameters
        ----------
        first_look : (M,), what `wrong_at_first_look` found, where somebody has asked before.
        """
        rows = list(asked)
        for part in looks(len(self.examples)):
            if part.start == 0 and first_look is not None:
                rows = [row for row in rows if not first_look[row]]
                continue
            if not rows:
                break
            wrong = self._wrong(*self._of(rows, weights, self.order[..., part]))
            found = wrong.view(len(rows), -1).any(-1).tolist()
            for i, row in enumerate(rows):
                if found[i] and part.start:
                    self._put_first(row, part, wrong.view(len(rows), -1)[i])
            rows = [row for row, is_wrong in zip(rows, found, strict=True) if not is_wrong]
        return rows

    def _of(self, rows: list[int], weights: Tensor, order: Tensor) -> tuple[Tensor, Examples, Tensor]:
        """Weights, examples and their numbers of some rows alone; of all without a copy."""
        if weights.ndim == 1 or len(rows) == len(weights):
            return weights, self.examples, order
        index = torch.tensor(rows, device=weights.device)
        return weights[index], self.examples.rows(index), order[index]

    def _wrong(self, weights: Tensor, examples: Examples, order: Tensor) -> Tensor:
        """(..., B): which of the examples number `order` (..., B) the weights get wrong."""
        batch = examples.ordered(order)
        return wrong_answers(self.model.logits(weights, batch.tokens), batch.targets)

    def _put_first(self, row: int, part: slice, wrong: Tensor) -> None:
        """Let the next look begin with the examples of `part` that are wrong."""
        order = self.order if self.order.ndim == 1 else self.order[row]
        looked_at = order[part]
        order.copy_(torch.cat([looked_at[wrong], order[: part.start], looked_at[~wrong], order[part.stop :]]))
