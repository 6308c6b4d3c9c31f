"""Tables are written in one way, which is the one in which all kept results are written."""

from pathlib import Path

import pandas as pd

from grokflow.artifacts.tables import as_csv, write_table

REFERENCE = Path(__file__).parents[2] / "docs/reference"


def test_a_table_has_a_line_for_each_row_and_blanks_where_there_is_nothing(tmp_path: Path) -> None:
    table = pd.DataFrame({"epoch": [1, 2], "loss": [0.1, None], "said": ["a, b", None]}, index=[7, 8])
    write_table(tmp_path / "new" / "table.csv", table)
    assert (tmp_path / "new" / "table.csv").read_bytes() == b'epoch,loss,said\n1,0.1,"a, b"\n2,,\n'
    assert as_csv(table).encode() == (tmp_path / "new" / "table.csv").read_bytes()


def test_the_tables_of_the_reference_run_are_written_in_the_same_bytes() -> None:
    """Read as texts, so that only the way of writing is compared."""
    for name in ("claims.csv", "claims_values.csv", "times.csv"):
        table = pd.read_csv(REFERENCE / name, dtype=str, keep_default_na=False)
        assert as_csv(table) == (REFERENCE / name).read_text(encoding="utf-8")
