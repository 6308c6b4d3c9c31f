"""Find the collapses of train accuracy of seeds of one run."""

from grokflow.artifacts.job import job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.results import RunResults
    from grokflow.artifacts.tables import write_table
    from grokflow.dynamics import periods

    for history, made in zip(snakemake.input.history, snakemake.output.periods, strict=True):
        seed = RunResults(Path(history).parent)
        write_table(made, periods(seed.epochs, seed.history))
