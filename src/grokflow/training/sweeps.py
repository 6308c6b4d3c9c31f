"""Sweeps: many short trainings at once, as rows of one batch of models.

A chunk's members have one shape: the same model, table and batch size. Each row has its own seed,
split, order of examples, learning rate and weight decay, and does what it would do alone. Where splits
differ in size, the shorter ones are filled up with examples that count for nothing, and a row whose
epoch is over waits for the others.

Shapes: M members, n weights, N examples of a split (of the largest), T context.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow.artifacts.resumable import State, Workshop
from grokflow.config import ResolvedMember, ResolvedRun, plain
from grokflow.data.dataset import make_dataset
from grokflow.model.device import free_memory
from grokflow.model.objective import CHUNK, NO_TARGET, Examples, batch_pass, make_task, wrong_answers
from grokflow.model.transformer import make_model
from grokflow.model.weights import to_tensor
from grokflow.randomness import generator
from grokflow.training.constraints import Hold
from grokflow.training.detection import looks
from grokflow.training.graph import captured
from grokflow.training.optimizers import make_batched_optimizer
from grokflow.training.state import WHAT_TRAINS

OUTCOMES = ["seed", "point_1", "point_2", "epochs", "train_error", "validation_error", "diverged"]
"""Columns of a sweep's table after the varied keys: the epochs of points 1 and 2 as far as they were
looked for (every `log_every`-th epoch), how long the member was trained, the errors it ended with, and
`epoch N`, and no errors, when N is the first such epoch at which its logits were found not finite."""


def train_chunk(
    members: Sequence[ResolvedMember],
    device: str,
    *,
    resume: str | Path | None = None,
    subject: str | Path = "a chunk",
    publish: Callable[[pd.DataFrame], None] = lambda table: None,
) -> pd.DataFrame:
    """Train the members together; a row each, in their order.

    Parameters
    ----------
    resume : folder in which unfinished chunks are kept; None: nothing is.
    subject : what the chunk is called in messages.
    publish : writes the table; what was kept is discarded after it, not before.

    Raises
    ------
    ArtifactError : when another process trains the same chunk.
    SystemExit : after SIGTERM, with the state of the last epoch saved.
    """
    settings = {"members": [plain(member) for member in members]}
    workshop = Workshop(resume, subject, settings, WHAT_SWEEPS, device)
    with workshop.locked():
        outcomes = _outcomes(members, device, workshop)
        rows = [{**m.settings, "seed": m.run.seed, **o} for m, o in zip(members, outcomes, strict=True)]
        table = as_table(pd.DataFrame(rows, columns=[*members[0].settings, *OUTCOMES]))
        publish(table)
        workshop.discard()
    return table


def _outcomes(members: Sequence[ResolvedMember], device: str, workshop: Workshop) -> list[dict[str, Any]]:
    """`OUTCOMES` of each member; as many are trained at a time as fit into memory."""
    at_once = members_that_fit(members[0].run, device)
    saved = workshop.load()
    # What was begun is gone on with as it was, however much memory is free now.
    found = [] if saved is None else saved[1]["before"]
    number = at_once if saved is None else len(saved[1]["outcomes"])
    while len(found) < len(members):
        chunk = _Chunk(members[len(found) :][:number], device, before=found)
        chunk.go(workshop, saved)
        found, saved, number = [*found, *chunk.outcomes], None, at_once
    return found


def members_that_fit(run: ResolvedRun, device: str) -> int:
    """How many members like `run` half of the free memory holds: of the GPU's, or of this machine's.

    Counted generously: the weights with gradient, optimizer state and temporaries; what an evaluation
    or a backward pass keeps of each row; the examples.
    """
    model = make_model(run.model, run.dataset)
    examples = math.prod(map(len, model.alphabet))
    own_rows = len(model.alphabet) * max(run.optimizer.batch_size, min(CHUNK, examples))
    numbers_of_row = (
        run.model.layers * (16 * run.model.width + 6 * run.model.mlp_width) + 4 * model.vocabulary
    )
    numbers = 8 * model.layout.size + own_rows * numbers_of_row
    size = numbers * (4 if run.precision == "float32" else 8) + 3 * 8 * examples * (len(model.alphabet) + 1)
    fit = max(1, free_memory(device) // 2 // size)
    print(f"A member takes about {size / 2**20:.0f} MiB; {fit} fit into half of what is free.", flush=True)
    return fit


def as_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The table with whole numbers written as such, blanks where there is none."""
    numbers = dict.fromkeys(("train_error", "validation_error"), float)
    return rows.astype({**dict.fromkeys(("seed", "point_1", "point_2", "epochs"), "Int64"), **numbers})


