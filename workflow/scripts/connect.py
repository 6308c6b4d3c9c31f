"""Join two points by a path: collect its control points, fit its bends."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.compute import prepare
    from grokflow.config import ResolvedPath
    from grokflow.connection import connect, read_ends, write_connection
    from grokflow.dataset import read_dataset

    path = ResolvedPath.model_validate(snakemake.params.path)
    run = path.from_run
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    ends = read_ends(path, snakemake.input.points, snakemake.input.checkpoints)
    output = snakemake.output
    connect(
        path,
        *ends,
        read_dataset(snakemake.input.dataset, run.dataset),
        device,
        resume=snakemake.params.resume,
        subject=output.curve,
        fitted=next(iter(snakemake.input.fitted), None),
        publish=lambda outcome: write_connection(
            path, *ends, outcome, curve=output.curve, fit=output.fit, record=output.record
        ),
    )
