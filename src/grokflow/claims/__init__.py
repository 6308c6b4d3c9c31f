"""The claims of the papers: what is measured, what counts, the verdict over seeds.

Comes in: the results of runs, paths and sweeps, and the claims of the configuration. Goes out: claims.csv and
claims.md, a verdict for each; claims_numbers.csv, claims_seeds.csv and claims_values.csv, what was measured;
points.csv and times.csv, when every seed reached its points. Called by the rules `judge_claims` and
`tabulate_seeds`.

To add a claim: a function with `@criterion` in the module of its paper and subject. A user's own file has a
function with `@own_claim` instead.
"""

from grokflow.claims import conditions as conditions
from grokflow.claims import mode_connectivity as mode_connectivity
from grokflow.claims import periodic_behaviour as periodic_behaviour
from grokflow.claims import scale_invariance as scale_invariance
from grokflow.claims.criteria import CRITERIA, Finding, NotJudged, Number, Subject
from grokflow.claims.judging import judge
from grokflow.claims.outcomes import outcomes_of_runs, times_of_runs
from grokflow.claims.own_claims import own_claim
from grokflow.claims.page import (
    NONE_JUDGED,
    located,
    of_a_miniature,
    overview,
    page,
    written,
    written_interval,
    written_share,
)
from grokflow.claims.tables import ClaimTables, tabulate

SUBJECTS = {name: criterion.subject for name, criterion in CRITERIA.items()}
"""For each claim's id, what it is about."""

__all__ = [
    "CRITERIA",
    "NONE_JUDGED",
    "SUBJECTS",
    "ClaimTables",
    "Finding",
    "NotJudged",
    "Number",
    "Subject",
    "judge",
    "located",
    "of_a_miniature",
    "outcomes_of_runs",
    "overview",
    "own_claim",
    "page",
    "tabulate",
    "times_of_runs",
    "written",
    "written_interval",
    "written_share",
]
