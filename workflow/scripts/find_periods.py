"""Find the collapses of train accuracy of one seed of one run."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.dynamics import periods
    from grokflow.files import write_text
    from grokflow.tables import read_table

    found = periods(
        read_table(snakemake.input.epochs, {"epoch", "train_error"}),
        read_table(snakemake.input.history, {"epoch", "validation_error"}),
    )
    write_text(snakemake.output[0], found.to_csv(index=False, lineterminator="\n"))
