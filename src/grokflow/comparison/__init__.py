"""Comparison: whether the claims of one run of the workflow come out as those of the reference run.

Comes in: two folders with the tables of the claims, and with what made them. Goes out: a line for each claim
and each of its numbers, what all lines say together, and what was made otherwise; in full for the command
`compare`, in brief for the summary and the report. A reference is read and kept here, too. Called by the rule
`write_pages`; no PyTorch.
"""

from grokflow.comparison.agreement import Agreement, Verdict, compare
from grokflow.comparison.brief import BriefComparison, with_reference
from grokflow.comparison.lines import Line
from grokflow.comparison.reference import (
    CLAIMS_FILE,
    REFERENCE,
    Judgement,
    read_judgement,
    write_reference,
)
from grokflow.comparison.text import as_table, as_text

__all__ = [
    "CLAIMS_FILE",
    "REFERENCE",
    "Agreement",
    "BriefComparison",
    "Judgement",
    "Line",
    "Verdict",
    "as_table",
    "as_text",
    "compare",
    "read_judgement",
    "with_reference",
    "write_reference",
]
