"""What is trained and audited: datasets, models, optimizers, runs, and the audit of scale invariance."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, model_validator

from grokflow.config.entry import (
    OWN,
    Code,
    Count,
    Entry,
    Epochs,
    Fraction,
    Name,
    NotNegative,
    Positive,
    Seed,
    Seeds,
    Settings,
    Unit,
    name_or_own,
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
    """An expression of a and b, such as `a^2+a*b`: at most 200 characters, exponents up to 1000. Or a user's
    function, `file.py:name`; or a user's table, `file.csv`."""
    modulus: Annotated[int, Field(ge=2, le=1000)] | None = None
    """The operands are the integers modulo this number. Give either this key or `group`."""
    group: str | None = None
    """The operands are the elements of this group: S2 to S6 symmetric, A3 to A6 alternating, D3 to D100
    dihedral, C2 to C100 cyclic. Give either this key or `modulus`."""
    a_from: Annotated[int, Field(ge=0, exclude_if=_is_zero)] = 0
    """Leave out the pairs with a smaller a."""
    b_from: Annotated[int, Field(ge=0)] = 0
    """Leave out the pairs with a smaller b."""
    tokens: Literal["a b", "a o b ="] = "a b"
    """What the model reads of a pair; o is a token for the operation, = one for the equals sign."""
    train_fraction: Fraction
    """Share of the pairs to train on; each split must get at least one pair."""
    split_seed: Seed = 0
    """Seed of the random split into train and validation pairs."""

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
"""What each normalization makes scale-invariant beyond paper P's own norms."""


class Model(Entry):
    """A decoder-only transformer."""

    layers: Annotated[int, Field(ge=1, le=64), Unit("layers")] = 1
    """Transformer layers, each attention and an MLP."""
    width: Annotated[Count, Unit("activations")] = 128
    """Width of the residual stream; it must be heads × head width."""
    mlp_width: Annotated[Count, Unit("activations")] = 512
    """Width of the hidden layer of each MLP."""
    heads: Annotated[Count, Unit("heads")] = 4
    """Attention heads of each layer."""
    head_width: Annotated[Count, Unit("activations")] | None = None
    """Only to state it: anything but width / heads is refused."""
    normalization: Literal[
        "none", "layer_norm", "invariant_attention", "invariant_but_attention", "scale_invariant"
    ] = "none"
    """Where norms stand. `layer_norm`: before attention, before the MLP, inside the MLP and before the
    unembedding (paper P, section 3.4). `scale_invariant`: there, on queries and keys head by head, and on all
    that is written into the residual stream; the norms learn nothing, and the unembedding is frozen. Between
    these two, `invariant_attention`: attention as in the second, all else as in the first; and
    `invariant_but_attention`: the reverse."""
    norm_affine: Literal["none", "gain", "gain_and_bias"] | None = None
    """What the norms learn; none given: gain and bias (Ba et al. 2016). With `layer_norm` and
    `invariant_attention` only."""
    norm_epsilon: Positive | None = None
    """Added to the variance; none given: 1e-20, because PyTorch's 1e-5 is a scale of its own. Not with
    normalization `none`."""
    mlp_norm: Literal["after_relu", "before_relu"] | None = None
    """Where the norm inside the MLP stands; none given: after the ReLU. Not with normalization `none`."""
    unembedding_norm: Positive | None = None
    """L2 norm of the unembedding where it is frozen, which is with `scale_invariant` and
    `invariant_but_attention` only; none given: 10."""

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
    """A model of the user's: anything with `layout` and `logits`, or a `torch.nn.Module`."""

    code: Code
    """A user's class or function, `file.py:name`; what it makes has `layout` and `logits`, or is a
    `torch.nn.Module`."""
    settings: Settings = Field(default_factory=dict)
    """Keyword arguments of the class or function."""
    weight_count: Annotated[Count, Unit("weights")] = 500_000
    """About how many numbers a weight vector has; the time and the memory of a job are estimated from it."""


AnyModel = Annotated[
    Annotated[Model, Tag("transformer")] | Annotated[UserModel, Tag(OWN)],
    Discriminator(lambda value: OWN if tag_of(value, "code") is not None else "transformer"),
]


class SGD(Entry):
    """w ← w − η (g + λ w): stochastic gradient descent with coupled weight decay λ."""

    name: Literal["sgd"]
    """Stochastic gradient descent with coupled weight decay: w ← w − η (g + λ w)."""
    learning_rate: Positive
    """η."""
    weight_decay: NotNegative = 0.0
    """λ, added to the gradient as λ w."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the last step that is kept."""
    batch_size: Annotated[Count, Unit("pairs")] = 512
    """Pairs in a minibatch; the last one of an epoch may have fewer."""


