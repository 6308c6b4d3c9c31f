"""What is said of a figure: what to see, what was measured, and in which part of the report it stands."""

from __future__ import annotations

from typing import NamedTuple

from grokflow.config import Figure
from grokflow.user_code import shown

OWN = "Your own"
"""The category of figures that belong to neither paper, unless the configuration names another."""

PAPERS = {"M-": "Paper M", "P-": "Paper P"}
"""How the names of a paper's figures begin."""


class Caption(NamedTuple):
    """What a kind of figure shows."""

    see: str
    """What to look for, where the configuration does not say it of the one figure."""
    measured: str


CAPTIONS = {
    "accuracy_and_table": Caption(
        "How many epochs lie between a train accuracy of 100 % (point 1) and a validation accuracy of 100 "
        "% (point 2).",
        "Train and validation accuracy at every logged epoch, on the whole splits; beside it the table of "
        "the operation, in which the pairs of the validation split are blank.",
    ),
    "checkpoints": Caption(
        "Where the checkpoints lie that the chain of segments joins.",
        "Train and validation accuracy at every logged epoch, with each epoch marked whose weights were "
        "kept.",
    ),
    "path": Caption(
        "How the loss, the error and the gradient change on the way from one end of the path to the other.",
        "At each t of the path, on the whole splits: cross-entropy with the L2 term (λ/2)‖φ(t)‖², error (1"
        " − accuracy), and the mean norm of the gradient of the cross-entropy over the minibatches of the "
        "train set.",
    ),
    "chain": Caption(
        "Whether the train error stays 0 on the chain, and on which of its segments most changes.",
        "The same as on any path, on the straight segments between successive checkpoints, from point 1 to"
        " point 2.",
    ),
    "fit_budget": Caption(
        "Whether the curves are flat at their ends: then the paths were fitted for long enough.",
        "At 13 evenly spaced t, while the bends of the path were fitted: the largest train error and the "
        "lowest validation error, against epochs of the fit.",
    ),
    "accuracy_and_loss": Caption(
        "How much later than train accuracy validation accuracy rises, and what the losses do in between.",
        "Accuracy and cross-entropy of both splits at every logged epoch, on the whole splits.",
    ),
    "ray": Caption(
        "Which of the models predicts the same wherever along the ray its weights lie.",
        "The largest change of any log-probability when one group of weights θ, or all of them, is "
        "replaced by Cθ, for every scale C, in float64.",
    ),
    "block": Caption(
        "Where the normalizations stand in a block of the model.",
        "Nothing: it is drawn from the configuration with which the model was trained.",
    ),
    "collapses": Caption(
        "Whether train accuracy collapses again and again, and what a collapse does to validation accuracy.",
        "Train accuracy of every epoch, as its minibatches were met, and validation accuracy at the "
        "weights of an epoch. A collapse begins at the last epoch with a train error of at most 1 % and "
        "ends at the first one.",
    ),
    "effective_statistics": Caption(
        "Whether the effective learning rate rises between collapses and falls at each of them, like the "
        "teeth of a saw.",
        "Of every epoch: the effective learning rate η/‖θ‖² and the norm of the effective gradient "
        "‖g‖·‖θ‖, over all weights and over the scale-invariant ones.",
    ),
    "periods": Caption(
        "Which of the models collapse, how often, and how many epochs pass between two collapses.",
        "The collapses of every seed of every run, and the epochs from the start of one to the start of "
        "the next.",
    ),
    "invariance": Caption(
        "Which groups of weights can be scaled without a change of the predictions, and which cannot.",
        "The largest change of any log-probability when a group of weights is scaled, in float64, at each "
        "point.",
    ),
    "weight_norm": Caption(
        "Whether the norm of the weights falls before validation accuracy rises.",
        "‖θ‖ and validation accuracy at every logged epoch.",
    ),
    "sweep": Caption(
        "For which values the model memorises, groks, generalises at once, or does none of it.",
        "For every member of the sweep the epochs of points 1 and 2 and the validation error at point 1, "
        "which say in which regime it is.",
    ),
    "variance": Caption(
        "Which source of randomness moves point 2 most.",
        "The epochs of points 1 and 2 where one source of randomness alone was varied: the split, the "
        "initial weights, or the order of the examples.",
    ),
    "claims": Caption(
        "For which share of the seeds each claim holds, with its interval, its effect, and what the paper "
        "printed.",
        "Every claim's criterion on every seed, as claims.md says; 95 % Wilson intervals of the shares.",
    ),
}
"""The caption of every kind of figure."""


def caption_of(figure: Figure) -> Caption:
    """What to see, by the configuration or else by the kind, and what was measured."""
    unknown = Caption("A figure of your own.", f"What {shown(figure.kind)} draws.")
    caption = CAPTIONS.get(figure.kind, unknown)
    return caption._replace(see=figure.caption or caption.see)


def category_of(name: str, figure: Figure) -> str:
    """The part of the report in which a figure stands."""
    papers = (paper for start, paper in PAPERS.items() if name.startswith(start))
    return figure.category or next(papers, OWN)


def subjects_of(figure: Figure) -> list[str]:
    """The runs, the paths or the sweep that a figure shows."""
    named = [figure.run, figure.path, figure.sweep, *(figure.runs or ()), *(figure.paths or ())]
    return [name for name in named if name is not None]
