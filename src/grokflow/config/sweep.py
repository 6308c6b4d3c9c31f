"""Sweeps: what is varied, over which values."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from grokflow.config.entry import Count, Entry, Name, Seed, Seeds


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
