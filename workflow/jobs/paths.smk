# Which paths are fitted and measured together, and what these jobs read and are told.


def resolved_path(path, seeds):
    return configuration.resolve_path(CONFIG, path, seeds)


def path_parameters(path, seeds):
    return configuration.plain(resolved_path(path, seeds))


def fit_parameters(path, seeds):
    """A path as parameters, without where it is measured: that does not move its bends."""
    parameters = path_parameters(path, seeds)
    for key in ("points", "inner_points"):
        parameters["path"].pop(key, None)
    return parameters


def files_of_ends(path, seeds, name):
    """The file `name` of the run at each end of a path: one file when both ends lie in one run."""
    resolved = resolved_path(path, seeds)
    runs = configuration.runs_of_path(CONFIG, path)
    ends = zip(runs, (resolved.from_run.seed, resolved.to_run.seed))
    folders = [RUN.format(run=run, seed=seed) for run, seed in ends]
    return [f"{folder}/{name}" for folder in dict.fromkeys(folders)]


def seeds_of_record(path, parameters):
    """The seed or pair of seeds of a path on record."""
    seeds = (parameters["from_run"]["seed"], parameters["to_run"]["seed"])
    if CONFIG.paths[path].between == "points":
        return str(seeds[0])
    return f"{seeds[0]}-{seeds[1]}"


def fitted_already(path):
    """The seeds or pairs of seeds of a path that are fitted already, in the groups in which they were."""
    records = Path(RESULTS, "paths", path).glob("fit_*.provenance.json")
    return finished_groups(
        records,
        "paths",
        member_of=partial(seeds_of_record, path),
        asked_for=partial(fit_parameters, path),
    )


FITS_OF_PATH = {
    path: configuration.fits_of_path(CONFIG, path, fitted_already(path))
    for path in CONFIG.paths
}


def dataset_of_fit(wildcards):
    return dataset_file(configuration.runs_of_path(CONFIG, wildcards.path)[0])


def files_of_fit(name, wildcards):
    """The file `name` at the ends of every path that is fitted together."""
    group = FITS_OF_PATH[wildcards.path][wildcards.group]
    return [
        file for seeds in group for file in files_of_ends(wildcards.path, seeds, name)
    ]


def fit_of(path, seeds):
    """The file with the bends of a path; none for a path without bends."""
    return [
        f"{RESULTS}/paths/{path}/fit_{name}.safetensors"
        for name, group in FITS_OF_PATH[path].items()
        if seeds in group
    ]


# A seed or pair alone is one job of the rule `measure_paths`; each group that is measured in one job has a
# rule of its own, as seeds that train together have.
PATHS_OF_RULE = {
    "measure_paths": None,
    **{
        f"measure_{path}_{group}": (path, group, seeds)
        for path in CONFIG.paths
        for group, seeds in configuration.groups_of_path(CONFIG, path).items()
        if len(seeds) > 1
    },
}


ONE_PATH = "{wildcards.path}, seed {wildcards.seeds}"


def paths_measured(together, wildcards):
    """The paths that a job measures, with their seeds."""
    path, _, seeds = together or (wildcards.path, "", [wildcards.seeds])
    return [(path, each) for each in seeds]


def inputs_of_measuring(what, together, wildcards):
    """All datasets, points, checkpoints or fits that a job reads, in the order of its paths."""
    paths = paths_measured(together, wildcards)
    if what == "dataset":
        return dataset_file(configuration.runs_of_path(CONFIG, paths[0][0])[0])
    if what == "fit":
        return list(dict.fromkeys(file for path in paths for file in fit_of(*path)))
    return [file for path in paths for file in files_of_ends(*path, what)]


def parameters_of_measuring(together, wildcards):
    """The configuration of each record."""
    paths = paths_measured(together, wildcards)
    return [{"path": path_parameters(*path)} for path in paths]


def fitted_together(wildcards):
    seeds = FITS_OF_PATH[wildcards.path][wildcards.group]
    return [resolved_path(wildcards.path, each) for each in seeds]


def measured_together(together, wildcards):
    return [resolved_path(*path) for path in paths_measured(together, wildcards)]


def memory_of_fit(wildcards, attempt):
    paths = fitted_together(wildcards)
    return memory(len(paths), paths[0].from_run, attempt, wildcards)


def runtime_of_fit(wildcards, attempt):
    """In minutes."""
    minutes = fit_minutes(fitted_together(wildcards), device_of_job(wildcards))
    return attempt * math.ceil(minutes)


def code_of_measuring(together, wildcards):
    return code_of(measured_together(together, wildcards)[0])


def memory_of_measuring(together, wildcards, attempt):
    return memory(
        1, measured_together(together, wildcards)[0].from_run, attempt, wildcards
    )


def runtime_of_measuring(together, wildcards, attempt):
    """In minutes."""
    paths = measured_together(together, wildcards)
    return attempt * math.ceil(measuring_minutes(paths, device_of_job(wildcards)))