WHAT_SWEEPS = ("training/sweeps.py", *WHAT_TRAINS)
"""The sources that decide what a chunk computes; a state of other sources is not resumed."""


class _Chunk:
    """The members still in training are the rows of every tensor; `rows` says which."""

    def __init__(
        self, members: Sequence[ResolvedMember], device: str, before: Sequence[dict[str, Any]] = ()
    ) -> None:
        """`before`: the outcomes of the members that were trained earlier, kept with the state."""
        self.before = list(before)
        self.runs = [member.run for member in members]
        run = self.runs[0]
        tasks = [make_task(r.model, r.dataset, make_dataset(r.dataset), device) for r in self.runs]
        self.model = tasks[0].model
        # Rows with more steps an epoch first: those that go on are always the first ones.
        self.rows = sorted(range(len(members)), key=lambda row: -len(tasks[row].train))
        self.sizes = [len(task.train) for task in tasks]
        self.train = _stacked([tasks[row].train for row in self.rows])
        self.validation = _stacked([tasks[row].validation for row in self.rows])
        initial = np.stack([self.model.layout.initial(self.runs[row].seed) for row in self.rows])
        self.weights = to_tensor(initial, run.precision, device)
        self.outcomes: list[dict[str, Any]] = [dict.fromkeys(OUTCOMES[1:]) for _ in members]
        settings = [self.runs[row].optimizer for row in self.rows]
        self.optimizer = make_batched_optimizer(settings, self.weights)
        self.epoch = 0
        self.prepare()

    def prepare(self) -> None:
        """What an epoch of the rows in training reads and writes, in one place; it may then be captured."""
        size = self.runs[0].optimizer.batch_size
        self.hold = Hold(self.model.layout, {}, self.weights)
        self.shuffled = self.train.clone()
        steps = [[math.ceil(self.sizes[row] / size)] for row in self.rows]
        self.steps_per_epoch = torch.tensor(steps, dtype=torch.float64, device=self.weights.device)
        self.step = torch.zeros_like(self.steps_per_epoch)
        changes = [self.weights, *self.optimizer.state.values(), self.step]
        self.run_steps = captured(self.steps, changes)

    def go(self, workshop: Workshop, saved: State | None = None) -> None:
        """Train all members, or go on where `saved`, the state of an interrupted chunk, stood."""
        run = self.runs[0]
        if saved is None:
            self.look()
        else:
            self.restore(saved)
            print(f"Going on from epoch {self.epoch}.", flush=True)
        while self.rows and self.epoch < run.epochs:
            self.one_epoch()
            if self.epoch % run.log_every == 0 or self.epoch == run.epochs:
                self.look()
                print(f"epoch {self.epoch}/{run.epochs}  {len(self.rows)} members in training", flush=True)
            if self.rows and self.epoch < run.epochs:
                workshop.pause(self.state)
        self.run_steps = self.steps  # gives back the memory of a captured epoch

    def state(self) -> State:
        """All that an interrupted chunk needs to go on."""
        tensors = {"weights": self.weights, **self.optimizer.state}
        progress = {
            "epoch": self.epoch,
            "rows": self.rows,
            "outcomes": self.outcomes,
            "before": self.before,
        }
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}, progress

    def restore(self, saved: State) -> None:
        """Go on from what `state` gave."""
        tensors, progress = saved
        self.epoch, self.outcomes = progress["epoch"], progress["outcomes"]
        self.keep([self.rows.index(row) for row in progress["rows"]])
        self.weights.copy_(torch.from_numpy(tensors["weights"]))
        for name, tensor in self.optimizer.state.items():
            tensor.copy_(torch.from_numpy(tensors[name]))

    def one_epoch(self) -> None:
        """One pass over each row's train set in the row's own order."""
        orders = np.tile(np.arange(self.train.targets.shape[1]), (len(self.rows), 1))
        for order, row in zip(orders, self.rows, strict=True):
            own = self.sizes[row]
            order[:own] = generator(self.runs[row].seed, "order", self.epoch).permutation(own)
        at = torch.from_numpy(orders).to(self.weights.device)
        tokens = self.train.tokens.take_along_dim(at.unsqueeze(-1), 1)
        self.shuffled.copy_(Examples(tokens, self.train.targets.take_along_dim(at, 1)))
        torch.mul(self.steps_per_epoch, self.epoch, out=self.step)
        self.run_steps()
        self.epoch += 1

    def steps(self) -> None:
        """The steps of an epoch: as many of each row as it has batches."""
        size = self.runs[0].optimizer.batch_size
        sizes = [self.sizes[row] for row in self.rows]
        for start in range(0, sizes[0], size):
            going = sum(own > start for own in sizes)
            part = (slice(going), slice(start, min(start + size, sizes[0])))
            weights, step = self.weights[:going], self.step[:going].add_(1)
            batch = Examples(self.shuffled.tokens[part], self.shuffled.targets[part])
            self.optimizer.step(weights, batch_pass(self.model, weights, batch).gradient, step)
            self.hold(weights)

    def look(self) -> None:
        """Note the points that are reached, and let go of the rows that are done."""
        outcomes = [self.outcomes[row] for row in self.rows]
        validation, finite = self.right(self.validation, [found["point_2"] is None for found in outcomes])
        asked = [found["point_1"] is None or right for found, right in zip(outcomes, validation, strict=True)]
        train, train_finite = self.right(self.train, asked)
        going = []
        for i, (row, outcome) in enumerate(zip(self.rows, outcomes, strict=True)):
            outcome["epochs"] = self.epoch
            if not (train_finite[i] and finite[i]):
                outcome["diverged"] = f"epoch {self.epoch}"
                continue
            if outcome["point_1"] is None and train[i]:
                outcome["point_1"] = self.epoch
            if outcome["point_2"] is None and train[i] and validation[i]:
                outcome["point_2"] = self.epoch
            after = self.runs[row].stop_after_point_2
            if outcome["point_2"] is None or after is None or self.epoch < outcome["point_2"] + after:
                going.append(i)
        last = self.epoch == self.runs[0].epochs
        if last or len(going) < len(self.rows):
            self.note_errors([i for i in range(len(self.rows)) if last or i not in going])
        if len(going) < len(self.rows):
            self.keep(going)

    def note_errors(self, leaving: list[int]) -> None:
        """The errors with which these rows end; none for one that diverged."""
        errors = {"train_error": self.errors(self.train), "validation_error": self.errors(self.validation)}
        for i in leaving:
            outcome = self.outcomes[self.rows[i]]
            if outcome["diverged"] is None:
                outcome.update({name: of_rows[i] for name, of_rows in errors.items()})

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
        self.prepare()

    def right(self, examples: Examples, asked: Sequence[bool]) -> tuple[list[bool], list[bool]]:
        """Which of the rows that are asked have all their own examples right, and whose logits are finite.

        Ends as soon as each that is asked has one wrong: at once, until a point is near.
        """
        right = torch.tensor(asked, device=self.weights.device)
        finite = torch.ones_like(right)
        for part in looks(len(examples)):
            wrong, of_part = self.wrong(examples, part)
            right &= wrong == 0
            finite &= of_part
            if not right.any():
                break
        return right.tolist(), finite.tolist()

    def errors(self, examples: Examples) -> list[float]:
        """1 − accuracy of each row on its own examples."""
        starts = range(0, len(examples), CHUNK)
        wrong = sum(self.wrong(examples, slice(start, start + CHUNK))[0] for start in starts)
        return (wrong / (examples.targets != NO_TARGET).sum(-1).double()).tolist()

    @torch.no_grad()
    def wrong(self, examples: Examples, part: slice) -> tuple[Tensor, Tensor]:
        """Of a part of each row's examples: how many it gets wrong, and whether its logits are finite."""
        logits, targets = self.model.logits(self.weights, examples.tokens[:, part]), examples.targets[:, part]
        return wrong_answers(logits, targets).sum(-1), logits.isfinite().all(-1).all(-1)


def _stacked(parts: Sequence[Examples]) -> Examples:
    """Examples (M, N) of each member, filled up to the longest with copies that have no target."""
    N = max(map(len, parts))
    tokens = [torch.cat([p.tokens, p.tokens[:1].expand(N - len(p), -1)]) for p in parts]
    targets = [torch.cat([p.targets, p.targets.new_full((N - len(p),), NO_TARGET)]) for p in parts]
    return Examples(torch.stack(tokens), torch.stack(targets))


def _rows(examples: Examples, rows: list[int]) -> Examples:
    return Examples(examples.tokens[rows], examples.targets[rows])
