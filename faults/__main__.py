"""Inject every fault, print the table, write results/faults.csv and a picture of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from faults import hostile, kills, repeats, storage
from faults.picture import draw
from faults.table import COLUMNS, FAULTS, cells, line, write

GROUPS = (kills, storage, hostile, repeats)
"""The modules whose faults are injected."""


def main() -> int:
    """The command `python -m faults`; returns its exit status: 1 when something was not survived."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("only", nargs="*", type=int, help="numbers of the faults; none: all")
    parser.add_argument("--quick", action="store_true", help="a few tries each, as in the test suite")
    parser.add_argument("--output", type=Path, default=Path("results/faults.csv"))
    arguments = parser.parse_args()
    rows, held = [], True
    print(line([*COLUMNS]), flush=True)
    with tempfile.TemporaryDirectory(prefix="faults.") as folder:
        for fault in sorted(FAULTS, key=lambda fault: fault.number):
            if arguments.only and fault.number not in arguments.only:
                continue
            tries = fault.run(Path(folder), quick=arguments.quick)
            held &= tries.survived == tries.injected and not tries.lost and not tries.wrong
            rows.append(cells(fault, tries))
            print(line(rows[-1]), flush=True)
    write(arguments.output, rows)
    draw(rows, arguments.output.with_suffix(".png"))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
