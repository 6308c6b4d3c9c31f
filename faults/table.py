"""The registry of faults, one row of the table each, and the table on the terminal and on disk."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from grokflow.artifacts.files import write_text

T = TypeVar("T")

COLUMNS = ("fault", "injected", "survived", "lost", "wrong", "note")


class CannotRun(Exception):
    """The fault cannot be injected on this machine; the row says so and counts nothing."""


@dataclass
class Tries:
    """What the injections of one fault came to.

    `survived`: the fault's criterion held; `lost`: something was lost that should not be; `wrong`: a
    wrong number, or a silent misuse.
    """

    wanted: int
    folder: Path
    injected: int = 0
    survived: int = 0
    lost: int = 0
    wrong: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(0)

    def folders(self, number: int | None = None) -> Iterator[Path]:
        """A folder for each try, removed after it."""
        for _ in range(self.wanted if number is None else number):
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                yield Path(folder)

    def add(self, what: str, *, survived: bool, lost: bool = False, wrong: bool = False) -> None:
        """Count one injection; `what` it was is noted if it was not survived."""
        self.injected += 1
        self.survived += survived and not lost and not wrong
        self.lost += lost
        self.wrong += wrong
        if not survived or lost or wrong:
            self.notes.append(f"NOT SURVIVED: {what}")

    def sample(self, every: Iterable[T]) -> list[T]:
        """As many of them as are wanted, evenly spread."""
        found = list(every)
        index = np.unique(np.linspace(0, len(found) - 1, min(self.wanted, len(found))).astype(int))
        return [found[i] for i in index]


@dataclass(frozen=True)
class Fault:
    """One row: its number in the table, how often it is injected, in full and in the test suite."""

    number: int
    name: str
    tries: int
    quick: int
    inject: Callable[[Tries], None]

    def run(self, folder: Path, *, quick: bool) -> Tries:
        """Inject it, in a folder of its own below `folder`."""
        with tempfile.TemporaryDirectory(dir=folder) as own:
            tries = Tries(self.quick if quick else self.tries, Path(own))
            try:
                self.inject(tries)
            except CannotRun as reason:
                tries.notes.append(f"not run here: {reason}")
            return tries


FAULTS: list[Fault] = []


def fault(
    number: int, name: str, *, tries: int, quick: int
) -> Callable[[Callable[[Tries], None]], Callable[[Tries], None]]:
    """Register a function that injects a fault; `tries` in full, `quick` in the test suite."""

    def register(inject: Callable[[Tries], None]) -> Callable[[Tries], None]:
        FAULTS.append(Fault(number, name, tries, quick, inject))
        return inject

    return register


def cells(fault: Fault, tries: Tries) -> list[str]:
    """A row of `COLUMNS`."""
    counts = (tries.injected, tries.survived, tries.lost, tries.wrong)
    name = f"{fault.number} {fault.name}"
    return [name, *map(str, counts), "; ".join(dict.fromkeys(tries.notes))]


def line(row: list[str]) -> str:
    """The row for a reader."""
    name, *counts, note = row
    return (f"{name:<58}" + "".join(f"{count:>9}" for count in counts) + f"  {note}").rstrip()


def write(path: Path, rows: Iterable[list[str]]) -> None:
    """Write the rows as CSV."""
    lines: list[str] = []
    writer = csv.writer(_Lines(lines), lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_text(path, "".join(lines))


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append
