"""Put the members of a sweep into one table."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.tables import gather

    rows = gather(snakemake.input.groups)
    write_text(snakemake.output[0], rows.to_csv(index=False, lineterminator="\n"))