class AdamW(Entry):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) and linear warm-up."""

    name: Literal["adamw"]
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) and linear warm-up."""
    learning_rate: Positive
    """η, after the warm-up."""
    weight_decay: NotNegative = 0.0
    """λ, decoupled: each step takes η λ w off the weights w."""
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Decay, per step, of the mean of the gradient."""
    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.98
    """Decay, per step, of the mean of the squared gradient."""
    epsilon: Positive = 1e-8
    """Added to the root of the mean squared gradient."""
    warmup_steps: Annotated[int, Field(ge=0), Unit("steps")] = 0
    """Steps over which the learning rate rises linearly."""
    batch_size: Annotated[Count, Unit("pairs")] = 512
    """Pairs in a minibatch; the last one of an epoch may have fewer."""


SHARED = ("learning_rate", "weight_decay", "batch_size")
"""What every optimizer has, and so no setting of its own may be called."""


class UserOptimizer(Entry):
    """An optimizer of the user's: a class with `state` and `step`."""

    name: Code
    """A user's class with `state` and `step`."""
    learning_rate: Positive
    """η."""
    weight_decay: NotNegative = 0.0
    """λ, which the class applies as it likes."""
    batch_size: Annotated[Count, Unit("pairs")] = 512
    """Pairs in a minibatch; the last one of an epoch may have fewer."""
    settings: Settings = Field(default_factory=dict)
    """What else the class reads; its argument `settings` has them as attributes, beside those above."""

    @model_validator(mode="after")
    def _settings_of_its_own(self) -> UserOptimizer:
        for key in set(SHARED) & set(self.settings):
            raise ValueError(f"settings.{key}: expected this key beside settings, found it in there")
        return self


Optimizer = Annotated[
    Annotated[SGD, Tag("sgd")] | Annotated[AdamW, Tag("adamw")] | Annotated[UserOptimizer, Tag(OWN)],
    Discriminator(lambda value: name_or_own(tag_of(value, "name"))),
]


class Streams(Entry):
    """Seeds of a training's random streams that are not the run's seed; none: the run's seed.

    The third stream, the split, has a seed of its own in the dataset.
    """

    initialization_seed: Annotated[Seed | None, Field(exclude_if=_is_none)] = None
    """Seed of the initial weights, to hold them fixed while the seeds vary the rest; none: the run's seed."""
    order_seed: Annotated[Seed | None, Field(exclude_if=_is_none)] = None
    """Seed of the order of pairs in every epoch; none: the run's seed."""


class Run(Streams):
    """A training: which dataset, model and optimizer (by name), for how long, with which seeds."""

    dataset: Name
    """Name of an entry of `datasets`."""
    model: Name
    """Name of an entry of `models`."""
    optimizer: Name
    """Name of an entry of `optimizers`."""
    seeds: Seeds
    """A list of seeds, or `{from: 0, to: 63}`, both included; at most 100 000. Each makes a training of its
    own: initial weights and order of pairs."""
    epochs: Epochs
    """Most epochs that are trained."""
    stop_after_point_2: Annotated[int, Field(ge=0), Unit("epochs")] | None = None
    """Epochs to go on after point 2, generalisation; none: train for all `epochs`."""
    checkpoint_every: Epochs = 100
    """Epochs between regular checkpoints."""
    log_every: Epochs = 20
    """Epochs between rows of `history.csv`; epochs with a checkpoint get a row too."""
    members_at_once: Annotated[Count, Unit("seeds")] = 1
    """Most seeds that one job trains together, as rows of one batch of models. Raise it on a GPU; on a CPU
    one job for each seed is faster. A seed that is trained already is never trained again."""
    sphere: bool = False
    """Hold the scale-invariant weights at their initial norm: training on a sphere (Kodryan et al. 2022).
    Needs a model with normalization."""
    precision: Literal["float32", "float64"] | None = None
    """Of this run alone; none: that of the whole configuration."""

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Run:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"expected each seed once in seeds, found {self.seeds}")
        return self


class InvarianceSettings(Entry):
    """The audit of scale invariance: log p(y|x, θ) against log p(y|x, Cθ), in float64."""

    scales: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        default_factory=lambda: [0.5, 2.0]
    )
    """Smallest and largest C."""
    steps: Annotated[int, Field(ge=2, le=1000), Unit("values of C")] = 9
    """Values of C, evenly spaced in log C."""
    tolerance: Annotated[Positive, Unit("nats")] = 1e-9
    """Largest |Δ log p| of an invariant parameter group."""
    pairs: Annotated[Count, Unit("pairs")] = 256
    """Pairs of the table, drawn at random, on which log p is compared."""

    @model_validator(mode="after")
    def _rising(self) -> InvarianceSettings:
        low, high = self.scales
        if not low < high:
            raise ValueError(f"expected the smaller scale first in scales, found {self.scales}")
        return self
