"""Periodic behaviour: where train accuracy collapses, and what the effective quantities do there.

With LayerNorm and weight decay the norm of the weights shrinks, so η_eff = η/‖θ‖² rises slowly until
train accuracy collapses; the norm is then thrown up, η_eff drops and training recovers. Source:
paper P; Lobacheva et al., "On the Periodic Behavior of Neural Network Training with Batch
Normalization and Weight Decay", 2021. All constants were fixed before any run was looked at.
"""

from grokflow.dynamics.coincidence import ROUNDING, Coincidence, Quantity, coincidence, coincidence_test
from grokflow.dynamics.collapses import PERIODS, Collapse, find_collapses, periods
from grokflow.dynamics.saw_tooth import SawTooth, Tooth, find_teeth, saw_tooth

__all__ = [
    "PERIODS",
    "ROUNDING",
    "Coincidence",
    "Collapse",
    "Quantity",
    "SawTooth",
    "Tooth",
    "coincidence",
    "coincidence_test",
    "find_collapses",
    "find_teeth",
    "periods",
    "saw_tooth",
]
