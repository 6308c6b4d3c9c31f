"""Find point 1 and point 2 of one seed of one run and check them against the checkpoints."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.files import write_json
    from grokflow.config import ResolvedRun
    from grokflow.data.dataset import read_dataset
    from grokflow.model.device import prepare
    from grokflow.training.points import find_points, read_outcome

    run = ResolvedRun.model_validate(snakemake.params.run)
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    dataset = read_dataset(snakemake.input.dataset, run.dataset)
    diverged = read_outcome(snakemake.input.outcome)["diverged"]
    points = find_points(run, dataset, snakemake.input.history, snakemake.input.checkpoints, device, diverged)
    write_json(snakemake.output[0], points)
