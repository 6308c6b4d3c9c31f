"""Find the collapses of train accuracy of one seed of one run."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.tables import read_table
    from grokflow.dynamics import periods

    found = periods(
        read_table(snakemake.input.epochs, {"epoch", "train_error"}),
        read_table(snakemake.input.history, {"epoch", "validation_error"}),
    )
    write_text(snakemake.output[0], found.to_csv(index=False, lineterminator="\n"))
