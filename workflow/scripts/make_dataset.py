"""Write the table a∘b of one dataset with its split."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.config import Dataset
    from grokflow.data import make_dataset, write_dataset

    write_dataset(snakemake.output[0], make_dataset(Dataset.model_validate(snakemake.params.dataset)))
