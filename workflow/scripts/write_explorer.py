"""Write explore.html, in which every seed of every run, path and sweep can be looked at."""

from grokflow.artifacts.job import job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.files import write_text
    from grokflow.config import Config
    from grokflow.report import explorer_page

    config = Config.model_validate(snakemake.params.config)
    write_text(snakemake.output[0], explorer_page(Path(snakemake.output[0]).parent, config))
