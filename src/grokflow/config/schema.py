"""The typed, frozen form of a configuration: what each key may hold.

Key names are the YAML's. Types are strict: no text is taken for a number, no number for a truth value.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
"""A user's name for an entry; it becomes part of a path, so letters, digits, `_` and `-` only."""

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]

MOST_SEEDS = 100_000


def _seeds_of_range(value: object) -> object:
    """`{from: 0, to: 63}` as the list of these seeds."""
    if not isinstance(value, dict):
        return value
    low: Any = value.get("from")
    high: Any = value.get("to")
    whole = type(low) is int and type(high) is int and set(value) == {"from", "to"}
    if whole and 0 <= low <= high < min(low + MOST_SEEDS, 2**63):
        return list(range(low, high + 1))
    expected = "a list of seeds, or {from: 0, to: 63}, both included"
    raise ValueError(f"expected {expected}, found {value}")


Seeds = Annotated[list[Seed], BeforeValidator(_seeds_of_range), Field(min_length=1)]
"""A list of seeds, or `{from: 0, to: 63}`."""
PointName = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*@(initial|final|point_1|point_2|epoch_[0-9]{1,18})$")
]
"""`run@point_1`, `run@point_2`, `run@initial`, `run@final` or `run@epoch_700`."""


MeasuredCurve = Literal[
    "train_loss_l2", "validation_loss_l2", "train_error", "validation_error", "gradient_norm"
]
"""A curve of a path's three panels."""


class Entry(BaseModel):
    """Base of every config object: immutable, strict, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# A key that says nothing new where it has its default is left out of records, so that results that were
# made before there was this key still match.


def _is_zero(value: int) -> bool:
    return value == 0


def _is_none(value: object) -> bool:
    return value is None


class Dataset(Entry):
    """A table a∘b and its split into train and validation pairs."""

    operation: str
    modulus: Annotated[int, Field(ge=2, le=1000)] | None = None
    group: str | None = None
    a_from: Annotated[int, Field(ge=0, exclude_if=_is_zero)] = 0
    b_from: Annotated[int, Field(ge=0)] = 0
    tokens: Literal["a b", "a o b ="] = "a b"
    train_fraction: Fraction
    split_seed: Seed = 0

    @model_validator(mode="after")
    def _one_algebra(self) -> Dataset:
        if (self.modulus is None) == (self.group is None):
            raise ValueError(
                "expected either modulus or group, found " + ("neither" if self.group is None else "both")
            )
        return self

    def train_pairs(self, pairs: int) -> int:
        """How many of the table's `pairs` are train pairs: `train_fraction` of them, rounded down."""
        return math.floor(self.train_fraction * pairs + 1e-9)  # 0.29 · 100 is 28.999… in floating point


UNEMBEDDING_NORM = 10.0
"""‖unembedding‖ at which it is frozen unless the model's configuration says otherwise."""


class InvariantParts(NamedTuple):
    """Which parts of a model are built to be scale-invariant.

    `attention`: queries and keys are normalised head by head, and so is what attention writes into the
    residual stream. `rest`: embeddings and the MLP's output are normalised as they are written, norms learn
    neither gain nor bias, and the unembedding is frozen.
    """

    attention: bool
    rest: bool


INVARIANT_PARTS = {
    "none": InvariantParts(attention=False, rest=False),
    "layer_norm": InvariantParts(attention=False, rest=False),
    "invariant_attention": InvariantParts(attention=True, rest=False),
    "invariant_but_attention": InvariantParts(attention=False, rest=True),
    "scale_invariant": InvariantParts(attention=True, rest=True),
}
"""What each normalisation makes scale-invariant beyond paper P's own norms."""


