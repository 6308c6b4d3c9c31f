"""Code of one's own that mine.yaml names: an operation, an optimizer, a kind of path, a figure and a claim.

Each is one function or class. A job that uses one of them is made again when this file changes, and no other.
"""

import numpy as np
from matplotlib.figure import Figure

from grokflow.claims import Finding, NotJudged, own_claim
from grokflow.figures.shown import runs_of


def circle(a, b, p):
    """An operation: from two integer arrays (pairs,) and the modulus p to the results, each from 0 to p − 1.

    This one is how far apart a and b lie on a circle of p places. −1 would stand for a pair without a result.
    """
    return np.minimum((a - b) % p, (b - a) % p)


class Lion:
    """An optimizer: sign descent with momentum (Chen et al. 2023, algorithm 2), with decoupled weight decay.

    Made with `settings` and the first weights (n,), or (M, n) for M models trained together. `settings` has
    `learning_rate` and `weight_decay`, for M models as tensors (M, 1), `batch_size`, and what mine.yaml gives
    as its `settings`. The attribute `self.settings` is set anew before each step: read it there, and keep no
    copy of a value.
    """

    def __init__(self, settings, weights):
        self.settings = settings
        # Tensors of the shape of `weights`, and nothing else: saved, and there again when a training goes on.
        self.state = {"momentum": weights.new_zeros(weights.shape)}

    def step(self, weights, gradient, step):
        """Change the weights and the state in place.

        `gradient` is that of the loss alone. `step` counts from 1; on a GPU, or for M models, it is a tensor,
        so there must be no `if` about it. A row of M is a model of its own: what is added up is added up
        along the last axis, as in `gradient.norm(dim=-1, keepdim=True)`.
        """
        s, momentum = self.settings, self.state["momentum"]
        direction = (s.beta_1 * momentum + (1 - s.beta_1) * gradient).sign()
        momentum.mul_(s.beta_2).add_((1 - s.beta_2) * gradient)
        weights.sub_(s.learning_rate * (direction + s.weight_decay * weights))


def arc(t, controls):
    """A kind of path: how much of each control point there is at each t (T,), as an array (T, controls).

    Each row adds up to 1; the path begins at the first control point and ends at the last. This one follows a
    polyline that slows down at both ends, so that more points are measured there.
    """
    slow = (1 - np.cos(np.pi * t)) / 2
    return np.maximum(0, 1 - np.abs(slow[:, None] * (controls - 1) - np.arange(controls)))


def error_against_norm(shown):
    """A figure: validation error against the weight norm, while each seed trains.

    `shown` names what the entry shows. `runs_of(shown)` gives a `RunResults` for each seed of its `run` or
    `runs`, with the tables `history`, `epochs` and `periods`. For a `path` or `paths` there is
    `paths_of(shown)`, whose `metrics` are empty where `skipped` says why; for a sweep,
    `SweepResults(shown[name]).table`.
    """
    picture = Figure(figsize=(4.5, 3.2), layout="constrained")
    axes = picture.add_subplot(xlabel="weight norm ‖θ‖", ylabel="validation error")
    for run in runs_of(shown):
        axes.plot(run.history["weight_norm"], run.history["validation_error"], label=run.label)
    axes.legend()
    return picture


@own_claim(
    "Generalisation comes with a smaller weight norm than memorisation",  # what is claimed
    "the weight norm at point 2 is less than at point 1",  # when it holds for a seed
    "weight norm at point 2 over that at point 1",  # names of the numbers, the effect first
)
def norm_shrinks(run):
    """A claim: whether it holds for a seed, what was measured in words, and its numbers.

    It is given what its entry names: a `RunResults` of a seed of a `run`, a `PathResults` of a `path`, the
    rows of a seed in the table of a `sweep`; and a second one if the entry has `against`.
    """
    if run.points["point_2"] is None:
        raise NotJudged("no point", "it has no point 2")  # or "censored", "diverged", "nothing to compare"
    norm = run.history.set_index("epoch")["weight_norm"]
    first, second = (norm[run.points[point]["epoch"]] for point in ("point_1", "point_2"))
    return Finding(second < first, f"from {first:.1f} to {second:.1f}", (second / first,))
