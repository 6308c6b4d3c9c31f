# From two points to the measurements along a path between them.


# One path with bends, or as many as its `members_at_once` says, as one batch of models.
rule fit_paths:
    input:
        dataset=dataset_of_fit,
        points=partial(files_of_fit, "points.json"),
        checkpoints=partial(files_of_fit, "checkpoints"),
        records=records_of(dataset_of_fit, partial(files_of_fit, "points.json")),
        code=lambda w: code_of(fitted_together(w)[0]),
    output:
        f"{RESULTS}/paths/{{path}}/fit_{{group}}.safetensors",
        provenance=f"{RESULTS}/paths/{{path}}/fit_{{group}}.provenance.json",
    log:
        f"{RESULTS}/logs/paths/{{path}}/fit_{{group}}.log",
    benchmark:
        f"{RESULTS}/logs/paths/{{path}}/fit_{{group}}.benchmark.tsv"
    priority: FIRST
    group:
        together("paths")
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus,
        jobs_per_gpu=CONFIG.jobs_per_gpu,
        mem_mb=memory_of_fit,
        runtime=runtime_of_fit,
    params:
        paths=lambda w: [
            fit_parameters(w.path, seeds) for seeds in FITS_OF_PATH[w.path][w.group]
        ],
        resume=f"{RESULTS}/.resume",
    message:
        "fit {wildcards.path}, {wildcards.group}"
    script:
        "../scripts/fit_paths.py"


for RULE, TOGETHER in PATHS_OF_RULE.items():
    PATH_NAME, GROUP, SEEDS = TOGETHER or ("{path}", "", ["{seeds}"])
    FOLDERS = [PATH.format(path=PATH_NAME, seeds=seeds) for seeds in SEEDS]
    LOG = f"{RESULTS}/logs/paths/{PATH_NAME}/seed_{GROUP or '{seeds}'}.measure"
    WHAT = f"{PATH_NAME}, seeds {GROUP.replace('_', ' ')}" if GROUP else ONE_PATH

    rule:
        name:
            RULE
        input:
            dataset=partial(inputs_of_measuring, "dataset", TOGETHER),
            points=partial(inputs_of_measuring, "points.json", TOGETHER),
            checkpoints=partial(inputs_of_measuring, "checkpoints", TOGETHER),
            fit=partial(inputs_of_measuring, "fit", TOGETHER),
            records=records_of(
                partial(inputs_of_measuring, "dataset", TOGETHER),
                partial(inputs_of_measuring, "points.json", TOGETHER),
                partial(inputs_of_measuring, "fit", TOGETHER),
            ),
            code=partial(code_of_measuring, TOGETHER),
        output:
            curve=[f"{folder}/curve.safetensors" for folder in FOLDERS],
            fit=[f"{folder}/fit.csv" for folder in FOLDERS],
            record=[f"{folder}/path.json" for folder in FOLDERS],
            metrics=[f"{folder}/metrics.csv" for folder in FOLDERS],
            provenance=[f"{folder}/provenance.json" for folder in FOLDERS],
        log:
            f"{LOG}.log",
        benchmark:
            f"{LOG}.benchmark.tsv"
        priority: FIRST
        group:
            together("paths")
        conda:
            "../../envs/grokflow.yaml"
        threads: CONFIG.threads
        resources:
            gpu=gpus,
            jobs_per_gpu=CONFIG.jobs_per_gpu,
            mem_mb=partial(memory_of_measuring, TOGETHER),
            runtime=partial(runtime_of_measuring, TOGETHER),
        params:
            each=partial(parameters_of_measuring, TOGETHER),
        message:
            f"measure {WHAT}"
        script:
            "../scripts/measure_paths.py"
