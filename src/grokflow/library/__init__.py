"""What a notebook calls: a dataset, a model, training, paths, periods and the audit, as small results.

Comes in: settings, or weights, data and training curves from anywhere. Goes out: plain tables in frozen
results that display and draw themselves. The numbers and the pictures are those of the packages below; no
rule of the workflow calls this one.
"""

from grokflow.library.connecting import Connection, connect, measure
from grokflow.library.dataset import PairTable, make_dataset
from grokflow.library.fit import Fit
from grokflow.library.invariance import Invariance, audit_invariance
from grokflow.library.periods import Periods, find_periods
from grokflow.library.training import Checkpoint, Training, make_model, train

__all__ = [
    "Checkpoint",
    "Connection",
    "Fit",
    "Invariance",
    "PairTable",
    "Periods",
    "Training",
    "audit_invariance",
    "connect",
    "find_periods",
    "make_dataset",
    "make_model",
    "measure",
    "train",
]
