# From a design of settings to one table.


rule train_members:
    input:
        code=lambda w: code_of(GROUPS_OF_SWEEP[w.sweep][w.group][0]),
    output:
        f"{RESULTS}/sweeps/{{sweep}}/group_{{group}}.csv",
        provenance=f"{RESULTS}/sweeps/{{sweep}}/group_{{group}}.provenance.json",
    log:
        f"{RESULTS}/logs/sweeps/{{sweep}}/group_{{group}}.log",
    benchmark:
        f"{RESULTS}/logs/sweeps/{{sweep}}/group_{{group}}.benchmark.tsv"
    priority: priority_of_members
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus,
        jobs_per_gpu=CONFIG.jobs_per_gpu,
        mem_mb=memory_of_members,
        runtime=runtime_of_members,
    params:
        members=lambda w: [
            configuration.plain(member) for member in GROUPS_OF_SWEEP[w.sweep][w.group]
        ],
        resume=f"{RESULTS}/.resume",
    message:
        "train members of {wildcards.sweep}, group {wildcards.group}"
    script:
        "../scripts/train_members.py"


rule gather_sweep:
    input:
        groups=tables_of_groups,
        records=records_of(tables_of_groups),
    output:
        f"{RESULTS}/sweeps/{{sweep}}.csv",
        provenance=f"{RESULTS}/sweeps/{{sweep}}.provenance.json",
    log:
        f"{RESULTS}/logs/sweeps/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/logs/sweeps/{{sweep}}.benchmark.tsv"
    group:
        together("results")
    conda:
        "../../envs/grokflow.yaml"
    message:
        "table of {wildcards.sweep}"
    script:
        "../scripts/gather_sweep.py"
