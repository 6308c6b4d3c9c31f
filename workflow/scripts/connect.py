"""Join two points by a path: collect its control points, fit its bends."""

from grokflow.jobs import logged

with logged(snakemake.log[0]):
    from grokflow.compute import prepare
    from grokflow.config import ResolvedPath
    from grokflow.connection import connect, read_ends, write_connection
    from grokflow.dataset import read_dataset

    path = ResolvedPath.model_validate(snakemake.params.path)
    run = path.from_run
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    ends = read_ends(path, snakemake.input.points, snakemake.input.checkpoints)
    outcome = connect(path, *ends, read_dataset(snakemake.input.dataset, run.dataset), device)
    write_connection(path, *ends, outcome, **dict(snakemake.output.items()), device=device)
