"""Writing beside the work: in order where order matters, and no error is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from grokflow.artifacts.writer import BackgroundWriter

SECONDS = 20
"""After which a test that waits for a thread has failed."""


class Disk:
    """Notes what was written, in order; some writes wait until they are let go on, some fail."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.begun: list[str] = []
        self._changed = threading.Condition()

    def write(self, name: str) -> None:
        self._note(self.begun, name)
        self._note(self.written, name)

    def fail(self, name: str) -> None:
        self._note(self.begun, name)
        raise OSError(name)

    def slow(self, name: str, go_on: threading.Event) -> None:
        self._note(self.begun, name)
        assert go_on.wait(SECONDS)
        self._note(self.written, name)

    def slow_failure(self, name: str, go_on: threading.Event) -> None:
        self._note(self.begun, name)
        assert go_on.wait(SECONDS)
        raise OSError(name)

    def wait_until_begun(self, *names: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: set(names) <= set(self.begun), SECONDS)

    def _note(self, where: list[str], name: str) -> None:
        with self._changed:
            where.append(name)
            self._changed.notify_all()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    """What slow writes wait for; set at the end, so that no thread outlives a test that fails."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(params=[1, 4])
def writer(request: pytest.FixtureRequest, go_on: threading.Event) -> Iterator[BackgroundWriter]:
    made = BackgroundWriter(request.param)
    yield made
    go_on.set()
    made.close()


@pytest.fixture
def several(go_on: threading.Event) -> Iterator[BackgroundWriter]:
    """A writer of four threads, in which writes can overtake one another."""
    made = BackgroundWriter(4)
    yield made
    go_on.set()
    made.close()


def in_thread(call: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=call, args=arguments, daemon=True)
    thread.start()
    return thread


def test_everything_is_written_once_when_waiting_ends(writer: BackgroundWriter, disk: Disk) -> None:
    for number in range(20):
        writer.submit(disk.write, f"checkpoint {number}")
    writer.wait()
    assert sorted(disk.written) == sorted(f"checkpoint {number}" for number in range(20))
    writer.wait()  # nothing is left, so at once
    assert len(disk.written) == 20


def test_the_work_goes_on_while_a_disk_is_slow(
    writer: BackgroundWriter, disk: Disk, go_on: threading.Event
) -> None:
    writer.submit(disk.slow, "checkpoint", go_on)
    writer.submit(disk.slow, "another", go_on)
    writer.submit_after_all(disk.write, "state")
    disk.wait_until_begun("checkpoint")
    assert disk.written == []
    go_on.set()
    writer.wait()
    assert disk.written[-1] == "state"
    assert sorted(disk.written) == ["another", "checkpoint", "state"]


def test_a_state_comes_after_all_that_it_names(
    several: BackgroundWriter, disk: Disk, go_on: threading.Event
) -> None:
    """With threads to spare, what is handed over later may be written before; the state may not."""
    several.submit(disk.slow, "checkpoint", go_on)
    several.submit_after_all(disk.write, "state")
    several.submit(disk.write, "later")
    disk.wait_until_begun("checkpoint", "later")
    assert "state" not in disk.begun
    go_on.set()
    several.wait()
    assert disk.written.index("state") > disk.written.index("checkpoint")


def test_states_are_written_one_after_another_and_do_not_pile_up(
    several: BackgroundWriter, disk: Disk, go_on: threading.Event
) -> None:
    several.submit_after_all(disk.slow, "state 1", go_on)
    second = in_thread(several.submit_after_all, disk.write, "state 2")
    second.join(0.2)
    assert second.is_alive()  # it waits for the first
    assert disk.begun == ["state 1"]
    go_on.set()
    second.join(SECONDS)
    assert not second.is_alive()
    several.wait()
    assert disk.written == ["state 1", "state 2"]


def test_waiting_for_the_last_state_waits_for_nothing_else(
    several: BackgroundWriter, disk: Disk, go_on: threading.Event
) -> None:
    several.wait_for_the_last_in_order()  # there is none
    several.submit_after_all(disk.write, "state")
    several.submit(disk.slow, "checkpoint", go_on)
    several.wait_for_the_last_in_order()
    assert disk.written == ["state"]
    go_on.set()
    several.wait()
    assert disk.written == ["state", "checkpoint"]


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[Future[None]]:
    """All writes that were handed over, so that a test can wait until one has failed."""
    found: list[Future[None]] = []
    submit = ThreadPoolExecutor.submit

    def noted(self: ThreadPoolExecutor, *arguments: Any) -> Future[None]:
        found.append(submit(self, *arguments))
        return found[-1]

    monkeypatch.setattr(ThreadPoolExecutor, "submit", noted)
    return found


def next_calls(writer: BackgroundWriter, disk: Disk) -> dict[str, Callable[[], None]]:
    return {
        "submit": lambda: writer.submit(disk.write, "next"),
        "submit_after_all": lambda: writer.submit_after_all(disk.write, "next"),
        "wait_for_the_last_in_order": writer.wait_for_the_last_in_order,
        "wait": writer.wait,
    }


NEXT = ["submit", "submit_after_all", "wait_for_the_last_in_order", "wait"]


@pytest.mark.parametrize("call", NEXT)
@pytest.mark.parametrize("in_order", [False, True])
def test_an_error_is_raised_at_the_next_call(
    in_order: bool, call: str, writer: BackgroundWriter, disk: Disk, handed_over: list[Future[None]]
) -> None:
    (writer.submit_after_all if in_order else writer.submit)(disk.fail, "no space")
    wait(handed_over, SECONDS)
    with pytest.raises(OSError, match="no space"):
        next_calls(writer, disk)[call]()
    assert disk.written == []  # whatever was handed over with the call that raised


def test_waiting_raises_the_first_of_several_errors(
    several: BackgroundWriter, disk: Disk, go_on: threading.Event
) -> None:
    several.submit(disk.write, "checkpoint")
    several.submit(disk.slow_failure, "first", go_on)
    several.submit(disk.slow_failure, "second", go_on)
    disk.wait_until_begun("checkpoint", "first", "second")
    go_on.set()
    with pytest.raises(OSError, match="first"):
        several.wait()
    assert disk.written == ["checkpoint"]


def test_no_state_is_written_after_a_write_before_it_failed(
    writer: BackgroundWriter, disk: Disk, go_on: threading.Event
) -> None:
    """The checkpoint fails only once the state is waiting for it."""
    writer.submit(disk.slow_failure, "checkpoint", go_on)
    writer.submit_after_all(disk.write, "state")
    disk.wait_until_begun("checkpoint")
    go_on.set()
    with pytest.raises(OSError, match="checkpoint"):
        writer.wait()
    assert disk.written == []
    with pytest.raises(OSError, match="checkpoint"):
        writer.submit_after_all(disk.write, "a later state")
    writer.close()
    assert disk.written == []


def test_an_error_is_not_lost_when_a_write_ends_while_the_writer_looks(
    several: BackgroundWriter, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that is asked whether it is done says no, and then is, before it is asked again."""
    asked: set[Future[None]] = set()
    is_done = Future.done

    def done(self: Future[None]) -> bool:
        if self in asked:
            return is_done(self)
        asked.add(self)
        wait([self], SECONDS)
        return False

    def save() -> None:
        several.submit_after_all(disk.write, "state")
        several.wait()

    several.submit(disk.fail, "checkpoint")
    monkeypatch.setattr(Future, "done", done)
    with pytest.raises(OSError, match="checkpoint"):
        save()
    assert disk.written == []


def test_closing_ends_the_threads_and_drops_errors_that_nobody_waits_for(disk: Disk) -> None:
    before = set(threading.enumerate())
    writer = BackgroundWriter(3)
    writer.submit(disk.write, "checkpoint")
    writer.submit(disk.fail, "no space")
    writer.close()
    assert disk.written == ["checkpoint"]
    assert set(threading.enumerate()) <= before
