# What the rules share: names of files, and what one job needs of the configuration.

import shutil

from grokflow import config as configuration

RESULTS = CONFIG.results
RUN = f"{RESULTS}/runs/{{run}}/seed_{{seed}}"
PATH = f"{RESULTS}/paths/{{path}}/seed_{{member}}"
NAME = r"[A-Za-z][A-Za-z0-9_-]*"


wildcard_constraints:
    dataset=NAME,
    run=NAME,
    path=NAME,
    figure=NAME,
    seed=r"\d+",
    member=r"\d+(-\d+)?",


def gpus():
    """GPUs that a computing job asks for: 0 where the configuration or this machine wants none."""
    present = shutil.which("nvidia-smi") is not None
    return int(CONFIG.device == "cuda" or (CONFIG.device == "auto" and present))


def dataset_file(run):
    return f"{RESULTS}/datasets/{CONFIG.runs[run].dataset}.csv"


def dataset_parameters(wildcards):
    return configuration.plain(CONFIG.datasets[wildcards.dataset])


# Runs


def dataset_of_run(wildcards):
    return dataset_file(wildcards.run)


def run_parameters(wildcards):
    resolved = configuration.resolve_run(CONFIG, wildcards.run, int(wildcards.seed))
    return configuration.plain(resolved)


# Paths


def resolved_path(wildcards):
    return configuration.resolve_path(CONFIG, wildcards.path, wildcards.member)


def path_parameters(wildcards):
    return configuration.plain(resolved_path(wildcards))


def connection_parameters(wildcards):
    """As `path_parameters`, without where the path is measured: that does not move its bends."""
    parameters = path_parameters(wildcards)
    for key in ("points", "inner_points"):
        parameters["path"].pop(key, None)
    return parameters


def dataset_of_path(wildcards):
    return dataset_file(configuration.runs_of_path(CONFIG, wildcards.path)[0])


def ends_of_path(wildcards, name):
    """The file `name` of the run at each end of a path: one file when both ends lie in one run."""
    resolved = resolved_path(wildcards)
    runs = configuration.runs_of_path(CONFIG, wildcards.path)
    seeds = (resolved.from_run.seed, resolved.to_run.seed)
    folders = [RUN.format(run=run, seed=seed) for run, seed in zip(runs, seeds)]
    return [f"{folder}/{name}" for folder in dict.fromkeys(folders)]


def points_of_path(wildcards):
    return ends_of_path(wildcards, "points.json")


def checkpoints_of_path(wildcards):
    return ends_of_path(wildcards, "checkpoints")


# Figures and claims


def members(run, path):
    """The folders that a run or a path is made of: its seeds, or its pairs of seeds."""
    if run is not None:
        return {
            str(seed): RUN.format(run=run, seed=seed) for seed in CONFIG.runs[run].seeds
        }
    return {
        member: PATH.format(path=path, member=member)
        for member in configuration.members_of_path(CONFIG, path)
    }


def tables(run, path):
    """The tables in those folders."""
    names = ("history.csv", "points.json") if run else ("metrics.csv", "path.json")
    return [f"{folder}/{n}" for folder in members(run, path).values() for n in names]


def members_of_figure(wildcards):
    figure = CONFIG.figures[wildcards.figure]
    return members(figure.run, figure.path)


def tables_of_figure(wildcards):
    figure = CONFIG.figures[wildcards.figure]
    return tables(figure.run, figure.path)


def dataset_of_figure(wildcards):
    figure = CONFIG.figures[wildcards.figure]
    run = figure.run or configuration.runs_of_path(CONFIG, figure.path)[0]
    return dataset_file(run)


def figure_parameters(wildcards):
    return configuration.plain(CONFIG.figures[wildcards.figure])


def claims_parameters():
    return {name: configuration.plain(claim) for name, claim in CONFIG.claims.items()}


def subjects_of_claims():
    """Every run and path that a claim is about, with its members' folders."""
    claims = CONFIG.claims.values()
    runs = {name for c in claims for name in (c.run, c.against) if name in CONFIG.runs}
    paths = {
        name for c in claims for name in (c.path, c.against) if name in CONFIG.paths
    }
    return {
        "runs": {run: members(run, None) for run in sorted(runs)},
        "paths": {path: members(None, path) for path in sorted(paths)},
    }


def tables_of_claims(wildcards):
    subjects = subjects_of_claims()
    of_runs = [table for run in subjects["runs"] for table in tables(run, None)]
    return of_runs + [
        table for path in subjects["paths"] for table in tables(None, path)
    ]


# Everything


def all_results():
    """Every artifact that the configuration asks for."""
    runs = [
        f"{folder}/points.json"
        for run in CONFIG.runs
        for folder in members(run, None).values()
    ]
    paths = [
        f"{folder}/metrics.csv"
        for path in CONFIG.paths
        for folder in members(None, path).values()
    ]
    figures = [
        f"{RESULTS}/figures/{figure}.{ending}"
        for figure in CONFIG.figures
        for ending in ("png", "svg")
    ]
    claims = (
        [f"{RESULTS}/claims.{ending}" for ending in ("csv", "md")]
        if CONFIG.claims
        else []
    )
    return runs + paths + figures + claims
