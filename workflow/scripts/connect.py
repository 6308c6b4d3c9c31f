"""Join two points by a path: collect its control points, the fitted bends among them."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.config import ResolvedPath
    from grokflow.paths.connecting import connect, read_ends, write_connection

    path = ResolvedPath.model_validate(snakemake.params.path)
    ends = read_ends(path, snakemake.input.points, snakemake.input.checkpoints)
    outcome = connect(path, *ends, fit=next(iter(snakemake.input.fit), None))
    output = snakemake.output
    write_connection(path, *ends, outcome, curve=output.curve, fit=output.fit, record=output.record)
