"""Write the pages of the report: all claims, and each figure with its caption."""

from grokflow.artifacts.job import job

with job(snakemake):
    from pathlib import Path

    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.source import ROOT
    from grokflow.config import Config
    from grokflow.report import claims_page, figure_page

    config = Config.model_validate(snakemake.params.config)
    results = Path(snakemake.output.first).parents[1]
    write_text(snakemake.output.first, claims_page(results, config, ROOT.parents[1] / "docs/reference"))
    for name, page in zip(config.figures, snakemake.output.pages, strict=True):
        write_text(page, figure_page(results, config, name))
