"""Judge every claim of the configuration."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.claims import judge, write_claims
    from grokflow.config import Claim

    claims = {name: Claim.model_validate(claim) for name, claim in snakemake.params.claims.items()}
    rows = judge(claims, snakemake.params.places)
    write_claims(rows, csv=snakemake.output.csv, markdown=snakemake.output.markdown)
