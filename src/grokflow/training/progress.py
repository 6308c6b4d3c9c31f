"""A line of progress now and then, for whoever watches the log; grokflow.artifacts.logs reads it back.

Each line says all that is known at that moment, so that the last one of a log is enough.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from grokflow.artifacts.columns import HISTORY, RECOVERED
from grokflow.training.rows import TRAIN_ERROR, Row

SECONDS_BETWEEN_LINES = 5.0

MEASURED = ("train_loss", "train_error", "validation_loss", "validation_error")
"""The columns of history.csv in a line."""

COLLAPSED = RECOVERED + 0.05
"""Train error of an epoch that is certainly not quiet."""


class ProgressLines:
    """Prints epochs, losses, points, collapses, speed and the time left, at most every few seconds.

    Of one seed it prints the epochs that are logged; of several how many of them are where, and medians.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.logs_epochs = len(rows) == 1 and rows[0].recorded
        self.started: tuple[float, int] | None = None
        self.last_line = -SECONDS_BETWEEN_LINES

    def logged(self, row: Row, note: str = "") -> None:
        """A logged epoch of `row`; `note`: a point that it has just reached, which is always printed."""
        if self.logs_epochs and (note or row.ended or self._due()):
            self._print(row, f"{_losses(row)}  {_reached(row)}".rstrip())
        elif note and not self.logs_epochs:
            self._print(row, f"seed {row.run.seed}", note)

    def trained(self) -> None:
        """An epoch of all rows that are in training; the last one is always printed."""
        if self.logs_epochs:
            return
        going = [row for row in self.rows if not row.ended]
        if not going or self._due():
            self._print(max(going or self.rows, key=lambda row: row.epoch), _summary(self.rows))

    def diverged(self, row: Row) -> None:
        """Where a row ended and what to do about it."""
        whose = f"seed {row.run.seed}, " if len(self.rows) > 1 else ""
        hint = "To avoid it, lower the optimizer's learning_rate."
        print(f"Diverged: {whose}{row.diverged}. {hint}", flush=True)

    def _due(self) -> bool:
        """Whether it is time for a line again."""
        now = time.monotonic()
        if now - self.last_line < SECONDS_BETWEEN_LINES:
            return False
        self.last_line = now
        return True

    def _print(self, row: Row, said: str, note: str = "") -> None:
        line = f"epoch {row.epoch}/{row.run.epochs}  {said}  {self._speed(time.monotonic())}  {note}"
        print(line.rstrip(), flush=True)

    def _speed(self, now: float) -> str:
        going = [row for row in self.rows if not row.ended]
        if not going:
            return ""
        epoch, last = max(row.epoch for row in going), max(row.last_epoch for row in going)
        if self.started is None or epoch < self.started[1]:
            self.started = now, epoch
        seconds, epochs = now - self.started[0], epoch - self.started[1]
        if not (seconds > 0 and epochs > 0):
            return "starting"
        return f"{epochs / seconds:.1f} epochs/s  {(last - epoch) * seconds / epochs:.0f} s to epoch {last}"


def _losses(row: Row) -> str:
    return _losses_of(*(row.history.rows[-1, HISTORY.index(name)] for name in MEASURED))


def _losses_of(*measured: float) -> str:
    train_loss, train_error, validation_loss, validation_error = measured
    return (
        f"train loss {train_loss:.4g} error {train_error:.4f}  "
        f"validation loss {validation_loss:.4g} error {validation_error:.4f}"
    )


def _reached(row: Row) -> str:
    """The points of one row, and how often it has collapsed."""
    points = {"point 1": row.point_1, "point 2": row.point_2}
    said = [f"{name} at {epoch}" for name, epoch in points.items() if epoch is not None]
    collapses = collapses_so_far(row)
    said += [f"collapses {collapses}"] if collapses else []
    return ", ".join(said)


def collapses_so_far(row: Row) -> int:
    """How often the train error of an epoch rose from quiet to 0.06 or more.

    Simpler than `grokflow.dynamics`, which makes periods.csv of a whole training, and knows its noise.
    """
    error = row.epochs.rows[:, TRAIN_ERROR]
    clear = error[(error <= RECOVERED) | (error >= COLLAPSED)]
    return int(((clear[:-1] <= RECOVERED) & (clear[1:] >= COLLAPSED)).sum())


def _summary(rows: Sequence[Row]) -> str:
    """Of many rows, how many are where; and where everything is recorded, the medians of their losses."""
    going = sum(not row.ended for row in rows)
    points = [sum(getattr(row, point) is not None for row in rows) for point in ("point_1", "point_2")]
    diverged = sum(row.diverged is not None for row in rows)
    counts = (
        f"{going} of {len(rows)} in training, point 1 in {points[0]}, point 2 in {points[1]}, "
        f"diverged {diverged}"
    )
    recorded = [row for row in rows if row.recorded and row.diverged is None and len(row.history.rows)]
    if not recorded:
        return counts
    last = np.array([row.history.rows[-1] for row in recorded])
    medians = np.median(last[:, [HISTORY.index(name) for name in MEASURED]], axis=0)
    collapses = sum(map(collapses_so_far, rows))
    return f"{counts}, collapses {collapses}  medians: {_losses_of(*medians)}"
