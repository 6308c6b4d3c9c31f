"""Paths between points, and how the bends of those that have some are fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from grokflow.config.entry import (
    OWN,
    Code,
    Count,
    Entry,
    Epochs,
    NotNegative,
    PointName,
    Positive,
    Unit,
    name_or_own,
    tag_of,
)


class Fit(Entry):
    """How the bends of a path are optimised (Garipov et al. 2018), one t a minibatch, and when that ends.

    First the learning rate is constant, until neither the loss nor the largest train error on the curve falls
    any more, but for at most half of the budget. Then it falls linearly to 1 %, for as long again: Garipov's
    schedule, stretched to where the fit settled.
    """

    optimizer: Literal["adam", "sgd"] = "adam"
    """Adam (Kingma & Ba 2015), or SGD as in Garipov et al., which takes several times as long."""
    learning_rate: Positive | None = None
    """Learning rate at the beginning; none: 0.003 of Adam, 0.015 of SGD, as in Garipov et al."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of SGD; with `adam` its β₁."""
    epochs: Epochs = 1000
    """The budget: most epochs that are fitted."""
    check_every: Epochs = 20
    """Epochs between two checks, which look at the curve at 13 values of t."""
    patience: Annotated[Count, Unit("checks")] = 2
    """Checks without a fall after which a fit has settled."""
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Relative; a fall by no more than this counts as none."""

    @property
    def rate(self) -> float:
        """The learning rate at the beginning."""
        return self.learning_rate or {"adam": 0.003, "sgd": 0.015}[self.optimizer]


class Path(Entry):
    """What every path has."""

    model_config = ConfigDict(populate_by_name=True)

    from_point: PointName = Field(alias="from")
    """Where it begins: `run@initial`, `run@final`, `run@point_1`, `run@point_2`, or `run@epoch_700`, an epoch
    with a regular checkpoint."""
    to_point: PointName = Field(alias="to")
    """Where it ends, likewise: in a run on the same dataset with the same model; a chain, in the same run."""
    between: Literal["points", "seeds"] = "points"
    """`points`: both ends are of the same seed; `seeds`: they are of two seeds. Not for a chain."""
    pairs: Literal["all", "disjoint"] = "all"
    """With `between: seeds`, which pairs of seeds are joined: all of them, or 0-1, 2-3, …, which share no
    seed and so are independent."""
    points: Annotated[int, Field(ge=2, le=100_000), Unit("values of t")] = 61
    """Values of t at which the path is measured; of a chain, on its first and on its last segment."""
    weight_decay: NotNegative | None = None
    """λ of the path's loss, cross-entropy + (λ/2)‖w‖². None: the run's weight decay if its optimizer is
    `sgd`, else 0, because decay that is decoupled from the gradient, as in `adamw`, is part of no loss."""
    members_at_once: Annotated[Count, Unit("seeds or pairs")] = 1
    """Most seeds, or pairs of seeds, that one job fits as rows of one batch of models, or measures."""


class Segment(Path):
    """The straight line."""

    kind: Literal["segment"]
    """A straight line."""


class Chain(Path):
    """Straight lines through every regular checkpoint between the two points."""

    kind: Literal["chain"]
    """Straight lines through the regular checkpoints between both points."""
    inner_points: Annotated[int, Field(ge=2), Unit("values of t")] = 5
    """Values of t at which each segment but the first and the last is measured."""


class Fitted(Path):
    """A path whose `bends` inner control points are optimised."""

    bends: Annotated[Count, Unit("control points")] = 1
    """Control points between the ends, which are optimised."""
    fit: Fit = Fit()
    """How the bends are optimised, and when that ends."""


class Polyline(Fitted):
    """Straight lines through all control points."""

    kind: Literal["polyline"]
    """Straight lines through bends that are optimised."""


class Bezier(Fitted):
    """A Bézier curve."""

    kind: Literal["bezier"]
    """A Bézier curve whose control points are optimised."""


class UserPath(Fitted):
    """A curve of the user's: a function from (t, number of control points) to the share of each point."""

    kind: Code
    """A user's function from t to the share of each control point; the bends are optimised."""


AnyPath = Annotated[
    Annotated[Segment, Tag("segment")]
    | Annotated[Chain, Tag("chain")]
    | Annotated[Polyline, Tag("polyline")]
    | Annotated[Bezier, Tag("bezier")]
    | Annotated[UserPath, Tag(OWN)],
    Discriminator(lambda value: name_or_own(tag_of(value, "kind"))),
]
