"""The rows in training as one batch of models: the tensors of an epoch, and the epoch itself.

One row alone has no batch axis: PyTorch then multiplies matrices, not batches of one, which is faster on a
CPU. Several rows are the first axis of every tensor. Splits of other sizes are filled up with examples
that have no target, and a row whose epoch is over waits for the others.

Shapes: M rows (`...` is (M,), or nothing for one row alone), n weights, N examples of a split, T context,
S minibatches of an epoch, P pieces of the weights (`PieceNorms`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from grokflow.model.invariance import audited_pairs, invariant_groups
from grokflow.model.layout import merged
from grokflow.model.losses import NO_TARGET
from grokflow.model.objective import Examples, Task, batch_pass, gradient_pass, loss_and_error
from grokflow.model.weights import norm_of, to_tensor
from grokflow.randomness import generator
from grokflow.training.constraints import Constraints
from grokflow.training.detection import Watch
from grokflow.training.graph import captured
from grokflow.training.optimizers import Optimizer, make_batched_optimizer, make_optimizer
from grokflow.training.rows import Row, steps_per_epoch
from grokflow.training.statistics import PieceNorms

AUDITED = 64
"""Pairs on which training asks which groups are scale-invariant."""

COMPACT = 8
"""On a GPU rows that have ended leave when they are one in eight: leaving means capturing the epoch anew."""

PATIENCE = 4
"""Measurements of all rows that are made step by step before they are captured: capturing costs as many."""

Arrays = Mapping[str, np.ndarray]
"""`weights` and the optimizer's state, each (n,): what a row needs to go on."""


class EpochRecord(NamedTuple):
    """What an epoch showed of each row, on the CPU."""

    losses: Tensor
    """(M, S): mean cross-entropy of each minibatch, in nats, as training met it."""
    wrong: Tensor
    """(M, S): wrong answers in each minibatch."""
    gradient_squares: Tensor
    """(M, S, P): ‖g‖² by pieces; S = 0 where no row records it."""
    weight_squares: Tensor
    """(M, P): ‖θ‖² by pieces after the last update."""
    first_look: np.ndarray | None
    """(M, 2): whether a train and a validation pair was wrong at the first look; None where nobody looked."""


class Measured(NamedTuple):
    """What is measured of each row between two epochs; each is (M,) in float64, on the CPU."""

    train_loss: Tensor
    """Mean cross-entropy, in nats."""
    train_error: Tensor
    """1 − accuracy."""
    validation_loss: Tensor
    validation_error: Tensor
    norm: Tensor
    """‖θ‖ of the trained weights."""
    invariant_norm: Tensor
    """Of their scale-invariant part; 0 where there is none."""
    gradient_norm: Tensor
    """Mean over the minibatches of ‖g‖."""
    invariant_gradient_norm: Tensor