class Model(Entry):
    """A decoder-only transformer."""

    layers: Annotated[int, Field(ge=1, le=64)] = 1
    width: Count = 128
    mlp_width: Count = 512
    heads: Count = 4
    head_width: Count | None = None
    normalization: Literal[
        "none", "layer_norm", "invariant_attention", "invariant_but_attention", "scale_invariant"
    ] = "none"
    """`layer_norm`: before attention, before the MLP, inside the MLP and before the unembedding (paper P,
    section 3.4). `scale_invariant`: there, on queries and keys, and on all that is written into the
    residual stream; nothing learned in the norms, the unembedding frozen. Between these two,
    `invariant_attention`: attention as in the second, all else as in the first; and
    `invariant_but_attention`: the reverse."""
    norm_affine: Literal["none", "gain", "gain_and_bias"] | None = None
    """What the norms learn where they learn; none given: gain and bias (Ba et al. 2016)."""
    norm_epsilon: Positive | None = None
    """Added to the variance; none given: 1e-20, because PyTorch's 1e-5 is a scale of its own."""
    mlp_norm: Literal["after_relu", "before_relu"] | None = None
    """Where the norm inside the MLP stands; none given: after the ReLU."""
    unembedding_norm: Positive | None = None
    """‖unembedding‖ where it is frozen; none given: 10."""

    @property
    def invariant(self) -> InvariantParts:
        """Which parts are built to be scale-invariant."""
        return INVARIANT_PARTS[self.normalization]

    @model_validator(mode="after")
    def _normalization_takes_its_settings(self) -> Model:
        taken: tuple[str, ...] = ()
        if self.invariant.rest:
            taken = ("norm_epsilon", "mlp_norm", "unembedding_norm")
        elif self.normalization != "none":
            taken = ("norm_affine", "norm_epsilon", "mlp_norm")
        for key in ("norm_affine", "norm_epsilon", "mlp_norm", "unembedding_norm"):
            value = getattr(self, key)
            if value is not None and key not in taken:
                listed = ", ".join(taken) or "no setting"
                expected = f"no such key, because normalization '{self.normalization}' takes {listed}"
                raise ValueError(f"{key}: expected {expected}, found {value!r}")
        return self

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Model:
        expected = f"expected width = heads · head_width, found width {self.width}, heads {self.heads}"
        if self.head_width is not None and self.heads * self.head_width != self.width:
            raise ValueError(f"{expected}, head_width {self.head_width}")
        if self.width % self.heads:
            raise ValueError(f"{expected}, which leaves no whole head_width")
        return self


class SGD(Entry):
    """w ← w − η (g + λ w): stochastic gradient descent with coupled weight decay λ."""

    name: Literal["sgd"]
    learning_rate: Positive
    weight_decay: NotNegative = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    batch_size: Count = 512


class AdamW(Entry):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) and linear warm-up."""

    name: Literal["adamw"]
    learning_rate: Positive
    weight_decay: NotNegative = 0.0
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.98
    epsilon: Positive = 1e-8
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    batch_size: Count = 512


Optimizer = Annotated[SGD | AdamW, Field(discriminator="name")]


class Streams(Entry):
    """Seeds of a training's random streams that are not the run's seed; none: the run's seed.

    The third stream, the split, has a seed of its own in the dataset.
    """

    initialization_seed: Annotated[Seed | None, Field(exclude_if=_is_none)] = None
    """Of the initial weights."""
    order_seed: Annotated[Seed | None, Field(exclude_if=_is_none)] = None
    """Of the order of examples in every epoch."""


class Run(Streams):
    """A training: which dataset, model and optimizer (by name), for how long, with which seeds."""

    dataset: Name
    model: Name
    optimizer: Name
    seeds: Seeds
    epochs: Count
    stop_after_point_2: Annotated[int, Field(ge=0)] | None = None
    """Epochs to go on after point 2; none: train for all `epochs`."""
    checkpoint_every: Count = 100
    log_every: Count = 20
    members_at_once: Count = 1
    """Most seeds that are trained as rows of one batch of models: for a GPU."""
    sphere: bool = False
    """Hold the scale-invariant weights at their initial norm: training on a sphere (Kodryan et al. 2022)."""
    precision: Literal["float32", "float64"] | None = None
    """Of this run alone; none: the configuration's."""

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Run:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"expected each seed once in seeds, found {self.seeds}")
        return self


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


AnyPath = Annotated[Segment | Chain | Polyline | Bezier, Field(discriminator="kind")]


class Reference(Entry):
    """Values that a paper printed, drawn lightly for comparison."""

    epochs: list[NotNegative] = Field(default_factory=list)
    """Of a run: points 1 and 2."""
    t: dict[MeasuredCurve, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Of a path: where something stands on a curve, named by its column of metrics.csv."""
    gradient_norm: Annotated[list[NotNegative], Field(min_length=2, max_length=2)] | None = None
    """Of a path: the gradient norm at both ends."""


class Figure(Entry):
    """A picture: its kind, what it shows, and values printed in the paper, drawn as light references."""

    kind: str
    run: Name | None = None
    runs: Annotated[list[Name], Field(min_length=1)] | None = None
    path: Name | None = None
    paths: Annotated[list[Name], Field(min_length=1)] | None = None
    sweep: Name | None = None
    reference: Reference = Reference()

    @model_validator(mode="after")
    def _one_subject(self) -> Figure:
        if len(self.subjects) > 1:  # that a kind needs one is checked where the kinds are known
            raise ValueError(
                f"expected one of run, runs, path, paths and sweep, found {' and '.join(self.subjects)}"
            )
        return self

    @property
    def subjects(self) -> list[str]:
        """The keys given that name what is shown."""
        keys = ("run", "runs", "path", "paths", "sweep")
        return [key for key in keys if getattr(self, key) is not None]


class Claim(Entry):
    """A claim to judge: on which run or path, and against which other one where the claim compares."""

    claim: str | None = None
    """Id of the criterion; none: the entry's own name."""
    run: Name | None = None
    path: Name | None = None
    sweep: Name | None = None
    against: Name | None = None
    figure: Name | None = None
    """Where it is drawn; none: in the criterion's own figure."""


class Invariance(Entry):
    """The audit of scale invariance: log p(y|x, θ) against log p(y|x, Cθ), in float64."""

    scales: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        default_factory=lambda: [0.5, 2.0]
    )
    """Smallest and largest C."""
    steps: Annotated[int, Field(ge=2, le=1000)] = 9
    """Values of C, evenly spaced in log C."""
    tolerance: Positive = 1e-9
    """Largest |Δ log p| of an invariant group."""
    pairs: Count = 256
    """Pairs of the table, drawn at random, on which log p is compared."""

    @model_validator(mode="after")
    def _rising(self) -> Invariance:
        low, high = self.scales
        if not low < high:
            raise ValueError(f"expected the smaller scale first in scales, found {self.scales}")
        return self


