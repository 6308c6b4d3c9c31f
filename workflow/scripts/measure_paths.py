"""Join two points by a path and measure loss, error and gradient norm along it; for one path or several."""

from grokflow.artifacts.job import gpus_of, job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.tables import write_table
    from grokflow.config import ResolvedPath
    from grokflow.data import read_dataset
    from grokflow.model import prepare
    from grokflow.paths import connect, measure, read_endpoints, read_fits, write_path

    paths = [ResolvedPath.model_validate(each["path"]) for each in snakemake.params.each]
    run = paths[0].from_run
    device = prepare(run.device, run.threads, gpus_of(snakemake))
    dataset = read_dataset(snakemake.input.dataset, run.dataset)
    ends = read_endpoints(paths, snakemake.input.points, snakemake.input.checkpoints)
    fits = read_fits(snakemake.input.fit)
    for path, both, metrics in zip(paths, ends, snakemake.output.metrics, strict=True):
        found = connect(path, *both, fits)
        write_path(Path(metrics).parent, path, *both, found)
        write_table(metrics, measure(path, found, dataset, device))
