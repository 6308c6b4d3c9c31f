"""Audit in which groups of its weights one seed of one run is scale-invariant."""

from grokflow.artifacts.job import job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.results import RunResults
    from grokflow.artifacts.tables import write_table
    from grokflow.config import InvarianceSettings, ResolvedRun
    from grokflow.data import read_dataset
    from grokflow.model import audit_run, prepare

    run = ResolvedRun.model_validate(snakemake.params.run)
    prepare("cpu", run.threads)
    tables = audit_run(
        run,
        InvarianceSettings.model_validate(snakemake.params.invariance),
        read_dataset(snakemake.input.dataset, run.dataset),
        RunResults(Path(snakemake.input.points).parent),
        "cpu",
    )
    for path, table in zip((snakemake.output.audit, snakemake.output.rays), tables, strict=True):
        write_table(path, table)
