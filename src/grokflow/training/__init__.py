"""Training: from a resolved run to history.csv, epochs.csv and checkpoints."""

from grokflow.training.engine import train
from grokflow.training.optimizers import OPTIMIZERS, make_optimizer
from grokflow.training.state import EPOCHS, HISTORY

__all__ = ["EPOCHS", "HISTORY", "OPTIMIZERS", "make_optimizer", "train"]
