"""Measure loss, error and gradient norm along one path."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.files import write_text
    from grokflow.config import ResolvedPath
    from grokflow.data.dataset import read_dataset
    from grokflow.model.device import prepare
    from grokflow.paths.measuring import measure_connection

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
