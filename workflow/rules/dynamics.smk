# From a trained run to its collapses and its scale-invariance audit.


rule find_periods:
    input:
        history=f"{RUN}/history.csv",
        epochs=f"{RUN}/epochs.csv",
    output:
        f"{RUN}/periods.csv",
        provenance=f"{RUN}/periods.provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.periods.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.periods.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    script:
        "../scripts/find_periods.py"


rule audit_invariance:
    input:
        dataset=dataset_of_run,
        points=f"{RUN}/points.json",
        checkpoints=f"{RUN}/checkpoints",
    output:
        audit=f"{RUN}/invariance.csv",
        rays=f"{RUN}/rays.csv",
        provenance=f"{RUN}/invariance.provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.invariance.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.invariance.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus(),
        mem_mb=memory(1000),
    params:
        run=run_parameters,
        invariance=configuration.plain(CONFIG.invariance),
    script:
        "../scripts/audit_invariance.py"
