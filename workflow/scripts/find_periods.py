"""Find the collapses of train accuracy of seeds of one run."""

from grokflow.artifacts.job import job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.results import RunResults
    from grokflow.dynamics import periods

    for history, made in zip(snakemake.input.history, snakemake.output.periods, strict=True):
        seed = RunResults(Path(history).parent)
        found = periods(seed.epochs, seed.history)
        write_text(made, found.to_csv(index=False, lineterminator="\n"))
