# What a figure shows, and what the claims are judged on.


def tables_of_all_runs(wildcards):
    return [
        f"{folder}/{name}"
        for run in CONFIG.runs
        for folder in folders_of_run(run).values()
        for name in TABLES["run"]
    ]


def folders_of_figure(wildcards):
    """What a figure shows, by name: folders of seeds or pairs of seeds, or tables of a sweep or of the claims."""
    figure = CONFIG.figures[wildcards.figure]
    if not figure.subjects:
        return {
            "claims": f"{RESULTS}/claims.csv",
            "numbers": f"{RESULTS}/claims_numbers.csv",
        }
    if figure.sweep:
        return {figure.sweep: sweep_file(figure.sweep)}
    if figure.path:
        return folders_of_path(figure.path)
    if figure.run:
        return folders_of_run(figure.run)
    if figure.paths:
        return {
            f"{path}/{seeds}": folder
            for path in figure.paths
            for seeds, folder in folders_of_path(path).items()
        }
    return {
        f"{run}/{seed}": folder
        for run in figure.runs
        for seed, folder in folders_of_run(run).items()
    }


def drawing_of_figure(wildcards):
    """A figure as parameters, without what the report says of it: that does not change the picture."""
    figure = configuration.plain(configuration.resolve_figure(CONFIG, wildcards.figure))
    return {key: figure[key] for key in figure if key not in ("caption", "category")}


def tables_of_figure(wildcards):
    shown = folders_of_figure(wildcards).values()
    figure = CONFIG.figures[wildcards.figure]
    if figure.sweep or not figure.subjects:
        return list(shown)
    names = kind_of(figure).files
    return [f"{folder}/{name}" for folder in shown for name in names]


def dataset_of_figure(wildcards):
    """The table behind a figure, for the kinds that show it."""
    figure = CONFIG.figures[wildcards.figure]
    shown = kind_of(figure).shows_dataset
    return dataset_file(figure.run) if shown else []


def places_of_claims():
    """Where the results of every run, path and sweep lie that a claim is about."""
    claims = CONFIG.claims.values()
    named = {
        name for c in claims for name in (c.run, c.path, c.sweep, c.against) if name
    }
    runs, paths, sweeps = (
        sorted(named & names.keys())
        for names in (CONFIG.runs, CONFIG.paths, CONFIG.sweeps)
    )
    return {
        "runs": {run: folders_of_run(run) for run in runs},
        "paths": {path: folders_of_path(path) for path in paths},
        "sweeps": {sweep: {sweep: sweep_file(sweep)} for sweep in sweeps},
    }


# Left out where it is false, so that the parameters of all other claims stay as they are.
MINIATURE = {"miniature": True} if CONFIG.miniature else {}


def tables_of_claims(wildcards):
    places = places_of_claims()
    tables = [
        f"{folder}/{name}"
        for kind, names in (("runs", TABLES["run"]), ("paths", TABLES["path"]))
        for folders in places[kind].values()
        for folder in folders.values()
        for name in names
    ]
    tables += [
        f"{folder}/{name}"
        for id, claim in CONFIG.claims.items()
        for run in (claim.run, claim.against)
        for name in (
            claim.reads if is_code(claim.claim) else CRITERIA[claim.claim or id].files
        )
        if run in CONFIG.runs
        for folder in folders_of_run(run).values()
    ]
    return tables + [
        file for files in places["sweeps"].values() for file in files.values()
    ]
