# What the rules share: names of files, and what one job needs of the configuration.

import math
import shutil
from types import SimpleNamespace

from grokflow import config as configuration
from grokflow.data.operations import order

RESULTS = CONFIG.results
RUN = f"{RESULTS}/runs/{{run}}/seed_{{seed}}"
PATH = f"{RESULTS}/paths/{{path}}/seed_{{member}}"
NAME = r"[A-Za-z][A-Za-z0-9_-]*"


wildcard_constraints:
    dataset=NAME,
    run=NAME,
    path=NAME,
    sweep=NAME,
    chunk=r"[0-9a-f]{16}",
    fit=r"\d+(-\d+)?(_to_\d+(-\d+)?)?",
    figure=NAME,
    seed=r"\d+",
    member=r"\d+(-\d+)?",


def gpus():
    """GPUs that a computing job asks for: 0 where the configuration or this machine wants none."""
    present = shutil.which("nvidia-smi") is not None
    return int(CONFIG.device == "cuda" or (CONFIG.device == "auto" and present))


def memory(mb):
    """Of the host, for a job that takes `mb` on a CPU. CUDA keeps its own beside that: an estimate."""
    return mb + 3000 * gpus()


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


# Whatever computes longest starts first: started last, it would keep one core busy while the others idle.
# Tables come before all that, because trainings cannot start without them; no training needs 2¹⁰⁰ operations.
FIRST = 100 * 100


def longest_run_first(wildcards):
    run = configuration.resolve_run(CONFIG, wildcards.run, int(wildcards.seed))
    return priority_of([run])


def priority_of(runs):
    """100 log₂ of about how many operations the trainings need."""
    return round(100 * math.log2(sum(map(operations_of, runs))))


def operations_of(run):
    dataset, model = run.dataset, run.model
    pairs = order(modulus=dataset.modulus, group=dataset.group) ** 2
    weights = model.layers * model.width * (4 * model.width + 2 * model.mlp_width)
    cost = 2 if run.precision == "float64" else 1
    return 6 * run.epochs * dataset.train_fraction * pairs * weights * cost


# Paths


def resolved_path(wildcards):
    return configuration.resolve_path(CONFIG, wildcards.path, wildcards.member)


def path_parameters(wildcards):
    return configuration.plain(resolved_path(wildcards))


def connection_parameters(wildcards):
    return without_points(resolved_path(wildcards))


def without_points(resolved):
    """A path as parameters, without where it is measured: that does not move its bends."""
    parameters = configuration.plain(resolved)
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


def members_of_fit(wildcards):
    """The members of a path that are fitted together, as wildcards of each."""
    group = configuration.fits_of_path(CONFIG, wildcards.path)[wildcards.fit]
    return [SimpleNamespace(path=wildcards.path, member=member) for member in group]


def fit_of_member(wildcards):
    """The file with the bends of a member; none for a path without bends."""
    return [
        f"{RESULTS}/paths/{wildcards.path}/fit_{name}.safetensors"
        for name, group in configuration.fits_of_path(CONFIG, wildcards.path).items()
        if wildcards.member in group
    ]


# Sweeps


def chunks_of_sweep(sweep):
    chunks = configuration.chunks_of_sweep(CONFIG, sweep)
    return {configuration.name_of_chunk(chunk): chunk for chunk in chunks}


def tables_of_chunks(wildcards):
    return [
        f"{RESULTS}/sweeps/{wildcards.sweep}/chunk_{name}.csv"
        for name in chunks_of_sweep(wildcards.sweep)
    ]


def members_of_chunk(wildcards):
    members = chunks_of_sweep(wildcards.sweep)[wildcards.chunk]
    return [configuration.plain(member) for member in members]


def longest_chunk_first(wildcards):
    members = chunks_of_sweep(wildcards.sweep)[wildcards.chunk]
    return priority_of(member.run for member in members)


# Figures and claims


def members_of_run(run):
    return {
        str(seed): RUN.format(run=run, seed=seed) for seed in CONFIG.runs[run].seeds
    }


def members_of_path(path):
    """The seeds, or pairs of seeds, of a path."""
    return {
        member: PATH.format(path=path, member=member)
        for member in configuration.members_of_path(CONFIG, path)
    }


def sweep_file(sweep):
    return f"{RESULTS}/sweeps/{sweep}.csv"


