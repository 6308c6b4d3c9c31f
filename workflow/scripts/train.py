"""Train one seed of one run, or go on where an interrupted training stood."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.compute import prepare
    from grokflow.config import ResolvedRun
    from grokflow.dataset import read_dataset
    from grokflow.files import write_json
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
