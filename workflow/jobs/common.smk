# What several stages share: names of files, and what every computing job asks for.

import math
import os
import re
from functools import cache, partial
from pathlib import Path

from grokflow import config as configuration
from grokflow.artifacts.gpus import usable_gpus
from grokflow.artifacts.results import CLAIM_FILES
from grokflow.estimates import (
    fit_minutes,
    measuring_minutes,
    row_bytes,
    training_minutes,
    training_work,
)

RESULTS = CONFIG.results
RUN = f"{RESULTS}/runs/{{run}}/seed_{{seed}}"
PATH = f"{RESULTS}/paths/{{path}}/seed_{{seeds}}"
NAME = r"[A-Za-z][A-Za-z0-9_-]*"


wildcard_constraints:
    dataset=NAME,
    run=NAME,
    path=NAME,
    sweep=NAME,
    figure=NAME,
    seed=r"\d+",
    seeds=r"\d+(-\d+)?",
    group=r"\d+(-\d+)?(_to_\d+(-\d+)?)?|[0-9a-f]{16}",


@cache
def has_gpu():
    """Whether this machine has a GPU that a job may use."""
    return bool(usable_gpus(os.environ))


def computes_on_gpu():
    """Whether a computing job is to have a GPU: not if the configuration says so, nor, of jobs that run here, if none is here.

    Jobs that are submitted run where we cannot look, and find out there.
    """
    elsewhere = not workflow.local_exec
    return CONFIG.device == "cuda" or (
        CONFIG.device == "auto" and (elsewhere or has_gpu())
    )


def gpus(wildcards):
    """GPUs that a computing job asks for: one, or none where the profile asks for them itself, by `gres`."""
    defaults = workflow.resource_settings.default_resources or {}
    asked = "gpu" in str(getattr(defaults.get("gres"), "raw", ""))
    return int(computes_on_gpu() and (workflow.local_exec or not asked))


def device_of_job(wildcards):
    """What a job is taken to compute on, when its time is estimated."""
    return "cuda" if computes_on_gpu() else "cpu"


def memory(rows, run, attempt, wildcards):
    """MB of the host for `rows` models like `run` together. A job on a GPU may have to do without, too."""
    libraries = 800 + 3000 * computes_on_gpu()
    return attempt * (libraries + math.ceil(rows * row_bytes(run) / 1e6))


def together(group):
    """The group of jobs that are submitted as one. None where jobs run on this machine: it has no effect there, and
    the time that Snakemake needs to find the jobs that are ready would grow with the square of their number.
    """
    return lambda wildcards: None if workflow.local_exec else group


def dataset_file(run):
    return f"{RESULTS}/datasets/{CONFIG.runs[run].dataset}.csv"


def folders_of_run(run):
    """The folder of each seed of a run."""
    return {
        str(seed): RUN.format(run=run, seed=seed) for seed in CONFIG.runs[run].seeds
    }


def folders_of_path(path):
    """The folder of each seed, or pair of seeds, of a path."""
    return {
        seeds: PATH.format(path=path, seeds=seeds)
        for seeds in configuration.seeds_of_path(CONFIG, path)
    }


def code_of(entry):
    """The user's own files that an entry of the configuration names, with what they import: they lie here, wherever the
    results do.
    """
    return [local(file) for file in files_named(configuration.plain(entry))]


def sweep_file(sweep):
    return f"{RESULTS}/sweeps/{sweep}.csv"


# A job checks its inputs by the records beside them. Where results lie in a storage, it has a copy of its inputs and of
# nothing else; so there, and only there, the records are inputs, too.
IN_STORAGE = workflow.storage_settings.default_storage_provider is not None
RECORD_OF = {
    "periods.csv": "periods.",
    "invariance.csv": "invariance.",
    "rays.csv": "invariance.",
    **dict.fromkeys(CLAIM_FILES, "claims."),
}
"""Files whose record is named neither after the file nor simply provenance.json: how its name begins."""


def record_of(file):
    """The record of the job that makes a file."""
    folder, name = os.path.split(file)
    of_a_seed = os.path.basename(folder).startswith("seed_")
    own = "" if of_a_seed else f"{name.partition('.')[0]}."
    return f"{folder}/{RECORD_OF.get(name, own)}provenance.json"


def records_of(*inputs):
    """An input function: the records of other inputs, each of them a name with wildcards or an input function."""

    def records(wildcards):
        found = [
            each(wildcards) if callable(each) else each.format(**wildcards)
            for each in inputs
        ]
        lists = [[files] if isinstance(files, str) else files for files in found]
        return list(dict.fromkeys(record_of(file) for files in lists for file in files))

    return records if IN_STORAGE else []


# Tables come first, because trainings cannot start without them. Then the runs that paths join, and all that follows
# from what is trained already: so the figures of paths, which tell most, are there early. Then the longest training:
# started last, it would keep one core busy while the others idle.
FIRST = 20_000
EARLY = 10_000


def longest_first(runs):
    """A priority that grows with the work of training these runs together."""
    return min(EARLY - 1, round(100 * math.log2(sum(map(training_work, runs)))))


JOINED = {
    run for path in CONFIG.paths for run in configuration.runs_of_path(CONFIG, path)
}
"""The runs that paths join."""
