# From the table to a trained run: its tables, checkpoints and points.


rule make_dataset:
    input:
        code=lambda w: code_of(CONFIG.datasets[w.dataset]),
    output:
        f"{RESULTS}/datasets/{{dataset}}.csv",
        provenance=f"{RESULTS}/datasets/{{dataset}}.provenance.json",
    log:
        f"{RESULTS}/logs/datasets/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/logs/datasets/{{dataset}}.benchmark.tsv"
    priority: FIRST
    group:
        together("datasets")
    conda:
        "../../envs/grokflow.yaml"
    params:
        dataset=lambda w: configuration.plain(CONFIG.datasets[w.dataset]),
    message:
        "table of {wildcards.dataset}"
    script:
        "../scripts/make_dataset.py"


# First the rule for a seed alone, then one for each group of seeds that train together.
for RULE, TOGETHER in SEEDS_OF_RULE.items():
    RUN_NAME, GROUP, SEEDS = TOGETHER or ("{run}", "", ["{seed}"])
    FOLDERS = [RUN.format(run=RUN_NAME, seed=seed) for seed in SEEDS]
    GROUP_RECORD = f"{RESULTS}/runs/{RUN_NAME}/group_{GROUP}.provenance.json"
    LOG = f"{RESULTS}/logs/runs/{RUN_NAME}/seed_{GROUP or '{seed}'}.train"
    WHAT = f"{RUN_NAME}, seeds {GROUP.replace('_', ' ')}" if GROUP else ONE_SEED

    rule:
        name:
            RULE
        input:
            dataset=partial(dataset_of_training, TOGETHER),
            records=records_of(partial(dataset_of_training, TOGETHER)),
            code=partial(code_of_training, TOGETHER),
        output:
            history=[f"{folder}/history.csv" for folder in FOLDERS],
            epochs=[f"{folder}/epochs.csv" for folder in FOLDERS],
            outcome=[f"{folder}/outcome.json" for folder in FOLDERS],
            points=[f"{folder}/points.json" for folder in FOLDERS],
            checkpoints=[directory(f"{folder}/checkpoints") for folder in FOLDERS],
            provenance=([GROUP_RECORD] if GROUP else [])
            + [f"{folder}/provenance.json" for folder in FOLDERS],
        log:
            f"{LOG}.log",
        benchmark:
            f"{LOG}.benchmark.tsv"
        priority: partial(priority_of_training, TOGETHER)
        group:
            together("training")
        conda:
            "../../envs/grokflow.yaml"
        threads: CONFIG.threads
        resources:
            gpu=gpus,
            jobs_per_gpu=CONFIG.jobs_per_gpu,
            mem_mb=partial(memory_of_training, TOGETHER),
            runtime=partial(runtime_of_training, TOGETHER),
        params:
            each=partial(parameters_of_training, TOGETHER),
            resume=f"{RESULTS}/.resume",
        message:
            f"train {WHAT}"
        script:
            "../scripts/train.py"
