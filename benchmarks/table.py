"""One row of the benchmark table, and the table on the terminal and on disk."""

from __future__ import annotations

import csv
import operator
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

COLUMNS = ("name", "ratio", "low", "high", "value", "unit", "against", "device")


@dataclass(frozen=True)
class Bound:
    """What a ratio has to be. It is shown and judges nothing: a timing never fails anything."""

    relation: Literal["≥", "≤"]
    limit: float

    def verdict(self, ratio: float) -> str:
        """`≤ 1.20 held` or `≤ 1.20 missed`."""
        holds = {"≥": operator.ge, "≤": operator.le}[self.relation](ratio, self.limit)
        return f"{self.relation} {self.limit:.2f} {'held' if holds else 'missed'}"


@dataclass(frozen=True)
class Row:
    """A ratio measured in one run.

    `low`, `high`: its spread; `value`, `unit`: our own side; `against`: the other side.
    """

    name: str
    ratio: float
    low: float
    high: float
    value: float
    unit: str
    against: str
    device: str

    def cells(self) -> list[str]:
        """The row as text, numbers to four digits."""
        return [f"{cell:.4g}" if isinstance(cell, float) else cell for cell in astuple(self)]


def line(row: Row, bound: Bound | None) -> str:
    """The row as one line for a reader."""
    name, ratio, low, high, value, unit, against, device = row.cells()
    verdict = bound.verdict(row.ratio) if bound else ""
    return (
        f"{name:<28}{ratio:>8}  {f'{low}–{high}':<16}{f'{value} {unit}':<23}{verdict:<15}"
        f"{device:<15}{against}"
    ).rstrip()


def header() -> str:
    """The line above the rows."""
    left = f"{'name':<28}{'ratio':>8}  {'low–high':<16}{'ours':<23}"
    return f"{left}{'bound':<15}{'device':<15}against"


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows as CSV with the columns `COLUMNS`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(row.cells() for row in rows)
