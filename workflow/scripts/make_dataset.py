"""Write the table a∘b of one dataset with its split."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.artifacts.tables import write_table
    from grokflow.config import Dataset
    from grokflow.data import make_dataset

    write_table(snakemake.output[0], make_dataset(Dataset.model_validate(snakemake.params.dataset)))
