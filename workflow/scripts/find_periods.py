"""Find the collapses of train accuracy of one seed of one run."""

from grokflow.artifacts.job import job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.results import RunResults
    from grokflow.dynamics import periods

    seed = RunResults(Path(snakemake.input.history).parent)
    found = periods(seed.epochs, seed.history)
    write_text(snakemake.output[0], found.to_csv(index=False, lineterminator="\n"))
