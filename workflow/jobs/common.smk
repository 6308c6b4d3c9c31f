# What several stages share: names of files, and what every computing job asks for.

import math
import re
import shutil
from functools import partial
from pathlib import Path

from grokflow import config as configuration

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


def gpus():
    """GPUs that a computing job asks for: 0 where the configuration wants none or this machine has none."""
    present = shutil.which("nvidia-smi") is not None
    return int(CONFIG.device == "cuda" or (CONFIG.device == "auto" and present))


def memory(mb):
    """Of the host, for a job that takes `mb` on a CPU. CUDA keeps its own beside that: an estimate."""
    return mb + 3000 * gpus()


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


def sweep_file(sweep):
    return f"{RESULTS}/sweeps/{sweep}.csv"


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
