"""The whole configuration, and every class of which it is made.

`entry` has what all of them share, `training`, `curves`, `sweep` and `outputs` the classes by subject.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from grokflow.config.curves import AnyPath, Bezier, Chain, Fit, Fitted, Path, Polyline, Segment, UserPath
from grokflow.config.entry import Entry, Name, Seed, Unit
from grokflow.config.outputs import Claim, Figure, FigureStyle, Reference
from grokflow.config.sweep import Range, Sweep
from grokflow.config.training import (
    INVARIANT_PARTS,
    SGD,
    UNEMBEDDING_NORM,
    AdamW,
    AnyModel,
    Dataset,
    InvarianceSettings,
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
    "FigureStyle",
    "Fit",
    "Fitted",
    "InvarianceSettings",
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
    """Another configuration file, relative to this one, of whose entries this one may use any. Of its runs,
    paths, sweeps, figures and claims only those are made that this one needs, and into a folder of their own:
    `results/` and the name of this file, unless `results` is given."""
    results: Annotated[str, Field(pattern=r"^[^{}]+$")] = "results"
    """Folder of everything that is made; braces would be wildcards to Snakemake."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What computes; `auto` takes a GPU if there is one."""
    jobs_per_gpu: Annotated[int, Field(ge=1, le=64), Unit("jobs")] = 1
    """Jobs that may use one GPU at a time, each with memory of its own; the others wait."""
    threads: Annotated[int, Field(ge=1, le=1024), Unit("threads")] = 1
    """Threads of one job. Results are the same bit for bit only for the same number."""
    precision: Literal["float32", "float64"] = "float32"
    """Of weights and of all that is computed with them."""
    miniature: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether it is so small that its claims are about itself alone, and about no paper."""
    datasets: dict[Name, Dataset]
    """Tables a∘b, each with its split, by name."""
    models: dict[Name, AnyModel]
    """Architectures, by name."""
    optimizers: dict[Name, Optimizer]
    """Optimizers with their settings, by name."""
    runs: dict[Name, Run]
    """Trainings, by name."""
    invariance: InvarianceSettings = InvarianceSettings()
    """How scale invariance is audited."""
    paths: dict[Name, AnyPath] = Field(default_factory=dict)
    """Paths between points of runs, by name."""
    sweeps: dict[Name, Sweep] = Field(default_factory=dict)
    """Many short trainings that differ in a few keys, by name."""
    figures: dict[Name, Figure] = Field(default_factory=dict)
    """Pictures, by name; the name becomes that of the file."""
    figure_style: Annotated[FigureStyle, Field(exclude_if=lambda value: value == "screen")] = "screen"
    """Of every figure that has no `style` of its own."""
    claims: dict[Name, Claim] = Field(default_factory=dict)
    """Claims to judge, by name."""
