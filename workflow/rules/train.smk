# From the table to a trained run and its points.


rule make_dataset:
    output:
        f"{RESULTS}/datasets/{{dataset}}.csv",
        provenance=f"{RESULTS}/datasets/{{dataset}}.provenance.json",
    log:
        f"{RESULTS}/logs/datasets/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/logs/datasets/{{dataset}}.benchmark.tsv"
    priority: FIRST
    conda:
        "../../envs/grokflow.yaml"
    params:
        dataset=dataset_parameters,
    script:
        "../scripts/make_dataset.py"


rule train:
    input:
        dataset=dataset_of_run,
    output:
        history=f"{RUN}/history.csv",
        epochs=f"{RUN}/epochs.csv",
        outcome=f"{RUN}/outcome.json",
        checkpoints=directory(f"{RUN}/checkpoints"),
        provenance=f"{RUN}/provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.train.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.train.benchmark.tsv"
    priority: longest_run_first
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus(),
        mem_mb=memory(1000),
    params:
        run=run_parameters,
        resume=f"{RESULTS}/.resume",
    script:
        "../scripts/train.py"


rule find_points:
    input:
        dataset=dataset_of_run,
        history=f"{RUN}/history.csv",
        outcome=f"{RUN}/outcome.json",
        checkpoints=f"{RUN}/checkpoints",
    output:
        f"{RUN}/points.json",
        provenance=f"{RUN}/points.provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.points.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.points.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus(),
        mem_mb=memory(1000),
    params:
        run=run_parameters,
    script:
        "../scripts/find_points.py"
