"""Judge every claim of the configuration on every seed."""

from grokflow.artifacts.job import as_given, job

with job(snakemake):
    from grokflow.artifacts.files import write_text
    from grokflow.artifacts.tables import write_table
    from grokflow.claims import judge, of_a_miniature, page, tabulate
    from grokflow.config import Claim

    claims = {name: Claim.model_validate(claim) for name, claim in snakemake.params.claims.items()}
    tables = tabulate(judge(claims, as_given(snakemake.params.places, snakemake.input)))
    miniature = snakemake.params.get("miniature", False)
    tables = of_a_miniature(tables) if miniature else tables
    write_text(snakemake.output.markdown, page(tables, miniature=miniature))
    for name, file in (
        ("claims", snakemake.output.csv),
        ("numbers", snakemake.output.numbers),
        ("seeds", snakemake.output.seeds),
        ("values", snakemake.output.values),
    ):
        write_table(file, getattr(tables, name))
