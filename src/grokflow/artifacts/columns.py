"""The columns of every table, in their order, with what they hold.

Losses are mean cross-entropies in nats, errors are 1 − accuracy, norms are L2; blank means that there is
none. Whoever writes a table takes its columns from here, and `results` refuses a table that lacks one.
"""

from __future__ import annotations

DATASET = ["a", "b", "c", "split"]
"""datasets/*.csv, a row for each pair: the operands, c = a∘b, and `train` or `validation`."""

STATISTICS = [
    "weight_norm",
    "gradient_norm",
    "effective_learning_rate",
    "effective_gradient_norm",
    "invariant_weight_norm",
    "invariant_gradient_norm",
    "invariant_effective_learning_rate",
    "invariant_effective_gradient_norm",
]
"""Of history.csv and epochs.csv: ‖θ‖, mean stochastic gradient norm ‖g‖ (without weight decay), η/‖θ‖²,
‖g‖·‖θ‖; then the same over the scale-invariant groups, blank where there is none."""

HISTORY = [
    "epoch",
    "step",
    "train_loss",
    "train_error",
    "validation_loss",
    "validation_error",
    *STATISTICS,
]
"""history.csv, a row for each logged epoch, measured at the weights of that epoch."""

EPOCHS = ["epoch", "train_loss", "train_error", *STATISTICS]
"""epochs.csv, a row for every epoch: means over its minibatches, each as training met it, before its
update; `weight_norm` and what follows from it after the last one."""

PERIODS = [
    "collapse",
    "start",
    "bottom",
    "end",
    "depth",
    "period",
    "validation_accuracy_before",
    "validation_accuracy_after",
    "effective_learning_rate_jump",
    "effective_gradient_norm_jump",
    "invariant_effective_learning_rate_jump",
    "invariant_effective_gradient_norm_jump",
]
"""periods.csv, a row for each collapse of train accuracy. `collapse` counts from 1; `start`, `bottom`, `end`
are epochs: the last quiet one, the one of the largest train error, the first quiet one again (blank:
never); `depth`: train accuracy lost from start to bottom; `period`: epochs since the start of the collapse
before (blank for the first); `validation_accuracy_*`: at the last logged epoch up to the start and at the
first logged one from the end on; `*_learning_rate_jump`: η_eff at the end over that at the start;
`*_gradient_norm_jump`: the largest g_eff from start to end over that at the start; `invariant_*`: of the
scale-invariant parameters. A jump is blank without an end, and where a value is missing, zero or infinite."""

INVARIANCE = ["point", "epoch", "group", "trained", "change", "radial_gradient", "tolerance", "invariant"]
"""invariance.csv, a row for each group of weights at each point. `change`: largest |log p(y|x, θ) −
log p(y|x, Cθ)| over pairs, answers y and scales C; `radial_gradient`: |θ·g| / (‖θ‖ ‖g‖) of the group;
`invariant`: change ≤ tolerance."""

RAYS = ["point", "epoch", "group", "scale", "change"]
"""rays.csv: `change` as in invariance.csv, for each scale C."""

METRICS = [
    "t",
    "segment",
    "arc_length",
    "train_loss",
    "train_loss_l2",
    "train_error",
    "validation_loss",
    "validation_loss_l2",
    "validation_error",
    "gradient_norm",
    "gradient_norm_l2",
    "weight_norm",
]
"""metrics.csv, a row for each value of t on a path. `*_loss_l2`: with (λ/2)‖φ(t)‖² added; `gradient_norm`:
mean over the train set's minibatches of ‖∇ cross-entropy‖, `gradient_norm_l2`: of ‖∇ cross-entropy +
λφ(t)‖; `arc_length`: from φ(0). Source: paper M, section 4."""

FIT = [
    "epoch",
    "learning_rate",
    "loss",
    "mean_train_loss_l2",
    "largest_train_error",
    "lowest_validation_error",
]
"""fit.csv, a row for each epoch of a path's fit. `loss`: with (λ/2)‖φ(t)‖², mean over the minibatches, each
at a t of its own. The rest: over 13 evenly spaced t between the ends, on whole splits, after the epoch;
blank where no check was due."""

OUTCOMES = ["seed", "point_1", "point_2", "epochs", "train_error", "validation_error", "diverged"]
"""sweeps/*.csv after the varied keys, a row for each member: the epochs of points 1 and 2, how long it was
trained, and the errors it ended with; or no errors, and the epoch and step at which it diverged."""

CLAIMS = [
    "claim",
    "paper",
    "figure",
    "statement",
    "measured",
    "threshold",
    "seeds_holding",
    "seeds_total",
    "verdict",
]
"""claims.csv, a row for each claim."""
