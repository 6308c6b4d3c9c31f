"""The regimes of a sweep: which of its members memorise, grok, or generalise at once. No matplotlib."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from grokflow.artifacts.tables import read_table
from grokflow.errors import ArtifactError

MEASURED = ("point_1", "point_2", "epochs", "train_error", "validation_error")
"""The columns of numbers that follow the varied values and the seed."""


@dataclass(frozen=True)
class Regime:
    """How a regime is told in a figure: by letter and by colour; `meaning` is for the key."""

    letter: str
    colour: str
    meaning: str


REGIMES = {
    "does not memorise": Regime("N", "#e3e3e3", "does not memorise"),
    "memorises": Regime("M", "#f6d9c6", "memorises"),
    "groks": Regime("G", "#cfe3c6", "groks, point 2 ≥ 2 × point 1"),
    "generalises at once": Regime("A", "#cfe0f1", "generalises at once"),
}


def regime(point_1: float | None, point_2: float | None) -> str:
    """The regime of a member, from the epochs of its points."""
    if point_1 is None or math.isnan(point_1):
        return "does not memorise"
    if point_2 is None or math.isnan(point_2):
        return "memorises"
    return "groks" if point_2 >= 2 * point_1 else "generalises at once"


@dataclass(frozen=True)
class Sweep:
    """A sweep's table: a row for each seed at each value of the varied `keys`."""

    name: str
    table: pd.DataFrame
    keys: tuple[str, ...]

    @cached_property
    def regimes(self) -> pd.Series:
        """The regime at each value, that of most seeds; of equally many the earlier in `REGIMES`."""
        found = [regime(*points) for points in self.table[["point_1", "point_2"]].itertuples(index=False)]
        return self.table.assign(regime=found).groupby(list(self.keys))["regime"].agg(_most_frequent)

    @property
    def is_grid(self) -> bool:
        """Whether two varied keys make a grid: their values recur, as numbers drawn at random do not."""
        rows, columns = (self.table[key].nunique() for key in self.keys)
        return len(self.regimes) > max(rows, columns) or len(self.regimes) == rows * columns

    @cached_property
    def delays(self) -> pd.Series:
        """The median over the seeds of point 2 − point 1 at each value."""
        delay = self.table["point_2"] - self.table["point_1"]
        return self.table.assign(delay=delay).groupby(list(self.keys))["delay"].median()

    @property
    def seeds(self) -> list[str]:
        """The seeds, in the table's order."""
        return [str(seed) for seed in dict.fromkeys(self.table["seed"])]

    @property
    def of_seed(self) -> dict[str, pd.DataFrame]:
        """The rows of each seed."""
        return {seed: self.table[self.table["seed"].astype(str) == seed] for seed in self.seeds}

    @property
    def notes(self) -> list[str]:
        """A sentence for each member that diverged."""
        rows = self.table[self.table["diverged"].notna()]
        return [
            f"Seed {row['seed']} at {self.place(row)} diverged: {row['diverged']}."
            for row in rows.to_dict("records")
        ]

    def place(self, row: Mapping[str, object]) -> str:
        """The varied values of a row, in words."""
        return ", ".join(f"{short(key)} {written(row[key])}" for key in self.keys)


def read_sweep(name: str, file: str) -> Sweep:
    """The table of a sweep.

    Raises
    ------
    ArtifactError : when it is missing or damaged, or varies no or more than two values.
    """
    table = read_table(file, {"seed", *MEASURED, "diverged"}, numbers=MEASURED)
    keys = tuple(table.columns[: list(table.columns).index("seed")])
    if len(keys) not in (1, 2):
        raise ArtifactError(file, expected="one or two varied values before seed", found=list(keys))
    if table.empty:
        raise ArtifactError(file, expected="a row for each seed and value", found="no row")
    return Sweep(name, table.astype(dict.fromkeys(MEASURED, float)), keys)


def short(key: str) -> str:
    """`optimizer.weight_decay` as "weight decay"."""
    return key.rpartition(".")[2].replace("_", " ")


def _most_frequent(regimes: pd.Series) -> str:
    counts = Counter(regimes)
    return max(REGIMES, key=lambda name: counts[name])


def written(value: object) -> str:
    """A varied value in words."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)
