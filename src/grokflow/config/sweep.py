"""Sweeps: what is varied, over which values."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from grokflow.config.entry import Count, Entry, Epochs, Name, Seed, Seeds, Unit


def _number_or_text(value: object) -> object:
    usable = isinstance(value, int | float | str) and not isinstance(value, bool)
    if not usable or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"expected a finite number or a text, found {value!r} ({type(value).__name__})")
    return value


Value = Annotated[Any, AfterValidator(_number_or_text), WithJsonSchema({"type": ["number", "string"]})]
"""A value of a varied key; whether the key takes it is checked with the key."""


def _number(value: object) -> object:
    # Not isfinite, which fails on a whole number beyond floating point; the distance of two is finite too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e300:
        raise ValueError(f"expected a finite number up to 1e300, found {value!r} ({type(value).__name__})")
    return value


Number = Annotated[Any, AfterValidator(_number), WithJsonSchema({"type": "number"})]


class Range(Entry):
    """Values to draw from: evenly between both ends, or evenly in their logarithm.

    Between two whole numbers whole ones are drawn, both ends included.
    """

    low: Number = Field(alias="from")
    """The smaller end."""
    high: Number = Field(alias="to")
    """The larger end."""
    scale: Literal["linear", "log"] = "linear"
    """Draw evenly in the value, or in its logarithm."""

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
    time, each value is tried alone while the other keys stay as in the entries that the sweep names. A sweep
    has at most 10 000 members: combinations × seeds.
    """

    dataset: Name
    """Name of an entry of `datasets`."""
    model: Name
    """Name of an entry of `models`."""
    optimizer: Name
    """Name of an entry of `optimizers`."""
    vary: Annotated[dict[str, Varied], Field(min_length=1)]
    """The varied keys, such as `optimizer.weight_decay` or `model.layers`: any of dataset, model and
    optimizer but `name`, and `run.initialization_seed` and `run.order_seed`. Each has a list of values or,
    with `draws`, a range `{from, to, scale}`."""
    draws: Annotated[Count, Unit("combinations")] | None = None
    """Combinations that are drawn at random; more draws keep the first ones, and one drawn twice is trained
    once. None: no random design."""
    design_seed: Seed = 0
    """Seed of the draws."""
    one_at_a_time: bool = False
    """Try each value of each key alone instead of every combination. Not with `draws`."""
    seeds: Seeds
    """A list of seeds, or `{from: 0, to: 63}`, both included. Every combination is trained with each."""
    epochs: Epochs
    """Most epochs that are trained."""
    stop_after_point_2: Annotated[int, Field(ge=0), Unit("epochs")] | None = None
    """Epochs to go on after point 2, generalisation; none: train for all `epochs`."""
    members_at_once: Annotated[Count, Unit("members")] = 8
    """Most members that one job trains together, as rows of one batch of models. If they do not fit into
    half of the free memory, they train in several passes; the log says so."""

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
