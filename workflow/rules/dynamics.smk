# From a trained run to its collapses and its scale-invariance audit.


rule find_periods:
    input:
        history=f"{RUN}/history.csv",
        epochs=f"{RUN}/epochs.csv",
        records=records_of(f"{RUN}/history.csv"),
    output:
        f"{RUN}/periods.csv",
        provenance=f"{RUN}/periods.provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.periods.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.periods.benchmark.tsv"
    priority: FIRST
    group:
        "training"
    conda:
        "../../envs/grokflow.yaml"
    message:
        "collapses of {wildcards.run}, seed {wildcards.seed}"
    script:
        "../scripts/find_periods.py"


# In float64 and of a few hundred pairs: a GPU would take longer to start.
rule audit_invariance:
    input:
        dataset=lambda w: dataset_file(w.run),
        points=f"{RUN}/points.json",
        checkpoints=f"{RUN}/checkpoints",
        records=records_of(lambda w: dataset_file(w.run), f"{RUN}/points.json"),
    output:
        audit=f"{RUN}/invariance.csv",
        rays=f"{RUN}/rays.csv",
        provenance=f"{RUN}/invariance.provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.invariance.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.invariance.benchmark.tsv"
    group:
        "training"
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        run=lambda w: run_parameters(w.run, w.seed),
        invariance=configuration.plain(CONFIG.invariance),
    message:
        "scale invariance of {wildcards.run}, seed {wildcards.seed}"
    script:
        "../scripts/audit_invariance.py"
