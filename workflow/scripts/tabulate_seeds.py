"""Put the points and the outcome of every seed into one table, and their times into another."""

from grokflow.artifacts.job import as_given, job

with job(snakemake):
    from grokflow.artifacts.tables import write_table
    from grokflow.claims import outcomes_of_runs, times_of_runs

    outcomes = outcomes_of_runs(as_given(snakemake.params.folders, snakemake.input))
    write_table(snakemake.output.points, outcomes)
    write_table(snakemake.output.times, times_of_runs(outcomes))
