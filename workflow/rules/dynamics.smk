# From a trained run to its collapses and its scale-invariance audit.


# As in training, a rule for a seed alone, and one for each group: most of such a short job is its start.
for RULE, TOGETHER in SEEDS_OF_RULE.items():
    RUN_NAME, GROUP, SEEDS = TOGETHER or ("{run}", "", ["{seed}"])
    FOLDERS = [RUN.format(run=RUN_NAME, seed=seed) for seed in SEEDS]
    LOG = f"{RESULTS}/logs/runs/{RUN_NAME}/seed_{GROUP or '{seed}'}.periods"
    WHAT = f"{RUN_NAME}, seeds {GROUP.replace('_', ' ')}" if GROUP else ONE_SEED

    rule:
        name:
            RULE.replace("train", "find_periods", 1)
        input:
            history=[f"{folder}/history.csv" for folder in FOLDERS],
            epochs=[f"{folder}/epochs.csv" for folder in FOLDERS],
            records=records_of(*[f"{folder}/history.csv" for folder in FOLDERS]),
        output:
            periods=[f"{folder}/periods.csv" for folder in FOLDERS],
            provenance=[f"{folder}/periods.provenance.json" for folder in FOLDERS],
        log:
            f"{LOG}.log",
        benchmark:
            f"{LOG}.benchmark.tsv"
        priority: FIRST
        group:
            together("training")
        conda:
            "../../envs/grokflow.yaml"
        message:
            f"collapses of {WHAT}"
        script:
            "../scripts/find_periods.py"


# In float64 and of a few hundred pairs: a GPU would take longer to start.
rule audit_invariance:
    input:
        dataset=lambda w: dataset_file(w.run),
        points=f"{RUN}/points.json",
        checkpoints=f"{RUN}/checkpoints",
        records=records_of(lambda w: dataset_file(w.run), f"{RUN}/points.json"),
        code=lambda w: code_of(configuration.resolve_run(CONFIG, w.run, int(w.seed))),
    output:
        audit=f"{RUN}/invariance.csv",
        rays=f"{RUN}/rays.csv",
        provenance=f"{RUN}/invariance.provenance.json",
    log:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.invariance.log",
    benchmark:
        f"{RESULTS}/logs/runs/{{run}}/seed_{{seed}}.invariance.benchmark.tsv"
    group:
        together("training")
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
