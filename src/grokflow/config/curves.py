"""Paths between points, and how the bends of those that have some are fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from grokflow.config.entry import (
    Code,
    Count,
    Entry,
    NotNegative,
    PointName,
    Positive,
    name_or_code,
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
    """None: 0.003 of Adam; 0.015 of SGD, as in Garipov et al."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD; Adam's β₁."""
    epochs: Count = 1000
    """The budget: most epochs that are fitted."""
    check_every: Count = 20
    """Epochs between two looks at the errors on the curve."""
    patience: Count = 2
    """Checks without a fall after which a fit has settled."""
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Relative; a fall by no more than this is none."""

    @property
    def rate(self) -> float:
        """The learning rate at the beginning."""
        return self.learning_rate or {"adam": 0.003, "sgd": 0.015}[self.optimizer]


class Path(Entry):
    """What every path has. `between: seeds` joins the same points of two seeds on one split."""

    model_config = ConfigDict(populate_by_name=True)

    from_point: PointName = Field(alias="from")
    to_point: PointName = Field(alias="to")
    between: Literal["points", "seeds"] = "points"
    pairs: Literal["all", "disjoint"] = "all"
    """Which pairs of seeds are joined: every pair, or 0-1, 2-3, …, which share no seed."""
    points: Annotated[int, Field(ge=2, le=100_000)] = 61
    """Values of t at which the path is measured; for a chain, on its first and its last segment."""
    weight_decay: NotNegative | None = None
    """λ of the path's loss, cross-entropy + (λ/2)‖w‖²; none: the run's weight decay."""
    members_at_once: Count = 1
    """Seeds, or pairs of seeds, that are fitted as rows of one batch of models and measured in one job."""


class Segment(Path):
    """The straight line."""

    kind: Literal["segment"]


class Chain(Path):
    """Straight lines through every regular checkpoint between the two points."""

    kind: Literal["chain"]
    inner_points: Annotated[int, Field(ge=2)] = 5
    """Values of t on each inner segment."""


class Fitted(Path):
    """A path whose `bends` inner control points are optimised."""

    bends: Count = 1
    fit: Fit = Fit()


class Polyline(Fitted):
    """Straight lines through all control points."""

    kind: Literal["polyline"]


class Bezier(Fitted):
    """A Bézier curve."""

    kind: Literal["bezier"]


class UserPath(Fitted):
    """A curve of the user's: a function from (t, number of control points) to the share of each point."""

    kind: Code
    """`file.py:name` of the function."""


AnyPath = Annotated[
    Annotated[Segment, Tag("segment")]
    | Annotated[Chain, Tag("chain")]
    | Annotated[Polyline, Tag("polyline")]
    | Annotated[Bezier, Tag("bezier")]
    | Annotated[UserPath, Tag("code")],
    Discriminator(lambda value: name_or_code(tag_of(value, "kind"))),
]
