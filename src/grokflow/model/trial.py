"""A model of the user's own tried on a few examples, before anything is computed with it.

Shapes: n weights, B examples, T tokens of each, V tokens in the vocabulary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grokflow.errors import ConfigError, fault_in, kind_of_value
from grokflow.model.module import CHANGE, ModuleModel
from grokflow.model.protocol import ModelFunction
from grokflow.user_code import UserFile

TRIED = 64
"""Examples of the trial."""

APART = 0.1
"""Standard deviation of what is added to the first weights, which may be 0 where they matter."""


@torch.no_grad()
def try_out(model: ModelFunction, code: UserFile, tokens: Tensor, vocabulary: int) -> None:
    """Refuse a model that fails, whose logits are none of its examples, or that mixes models.

    Parameters
    ----------
    code : the user's file, for messages.
    tokens : (B, T) of a dataset, where the model will be computed.

    Raises
    ------
    ConfigError : with what was found.
    """
    random = np.random.default_rng(0)
    rows = np.stack([model.layout.initial(seed) for seed in (0, 1)])
    rows += random.normal(scale=APART, size=rows.shape)
    try:
        weights, alone = _alone(model, rows, tokens)
        _check_shape(alone[0], code, (len(tokens), vocabulary))
        if isinstance(model, ModuleModel):
            return  # each of several models is computed as one alone is
        _check_apart(model.logits(weights, tokens), alone, code)
        _check_apart(model.logits(weights, torch.stack([tokens, tokens])), alone, code)
    except (ConfigError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        expected = f"logits of the shape (B, V) = {(len(tokens), vocabulary)}"
        found = f"{type(error).__name__}: {error}"
        known = fault_in(error, code.files)
        raise known or ConfigError(code.shown, expected=expected, found=found) from error


def _alone(model: ModelFunction, rows: np.ndarray, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Weights (2, n), and the logits of each: in float64 where the model cannot be computed in float32."""
    weights = torch.from_numpy(rows).to(tokens.device)
    try:
        return weights.float(), [model.logits(own, tokens) for own in weights.float()]
    except RuntimeError:
        return weights, [model.logits(own, tokens) for own in weights]


def _check_shape(logits: object, code: UserFile, expected: tuple[int, int]) -> None:
    if not isinstance(logits, Tensor):
        mend = "Is there a `return`?" if logits is None else None
        raise ConfigError(code.shown, expected="one tensor of logits", found=kind_of_value(logits), mend=mend)
    if logits.shape != expected:
        of_positions = logits.ndim == 3 and logits[:, -1].shape == expected
        raise ConfigError(
            code.shown,
            expected=f"logits of the shape (B, V) = {expected}",
            found=tuple(logits.shape),
            mend="Return those of the last position: outputs[:, -1]." if of_positions else None,
        )


def _check_apart(together: Tensor, alone: list[Tensor], code: UserFile) -> None:
    expected = torch.stack(alone)
    tolerance = CHANGE * float(expected.nan_to_num().abs().max())
    if together.shape != expected.shape:
        found = f"the shape {tuple(together.shape)} for 2 models, in place of {tuple(expected.shape)}"
    elif not torch.allclose(together, expected, rtol=0, atol=tolerance, equal_nan=True):
        found = "other logits for two models together than for each alone"
    else:
        return
    raise ConfigError(
        code.shown,
        expected="logits in which each row of weights (M, n) is a model of its own",
        found=found,
        mend="Count axes from the last one, as in x.mean(dim=-1), and leave those before (B, …) alone.",
    )
