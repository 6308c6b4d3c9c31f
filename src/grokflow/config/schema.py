"""The whole configuration, and every class of which it is made.

`entry` has what all of them share, `training`, `curves`, `sweep` and `shown` the classes by subject.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from grokflow.config.curves import AnyPath, Bezier, Chain, Fit, Fitted, Path, Polyline, Segment, UserPath
from grokflow.config.entry import Entry, Name, Seed
from grokflow.config.shown import Claim, Figure, Reference
from grokflow.config.sweep import Range, Sweep
from grokflow.config.training import (
    INVARIANT_PARTS,
    SGD,
    UNEMBEDDING_NORM,
    AdamW,
    AnyModel,
    Dataset,
    Invariance,
    InvariantParts,
    Model,
    Optimizer,
    Run,
    Streams,
    UserModel,
    UserOptimizer,
)

__all__ = [
    "INVARIANT_PARTS",
    "SGD",
    "UNEMBEDDING_NORM",
    "AdamW",
    "AnyModel",
    "AnyPath",
    "Bezier",
    "Chain",
    "Claim",
    "Config",
    "Dataset",
    "Entry",
    "Figure",
    "Fit",
    "Fitted",
    "Invariance",
    "InvariantParts",
    "Model",
    "Name",
    "Optimizer",
    "Path",
    "Polyline",
    "Range",
    "Reference",
    "Run",
    "Seed",
    "Segment",
    "Streams",
    "Sweep",
    "UserModel",
    "UserOptimizer",
    "UserPath",
]


class Config(Entry):
    """The whole configuration."""

    definitions_from: Annotated[str | None, Field(exclude=True)] = None
    """Another configuration file, relative to this one, of whose entries this one may use any; of its runs,
    paths, sweeps, figures and claims only those are made that this one needs."""
    results: Annotated[str, Field(pattern=r"^[^{}]+$")] = "results"
    """Folder of everything that is made; braces would be wildcards to Snakemake."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs_per_gpu: Annotated[int, Field(ge=1, le=64)] = 1
    """Jobs that may use one GPU at a time, each with its own memory."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    precision: Literal["float32", "float64"] = "float32"
    datasets: dict[Name, Dataset]
    models: dict[Name, AnyModel]
    optimizers: dict[Name, Optimizer]
    runs: dict[Name, Run]
    invariance: Invariance = Invariance()
    paths: dict[Name, AnyPath] = Field(default_factory=dict)
    sweeps: dict[Name, Sweep] = Field(default_factory=dict)
    figures: dict[Name, Figure] = Field(default_factory=dict)
    claims: dict[Name, Claim] = Field(default_factory=dict)