class Batch:
    """Some rows with all that training them takes.

    Parameters
    ----------
    tasks : of each row; the model is the same for all, and recorded rows have train sets of one size.
    batched : whether the tensors have a batch axis; a batch of which one row is left keeps it.
    saved : of each row what a saved state has; None to begin at their initial weights.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        tasks: Sequence[Task],
        device: str,
        *,
        batched: bool,
        saved: Sequence[Arrays] | None = None,
    ) -> None:
        assert batched or len(rows) == 1
        # Rows with more steps an epoch come first, so that those with a next minibatch are the first ones.
        order = sorted(range(len(rows)), key=lambda i: -len(tasks[i].train))
        self.rows = [rows[i] for i in order]
        self.device, self.batched = device, batched
        self.run = self.rows[0].run
        self.records = any(row.recorded for row in rows)
        tasks = [tasks[i] for i in order]
        self.model = tasks[0].model
        self.sizes = [len(task.train) for task in tasks]
        assert not self.records or len(set(self.sizes)) == 1, "recorded rows have train sets of one size"
        self.train = self._joined([task.train for task in tasks])
        self.validation = self._joined([task.validation for task in tasks])

        layout = self.model.layout
        initial = np.stack([layout.initial(row.run.seed_of_initialization) for row in self.rows])
        self.weights = self._on_device(initial)
        self.optimizer = self._make_optimizer()
        if saved is not None:
            for name, tensor in {"weights": self.weights, **self.optimizer.state}.items():
                tensor.copy_(self._on_device(np.stack([saved[i][name] for i in order])))
        needs_groups = self.records or self.run.sphere
        pairs = audited_pairs(tasks[0], AUDITED)
        self.invariant = invariant_groups(self.model, initial, pairs) if needs_groups else {}
        self.invariant_part = merged(piece for pieces in self.invariant.values() for piece in pieces)
        self.norms = PieceNorms(layout, self.invariant_part)
        held = self.invariant if self.run.sphere else {}
        self.constraints = Constraints(layout, held, self._on_device(initial))
        self._prepare()

    def _prepare(self) -> None:
        """Everything that an epoch reads and writes, in one place: it may be captured and replayed."""
        M, S = len(self.rows), steps_per_epoch(self.sizes[0], self.run.optimizer.batch_size)
        pieces = len(self.norms.pieces)
        self.steps_of_row = [steps_per_epoch(size, self.run.optimizer.batch_size) for size in self.sizes]
        done = [[row.epoch * steps] for row, steps in zip(self.rows, self.steps_of_row, strict=True)]
        self.step = torch.tensor(done, dtype=torch.float64, device=self.weights.device)
        if not self.batched:
            self.step = self.step[0]
        self.watches = Watch(self.model, self.train), Watch(self.model, self.validation)
        self.previous = self.weights.clone()
        self.order = self.watches[0].order.clone()
        self._orders = self._next_orders(epochs_ahead=0)
        # One tensor for all that the host reads after an epoch, so that it waits for a GPU once.
        self._met_width = 2 + (pieces if self.records else 0)
        self.found = torch.zeros(
            M, S * self._met_width + pieces + 2, dtype=torch.float64, device=self.weights.device
        )
        changes = [self.weights, *self.optimizer.state.values(), self.step, self.found]
        self._epoch = captured(self._one_epoch, changes)
        self._measurements = self.weights.new_zeros(len(Measured._fields), M, dtype=torch.float64)
        measured = [self._measurements]
        self._measure_all = captured(self._measure_into, measured, what="Measurements", patience=PATIENCE)

    def train_epoch(self) -> EpochRecord:
        """Train every row one epoch, in an order of its own, and say what it showed."""
        if self.records:
            self.previous.copy_(self.weights)
        self.order.copy_(torch.from_numpy(self._orders))
        self._epoch()
        self._orders = self._next_orders(epochs_ahead=1)  # while a GPU is still at it
        found = self.found.cpu()
        met, weight_squares, first_look = self._parts(found)
        return EpochRecord(
            met[..., 0],
            met[..., 1],
            met[..., 2:],
            weight_squares,
            first_look.bool().numpy() if self.weights.is_cuda else None,
        )

    def _one_epoch(self) -> None:
        """One pass over the train sets; the last minibatch holds what is left. Never waits for a GPU."""
        shuffled = self.train.ordered(self.order)
        met, weight_squares, first_look = self._parts(self.found)
        if not self.batched:
            met, weight_squares = met[0], weight_squares[0]
        size = self.run.optimizer.batch_size
        for number, start in enumerate(range(0, self.sizes[0], size)):
            # The rows whose epoch still has a minibatch: they come first.
            going = slice(sum(own > start for own in self.sizes)) if self.batched else ...
            stop = min(start + size, self.sizes[0])
            weights, step = self.weights[going], self.step[going].add_(1)
            batch = Examples(shuffled.tokens[going], shuffled.targets[going])
            batch = batch.take(slice(start, stop))
            loss, wrong, gradient = batch_pass(self.model, weights, batch)
            met_now = met[going, number] if self.batched else met[number]
            met_now[..., 0], met_now[..., 1] = loss, wrong
            if self.records:
                met_now[..., 2:] = self.norms.squares(gradient)
            # A captured epoch would freeze a Python number.
            in_python = not (self.batched or weights.is_cuda)
            self.optimizer.step(weights, gradient, int(step) if in_python else step)
            self.constraints(weights)
        weight_squares[:] = self.norms.squares(self.weights)
        if self.weights.is_cuda:  # on a CPU it is no cheaper here, so it is made only where it is needed
            for number, watch in enumerate(self.watches):
                first_look[:, number] = watch.wrong_at_first_look(self.weights)

    def measure(self, rows: Sequence[int]) -> Measured:
        """Measure the rows at these places on their whole train and validation sets."""
        if len(rows) == len(self.rows):
            self._measure_all()
            return Measured(*self._measurements.cpu())
        splits = (self.examples_of(split, rows) for split in (self.train, self.validation))
        return Measured(*self._measured(self.weights_of(rows), *splits).view(-1, len(rows)).cpu())

    def _measure_into(self) -> None:
        """All rows, into `_measurements`. Never waits for a GPU."""
        found = self._measured(self.weights, self.train, self.validation)
        self._measurements.copy_(found.view_as(self._measurements))

    def _measured(self, weights: Tensor, train: Examples, validation: Examples) -> Tensor:
        """The columns of `Measured` (8, ...)."""
        minibatches = list(train.batches(self.run.optimizer.batch_size))
        passed = gradient_pass(self.model, weights, minibatches, part=self.invariant_part)
        parts = (self.model.layout.trained, self.invariant_part)
        norms = [norm_of(weights, part) if part else torch.zeros_like(passed.loss) for part in parts]
        on_validation = loss_and_error(self.model, weights, validation)
        columns = (passed.loss, passed.error, *on_validation, *norms, passed.norm, passed.norm_part)
        return torch.stack(columns)

    def close(self) -> None:
        """Drop what was captured: it and the batch refer to each other, so neither would be freed."""
        del self._epoch, self._measure_all

    def leave(self) -> None:
        """Let the rows that ended go, at once on a CPU; on a GPU when enough of them have."""
        going = [i for i, row in enumerate(self.rows) if not row.ended]
        left = len(self.rows) - len(going)
        if not left or not going or (self.weights.is_cuda and left * COMPACT < len(self.rows)):
            return
        index = torch.tensor(going, device=self.weights.device)
        self.rows = [self.rows[i] for i in going]
        self.sizes = [self.sizes[i] for i in going]
        self.weights = self.weights[index]
        state = {name: tensor[index] for name, tensor in self.optimizer.state.items()}
        self.optimizer = self._make_optimizer()
        self.optimizer.state = state
        self.train, self.validation = self.train.rows(index), self.validation.rows(index)
        self.constraints = self.constraints.of_rows(index)
        self._prepare()

    def weights_of(self, rows: Sequence[int], *, previous: bool = False) -> Tensor:
        """The weights of the rows at these places: (n,), or (rows, n) with a batch axis."""
        weights = self.previous if previous else self.weights
        if not self.batched or len(rows) == len(self.rows):
            return weights
        return weights[torch.tensor(list(rows), device=weights.device)]

    def examples_of(self, examples: Examples, rows: Sequence[int]) -> Examples:
        """The examples of the rows at these places."""
        if not self.batched or len(rows) == len(self.rows):
            return examples
        return examples.rows(torch.tensor(list(rows), device=self.weights.device))

    def arrays(self, row: int) -> dict[str, np.ndarray]:
        """A copy of what the row at this place needs to go on."""
        tensors = {"weights": self.weights, **self.optimizer.state}
        own = {name: tensor[row] if self.batched else tensor for name, tensor in tensors.items()}
        return {name: tensor.cpu().numpy().copy() for name, tensor in own.items()}

    def _parts(self, found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Views of `found`: of each minibatch (M, S, …), of the weights (M, P), the first looks (M, 2)."""
        pieces = len(self.norms.pieces)
        width = found.shape[-1] - pieces - 2
        met = found[:, :width].unflatten(-1, (-1, self._met_width))
        return met, found[:, width : width + pieces], found[:, width + pieces :]

    def _next_orders(self, epochs_ahead: int) -> np.ndarray:
        """Each row's shuffled order of examples (..., N), that many epochs from now; padding stays last."""
        orders = np.tile(np.arange(len(self.train)), (len(self.rows), 1))
        for order, row, size in zip(orders, self.rows, self.sizes, strict=True):
            random = generator(row.run.seed_of_order, "order", row.epoch + epochs_ahead)
            order[:size] = random.permutation(size)
        return orders if self.batched else orders[0]

    def _make_optimizer(self) -> Optimizer:
        settings = [row.run.optimizer for row in self.rows]
        if self.batched:
            return make_batched_optimizer(settings, self.weights)
        return make_optimizer(settings[0], self.weights)

    def _on_device(self, rows: np.ndarray) -> Tensor:
        """(M, n) as the rows' tensor; a copy, because training changes it in place."""
        tensor = to_tensor(rows, self.run.precision, self.device).clone()
        return tensor if self.batched else tensor[0]

    def _joined(self, parts: Sequence[Examples]) -> Examples:
        """Examples (M, N) of the rows, filled up to the longest with copies that have no target."""
        if not self.batched:
            return parts[0]
        N = max(map(len, parts))
        tokens = [torch.cat([p.tokens, p.tokens[:1].expand(N - len(p), -1)]) for p in parts]
        targets = [torch.cat([p.targets, p.targets.new_full((N - len(p),), NO_TARGET)]) for p in parts]
        return Examples(torch.stack(tokens), torch.stack(targets))
