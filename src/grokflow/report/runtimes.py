"""How long the jobs behind a figure took, from the benchmark files beside their logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from grokflow.artifacts.durations import duration
from grokflow.config import Config, Figure, runs_of_path
from grokflow.errors import ArtifactError


class Runtime(NamedTuple):
    """What the jobs of one kind took together."""

    what: str
    jobs: int
    seconds: float

    @property
    def text(self) -> str:
        """Such as `trained mode_connectivity in 1 h 20 min (48 jobs)`."""
        jobs = "" if self.jobs == 1 else f" ({self.jobs} jobs, their times added)"
        return f"{self.what} in {duration(self.seconds)}{jobs}"


def runtimes_of(results: Path, config: Config, name: str, figure: Figure) -> list[Runtime]:
    """What is on record of the trainings, fits and measurements behind a figure, and of drawing it."""
    logs = results / "logs"
    found = [_added(what, logs.glob(pattern)) for what, pattern in _jobs(config, name, figure)]
    return [runtime for runtime in found if runtime.jobs]


def _jobs(config: Config, name: str, figure: Figure) -> Iterator[tuple[str, str]]:
    """The kinds of jobs in their order, with a pattern of their benchmark files."""
    paths = [path for path in (figure.path, *(figure.paths or ())) if path]
    runs = [run for run in (figure.run, *(figure.runs or ())) if run]
    runs += [run for path in paths for run in runs_of_path(config, path)]
    for run in dict.fromkeys(runs):
        yield f"trained {run}", f"runs/{run}/*.train.benchmark.tsv"
    for path in paths:
        yield f"fitted {path}", f"paths/{path}/fit_*.benchmark.tsv"
        yield f"measured {path}", f"paths/{path}/*.measure.benchmark.tsv"
    if figure.sweep:
        yield f"trained the members of {figure.sweep}", f"sweeps/{figure.sweep}/*.benchmark.tsv"
    if not figure.subjects:
        yield "judged the claims", "claims.benchmark.tsv"
    yield "drawn", f"figures/{name}.benchmark.tsv"


def _added(what: str, files: Iterator[Path]) -> Runtime:
    seconds = [_seconds(file) for file in sorted(files)]
    return Runtime(what, len(seconds), sum(seconds))


def _seconds(file: Path) -> float:
    """Of a job that was run more than once, the last time."""
    try:
        return float(pd.read_csv(file, sep="\t")["s"].iloc[-1])
    except (KeyError, ValueError, IndexError) as error:
        mend = "Delete it: the report then does not say how long that job took."
        raise ArtifactError(file, expected="a column s", found=str(error), mend=mend) from None
