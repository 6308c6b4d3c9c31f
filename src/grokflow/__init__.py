"""grokflow: regenerates every figure and claim of two papers on grokking, and asks the same of your own runs.

What a notebook needs first is here; the packages hold the rest: `artifacts`, `config`, `data`, `model`,
`training`, `dynamics`, `paths`, `claims`, `figures`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grokflow.artifacts.results import PathResults, RunResults, SweepResults
    from grokflow.errors import ArtifactError, ConfigError, GrokflowError
    from grokflow.loading import load_config

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "ConfigError",
    "GrokflowError",
    "PathResults",
    "RunResults",
    "SweepResults",
    "__version__",
    "load_config",
]

_MODULE_OF = {
    "ArtifactError": "grokflow.errors",
    "ConfigError": "grokflow.errors",
    "GrokflowError": "grokflow.errors",
    "PathResults": "grokflow.artifacts.results",
    "RunResults": "grokflow.artifacts.results",
    "SweepResults": "grokflow.artifacts.results",
    "load_config": "grokflow.loading",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: most jobs need none of them, and start without."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'grokflow' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
