"""grokflow: regenerates every figure and claim of two papers on grokking, and asks the same of your own runs.

What a notebook needs is here (docs/library.md); the packages hold the rest (docs/architecture.md).
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grokflow.artifacts.results import PathResults, RunResults, SweepResults
    from grokflow.errors import ArtifactError, ConfigError, GrokflowError
    from grokflow.library import (
        Checkpoint,
        Connection,
        Fit,
        Invariance,
        PairTable,
        Periods,
        Training,
        audit_invariance,
        connect,
        find_periods,
        make_dataset,
        make_model,
        measure,
        train,
    )
    from grokflow.loading import load_config
    from grokflow.model import ModelFunction, ModuleModel

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "Checkpoint",
    "ConfigError",
    "Connection",
    "Fit",
    "GrokflowError",
    "Invariance",
    "ModelFunction",
    "ModuleModel",
    "PairTable",
    "PathResults",
    "Periods",
    "RunResults",
    "SweepResults",
    "Training",
    "__version__",
    "audit_invariance",
    "connect",
    "find_periods",
    "load_config",
    "make_dataset",
    "make_model",
    "measure",
    "train",
]

_MODULE_OF = {
    "ArtifactError": "grokflow.errors",
    "Checkpoint": "grokflow.library",
    "ConfigError": "grokflow.errors",
    "Connection": "grokflow.library",
    "Fit": "grokflow.library",
    "GrokflowError": "grokflow.errors",
    "Invariance": "grokflow.library",
    "ModelFunction": "grokflow.model",
    "ModuleModel": "grokflow.model",
    "PairTable": "grokflow.library",
    "PathResults": "grokflow.artifacts.results",
    "Periods": "grokflow.library",
    "RunResults": "grokflow.artifacts.results",
    "SweepResults": "grokflow.artifacts.results",
    "Training": "grokflow.library",
    "audit_invariance": "grokflow.library",
    "connect": "grokflow.library",
    "find_periods": "grokflow.library",
    "load_config": "grokflow.loading",
    "make_dataset": "grokflow.library",
    "make_model": "grokflow.library",
    "measure": "grokflow.library",
    "train": "grokflow.library",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: most jobs need none of them, and start without."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'grokflow' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """What a notebook completes."""
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """A package whose public names stay what they are when a module of the same name is imported.

    `grokflow.connect` is the function, `python -m grokflow.connect` the command; importing the command
    would otherwise put its module in the function's place.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _MODULE_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
