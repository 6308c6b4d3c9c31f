"""What happens in a training, read off its tables: collapses, saw-teeth, coincidence, regimes, variance.

Comes in: history.csv and epochs.csv of a run, or a sweep's table. Goes out: periods.csv, and the numbers that
claims and figures go by. Called by the rule `find_periods`; no PyTorch.

With LayerNorm and weight decay the norm of the weights shrinks, so η_eff = η/‖θ‖² rises slowly until
train accuracy collapses; the norm is then thrown up, η_eff drops and training recovers. Source:
paper P; Lobacheva et al., "On the Periodic Behavior of Neural Network Training with Batch
Normalization and Weight Decay", 2021. docs/registration.md says which constants were chosen after
seeds 0 to 63 had been looked at.
"""

from grokflow.dynamics.coincidence import (
    ROUNDING,
    Coincidence,
    PooledTest,
    Quantity,
    coincidence,
    coincidence_test,
    pooled_test,
)
from grokflow.dynamics.collapses import Collapse, find_collapses, periods
from grokflow.dynamics.regimes import LATE, REGIMES, UNLEARNED, SweepRegimes, is_grokking, is_late, regime
from grokflow.dynamics.saw_tooth import SawTooth, Tooth, find_teeth, saw_tooth
from grokflow.dynamics.sources import Spread, SweepSources
from grokflow.dynamics.validation import measured_validation_error, validation_accuracy

__all__ = [
    "LATE",
    "REGIMES",
    "ROUNDING",
    "UNLEARNED",
    "Coincidence",
    "Collapse",
    "PooledTest",
    "Quantity",
    "SawTooth",
    "Spread",
    "SweepRegimes",
    "SweepSources",
    "Tooth",
    "coincidence",
    "coincidence_test",
    "find_collapses",
    "find_teeth",
    "is_grokking",
    "is_late",
    "measured_validation_error",
    "periods",
    "pooled_test",
    "regime",
    "saw_tooth",
    "validation_accuracy",
]