def _number_or_text(value: object) -> object:
    usable = isinstance(value, int | float | str) and not isinstance(value, bool)
    if not usable or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"expected a finite number or a text, found {value!r} ({type(value).__name__})")
    return value


Value = Annotated[Any, AfterValidator(_number_or_text)]
"""A value of a varied key; whether the key takes it is checked with the key."""


def _number(value: object) -> object:
    # Not isfinite, which fails on a whole number beyond floating point; the distance of two is finite too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e300:
        raise ValueError(f"expected a finite number up to 1e300, found {value!r} ({type(value).__name__})")
    return value


Number = Annotated[Any, AfterValidator(_number)]


class Range(Entry):
    """Values to draw from: evenly between both ends, or evenly in their logarithm.

    Between two whole numbers whole ones are drawn, both ends included.
    """

    low: Number = Field(alias="from")
    high: Number = Field(alias="to")
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _rising(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"expected the smaller end first, found from {self.low} to {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"expected positive ends on a log scale, found from {self.low}")
        return self


def _grid_or_range(value: object) -> str:
    return "range" if isinstance(value, dict | Range) else "grid"


Varied = Annotated[
    Annotated[list[Value], Field(min_length=1), Tag("grid")] | Annotated[Range, Tag("range")],
    Discriminator(_grid_or_range),
]
"""What a key of a sweep takes: the values of a list, or draws from a range."""


class Sweep(Entry):
    """Many short trainings that differ in a few keys, with every seed each.

    A grid trains every combination of the keys' values; a random design draws `draws` combinations; one at a
    time, each value is tried alone while the other keys stay as in the entries that the sweep names.
    """

    dataset: Name
    model: Name
    optimizer: Name
    vary: Annotated[dict[str, Varied], Field(min_length=1)]
    """Keys such as `optimizer.weight_decay` or `run.order_seed`, each with its values or their range."""
    draws: Count | None = None
    """How many combinations are drawn at random; more draws keep the first ones. None: no random design."""
    design_seed: Seed = 0
    """Of the draws."""
    one_at_a_time: bool = False
    """Try each value of each key alone instead of every combination."""
    seeds: Seeds
    epochs: Count
    stop_after_point_2: Annotated[int, Field(ge=0)] | None = None
    members_at_once: Count = 8
    """Most members that are trained as rows of one batch of models."""

    @model_validator(mode="after")
    def _distinct(self) -> Sweep:
        if self.one_at_a_time and self.draws is not None:
            raise ValueError(
                "draws: expected no such key, because one_at_a_time tries every value of its lists, "
                f"found {self.draws}"
            )
        for key, values in {"seeds": self.seeds, **self.vary}.items():
            if isinstance(values, Range):
                if self.draws is None:
                    instead = "" if self.one_at_a_time else ", or 'draws' too"
                    raise ValueError(f"vary.{key}: expected a list of values{instead}, found a range")
            elif len(set(values)) != len(values):
                raise ValueError(f"expected each value once in {key}, found {values}")
        return self


class Config(Entry):
    """The whole configuration."""

    results: Annotated[str, Field(pattern=r"^[^{}]+$")] = "results"
    """Folder of everything that is made; braces would be wildcards to Snakemake."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    precision: Literal["float32", "float64"] = "float32"
    datasets: dict[Name, Dataset]
    models: dict[Name, Model]
    optimizers: dict[Name, Optimizer]
    runs: dict[Name, Run]
    invariance: Invariance = Invariance()
    paths: dict[Name, AnyPath] = Field(default_factory=dict)
    sweeps: dict[Name, Sweep] = Field(default_factory=dict)
    figures: dict[Name, Figure] = Field(default_factory=dict)
    claims: dict[Name, Claim] = Field(default_factory=dict)
