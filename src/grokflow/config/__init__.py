"""Configuration: YAML into frozen, typed, checked objects. The only code that sees raw config.

Comes in: YAML files. Goes out: a `Config`, and of it what one job needs with every name resolved (a
`ResolvedRun`, a `ResolvedPath`), and which of them are trained together. Called by the Snakefile.
"""

from grokflow.config.groups import (
    fits_of_path,
    groups_of_path,
    groups_of_run,
    groups_of_sweep,
    name_of_group,
)
from grokflow.config.load import load
from grokflow.config.problems import made_entry
from grokflow.config.resolve import (
    ResolvedMember,
    ResolvedPath,
    ResolvedRun,
    members_of_sweep,
    plain,
    resolve_path,
    resolve_run,
    runs_of_path,
    seeds_of_path,
)
from grokflow.config.schema import (
    INVARIANT_PARTS,
    SGD,
    UNEMBEDDING_NORM,
    AdamW,
    Bezier,
    Chain,
    Claim,
    Config,
    Dataset,
    Figure,
    Fit,
    Fitted,
    Invariance,
    Model,
    Optimizer,
    Path,
    Polyline,
    Reference,
    Run,
    Segment,
    Sweep,
)

__all__ = [
    "INVARIANT_PARTS",
    "SGD",
    "UNEMBEDDING_NORM",
    "AdamW",
    "Bezier",
    "Chain",
    "Claim",
    "Config",
    "Dataset",
    "Figure",
    "Fit",
    "Fitted",
    "Invariance",
    "Model",
    "Optimizer",
    "Path",
    "Polyline",
    "Reference",
    "ResolvedMember",
    "ResolvedPath",
    "ResolvedRun",
    "Run",
    "Segment",
    "Sweep",
    "fits_of_path",
    "groups_of_path",
    "groups_of_run",
    "groups_of_sweep",
    "load",
    "made_entry",
    "members_of_sweep",
    "name_of_group",
    "plain",
    "resolve_path",
    "resolve_run",
    "runs_of_path",
    "seeds_of_path",
]
