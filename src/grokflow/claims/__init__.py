"""The claims of the papers: what is measured, what counts, the verdict.

Comes in: the results of runs, paths and sweeps, and the claims of the configuration. Goes out: claims.csv
and claims.md, a verdict for each. Called by the rule `judge_claims`.

To add a claim: a function with `@criterion` in the module of its paper.
"""

from grokflow.claims import mode_connectivity as mode_connectivity
from grokflow.claims import periodic_behaviour as periodic_behaviour
from grokflow.claims.criteria import CRITERIA, Subject
from grokflow.claims.table import judge, overview, write_claims

SUBJECTS = {name: criterion.subject for name, criterion in CRITERIA.items()}
"""For each claim's id, what it is about."""

__all__ = ["CRITERIA", "SUBJECTS", "Subject", "judge", "overview", "write_claims"]
