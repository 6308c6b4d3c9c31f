"""Training: from a resolved run to history.csv and checkpoints."""

from grokflow.training.loop import train
from grokflow.training.optimizers import OPTIMIZERS, make_optimizer
from grokflow.training.state import HISTORY

__all__ = ["HISTORY", "OPTIMIZERS", "make_optimizer", "train"]
