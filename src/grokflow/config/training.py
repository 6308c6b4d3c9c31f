"""What is trained and audited: datasets, models, optimizers, runs, and the audit of scale invariance."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, model_validator

from grokflow.config.entry import (
    Code,
    Count,
    Entry,
    Fraction,
    Name,
    NotNegative,
    Positive,
    Seed,
    Seeds,
    Settings,
    name_or_code,
    tag_of,
)
from grokflow.user_code import CODE, TABLE

# A key that says nothing new where it has its default is left out of records, so that results that were
# made before there was this key still match.


def _is_zero(value: int) -> bool:
    return value == 0


def _is_none(value: object) -> bool:
    return value is None


class Dataset(Entry):
    """A table a∘b and its split into train and validation pairs."""

    operation: str
    """An expression such as `a^2+a*b`; a user's function `file.py:name`; or a user's table `file.csv`."""
    modulus: Annotated[int, Field(ge=2, le=1000)] | None = None
    group: str | None = None
    a_from: Annotated[int, Field(ge=0, exclude_if=_is_zero)] = 0
    b_from: Annotated[int, Field(ge=0)] = 0
    tokens: Literal["a b", "a o b ="] = "a b"
    train_fraction: Fraction
    split_seed: Seed = 0

    @model_validator(mode="after")
    def _one_algebra(self) -> Dataset:
        given = [key for key in ("modulus", "group") if getattr(self, key) is not None]
        if self.is_table:
            if given:
                raise ValueError(
                    f"{given[0]}: expected no such key, because a table names its own elements, "
                    f"found {getattr(self, given[0])!r}"
                )
        elif self.code is not None and self.group is not None:
            raise ValueError(f"group: expected modulus, which a function is given, found '{self.group}'")
        elif len(given) != 1:
            raise ValueError(
                "expected either modulus or group, found " + ("neither" if self.group is None else "both")
            )
        return self

    @property
    def is_table(self) -> bool:
        """Whether `operation` names a user's table."""
        return bool(re.match(TABLE, self.operation))

    @property
    def code(self) -> str | None:
        """The user's function that `operation` names; None for an expression or a table."""
        return self.operation if re.match(CODE, self.operation) else None

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


class UserModel(Entry):
    """A model of the user's: a class with `layout` and `logits`, or a `torch.nn.Module`."""

    code: Code
    """`file.py:name` of the class."""
    settings: Settings = Field(default_factory=dict)
    """Keyword arguments of the class."""
    weights: Count = 500_000
    """About how many numbers a weight vector has; the time and the memory of a job are estimated from it."""


AnyModel = Annotated[
    Annotated[Model, Tag("transformer")] | Annotated[UserModel, Tag("code")],
    Discriminator(lambda value: "code" if tag_of(value, "code") is not None else "transformer"),
]


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


class UserOptimizer(Entry):
    """An optimizer of the user's: a class with `state` and `step`."""

    name: Code
    """`file.py:name` of the class."""
    learning_rate: Positive
    weight_decay: NotNegative = 0.0
    batch_size: Count = 512
    settings: Settings = Field(default_factory=dict)
    """What else the class reads; its argument `settings` has them as attributes, beside those above."""


Optimizer = Annotated[
    Annotated[SGD, Tag("sgd")] | Annotated[AdamW, Tag("adamw")] | Annotated[UserOptimizer, Tag("code")],
    Discriminator(lambda value: name_or_code(tag_of(value, "name"))),
]


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
