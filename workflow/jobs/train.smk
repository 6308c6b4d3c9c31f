# Which seeds train together, and what a training reads and is told.


def run_parameters(run, seed):
    return configuration.plain(configuration.resolve_run(CONFIG, run, int(seed)))


def trained_already(run):
    """The seeds of a run that are trained already, in the groups in which they were."""
    folder = Path(RESULTS, "runs", run)
    finished = partial(
        finished_groups,
        member_of=lambda row: row["seed"],
        asked_for=partial(run_parameters, run),
    )
    groups = finished(folder.glob("group_*.provenance.json"), "group")
    if CONFIG.runs[run].members_at_once > 1:
        grouped = {seed for group in groups for seed in group}
        alone = set(CONFIG.runs[run].seeds) - grouped
        records = [folder / f"seed_{seed}" / "provenance.json" for seed in alone]
        groups += finished(records, "run")
    return groups


GROUPS_OF_RUN = {
    run: configuration.groups_of_run(CONFIG, run, trained_already(run))
    for run in CONFIG.runs
}


# A seed alone is one job of the rule `train`. Seeds that train together fill several folders, which no
# wildcard can name: each such group has a rule of its own, and a record that says who was in it.
SEEDS_OF_RULE = {
    "train": None,
    **{
        f"train_{run}_{group}": (run, group, seeds)
        for run, groups in GROUPS_OF_RUN.items()
        for group, seeds in groups.items()
        if len(seeds) > 1
    },
}


ONE_SEED = "{wildcards.run}, seed {wildcards.seed}"


def runs_of_training(together, wildcards):
    """The runs that a training trains, with their names and seeds."""
    run, _, seeds = together or (wildcards.run, "", [wildcards.seed])
    return [(run, seed) for seed in seeds]


def dataset_of_training(together, wildcards):
    return dataset_file(runs_of_training(together, wildcards)[0][0])


def parameters_of_training(together, wildcards):
    """The configuration of each record: first the group's, where there is one, then each seed's."""
    runs = [run_parameters(*run) for run in runs_of_training(together, wildcards)]
    return ([{"group": runs}] if together else []) + [{"run": run} for run in runs]


def code_of_training(together, wildcards):
    """The user's own files behind its dataset, model and optimizer."""
    return code_of(resolved_runs(together, wildcards)[0])


def resolved_runs(together, wildcards):
    runs = runs_of_training(together, wildcards)
    return [configuration.resolve_run(CONFIG, run, int(seed)) for run, seed in runs]


def priority_of_training(together, wildcards):
    runs = runs_of_training(together, wildcards)
    early = EARLY if any(run in JOINED for run, _ in runs) else 0
    return early + longest_first(resolved_runs(together, wildcards))


def memory_of_training(together, wildcards, attempt):
    runs = resolved_runs(together, wildcards)
    return memory(len(runs), runs[0], attempt, wildcards)


def runtime_of_training(together, wildcards, attempt):
    """In minutes; longer each time that a scheduler ended the job, which then goes on where it stood."""
    runs = resolved_runs(together, wildcards)
    return attempt * math.ceil(training_minutes(runs, device_of_job(wildcards)))
