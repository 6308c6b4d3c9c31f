"""Train some members of a sweep together."""

from grokflow.jobs import job

with job(snakemake):
    from grokflow.compute import prepare
    from grokflow.config import ResolvedMember
    from grokflow.files import write_text
    from grokflow.sweeps import train_chunk

    members = [ResolvedMember.model_validate(member) for member in snakemake.params.members]
    run = members[0].run
    device = prepare(run.device if snakemake.resources.gpu else "cpu", run.threads)
    train_chunk(
        members,
        device,
        resume=snakemake.params.resume,
        subject=snakemake.output[0],
        publish=lambda rows: write_text(snakemake.output[0], rows.to_csv(index=False, lineterminator="\n")),
    )
