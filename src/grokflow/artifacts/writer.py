"""Writing files beside the work that makes them, so that a disk does not hold up the computing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class BackgroundWriter:
    """Writes in threads of its own; what goes wrong there is raised here, at the next call.

    Whoever hands something over must not change it afterwards.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="writer")
        self._pending: list[Future[None]] = []

    def submit(self, write: Callable[..., None], *arguments: Any) -> None:
        """Write soon, in no particular order."""
        self._raise_what_failed()
        self._pending.append(self._threads.submit(write, *arguments))

    def submit_after_all(self, write: Callable[..., None], *arguments: Any) -> None:
        """Write once everything that was handed over before is on disk, and not if any of that failed.

        A saved state names checkpoints: it may not exist before they do. The one before it must be
        written by then, so that states do not pile up where a disk is slow.
        """
        self.wait_for_the_last_in_order()
        before = list(self._pending)

        def in_order() -> None:
            for each in before:
                each.result()  # submitted earlier, so it never waits for this one
            write(*arguments)

        self._last_in_order = self._threads.submit(in_order)
        self._pending.append(self._last_in_order)

    _last_in_order: Future[None] | None = None

    def wait_for_the_last_in_order(self) -> None:
        """Wait until what `submit_after_all` was given last is on disk."""
        if self._last_in_order is not None:
            self._last_in_order.result()
        self._raise_what_failed()

    def wait(self) -> None:
        """Wait until everything is on disk.

        Raises
        ------
        Whatever the first failed write raised.
        """
        pending, self._pending = self._pending, []
        for each in pending:
            each.result()

    def close(self) -> None:
        """Wait for the threads to end; errors of writes that nobody waits for any more are dropped."""
        self._threads.shutdown(wait=True)

    def _raise_what_failed(self) -> None:
        done = [each for each in self._pending if each.done()]  # asked once: another may end meanwhile
        self._pending = [each for each in self._pending if each not in done]
        for each in done:
            each.result()
