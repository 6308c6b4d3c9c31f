"""Training: from a resolved run to its weights, checkpoints, tables and points.

Comes in: the configuration of each row (a seed of a run, or a member of a sweep) and the table of its
dataset. Goes out: for a run history.csv, epochs.csv, checkpoints, outcome.json and points.json, for a
sweep a row of its table. Called by the rules `train` and `train_members`.
"""

from grokflow.training.graph import captured
from grokflow.training.optimizers import OPTIMIZERS, Optimizer, make_optimizer
from grokflow.training.per_row import PerRow
from grokflow.training.points import POINTS, check_points, find_points
from grokflow.training.runs import train
from grokflow.training.sweeps import train_members

__all__ = [
    "OPTIMIZERS",
    "POINTS",
    "Optimizer",
    "PerRow",
    "captured",
    "check_points",
    "find_points",
    "make_optimizer",
    "train",
    "train_members",
]
