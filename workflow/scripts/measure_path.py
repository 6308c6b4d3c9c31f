"""Measure loss, error and gradient norm along one path."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.compute import prepare
    from grokflow.config import ResolvedPath
    from grokflow.dataset import read_dataset
    from grokflow.files import write_text
    from grokflow.landscape import measure_connection

    path = ResolvedPath.model_validate(snakemake.params.path)
    run = path.from_run
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    metrics = measure_connection(
        path,
        snakemake.input.record,
        snakemake.input.curve,
        read_dataset(snakemake.input.dataset, run.dataset),
        device,
    )
    write_text(snakemake.output[0], metrics.to_csv(index=False, lineterminator="\n"))
