"""Does train accuracy collapse and recover in a training curve, of any framework, and how often?

Run with `python -m grokflow.periods curve.csv`. Prints a line for each collapse; `--out FOLDER` writes the
table (periods.csv) and the picture (collapses.png, collapses.svg), too. The columns are guessed from their
names or named by options; a column that is not in the unit it should be in is refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from grokflow.artifacts.tables import write_table
from grokflow.errors import refuses_bad_input
from grokflow.library import Periods, find_periods
from grokflow.library.series import in_full

SHOWN = {
    "start": "start",
    "bottom": "bottom",
    "end": "end",
    "depth": "depth",
    "period": "period",
    "validation_accuracy_before": "validation before",
    "validation_accuracy_after": "after",
}
"""The columns that are printed, with their headings."""

SHARES = ("depth", "validation before", "after")
"""Headings of those that are no epochs."""


@refuses_bad_input
def main(arguments: list[str] | None = None) -> int:
    """The command `python -m grokflow.periods`; returns its exit status."""
    asked = _parser().parse_args(arguments)
    columns = {
        name: getattr(asked, name)
        for name in ("epoch", "train_error", "train_accuracy", "validation_error", "validation_accuracy")
    }
    found = find_periods(asked.curve, **columns, percent=asked.percent, check=not asked.trust_units)
    print(as_text(found))
    if asked.out:
        write_table(asked.out / "periods.csv", found.table)
        picture = found.plot()
        for suffix in ("png", "svg"):
            picture.save(asked.out / f"collapses.{suffix}")
        print(f"Written to {asked.out}: periods.csv, collapses.png, collapses.svg.")
    return 0


def as_text(found: Periods) -> str:
    """The collapses for a terminal."""
    used = ", ".join(f"{meaning} = '{column}'" for meaning, column in found.columns.items())
    lines = [f"Columns: {used}.", *found.notes]
    if found.table.empty:
        never = "" if (found.epochs["train_error"] <= 0.01).any() else " It never memorises the train set."
        return "\n".join([*lines, f"No collapse in {len(found.epochs)} rows.{never}"])
    table = found.table[list(SHOWN)].rename(columns=SHOWN).dropna(axis=1, how="all")
    lengths = found.table["period"].dropna()
    summary = f"{len(found)} collapse{'' if len(found) == 1 else 's'}"
    if len(lengths):
        least, most, median = map(in_full, (lengths.min(), lengths.max(), lengths.median()))
        apart = f"{least} to {most}, median {median}" if least != most else ""
        each = "each " if len(lengths) > 1 else ""
        summary += f"; from one to the next {apart or each + least}"
    written = {name: [_written(value, name in SHARES) for value in column] for name, column in table.items()}
    rows = pd.DataFrame(written).to_string(index=False)
    return "\n".join([*lines, rows, f"{summary}."])


def _written(value: float, is_share: bool) -> str:
    """An epoch in full, a share with four digits."""
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if is_share else in_full(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m grokflow.periods", description=__doc__)
    parser.add_argument("curve", type=Path, help="a CSV file with a header and a row for each epoch or step")
    parser.add_argument("--epoch", metavar="COLUMN", help="the column of epochs or steps")
    for split in ("train", "validation"):
        rate = parser.add_mutually_exclusive_group()
        rate.add_argument(f"--{split}-accuracy", metavar="COLUMN")
        rate.add_argument(f"--{split}-error", metavar="COLUMN", help="1 − accuracy")
    parser.add_argument("--percent", action="store_true", help="the columns are in per cent")
    parser.add_argument(
        "--trust-units",
        action="store_true",
        help="take a column for what it is called, whatever it looks like",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the table and the picture there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
