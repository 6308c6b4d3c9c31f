"""How the regimes of a sweep look, and what a figure says of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from grokflow import user_code
from grokflow.dynamics.regimes import SweepRegimes
from grokflow.errors import ArtifactError
from grokflow.figures.sheet import mark_symbol
from grokflow.figures.shown import LISTED, MANY, Shown


@dataclass(frozen=True)
class Look:
    """How a regime is told in a figure: by letter and by colour; `meaning` is for the key."""

    letter: str
    colour: str
    meaning: str


LOOKS = {
    "does not memorise": Look("N", "#ededed", "does not memorise"),
    "memorises": Look("M", "#f6cfb2", "memorises"),
    "groks": Look("G", "#9fd3a2", "groks: point 2 ≥ 2 × point 1, where validation error ≥ 0.5"),
    "generalises at once": Look("A", "#7fb0dd", "generalises at once"),
}
"""The look of every regime: the further training came, the darker, so that they are told in grey too."""


class ShownSweep(SweepRegimes):
    """A sweep over one or two keys, in words."""

    @property
    def seed_names(self) -> list[str]:
        """The seeds as words, in the table's order."""
        return [str(seed) for seed in dict.fromkeys(self.table["seed"])]

    @property
    def said_seeds(self) -> str:
        """All seeds in words, those of a long list by its ends."""
        names = self.seed_names
        return ", ".join(names) if len(names) <= LISTED else f"{names[0]} to {names[-1]}"

    @property
    def rows_of_seeds(self) -> dict[str, pd.DataFrame]:
        """The rows of each seed."""
        return {seed: self.of_seed(int(seed)) for seed in self.seed_names}

    @cached_property
    def counts(self) -> pd.Series:
        """How many seeds at each value are in which regime, in letters, the most first: "G 3, M 2"."""
        return self._of_seeds.agg(_counted)

    @property
    def notes(self) -> list[str]:
        """A sentence for each member that diverged; of many, one with their number."""
        rows = self.table[self.table["diverged"].notna()]
        if len(rows) > LISTED or (len(rows) and len(self.seeds) > MANY):
            return [f"{len(rows)} of {len(self.table)} members diverged."]
        return [
            f"Seed {row['seed']} at {self._place(row)} diverged: {row['diverged']}."
            for row in rows.to_dict("records")
        ]

    def _place(self, row: Mapping[str, object]) -> str:
        """The varied values of a row, in words."""
        return ", ".join(f"{short(key)} {written(row[key])}" for key in self.keys)


def _counted(found: pd.Series) -> str:
    counts = sorted(Counter(found.tolist()).items(), key=lambda item: (-item[1], list(LOOKS).index(item[0])))
    return ", ".join(f"{LOOKS[name].letter} {count}" for name, count in counts)


def sweep_of(shown: Shown) -> ShownSweep:
    """The sweep that a figure shows, from its file by name.

    Raises
    ------
    ArtifactError : when its table is missing or damaged, or varies no or more than two keys.
    """
    ((name, file),) = shown.items()
    sweep = ShownSweep(file, name)
    if len(sweep.keys) not in (1, 2):
        raise ArtifactError(file, expected="one or two varied values before seed", found=list(sweep.keys))
    return sweep


DISAGREEMENT: dict[str, Any] = {"hatch": "///", "edgecolor": "#5a5a5a", "linewidth": 0}
"""Over the colour of a regime in which not all seeds are."""


def regime_symbols(sweep: SweepRegimes) -> list[Artist]:
    """The key of the regimes that occur, and of disagreement where there is any."""
    symbols: list[Artist] = [regime_symbol(name) for name in LOOKS if (sweep.regimes == name).any()]
    if (sweep.agreement < 1).any():
        symbols.append(Patch(facecolor="white", label="hatched: not all seeds agree", **DISAGREEMENT))
    return symbols


def regime_symbol(name: str) -> Line2D:
    """The key of a regime."""
    look = LOOKS[name]
    symbol = mark_symbol(f"{look.letter}: {look.meaning}", marker="s", size=9)
    symbol.set(markerfacecolor=look.colour, markeredgecolor="#999999")
    return symbol


def short(key: str) -> str:
    """`optimizer.weight_decay` as "weight decay"."""
    return key.rpartition(".")[2].replace("_", " ")


def written(value: object) -> str:
    """A varied value in words."""
    return f"{value:g}" if isinstance(value, int | float) else user_code.as_written(str(value))
