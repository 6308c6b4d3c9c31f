"""The transformer as a function of a flat weight vector, and what can be measured of given weights.

Comes in: a model of the configuration, a dataset and a weight vector, at first a draw from the seed. Goes
out: logits, losses, errors, gradients, and the audit of scale invariance; checkpoints on disk. Used by the
rules that train, fit and measure; called by the rule `audit_invariance`.
"""

from grokflow.model.checkpoints import (
    DELETE_SEED,
    checkpoint_epochs,
    checkpoint_path,
    read_checkpoint,
    write_checkpoint,
)
from grokflow.model.device import free_memory, name_of, prepare
from grokflow.model.invariance import audit, audit_run, audited_pairs, invariant_groups
from grokflow.model.layout import Layout, Parameter, merged
from grokflow.model.losses import CROSS_ENTROPY, NO_TARGET, Loss, LossFunction, OwnLoss, wrong_answers
from grokflow.model.models import make_layout, make_model
from grokflow.model.module import ModuleModel, made_by
from grokflow.model.objective import (
    Examples,
    Task,
    WrongExamples,
    batch_pass,
    gradient_pass,
    loss_and_error,
    loss_and_gradient,
    make_task,
    split_examples,
    wrong_examples,
)
from grokflow.model.protocol import ModelFunction
from grokflow.model.transformer import Transformer
from grokflow.model.weights import norm_of, to_tensor, unflatten

__all__ = [
    "CROSS_ENTROPY",
    "DELETE_SEED",
    "NO_TARGET",
    "Examples",
    "Layout",
    "Loss",
    "LossFunction",
    "ModelFunction",
    "ModuleModel",
    "OwnLoss",
    "Parameter",
    "Task",
    "Transformer",
    "WrongExamples",
    "audit",
    "audit_run",
    "audited_pairs",
    "batch_pass",
    "checkpoint_epochs",
    "checkpoint_path",
    "free_memory",
    "gradient_pass",
    "invariant_groups",
    "loss_and_error",
    "loss_and_gradient",
    "made_by",
    "make_layout",
    "make_model",
    "make_task",
    "merged",
    "name_of",
    "norm_of",
    "prepare",
    "read_checkpoint",
    "split_examples",
    "to_tensor",
    "unflatten",
    "write_checkpoint",
    "wrong_answers",
    "wrong_examples",
]
