"""Audit in which groups of its weights one seed of one run is scale-invariant."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.compute import prepare
    from grokflow.config import Invariance, ResolvedRun
    from grokflow.dataset import read_dataset
    from grokflow.files import write_text
    from grokflow.invariance import audit_run
    from grokflow.tables import read_record

    run = ResolvedRun.model_validate(snakemake.params.run)
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    tables = audit_run(
        run,
        Invariance.model_validate(snakemake.params.invariance),
        read_dataset(snakemake.input.dataset, run.dataset),
        read_record(snakemake.input.points, {"initial", "point_1", "point_2"}),
        snakemake.input.checkpoints,
        device,
    )
    for path, table in zip((snakemake.output.audit, snakemake.output.rays), tables, strict=True):
        write_text(path, table.to_csv(index=False, lineterminator="\n"))
