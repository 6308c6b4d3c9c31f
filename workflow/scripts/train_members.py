"""Train some members of a sweep together."""

from grokflow.artifacts.job import gpus_of, job

with job(snakemake):
    from grokflow.artifacts.tables import write_table
    from grokflow.config import ResolvedMember
    from grokflow.model import prepare
    from grokflow.training import train_members

    members = [ResolvedMember.model_validate(member) for member in snakemake.params.members]
    run = members[0].run
    device = prepare(run.device, run.threads, gpus_of(snakemake))
    train_members(
        members,
        device,
        resume=snakemake.params.resume,
        subject=snakemake.output[0],
        publish=lambda rows: write_table(snakemake.output[0], rows),
    )
