"""Train one seed of one run, or go on where an interrupted training stood."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.files import write_json
    from grokflow.config import ResolvedRun
    from grokflow.data.dataset import read_dataset
    from grokflow.model.device import prepare
    from grokflow.training import train

    run = ResolvedRun.model_validate(snakemake.params.run)
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    outcome = train(
        run,
        read_dataset(snakemake.input.dataset, run.dataset),
        device,
        resume=snakemake.params.resume,
        history=snakemake.output.history,
        epochs=snakemake.output.epochs,
        checkpoints=snakemake.output.checkpoints,
    )
    write_json(snakemake.output.outcome, outcome)
