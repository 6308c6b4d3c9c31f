"""Tables and records on disk: tables written in one way, both read with what they must hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.artifacts.files import write_text
from grokflow.errors import ArtifactError


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV: a line for each row, without its index, blanks where there is nothing.

    Raises
    ------
    ArtifactError : when the file system does not take it.
    """
    write_text(path, as_csv(table))


def as_csv(table: pd.DataFrame) -> str:
    """What `write_table` writes."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def read_table(
    path: str | Path, columns: Iterable[str], *, numbers: Iterable[str] = (), mend: str = ""
) -> pd.DataFrame:
    """A CSV file that has `columns`; those of `numbers` hold numbers or blanks.

    `mend`: what to do about one that has not.

    Raises
    ------
    ArtifactError : when it is missing, does not parse, lacks a column or has text for a number.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(path, expected="a table", found=error, mend=mend) from None
    if missing := sorted(set(columns) - set(table.columns)):
        raise ArtifactError(path, expected=f"the columns {missing}", found=list(table.columns), mend=mend)
    for column in sorted(numbers):
        try:
            table[column].to_numpy(float)
        except ValueError as error:
            raise ArtifactError(
                path, expected=f"numbers in the column {column}", found=error, mend=mend
            ) from None
    return table


def read_record(path: str | Path, keys: set[str], mend: str = "") -> dict[str, Any]:
    """A JSON object that has `keys`; `mend`: what to do about one that has not.

    Raises
    ------
    ArtifactError : when it is missing, does not parse or lacks a key.
    """
    try:
        record = dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ArtifactError(path, expected="a JSON object", found=error, mend=mend) from None
    if missing := sorted(keys - set(record)):
        raise ArtifactError(path, expected=f"the keys {missing}", found=list(record), mend=mend)
    return record


def gather(paths: Iterable[str | Path]) -> pd.DataFrame:
    """The rows of tables with the same columns, in the order of the files, every text as it stands."""
    parts: list[pd.DataFrame] = []
    for path in paths:
        try:
            parts.append(pd.read_csv(path, dtype=str, keep_default_na=False))
        except (OSError, ValueError) as error:
            raise ArtifactError(path, expected="a table", found=error) from None
        found, expected = list(parts[-1].columns), list(parts[0].columns)
        if found != expected:
            raise ArtifactError(path, expected=f"the columns {expected}", found=found)
    return pd.concat(parts, ignore_index=True)
