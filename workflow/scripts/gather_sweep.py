"""Put the members of a sweep into one table."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.tables import gather, write_table

    write_table(snakemake.output[0], gather(snakemake.input.groups))
