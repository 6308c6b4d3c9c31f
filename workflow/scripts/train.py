"""Train seeds of one run, or go on where an interrupted training stood."""

from grokflow.artifacts.job import gpus_of, job

with job(snakemake):
    from pathlib import Path

    from grokflow.config import ResolvedRun
    from grokflow.data import read_dataset
    from grokflow.model import prepare
    from grokflow.training import train

    each = [parameters["run"] for parameters in snakemake.params.each if "run" in parameters]
    runs = [ResolvedRun.model_validate(run) for run in each]
    device = prepare(runs[0].device, runs[0].threads, gpus_of(snakemake))
    train(
        runs,
        read_dataset(snakemake.input.dataset, runs[0].dataset),
        device,
        resume=snakemake.params.resume,
        folders=[Path(history).parent for history in snakemake.output.history],
    )
