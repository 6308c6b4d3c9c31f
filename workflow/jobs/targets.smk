# Every file that the jobs of this configuration make, so that any of them, once lost, is made again.

from types import SimpleNamespace


def made_by(step, **wildcards):
    """Every output of a rule's jobs, their records among them."""
    return expand([own_name(pattern) for pattern in step.output], **wildcards)


def own_name(pattern):
    """An output as it was named: where results lie in a storage, Snakemake has put its place before that."""
    if not pattern.is_storage:
        return str(pattern)
    prefix = workflow.storage_settings.default_storage_prefix
    return pattern.storage_object.query.removeprefix(f"{prefix}/")


def read_by_figures_and_claims():
    figures = [SimpleNamespace(figure=figure) for figure in CONFIG.figures]
    of_figures = [table for figure in figures for table in tables_of_figure(figure)]
    return {*of_figures, *tables_of_claims(None)}


def made_by_training(run):
    """Every file that the trainings of a run make."""
    made = made_by(rules.train, run=run, seed=CONFIG.runs[run].seeds)
    groups = [group for group, seeds in GROUPS_OF_RUN[run].items() if len(seeds) > 1]
    return made + [
        f"{RESULTS}/runs/{run}/group_{group}.provenance.json" for group in groups
    ]


def all_results():
    made, read = [], read_by_figures_and_claims()
    for dataset in dict.fromkeys(run.dataset for run in CONFIG.runs.values()):
        made += made_by(rules.make_dataset, dataset=dataset)
    for run, settings in CONFIG.runs.items():
        made += made_by_training(run)
        made += made_by(rules.find_periods, run=run, seed=settings.seeds)
        audit = made_by(rules.audit_invariance, run=run, seed=settings.seeds)
        made += audit if read.intersection(audit) else []
    for path in CONFIG.paths:
        made += made_by(rules.fit_paths, path=path, group=FITS_OF_PATH[path])
        made += made_by(rules.measure_paths, path=path, seeds=folders_of_path(path))
    for sweep in CONFIG.sweeps:
        groups = GROUPS_OF_SWEEP[sweep]
        made += made_by(rules.train_members, sweep=sweep, group=groups)
        made += made_by(rules.gather_sweep, sweep=sweep)
    made += made_by(rules.draw_figure, figure=CONFIG.figures)
    made += made_by(rules.tabulate_seeds)
    return made + (made_by(rules.judge_claims) if CONFIG.claims else [])
