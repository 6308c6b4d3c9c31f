"""Fit the bends of one member of a path, or of several as one batch of models."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.config import ResolvedPath
    from grokflow.data.dataset import read_dataset
    from grokflow.model.device import prepare
    from grokflow.paths.connecting import read_ends, unfitted_paths
    from grokflow.paths.curve_files import write_fits
    from grokflow.paths.fitting import fit_paths

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
