"""Do the claims of one run of the workflow come out as those of the reference run?

Run with `python -m grokflow.compare results/`. Prints what was made otherwise, what came of the seeds that
both have, a line for every claim and number, and whether more of them differ than chance gives. Exit status
0 when the two agree or too few seeds can tell, 1 when they differ, 2 when they cannot be compared.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grokflow.artifacts.results import is_miniature
from grokflow.artifacts.tables import write_table
from grokflow.comparison import REFERENCE, as_table, as_text, compare, read_judgement, write_reference
from grokflow.errors import ArtifactError, refuses_bad_input


@refuses_bad_input
def main() -> int:
    """The command `python -m grokflow.compare`; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m grokflow.compare", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"))
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="default: %(default)s")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table of the comparison there")
    parser.add_argument(
        "--write-reference", type=Path, metavar="FOLDER", help="keep the results there as a reference instead"
    )
    asked = parser.parse_args()
    if asked.write_reference:
        written = write_reference(asked.results, asked.write_reference)
        print(f"Written to {asked.write_reference}: {', '.join(path.name for path in written)}.")
        return 0
    if is_miniature(asked.results):
        raise ArtifactError(
            asked.results,
            expected="results of the papers' setups, which the reference has",
            found="those of a miniature (`miniature: true` in its configuration)",
        )
    mine = read_judgement(asked.results, mend="Name the folder of a run that judged claims.")
    reference = read_judgement(
        asked.reference,
        mend="Name a reference that has its tables with --reference; `python -m grokflow.compare RESULTS "
        "--write-reference FOLDER` makes one.",
    )
    agreement = compare(mine, reference)
    if asked.csv:
        write_table(asked.csv, as_table(agreement))
    print(as_text(agreement))
    return 1 if agreement.differs else 0


if __name__ == "__main__":
    sys.exit(main())
