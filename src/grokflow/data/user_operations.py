"""Operations of the user's own: a function `file.py:name`, or a table `file.csv`.

A function gets two integer arrays (pairs,), a and b, and the modulus p. It returns the integers c (pairs,),
each below p, and −1 where a pair has no value. A table has the columns a, b and c and a line for each pair
that has a value; its elements are whatever it names, numbers or words.
"""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grokflow.data.operations import UNDEFINED, Table
from grokflow.errors import ConfigError, fault_in
from grokflow.user_code import parse

COLUMNS = ["a", "b", "c"]

LONGEST_NUMBER = 1000
"""Characters; what has more is sorted as text."""

LARGEST_TABLE = 2_000_000
"""Lines of a table: more than a thousand elements have pairs."""


class NamedTable(NamedTuple):
    """A table with its elements: number i of the table stands for `elements[i]`."""

    table: Table
    elements: tuple[str, ...]


def table_of_function(operation: str, modulus: int) -> Table:
    """Every pair (a, b) of integers modulo `modulus` for which the user's function has a value.

    Raises
    ------
    ConfigError : when the function fails, or returns anything but an integer below the modulus for each pair.
    """
    code = parse(operation)
    function = code.load()
    a, b = (x.ravel() for x in np.indices((modulus, modulus)))
    try:
        found = function(a.copy(), b.copy(), modulus)
        c = np.asarray(found)
    except Exception as error:
        raise fault_in(error, code.files) or _not_called(code.shown, error) from error
    expected = f"an array of {len(a)} integers, one for each pair"
    if found is None:
        raise ConfigError(code.shown, expected=expected, found=None, mend="Is there a `return`?")
    if c.shape != a.shape or not np.issubdtype(c.dtype, np.integer):
        raise ConfigError(code.shown, expected=expected, found=f"shape {c.shape}, type {c.dtype}")
    beyond = (c >= modulus) | (c < UNDEFINED)
    if beyond.any():
        i = int(np.argmax(beyond))
        expected = f"values from 0 to {modulus - 1}, or {UNDEFINED} for a pair without a value"
        raise ConfigError(code.shown, expected=expected, found=f"{c[i]} for a = {a[i]}, b = {b[i]}")
    return Table(a, b, c.astype(np.int64))


def _not_called(shown: str, error: Exception) -> ConfigError:
    found = f"{type(error).__name__}: {error}"
    return ConfigError(shown, expected="a function of a, b and the modulus", found=found)


@functools.lru_cache(maxsize=100)  # a file is asked for its table, its elements and its pairs
def table_of_file(operation: str) -> NamedTable:
    """The pairs of a user's table. Its elements are sorted: as numbers where all are integers, else as text.

    Raises
    ------
    ConfigError : with the file and the line at fault.
    """
    file = parse(operation)
    file.check()
    lines = _lines(file.file)
    names = {name for line in lines for name in line}
    whole = all(name.removeprefix("-").isdecimal() and len(name) < LONGEST_NUMBER for name in names)
    # Two spellings of a number are two elements, in the same order wherever they are read.
    elements = tuple(
        sorted(names, key=(lambda name: (int(name), name)) if whole else (lambda name: (0, name)))
    )
    number = {name: i for i, name in enumerate(elements)}
    pairs = np.array([[number[name] for name in line] for line in lines], dtype=np.int64)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return NamedTable(Table(*pairs.T.copy()), elements)


def _rows(reader: csv.DictReader[str], file: str) -> Iterator[dict[str, Any]]:
    try:
        yield from reader
    except csv.Error as error:
        raise ConfigError(
            f"{file}, line {reader.line_num + 1}", expected="cells of text", found=error
        ) from None


def _lines(file: str) -> list[tuple[str, ...]]:
    """The cells of columns a, b and c of every line."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(file, expected="UTF-8 text", found=f"byte {error.start} that is not") from None
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    header = [name.strip() for name in reader.fieldnames or []]
    if not set(COLUMNS) <= set(header):
        expected = "a first line that names the columns a, b and c"
        # Cells that another program divided, by semicolons or tabs, stand in one.
        divided = len(header) == 1 and re.search(r"\w\s*[;\t|]\s*\w", header[0])
        found = repr(",".join(header)) if header else "nothing"
        mend = "Separate by commas." if divided else None
        raise ConfigError(f"{file}, line 1", expected=expected, found=found, mend=mend)
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise ConfigError(f"{file}, line 1", expected="each column once", found=f"{twice[0]} twice")
    reader.fieldnames = header
    lines: list[tuple[str, ...]] = []
    first: dict[tuple[str, ...], int] = {}
    for row in _rows(reader, file):
        where = f"{file}, line {reader.line_num}"
        if None in row:
            raise ConfigError(where, expected=f"{len(header)} cells, as in line 1", found="more")
        line = tuple((row[name] or "").strip() for name in COLUMNS)
        if not all(line):
            raise ConfigError(
                where, expected="a value in each of the columns a, b and c", found=", ".join(line)
            )
        if line[:2] in first:
            found = f"{line[0]}, {line[1]} again, as in line {first[line[:2]]}"
            raise ConfigError(where, expected="each pair once", found=found)
        first[line[:2]] = reader.line_num
        lines.append(line)
        if len(lines) > LARGEST_TABLE:
            raise ConfigError(file, expected=f"at most {LARGEST_TABLE} pairs", found="more")
    if not lines:
        raise ConfigError(file, expected="at least one pair", found="none")
    return lines
