"""The frame of a job: its log, and how it ends when something the user can mend is wrong."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from grokflow.errors import GrokflowError


@contextlib.contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Send all output to the log at `path`, line by line, and end a `GrokflowError` in one message.

    The message goes to the log and to the terminal; the exit status is 1. Any other exception is a
    fault of grokflow and keeps its traceback, in the log.
    """
    terminal = sys.stderr
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", buffering=1, encoding="utf-8") as log:
        sys.stdout = sys.stderr = log
        try:
            yield
        except GrokflowError as error:
            print(f"Error: {error}", file=log)
            print(f"Error: {error}", file=terminal, flush=True)
            sys.exit(1)
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, terminal
