"""Which groups of any model's weights are scale-invariant, asked in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from torch import nn

from grokflow.artifacts.columns import INVARIANCE, RAYS
from grokflow.config import InvarianceSettings, made_entry
from grokflow.library.examples import Data
from grokflow.library.picture import Picture, drawn
from grokflow.library.prepared import prepare_task
from grokflow.library.threads import threads_put_back
from grokflow.library.training import Checkpoint, Device
from grokflow.library.weights import Weights
from grokflow.model import ModelFunction, audit, audited_pairs


@dataclass(frozen=True, eq=False)
class Invariance:
    """The audit of a weight vector.

    `table`: a row for each group of weights, with the largest change of a log-probability when it is
    scaled and whether that is within the tolerance; `rays`: the change for each scale; `seed`: of the
    training; None: of weights from elsewhere.
    """

    table: pd.DataFrame
    rays: pd.DataFrame
    seed: int | None = None

    @property
    def groups(self) -> list[str]:
        """The groups of which only the direction matters."""
        return list(self.table.loc[self.table["invariant"], "group"])

    def plot(self) -> Picture:
        """The table as a picture."""
        name = "weights" if self.seed is None else str(self.seed)
        return drawn("invariance", name, {"invariance.csv": self.table, "rays.csv": self.rays})

    def __repr__(self) -> str:
        return f"Invariance({len(self.groups)} of {len(self.table)} groups: {', '.join(self.groups)})"

    def _repr_html_(self) -> str:
        return str(self.table.to_html())


@threads_put_back()
def audit_invariance(
    weights: Weights,
    *,
    model: nn.Module | ModelFunction | None = None,
    data: Data | None = None,
    device: Device = "auto",
    **settings: Any,
) -> Invariance:
    """Scale each group of weights and see whether the predictions change, in float64.

    Parameters
    ----------
    weights, model, data : as for `connect`; the model gives logits.
    settings : `scales`, `steps`, `tolerance`, `pairs` of `invariance` in a configuration.

    Raises
    ------
    ConfigError : when weights, model and data do not fit one another.

    Examples
    --------
    A LayerNorm without an ε forgets the length of what it is given.

    >>> import grokflow, torch
    >>> module = torch.nn.Sequential(
    ...     torch.nn.Linear(4, 8, bias=False), torch.nn.LayerNorm(8, eps=1e-20), torch.nn.Linear(8, 3)
    ... )
    >>> data = torch.randn(30, 4), torch.arange(30) % 3
    >>> grokflow.audit_invariance(module, model=module, data=data).groups
    ['0']
    """
    found: InvarianceSettings = made_entry("invariance", settings)
    prepared = prepare_task([weights], ["weights"], model, data, precision="float64", device=device)
    known = weights if isinstance(weights, Checkpoint) else None
    point, epoch = (known.point, known.epoch) if known else ("weights", None)
    model_function, vector = prepared.task.model, prepared.vectors[0]
    verdicts, rays = audit(model_function, vector, audited_pairs(prepared.task, found.pairs), found)
    of_groups, of_scales = (
        pd.DataFrame([{"point": point, "epoch": epoch, **row} for row in rows]) for rows in (verdicts, rays)
    )
    seed = known.training.run.seed if known else None
    return Invariance(of_groups[INVARIANCE], of_scales[RAYS], seed)
