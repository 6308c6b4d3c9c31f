"""What is made of the results: figures, with what a paper printed, and claims."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from grokflow.config.entry import Entry, Name, NotNegative, Unit

MeasuredCurve = Literal[
    "train_loss_l2", "validation_loss_l2", "train_error", "validation_error", "gradient_norm"
]
"""A curve of a path's three panels."""

FigureStyle = Literal["screen", "column", "two_columns"]
"""For a screen, or for a journal's page: one column wide (89 mm), or two (183 mm)."""


def _is_unset(value: object) -> bool:
    """A key that is not given is left out of records, so that those made before there was it still match."""
    return not value


class Reference(Entry):
    """Values that a paper printed, drawn lightly for comparison."""

    epochs: Annotated[list[NotNegative], Unit("epochs")] = Field(default_factory=list)
    """Of a run: points 1 and 2."""
    t: dict[MeasuredCurve, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Of a path: where something stands on a curve, named by its column of metrics.csv."""
    gradient_norm: Annotated[list[NotNegative], Field(min_length=2, max_length=2)] | None = None
    """Of a path: the gradient norm at both ends."""


class Figure(Entry):
    """A picture: its kind, what it shows, and values printed in the paper, drawn as light references."""

    kind: str
    """What is drawn."""
    run: Name | None = None
    """Name of an entry of `runs`, for a kind that draws one."""
    runs: Annotated[list[Name], Field(min_length=1)] | None = None
    """Names of entries of `runs`, for a kind that draws several."""
    path: Name | None = None
    """Name of an entry of `paths`, for a kind that draws one."""
    paths: Annotated[list[Name], Field(min_length=1)] | None = None
    """Names of entries of `paths`, for a kind that draws several."""
    sweep: Name | None = None
    """Name of an entry of `sweeps`, for a kind that draws one."""
    reference: Reference = Reference()
    """What a paper printed, drawn lightly for comparison."""
    caption: Annotated[str | None, Field(exclude_if=_is_unset)] = None
    """What to see, for the report; none: what its kind says."""
    category: Annotated[str | None, Field(exclude_if=_is_unset)] = None
    """The part of the report in which it stands; none: its paper by its name, or "Your own"."""
    style: Annotated[FigureStyle | None, Field(exclude_if=_is_unset)] = None
    """None: the configuration's `figure_style`."""
    names: Annotated[dict[Name, str], Field(exclude_if=_is_unset)] = Field(default_factory=dict)
    """What the picture calls its runs; of one that has no name here, words made from its configuration."""

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
    """Name of the run that is judged, for a criterion about a run."""
    path: Name | None = None
    """Name of the path that is judged, for a criterion about a path."""
    sweep: Name | None = None
    """Name of the sweep that is judged, for a criterion about a sweep."""
    against: Name | None = None
    """Name of the run or path with which it is compared, for a criterion that compares."""
    reads: Annotated[list[Literal["invariance.csv", "rays.csv"]], Field(exclude_if=_is_unset)] = Field(
        default_factory=list
    )
    """Of a claim of your own about a run: the tables of the audit that it reads, which not every run has."""
    figure: Name | None = None
    """Name of the figure that shows it, as `claims.md` says; none: the criterion's own figure."""
