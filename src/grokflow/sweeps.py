"""Sweeps: many short trainings at once, as rows of one batch of models.

A chunk's members have one shape: the same model, size of table and batch. Each row has its own seed,
split, order of examples, learning rate and weight decay, and does what it would do alone.

Shapes: M members, n weights, N examples of a split, T context.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from grokflow.config import ResolvedMember
from grokflow.dataset import make_dataset
from grokflow.objective import CHUNK, Examples, batch_pass, make_task
from grokflow.randomness import generator
from grokflow.training.hold import Hold
from grokflow.training.optimizers import make_batched_optimizer
from grokflow.weights import to_tensor

OUTCOMES = ["seed", "point_1", "point_2", "epochs", "train_error", "validation_error", "diverged"]
"""Columns of a sweep's table after the varied keys: the epochs of points 1 and 2 as far as they were
looked for (every `log_every`-th epoch), how long the member was trained, the errors it ended with, and
the epoch at which its loss was no longer finite, if it was."""


def train_chunk(members: Sequence[ResolvedMember], device: str) -> pd.DataFrame:
    """Train the members together; a row each, in their order."""
    chunk = _Chunk(members, device)
    chunk.go()
    rows = [{**m.settings, "seed": m.run.seed, **o} for m, o in zip(members, chunk.outcomes, strict=True)]
    return as_table(pd.DataFrame(rows, columns=[*members[0].settings, *OUTCOMES]))


def as_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The table with whole numbers written as such, blanks where there is none."""
    return rows.astype(dict.fromkeys(("seed", "point_1", "point_2", "epochs"), "Int64"))


class _Chunk:
    """The members still in training are the rows of every tensor; `rows` says which."""

    def __init__(self, members: Sequence[ResolvedMember], device: str) -> None:
        self.runs = [member.run for member in members]
        run = self.runs[0]
        tasks = [make_task(r.model, r.dataset, make_dataset(r.dataset), device) for r in self.runs]
        self.model = tasks[0].model
        self.train = _stacked([task.train for task in tasks])
        self.validation = _stacked([task.validation for task in tasks])
        initial = np.stack([self.model.layout.initial(r.seed) for r in self.runs])
        self.weights = to_tensor(initial, run.precision, device)
        self.rows = list(range(len(members)))
        self.outcomes: list[dict[str, Any]] = [
            {"point_1": None, "point_2": None, "epochs": 0, "diverged": None} for _ in members
        ]
        self.optimizer = make_batched_optimizer([r.optimizer for r in self.runs], self.weights)
        self.hold = Hold(self.model.layout, {}, self.weights)
        self.epoch = 0

    def go(self) -> None:
        run = self.runs[0]
        self.look()
        while self.rows and self.epoch < run.epochs:
            self.one_epoch()
            if self.epoch % run.log_every == 0 or self.epoch == run.epochs:
                self.look()
                print(f"epoch {self.epoch}/{run.epochs}  {len(self.rows)} members in training", flush=True)

    def one_epoch(self) -> None:
        """One pass over each row's train set in the row's own order."""
        N, size = self.train.targets.shape[1], self.runs[0].optimizer.batch_size
        orders = [generator(self.runs[r].seed, "order", self.epoch).permutation(N) for r in self.rows]
        order = torch.from_numpy(np.stack(orders)).to(self.weights.device)
        tokens = self.train.tokens.take_along_dim(order.unsqueeze(-1), 1)
        targets = self.train.targets.take_along_dim(order, 1)
        step = self.epoch * math.ceil(N / size)
        for start in range(0, N, size):
            step += 1
            part = slice(start, start + size)
            found = batch_pass(self.model, self.weights, Examples(tokens[:, part], targets[:, part]))
            self.optimizer.step(self.weights, found.gradient, step)
            self.hold(self.weights)
        self.epoch += 1

    def look(self) -> None:
        """Note the points that are reached, and let go of the rows that are done."""
        train, train_finite = self.errors(self.train)
        validation, validation_finite = self.errors(self.validation)
        going = []
        for i, row in enumerate(self.rows):
            outcome, run = self.outcomes[row], self.runs[row]
            outcome["epochs"] = self.epoch
            if not (train_finite[i] and validation_finite[i]):
                outcome["diverged"] = f"epoch {self.epoch}"
                continue
            outcome["train_error"], outcome["validation_error"] = train[i], validation[i]
            if outcome["point_1"] is None and train[i] == 0:
                outcome["point_1"] = self.epoch
            if outcome["point_2"] is None and train[i] == validation[i] == 0:
                outcome["point_2"] = self.epoch
            after = run.stop_after_point_2
            if outcome["point_2"] is None or after is None or self.epoch < outcome["point_2"] + after:
                going.append(i)
        if len(going) < len(self.rows):
            self.keep(going)

    def keep(self, going: list[int]) -> None:
        """Go on with these rows alone."""
        self.rows = [self.rows[i] for i in going]
        if not going:
            return
        self.weights = self.weights[going]
        self.train, self.validation = _rows(self.train, going), _rows(self.validation, going)
        state = {name: tensor[going] for name, tensor in self.optimizer.state.items()}
        self.optimizer = make_batched_optimizer([self.runs[r].optimizer for r in self.rows], self.weights)
        self.optimizer.state = state
        self.hold = Hold(self.model.layout, {}, self.weights)

    @torch.no_grad()
    def errors(self, examples: Examples) -> tuple[list[float], list[bool]]:
        """1 − accuracy of each row on its own examples, and whether all its logits are finite."""
        N = examples.targets.shape[1]
        wrong = torch.zeros(len(self.rows), dtype=torch.int64, device=self.weights.device)
        finite = torch.ones_like(wrong, dtype=torch.bool)
        for start in range(0, N, CHUNK):
            part = slice(start, start + CHUNK)
            logits = self.model.logits(self.weights, examples.tokens[:, part])
            wrong += (logits.argmax(-1) != examples.targets[:, part]).sum(-1)
            finite &= logits.isfinite().all(-1).all(-1)
        return (wrong.double() / N).tolist(), finite.tolist()


def _stacked(parts: Sequence[Examples]) -> Examples:
    """Examples (M, N) of each member."""
    return Examples(torch.stack([p.tokens for p in parts]), torch.stack([p.targets for p in parts]))


def _rows(examples: Examples, rows: list[int]) -> Examples:
    return Examples(examples.tokens[rows], examples.targets[rows])
