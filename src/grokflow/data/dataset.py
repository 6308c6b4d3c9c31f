"""The labelled examples of a run: the table a∘b, split into train and validation, as tokens.

Tokens: element i of the table is token i. The tokenisation `a b` has nothing else; `a o b =` adds
the operator (token p) and the equals sign (token p + 1), p the number of elements.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import DATASET
from grokflow.artifacts.tables import as_csv
from grokflow.config import Dataset
from grokflow.data import operations, user_operations
from grokflow.errors import ArtifactError, ConfigError
from grokflow.randomness import generator

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Tokenization:
    """Which tokens stand at which position.

    `alphabet`: for each position, the range of tokens that can stand there; `vocabulary`: how many
    tokens there are.
    """

    alphabet: tuple[range, ...]
    vocabulary: int

    def tokens(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Tokens (pairs, T) of operands a and b (pairs,)."""
        operands = iter((a, b))
        return np.stack(
            [next(operands) if len(r) > 1 else np.full_like(a, r.start) for r in self.alphabet],
            axis=1,
        )


def tokenization(dataset: Dataset) -> Tokenization:
    """The tokenisation of a dataset."""
    elements = _elements(dataset.operation, dataset.is_table, dataset.modulus, dataset.group)
    symbols = {symbol: range(elements + i, elements + i + 1) for i, symbol in enumerate(("o", "="))}
    alphabet = tuple(symbols.get(symbol, range(elements)) for symbol in dataset.tokens.split())
    return Tokenization(alphabet, max(r.stop for r in alphabet))


def _elements(operation: str, is_table: bool, modulus: int | None, group: str | None) -> int:
    """How many elements operands and results are drawn from."""
    if is_table:
        return len(user_operations.table_of_file(operation).elements)
    return operations.order(modulus=modulus, group=group)


def _table(dataset: Dataset) -> operations.Table:
    """Every pair of the dataset."""
    if not (dataset.is_table or dataset.code):
        return operations.table(
            dataset.operation,
            modulus=dataset.modulus,
            group=dataset.group,
            a_from=dataset.a_from,
            b_from=dataset.b_from,
        )
    if dataset.is_table:
        table = user_operations.table_of_file(dataset.operation).table
    else:
        assert dataset.modulus is not None
        table = user_operations.table_of_function(dataset.operation, dataset.modulus)
    kept = (table.c != operations.UNDEFINED) & (table.a >= dataset.a_from) & (table.b >= dataset.b_from)
    return operations.Table(table.a[kept], table.b[kept], table.c[kept])


def make_dataset(dataset: Dataset) -> pd.DataFrame:
    """The table with columns a, b, c, split: a random `train_fraction` of the pairs is `train`.

    The number of train pairs is rounded down (paper M: 3 724 of 9 312).
    """
    table = _table(dataset)
    train_pairs, pairs = dataset.train_pairs(len(table.a)), len(table.a)
    if dataset.code and not 0 < train_pairs < pairs:  # of a user's function only now known
        expected = f"a fraction that leaves both splits a pair of the {pairs} that {dataset.operation} gives"
        raise ConfigError("train_fraction", expected=expected, found=dataset.train_fraction)
    order = generator(dataset.split_seed, "split").permutation(len(table.a))
    split = np.full(len(table.a), SPLITS[1], dtype=object)
    split[order[:train_pairs]] = SPLITS[0]
    return pd.DataFrame({"a": table.a, "b": table.b, "c": table.c, "split": split})[DATASET]


def count_pairs(dataset: Dataset) -> int:
    """How many pairs the table of a dataset has; at most, where a function of the user's would have to run.

    Raises
    ------
    ConfigError : when there can be no such table.
    """
    if dataset.is_table:
        return len(_table(dataset).a)
    if dataset.code:
        assert dataset.modulus is not None
        return max(0, dataset.modulus - dataset.a_from) * max(0, dataset.modulus - dataset.b_from)
    return _count(dataset.operation, dataset.modulus, dataset.group, dataset.a_from, dataset.b_from)


@functools.lru_cache(maxsize=1000)  # a sweep may have thousands of splits of one table
def _count(operation: str, modulus: int | None, group: str | None, a_from: int, b_from: int) -> int:
    table = operations.table(operation, modulus=modulus, group=group, a_from=a_from, b_from=b_from)
    return len(table.a)


def read_dataset(path: str | Path, dataset: Dataset) -> pd.DataFrame:
    """Read the table back, refusing one that is not `dataset`'s.

    Raises
    ------
    ArtifactError : when the file cannot be read or differs from what `dataset` says.
    """
    expected = make_dataset(dataset)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(path, expected="a readable file", found=error.strerror) from None
    if content != as_csv(expected).encode():
        raise ArtifactError(
            path,
            expected="the table and split of its config entry",
            found="other content",
            mend="Delete the file; the same command makes it again.",
        )
    return expected
