"""A line of progress now and then, for whoever watches the log."""

from __future__ import annotations

import time
from collections.abc import Sequence

from grokflow.artifacts.columns import HISTORY
from grokflow.training.rows import Row

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Prints epochs, losses, points, speed and the time left, at most every few seconds.

    Of one seed it prints the epochs that are logged; of several how many of them are where.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.logs_epochs = len(rows) == 1 and rows[0].recorded
        self.started: tuple[float, int] | None = None
        self.last_line = -SECONDS_BETWEEN_LINES

    def logged(self, row: Row, note: str = "") -> None:
        """A logged epoch of `row`; `note`: a point that it reached, which is always printed."""
        if self.logs_epochs:
            self._print(row, _losses(row), note)
        elif note:
            self._print(row, f"seed {row.run.seed}", note)

    def trained(self) -> None:
        """An epoch of all rows that are in training."""
        going = [row for row in self.rows if not row.ended]
        if going and not self.logs_epochs:
            self._print(max(going, key=lambda row: row.epoch), _summary(self.rows))

    def diverged(self, row: Row) -> None:
        """Where a row ended and what to do about it."""
        whose = f"seed {row.run.seed}, " if len(self.rows) > 1 else ""
        hint = "To avoid it, lower the optimizer's learning_rate."
        print(f"Diverged: {whose}{row.diverged}. {hint}", flush=True)

    def _print(self, row: Row, said: str, note: str = "") -> None:
        now = time.monotonic()
        if not note and now - self.last_line < SECONDS_BETWEEN_LINES:
            return
        self.last_line = now
        line = f"epoch {row.epoch}/{row.run.epochs}  {said}  {self._speed(now)}  {note}"
        print(line.rstrip(), flush=True)

    def _speed(self, now: float) -> str:
        epoch = max((row.epoch for row in self.rows if not row.ended), default=0)
        last = max(row.last_epoch for row in self.rows)
        if self.started is None or epoch < self.started[1]:
            self.started = now, epoch
        seconds, epochs = now - self.started[0], epoch - self.started[1]
        if not (seconds > 0 and epochs > 0):
            return "starting"
        return f"{epochs / seconds:.1f} epochs/s  {(last - epoch) * seconds / epochs:.0f} s to epoch {last}"


def _losses(row: Row) -> str:
    measured = dict(zip(HISTORY, row.history.rows[-1], strict=True))
    return (
        f"train loss {measured['train_loss']:.4g} error {measured['train_error']:.4f}  "
        f"validation loss {measured['validation_loss']:.4g} error {measured['validation_error']:.4f}"
    )


def _summary(rows: Sequence[Row]) -> str:
    """Of many rows, how many are where."""
    going = sum(not row.ended for row in rows)
    points = [sum(getattr(row, point) is not None for row in rows) for point in ("point_1", "point_2")]
    diverged = sum(row.diverged is not None for row in rows)
    return (
        f"{going} of {len(rows)} in training, point 1 in {points[0]}, point 2 in {points[1]}, "
        f"diverged {diverged}"
    )
