"""Fit the bends of one path, or of several as one batch of models."""

from grokflow.artifacts.job import gpus_of, job

with job(snakemake):
    from grokflow.config import ResolvedPath
    from grokflow.data import read_dataset
    from grokflow.model import prepare
    from grokflow.paths import fit_paths, read_endpoints, unfitted_paths, write_fits

    paths = [ResolvedPath.model_validate(path) for path in snakemake.params.paths]
    run = paths[0].from_run
    device = prepare(run.device, run.threads, gpus_of(snakemake))
    ends = read_endpoints(paths, snakemake.input.points, snakemake.input.checkpoints)
    fit_paths(
        unfitted_paths(paths, ends),
        read_dataset(snakemake.input.dataset, run.dataset),
        device,
        resume=snakemake.params.resume,
        subject=snakemake.output[0],
        publish=lambda fits: write_fits(snakemake.output[0], fits),
    )
