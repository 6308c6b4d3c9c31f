"""Lines on stderr and, below them, where it is a terminal, one that is written anew every second."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


class Terminal:
    """Takes lines from any thread.

    Parameters
    ----------
    last_line : called for the line that is written anew; None where there should be none.
    """

    def __init__(self, last_line: Callable[[], str] | None) -> None:
        self.stream = sys.stderr
        can = self.stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.last_line = last_line if can else None
        self.lock = threading.Lock()
        self.closed = threading.Event()
        if self.last_line:
            threading.Thread(target=self._refresh, daemon=True).start()

    def print(self, text: str) -> None:
        """Print above the last line."""
        self._write(f"{text}\n")

    def announce(self, text: str) -> None:
        """Print what the last line says by now, where there is none."""
        self._write("" if self.last_line else f"{text}\n")

    def close(self) -> None:
        """Take the last line away."""
        self.closed.set()
        self._write("")

    def _refresh(self) -> None:
        while not self.closed.wait(1):
            self._write("")

    def _write(self, text: str) -> None:
        with self.lock:
            if self.last_line:
                text = f"\r\x1b[K{text}"  # back to the start of the line, and erase it
                if not self.closed.is_set():
                    columns = os.get_terminal_size(self.stream.fileno()).columns or 80
                    text += self.last_line()[: columns - 1]
            self.stream.write(text)
            self.stream.flush()
