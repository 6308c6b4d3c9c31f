"""What a figure's `reference` may hold: values that a paper printed, drawn for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError

from grokflow.config.schema import Entry
from grokflow.errors import ConfigError, nearest

Column = Literal[
    "train_loss_l2", "validation_loss_l2", "train_error", "validation_error", "gradient_norm"
]
"""A curve of a path's three panels, by its column of metrics.csv."""

Epoch = Annotated[float, Field(ge=0)]
Place = Annotated[float, Field(ge=0, le=1)]
Norm = Annotated[float, Field(ge=0)]


class RunReference(Entry):
    """`epochs`: the paper's points 1 and 2."""

    epochs: list[Epoch] = Field(default_factory=list)


class PathReference(Entry):
    """`t`: where something stands on a curve; `gradient_norm`: its values at both ends."""

    t: dict[Column, Place] = Field(default_factory=dict)
    gradient_norm: Annotated[list[Norm], Field(min_length=2, max_length=2)] | None = None


class NoReference(Entry):
    """The paper prints no number that this kind of figure could show."""


_Reference = TypeVar("_Reference", bound=Entry)


def read_reference(
    kind: type[_Reference], reference: Mapping[str, Any], key: str = "figures.reference"
) -> _Reference:
    """The reference of a figure, checked.

    Raises
    ------
    ConfigError : that names the first key at fault, under `key`.
    """
    try:
        return kind.model_validate(dict(reference))
    except ValidationError as error:
        problem = error.errors()[0]
    place = [str(part) for part in problem["loc"] if part != "[key]"]
    where = ".".join([key, *place])
    if problem["type"] in ("extra_forbidden", "literal_error"):
        valid = list(kind.model_fields) if len(place) == 1 else list(get_args(Column))
        expected = f"a known key ({', '.join(valid)})" if valid else "no key here"
        raise ConfigError(
            where, expected=expected, found=f"'{place[-1]}'", mend=nearest(place[-1], valid)
        )
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    raise ConfigError(
        where, expected=expected[0].lower() + expected[1:], found=repr(problem["input"])
    )