def members_of_figure(wildcards):
    """What a figure shows, by name: folders of seeds or pairs of seeds, or the table of a sweep."""
    figure = CONFIG.figures[wildcards.figure]
    if figure.sweep:
        return {figure.sweep: sweep_file(figure.sweep)}
    if figure.path:
        return members_of_path(figure.path)
    if figure.run:
        return members_of_run(figure.run)
    return {
        f"{run}/{seed}": folder
        for run in figure.runs
        for seed, folder in members_of_run(run).items()
    }


def tables_of_figure(wildcards):
    members = members_of_figure(wildcards).values()
    figure = CONFIG.figures[wildcards.figure]
    if figure.sweep:
        return list(members)
    return [
        f"{folder}/{name}" for folder in members for name in KINDS[figure.kind].files
    ]


def dataset_of_figure(wildcards):
    """The table behind a figure, for the kinds that show it."""
    figure = CONFIG.figures[wildcards.figure]
    return dataset_file(figure.run) if KINDS[figure.kind].shows_dataset else []


def figure_parameters(wildcards):
    return configuration.plain(CONFIG.figures[wildcards.figure])


def claims_parameters():
    return {name: configuration.plain(claim) for name, claim in CONFIG.claims.items()}


def subjects_of_claims():
    """Every run, path and sweep that a claim is about: its members' folders, or its table."""
    claims = CONFIG.claims.values()
    named = {
        name for c in claims for name in (c.run, c.path, c.sweep, c.against) if name
    }
    return {
        "runs": {
            run: members_of_run(run) for run in sorted(named & CONFIG.runs.keys())
        },
        "paths": {
            path: members_of_path(path) for path in sorted(named & CONFIG.paths.keys())
        },
        "sweeps": {
            sweep: {sweep: sweep_file(sweep)}
            for sweep in sorted(named & CONFIG.sweeps.keys())
        },
    }


def tables_of_claims(wildcards):
    subjects = subjects_of_claims()
    of_runs = [
        f"{folder}/{name}"
        for folders in subjects["runs"].values()
        for folder in folders.values()
        for name in RUN_TABLES
    ]
    of_runs += [
        f"{folder}/{name}"
        for id, claim in CONFIG.claims.items()
        for run in (claim.run, claim.against)
        for name in CRITERIA[claim.claim or id].files
        if run in CONFIG.runs
        for folder in members_of_run(run).values()
    ]
    of_paths = [
        f"{folder}/{name}"
        for folders in subjects["paths"].values()
        for folder in folders.values()
        for name in ("metrics.csv", "path.json")
    ]
    of_sweeps = [
        table for tables in subjects["sweeps"].values() for table in tables.values()
    ]
    return of_runs + of_paths + of_sweeps


# Everything

RUN_TABLES = (
    "history.csv",
    "epochs.csv",
    "points.json",
    "periods.csv",
)


def made_by(step, **wildcards):
    """Every output of a rule's jobs, their records among them."""
    return expand([str(pattern) for pattern in step.output], **wildcards)


def read_by_figures_and_claims():
    figures = [SimpleNamespace(figure=figure) for figure in CONFIG.figures]
    of_figures = [table for figure in figures for table in tables_of_figure(figure)]
    return {*of_figures, *tables_of_claims(None)}


def all_results():
    """Every file that the jobs of this configuration make, so that any of them, once lost, is made again."""
    made, read = [], read_by_figures_and_claims()
    for dataset in dict.fromkeys(run.dataset for run in CONFIG.runs.values()):
        made += made_by(rules.make_dataset, dataset=dataset)
    for run, settings in CONFIG.runs.items():
        for step in (rules.train, rules.find_points, rules.find_periods):
            made += made_by(step, run=run, seed=settings.seeds)
        audit = made_by(rules.audit_invariance, run=run, seed=settings.seeds)
        made += audit if read.intersection(audit) else []
    for path in CONFIG.paths:
        fits = configuration.fits_of_path(CONFIG, path)
        made += made_by(rules.fit_paths, path=path, fit=fits)
        for step in (rules.connect, rules.measure_path):
            made += made_by(step, path=path, member=members_of_path(path))
    for sweep in CONFIG.sweeps:
        made += made_by(rules.train_chunk, sweep=sweep, chunk=chunks_of_sweep(sweep))
        made += made_by(rules.gather_sweep, sweep=sweep)
    made += made_by(rules.draw_figure, figure=CONFIG.figures)
    return made + (made_by(rules.judge_claims) if CONFIG.claims else [])
