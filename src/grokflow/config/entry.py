"""What every object of a configuration is made of: the base class, and the types of its keys.

Key names are the YAML's. Types are strict: no text is taken for a number, no number for a truth value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from grokflow.user_code import CODE


@dataclass(frozen=True)
class Unit:
    """The unit of a key, for the reference and for editors."""

    name: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(core) | {"unit": self.name}


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
"""A user's name for an entry; it becomes part of a path, so letters, digits, `_` and `-` only."""

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Epochs = Annotated[Count, Unit("epochs")]
Seed = Annotated[int, Field(ge=0, lt=2**63)]

MOST_SEEDS = 100_000


class Entry(BaseModel):
    """Base of every config object: immutable, strict, no unknown key. The text under a key is its meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SeedRange(Entry):
    """All seeds between two, both included."""

    low: Seed = Field(alias="from")
    """The first seed."""
    high: Seed = Field(alias="to")
    """The last seed."""


SEEDS_EXPECTED = "a list of seeds, or {from: 0, to: 63}, both included"


def _seeds_of_range(value: object) -> object:
    """`{from: 0, to: 63}` as the list of these seeds."""
    if not isinstance(value, dict):
        return value
    low: Any = value.get("from")
    high: Any = value.get("to")
    whole = type(low) is int and type(high) is int and set(value) == {"from", "to"}
    if whole and 0 <= low <= high < min(low + MOST_SEEDS, 2**63):
        return list(range(low, high + 1))
    raise ValueError(f"expected {SEEDS_EXPECTED}, found {value}")


Seeds = Annotated[
    list[Seed],
    Field(min_length=1),
    BeforeValidator(
        _seeds_of_range, json_schema_input_type=Annotated[list[Seed], Field(min_length=1)] | SeedRange
    ),
]
"""A list of seeds, or `{from: 0, to: 63}`."""
Code = Annotated[str, Field(pattern=CODE)]
"""`file.py:name`: a function or class of the user's."""


def _setting(value: object) -> object:
    usable = isinstance(value, int | float | str) and not (
        isinstance(value, float) and not math.isfinite(value)
    )
    if not usable:
        raise ValueError(
            f"expected a finite number, a text, true or false, found {value!r} ({type(value).__name__})"
        )
    return value


Settings = dict[
    Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Annotated[Any, AfterValidator(_setting)]
]
"""What a user's code is given by name."""


def tag_of(value: Any, key: str) -> Any:
    """The value of the key that tells the classes of a union apart, of raw or of checked configuration."""
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


OWN = "file.py:name"
"""The tag of the classes for what a user's own code makes, as messages call it; no name is like it."""


def name_or_own(tag: Any) -> Any:
    """The tag itself, or `OWN` where it names a class or function of the user's."""
    return OWN if isinstance(tag, str) and re.match(CODE, tag) else tag


PointName = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*@(initial|final|point_1|point_2|epoch_[0-9]{1,18})$")
]
"""`run@point_1`, `run@point_2`, `run@initial`, `run@final` or `run@epoch_700`."""
