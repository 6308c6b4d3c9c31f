"""A table a∘b with its split, as a notebook makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from grokflow import data
from grokflow.config import Dataset, made_entry
from grokflow.errors import ConfigError, kind_of_value
from grokflow.user_code import find, is_user_file


@dataclass(frozen=True, eq=False)
class PairTable:
    """The labelled pairs of an operation. `settings`: what it is; `table`: columns a, b, c = a∘b, split."""

    settings: Dataset
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        train = int((self.table["split"] == "train").sum())
        return f"PairTable({self.settings.operation}: {train} train and {len(self) - train} validation pairs)"

    def _repr_html_(self) -> str:
        return str(self.table.to_html(max_rows=8))


def check_table(dataset: object) -> None:
    """Refuse what `make_dataset` did not make.

    Raises
    ------
    ConfigError : with what it is.
    """
    if not isinstance(dataset, PairTable):
        expected = "a PairTable, as grokflow.make_dataset makes it"
        raise ConfigError("dataset", expected=expected, found=kind_of_value(dataset))


def make_dataset(operation: str, *, train_fraction: float = 0.4, **settings: Any) -> PairTable:
    """The table of an operation with a random split.

    Parameters
    ----------
    operation : such as `a*b`; or `file.py:name` or `table.csv`, as in `datasets` of a configuration.
    train_fraction : share of the pairs that are train pairs.
    settings : `modulus` or `group`, and any other key of a dataset: `a_from`, `b_from`, `tokens`,
        `split_seed`.

    Raises
    ------
    ConfigError : when there is no such table.

    Examples
    --------
    >>> import grokflow
    >>> grokflow.make_dataset("a+b", modulus=5, train_fraction=0.6)
    PairTable(a+b: 15 train and 10 validation pairs)
    """
    if is_user_file(operation):
        operation = str(find(operation))
    chosen = {"operation": operation, "train_fraction": train_fraction, **settings}
    entry = made_entry("datasets", chosen)
    return PairTable(entry, data.make_dataset(entry))
