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

RECOVERED = 0.01
"""Train error up to which an epoch is quiet: one pair in a hundred. The error of an epoch is a mean over
minibatches as they were met, hence seldom exactly 0."""

SETTLING = 10
"""Epochs that a run must stay quiet after the first quiet one to have settled after a collapse."""

EPOCHS = ["epoch", "train_loss", "train_error", "validation_error", *STATISTICS]
"""epochs.csv, a row for every epoch: means over its minibatches, each as training met it, before its
update; `weight_norm` and what follows from it after the last one. `validation_error`: exact, at the weights
after the last update, from the last quiet epoch before a collapse (train error above RECOVERED, once it was
not) until SETTLING epochs after the first quiet one again; blank elsewhere."""

PERIODS = [
    "collapse",
    "start",
    "bottom",
    "end",
    "settled",
    "depth",
    "period",
    "validation_accuracy_before",
    "validation_accuracy_after",
    "effective_learning_rate_jump",
    "effective_gradient_norm_jump",
    "invariant_effective_learning_rate_jump",
    "invariant_effective_gradient_norm_jump",
]
"""periods.csv, a row for each collapse of train accuracy. `collapse` counts from 1; `start`, `bottom`, `end`,
`settled` are epochs: the last quiet one, the one of the largest train error, the first quiet one again
(blank: never), and the first that ends SETTLING quiet epochs more (blank: the next collapse, or the end of
training, came before); `depth`: train accuracy lost from start to bottom; `period`: epochs since the start of
the collapse before (blank for the first); `validation_accuracy_before` at `start`,
`validation_accuracy_after` at `settled`: where epochs.csv has no validation error, from history.csv,
interpolated between logged epochs; `*_learning_rate_jump`: η_eff at the end over that at the start;
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

SWEEP = [
    "seed",
    "point_1",
    "point_2",
    "validation_error_at_point_1",
    "epochs",
    "train_error",
    "validation_error",
    "diverged",
]
"""sweeps/*.csv after the varied keys, a row for each member: the epochs of points 1 and 2 (blank: not
reached), the validation error at point 1, how long it was trained, and the errors it ended with; or no
errors, and the epoch and step at which it diverged."""

CLAIMS = [
    "claim",
    "paper",
    "figure",
    "about",
    "statement",
    "criterion",
    "holding",
    "judged",
    "seeds",
    "considered",
    "not_judged",
    "low",
    "high",
    "verdict",
    "needed",
    "p",
    "as_first_registered",
]
"""claims.csv, a row for each claim. `about`: the run, path or sweep that was judged, and what it was
compared with; `holding` of `judged` seeds (or pairs) show it; `seeds`: all of them; `considered`:
those that have the points which the claim presupposes; `not_judged`: how many could not be judged, by
reason; `low`, `high`: 95 % Wilson interval of the share; `needed`: judged seeds
that would decide at this share, where that is what it takes; `p`: of the test at collapses, corrected
(Holm), blank where nothing is tested; `as_first_registered`: the verdict by the first criteria, blank for a
claim that was not made at first."""

CLAIM_NUMBERS = [
    "claim",
    "number",
    "unit",
    "seeds",
    "median",
    "low",
    "high",
    "spread_low",
    "spread_high",
    "paper",
    "percentile",
]
"""claims_numbers.csv, a row for each number of each claim. `seeds`: how many it is known of,
judged or not; `median` over these, `low`, `high`: its 95 % bootstrap interval (BCa); `spread_*`: where 95 %
of single seeds lie; `paper`: what the paper printed; `percentile`: of the paper's number among our seeds. The
first number of a claim is its effect."""

CLAIM_SEEDS = ["claim", "seed", "outcome", "reason", "as_first_registered", "measured"]
"""claims_seeds.csv, a row for each claim and seed (or pair). `outcome`: `holds`, `does not hold` or `not
judged`, then with a `reason`; `as_first_registered`: so by the first criterion; `measured`: in words."""

CLAIM_VALUES = ["claim", "number", "seed", "value"]
"""claims_values.csv, a row for each number of a claim and each seed of which it is known."""

POINTS = [
    "run",
    "seed",
    "outcome",
    "epochs",
    "point_1",
    "epoch_99",
    "epoch_99_7",
    "point_2",
    "train_error",
    "validation_error",
    "collapses",
    "diverged",
]
"""points.csv, a row for each seed of each run. `outcome`: `generalises`, `memorises`, `does not memorise` or
`diverged`; `epoch_99`, `epoch_99_7`: the first logged epoch with that validation accuracy in per cent; errors
at the last epoch that was kept."""

TIMES = ["run", "event", "seeds", "reached", "diverged", "censored", "median", "low", "high", "incidence"]
"""times.csv, a row for each run and event. `reached`, `diverged`, `censored`: what came to how many seeds;
`median`, `low`, `high`: the epoch at which the cumulative incidence is one half, with its 95 % interval
(blank: never); `incidence`: at the last epoch."""
