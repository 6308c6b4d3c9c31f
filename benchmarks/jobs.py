"""What surrounds the computing: a job's start, the jobs that do not compute, a job's memory.

All but the start is read from the benchmark files that Snakemake leaves beside the logs of a
finished results tree: for each job its wall-clock seconds `s`, from the start of its Python to the
end, and its largest resident memory `max_rss` in MiB, sampled. A file's own time is the job's end.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.table import Row
from benchmarks.timing import Pairs, alternate

COMPUTING = ("train", "group", "fit", "measure")
REPEATS = 7
LONGEST_GAP = 60.0
"""Seconds. Nothing running for longer is a pause between two calls of Snakemake, not its work."""
LARGEST_MEMORY = 1024.0
"""MiB: the bound on any job, 1 GiB."""


@dataclass(frozen=True)
class Job:
    """One finished job and its `kind_of`."""

    kind: str
    seconds: float
    memory: float
    end: float

    @property
    def start(self) -> float:
        return self.end - self.seconds


def read_jobs(results: Path) -> list[Job]:
    """Every job of a results tree, or none where there is no finished one."""
    jobs = []
    for path in sorted(results.glob("logs/**/*.benchmark.tsv")):
        table = pd.read_csv(path, sep="\t", na_values="-")
        kind = kind_of(path.name.removesuffix(".benchmark.tsv"))
        end = path.stat().st_mtime
        jobs += [Job(kind, row.s, row.max_rss, end) for row in table.itertuples()]
    return jobs


def kind_of(name: str) -> str:
    """`train` of `seed_0_to_7.train`, `group` of a sweep's `group_0123456789abcdef`; else the name itself.

    >>> [kind_of(name) for name in ("seed_0-1.measure", "fit_0_to_2", "train_fraction")]
    ['measure', 'fit', 'train_fraction']
    """
    group = re.fullmatch(r"group_[0-9a-f]{16}|fit_[\d-]+(_to_[\d-]+)?", name)
    return name.partition("_")[0] if group else name.rpartition(".")[2]


def start() -> Row:
    """`job_start`: time of a job that only imports what a training imports ÷ of importing PyTorch."""
    pairs = _starts()
    seconds = float(np.median(pairs.a))
    return Row("job_start", *pairs.ratio(), seconds, "s", "python -c 'import torch'", "cpu")


def overhead(results: Path) -> Row | None:
    """`workflow_overhead`: seconds of everything else ÷ seconds of computing; None without a finished tree.

    Computing is what trainings, groups of sweeps, fits and measurements take after their start.
    Everything else: their starts, all other jobs, and the time in which no job ran. A start is as
    measured now, but no longer than the tree's shortest such job, made under the tree's own load.
    """
    jobs = read_jobs(results)
    computing_jobs = [job for job in jobs if job.kind in COMPUTING]
    if not computing_jobs:
        return None
    in_jobs = sum(job.seconds for job in computing_jobs)
    others = sum(job.seconds for job in jobs) - in_jobs
    idle = _idle_seconds(jobs)
    starts = np.minimum(_starts().a, min(job.seconds for job in computing_jobs))

    def ratio(seconds_of_a_start: float) -> float:
        in_starts = len(computing_jobs) * seconds_of_a_start
        return (in_starts + others + idle) / (in_jobs - in_starts)

    middle, low, high = (float(np.quantile(starts, q)) for q in (0.5, 0.1, 0.9))
    in_starts = len(computing_jobs) * middle
    against = (
        f"{in_jobs - in_starts:.0f} s of computing in {len(computing_jobs)} jobs; "
        f"else: their starts {in_starts:.0f} s, other jobs {others:.0f} s, no job {idle:.0f} s"
    )
    return Row(
        "workflow_overhead",
        ratio(middle),
        ratio(low),
        ratio(high),
        in_starts + others + idle,
        "s",
        against,
        "cpu",
    )


def memory(results: Path) -> Row | None:
    """`peak_memory`: the largest resident memory of any job ÷ 1 GiB; low: the smallest job's.

    None without a finished tree.
    """
    known = [job for job in read_jobs(results) if job.memory > 0]
    if not any(job.kind in COMPUTING for job in known):
        return None
    largest = max(known, key=lambda job: job.memory)
    ratio = largest.memory / LARGEST_MEMORY
    smallest = min(job.memory for job in known) / LARGEST_MEMORY
    against = f"1 GiB; largest of {len(known)} jobs: {largest.kind}"
    return Row("peak_memory", ratio, smallest, ratio, largest.memory, "MiB", against, "cpu")


@functools.cache
def _starts() -> Pairs:
    """Two rows need it; it is measured once."""
    return alternate(
        lambda: _python(_imports(Path("workflow/scripts/train.py"))),
        lambda: _python("import torch"),
        repeats=REPEATS,
    )


def _idle_seconds(jobs: list[Job]) -> float:
    """Seconds between first start and last end in which no job ran, long pauses left out."""
    idle, covered = 0.0, min(job.start for job in jobs)
    for job in sorted(jobs, key=lambda job: job.start):
        gap = job.start - covered
        idle += gap if 0 < gap <= LONGEST_GAP else 0.0
        covered = max(covered, job.end)
    return idle


def _imports(script: Path) -> str:
    """The import statements of a workflow script, after the one that Snakemake adds to each."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    found = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    return "\n".join(["from snakemake import script", *found])


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)
