"""Fit the bends of one member of a path, or of several as one batch of models."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.compute import prepare
    from grokflow.config import ResolvedPath
    from grokflow.connection import read_ends, unfitted_paths
    from grokflow.curves import write_fits
    from grokflow.dataset import read_dataset
    from grokflow.fitting import fit_paths

    paths = [ResolvedPath.model_validate(path) for path in snakemake.params.paths]
    run = paths[0].from_run
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    points, checkpoints = snakemake.input.points, snakemake.input.checkpoints
    files = len(points) // len(paths)  # one for each end, or one when both ends lie in one run
    ends = [
        read_ends(path, points[i * files :][:files], checkpoints[i * files :][:files])
        for i, path in enumerate(paths)
    ]
    fit_paths(
        unfitted_paths(paths, ends),
        read_dataset(snakemake.input.dataset, run.dataset),
        device,
        resume=snakemake.params.resume,
        subject=snakemake.output[0],
        publish=lambda fits: write_fits(snakemake.output[0], fits),
    )
