"""A line of progress now and then, for whoever watches the log."""

from __future__ import annotations

import time

import pandas as pd

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Prints losses, errors, epochs per second and the time left, at most every few seconds."""

    def __init__(self, epoch: int, epochs: int) -> None:
        self.epochs = epochs
        self.first_epoch = epoch
        self.started = time.monotonic()
        self.last_line = -SECONDS_BETWEEN_LINES

    def report(self, row: pd.Series, note: str = "") -> None:
        """One line for a row of the history; a row with a `note` is always printed."""
        now = time.monotonic()
        if not note and now - self.last_line < SECONDS_BETWEEN_LINES:
            return
        self.last_line = now
        epoch = int(row["epoch"])
        rate = (epoch - self.first_epoch) / (now - self.started)
        left = f"{(self.epochs - epoch) / rate:.0f} s left at most" if rate > 0 else "starting"
        print(
            f"epoch {epoch}/{self.epochs}  "
            f"train loss {row['train_loss']:.4g} error {row['train_error']:.4f}  "
            f"validation loss {row['validation_loss']:.4g} error {row['validation_error']:.4f}  "
            f"{rate:.1f} epochs/s  {left}  {note}".rstrip(),
            flush=True,
        )
