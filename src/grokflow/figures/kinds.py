"""Every kind of figure: what it draws, from which tables, and what a reader is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokflow.artifacts.results import PATH_FILES, RECORD, RUN_FILES, TABLES
from grokflow.user_code import as_written, is_code

if TYPE_CHECKING:
    from grokflow.config import Figure


@dataclass(frozen=True, kw_only=True)
class FigureKind:
    """What a kind of figure draws and reads, and its words in the gallery and the report."""

    subject: str | None
    """`run`, `runs`, `path`, `paths` or `sweep`, the key that names what is drawn; None: the claims."""
    files: tuple[str, ...] = ()
    """The tables it reads from the folder of each seed."""
    reference: frozenset[str] = frozenset()
    """The keys that its `reference` may have."""
    shows_dataset: bool = False
    one_at_a_time: bool = False
    """Whether it draws the sweeps that try one key at a time; another kind of sweep draws the others."""
    shows: str
    """One sentence for the gallery; `{of}` stands for its runs, paths or varied keys."""
    see: str
    """What to look for, where the configuration has no `caption` for the one figure."""
    measured: str
    """What was measured, and how."""


FIGURE_KINDS = {
    "accuracy_and_table": FigureKind(
        subject="run",
        files=RUN_FILES,
        reference=frozenset({"epochs"}),
        shows_dataset=True,
        shows="Accuracy against epoch of {of}, when its seeds reach points 1 and 2, and the table that it "
        "learns, with the held-out cells blank.",
        see="How many epochs lie between a train accuracy of 100 % (point 1) and a validation accuracy of "
        "100 % (point 2).",
        measured="Train and validation accuracy at every logged epoch, on the whole splits; beside it the "
        "table of the operation, in which the pairs of the validation split are blank.",
    ),
    "checkpoints": FigureKind(
        subject="run",
        files=RUN_FILES,
        reference=frozenset({"epochs"}),
        shows="Accuracy against epoch of {of}, with every logged checkpoint.",
        see="Where the checkpoints lie that the chain of segments joins.",
        measured="Train and validation accuracy at every logged epoch, with each epoch marked whose weights "
        "were kept.",
    ),
    "path": FigureKind(
        subject="path",
        files=PATH_FILES,
        reference=frozenset({"gradient_norm", "t"}),
        shows="Loss, error and gradient norm along {of}.",
        see="How the loss, the error and the gradient change on the way from one end of the path to the "
        "other.",
        measured="At each t of the path, on the whole splits: cross-entropy with the L2 term (λ/2)‖φ(t)‖², "
        "error (1 − accuracy), and the mean norm of the gradient of the cross-entropy over the "
        "minibatches of the train set.",
    ),
    "chain": FigureKind(
        subject="path",
        files=PATH_FILES,
        shows="Loss, error and gradient norm along {of}: its first segment, its last one, and all of it.",
        see="Whether the train error stays 0 on the chain, and on which of its segments most changes.",
        measured="The same as on any path, on the straight segments between successive checkpoints, from "
        "point 1 to point 2.",
    ),
    "fit_budget": FigureKind(
        subject="paths",
        files=("fit.csv", "path.json"),
        shows="How the errors on {of} fall during the fit, and where each fit ends.",
        see="Whether the curves are flat at their ends: then the paths were fitted for long enough.",
        measured="At 13 evenly spaced t, while the bends of the path were fitted: the largest train error "
        "and the lowest validation error, against epochs of the fit.",
    ),
    "accuracy_and_loss": FigureKind(
        subject="runs",
        files=(*RUN_FILES, RECORD),
        shows="Accuracy and cross-entropy against epoch of {of}, and when its seeds reach points 1 and 2.",
        see="How much later than train accuracy validation accuracy rises, and what the losses do in "
        "between.",
        measured="Accuracy and cross-entropy of both splits at every logged epoch, on the whole splits.",
    ),
    "ray": FigureKind(
        subject="runs",
        files=("rays.csv", "invariance.csv", RECORD),
        shows="How far the predictions of {of} move when a group of weights is scaled: not at all where the "
        "group is scale-invariant.",
        see="Which of the models predicts the same wherever along the ray its weights lie.",
        measured="The largest change of any log-probability when one group of weights θ, or all of them, is "
        "replaced by Cθ, for every scale C, in float64.",
    ),
    "block": FigureKind(
        subject="runs",
        files=(RECORD,),
        shows="The transformer block of {of}, with its LayerNorms.",
        see="Where the normalizations stand in a block of the model.",
        measured="Nothing: it is drawn from the configuration with which the model was trained.",
    ),
    "collapses": FigureKind(
        subject="runs",
        files=(*RUN_FILES, "epochs.csv", "periods.csv", RECORD),
        shows="When the train accuracy of each seed of {of} collapses, and the accuracy of single seeds at "
        "every epoch.",
        see="Whether train accuracy collapses again and again, and what a collapse does to validation "
        "accuracy.",
        measured="Train accuracy of every epoch, as its minibatches were met, and validation accuracy at the "
        "weights of an epoch. A collapse lasts from the last epoch at which train error is low to the next: "
        "at most 1 %, or a little more where it is noisy.",
    ),
    "effective_statistics": FigureKind(
        subject="runs",
        files=(*RUN_FILES, "epochs.csv", "periods.csv", RECORD),
        shows="Effective learning rate and effective gradient norm of {of}: of one seed, and around every "
        "collapse of every seed.",
        see="Whether the effective learning rate rises between collapses and falls at each of them, like "
        "the teeth of a saw.",
        measured="Of every epoch: the effective learning rate η/‖θ‖² and the norm of the effective gradient "
        "‖g‖·‖θ‖, over all weights and over the scale-invariant ones.",
    ),
    "periods": FigureKind(
        subject="runs",
        files=(*RUN_FILES, "epochs.csv", "periods.csv", RECORD),
        shows="How often the train accuracy of each seed of {of} collapses, and how many epochs apart.",
        see="Which of the models collapse, how often, and how many epochs pass between two collapses.",
        measured="The collapses of every seed of every run, and the epochs from the start of one to the "
        "start of the next.",
    ),
    "invariance": FigureKind(
        subject="runs",
        files=("invariance.csv", RECORD),
        shows="By how much the log-probabilities of {of} change when a group of weights is scaled; ✓ marks "
        "the groups that are scale-invariant.",
        see="Which groups of weights can be scaled without a change of the predictions, and which cannot.",
        measured="The largest change of any log-probability when a group of weights is scaled, in float64, "
        "at each point.",
    ),
    "weight_norm": FigureKind(
        subject="runs",
        files=(*RUN_FILES, RECORD),
        shows="Weight norm and validation accuracy against epoch of {of}.",
        see="Whether the norm of the weights falls before validation accuracy rises.",
        measured="‖θ‖ and validation accuracy at every logged epoch.",
    ),
    "sweep": FigureKind(
        subject="sweep",
        shows="Which values of {of} memorise, which grok, and which generalise at once.",
        see="For which values the model memorises, groks, generalises at once, or does none of it.",
        measured="For every member of the sweep the epochs of points 1 and 2 and the validation error at "
        "point 1, which say in which regime it is.",
    ),
    "variance": FigureKind(
        subject="sweep",
        one_at_a_time=True,
        shows="How much points 1 and 2 move when {of} alone is varied.",
        see="Which source of randomness moves point 2 most.",
        measured="The epochs of points 1 and 2 where one source of randomness alone was varied: the split, "
        "the initial weights, or the order of the examples.",
    ),
    "claims": FigureKind(
        subject=None,
        shows="In how many seeds each claim holds, its verdict, its effect, and the papers' numbers among "
        "ours.",
        see="For which share of the seeds each claim holds, with its interval, its effect, and what the "
        "paper printed.",
        measured="Every claim's criterion on every seed, as claims.md says; 95 % Wilson intervals of the "
        "shares.",
    ),
}
"""Every kind but those of users' own files; the module that draws it has the same name."""


def kind_of(figure: Figure) -> FigureKind:
    """The kind of a figure of the configuration; one of a user's own file may read whatever it draws."""
    if not is_code(figure.kind):
        return FIGURE_KINDS[figure.kind]
    subject = figure.subjects[0]
    return FigureKind(
        subject=subject,
        files=TABLES[subject],
        shows="{of}.",
        see="A figure of your own.",
        measured=f"What {as_written(figure.kind)} draws.",
    )
