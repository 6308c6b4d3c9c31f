"""The claims of the papers: what is measured, what counts, the verdict.

To add a claim: a function with `@criterion` in the module of its paper.
"""

from grokflow.claims import mode_connectivity as mode_connectivity
from grokflow.claims import periodic_behaviour as periodic_behaviour
from grokflow.claims.criteria import CRITERIA
from grokflow.claims.table import judge, write_claims

SUBJECTS = {name: criterion.subject for name, criterion in CRITERIA.items()}
"""For each claim's id, what it judges: "run", "path", "sweep", "run against run" …."""

__all__ = ["CRITERIA", "SUBJECTS", "judge", "write_claims"]
