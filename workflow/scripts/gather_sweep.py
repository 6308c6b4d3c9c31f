"""Put the chunks of a sweep into one table."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.files import write_text
    from grokflow.tables import gather

    rows = gather(snakemake.input)
    write_text(snakemake.output[0], rows.to_csv(index=False, lineterminator="\n"))
