"""Audit in which groups of its weights one seed of one run is scale-invariant."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.tables import read_record
    from grokflow.config import Invariance, ResolvedRun
    from grokflow.data.dataset import read_dataset
    from grokflow.model.device import prepare
    from grokflow.model.invariance import audit_run

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
