"""Judge every claim of the configuration on every seed."""

from grokflow.artifacts.job import as_given, job

with job(snakemake):
    from grokflow.artifacts.files import write_text
    from grokflow.claims import judge, page, tabulate, write_csv
    from grokflow.config import Claim

    claims = {name: Claim.model_validate(claim) for name, claim in snakemake.params.claims.items()}
    tables = tabulate(judge(claims, as_given(snakemake.params.places, snakemake.input)))
    write_text(snakemake.output.markdown, page(tables))
    for name, file in (
        ("claims", snakemake.output.csv),
        ("numbers", snakemake.output.numbers),
        ("seeds", snakemake.output.seeds),
        ("values", snakemake.output.values),
    ):
        write_csv(file, getattr(tables, name))
