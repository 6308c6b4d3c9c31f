# From two points to the measurements along a path between them.


# A member of a path with bends, or as many as its `members_at_once` says, as one batch of models.
rule fit_paths:
    input:
        dataset=dataset_of_path,
        points=lambda w: [file for m in members_of_fit(w) for file in points_of_path(m)],
        checkpoints=lambda w: [
            file for m in members_of_fit(w) for file in checkpoints_of_path(m)
        ],
    output:
        f"{RESULTS}/paths/{{path}}/fit_{{fit}}.safetensors",
        provenance=f"{RESULTS}/paths/{{path}}/fit_{{fit}}.provenance.json",
    log:
        f"{RESULTS}/logs/paths/{{path}}/fit_{{fit}}.log",
    benchmark:
        f"{RESULTS}/logs/paths/{{path}}/fit_{{fit}}.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus(),
        mem_mb=memory(1000),
    params:
        paths=lambda w: [connection_parameters(m) for m in members_of_fit(w)],
        resume=f"{RESULTS}/.resume",
    script:
        "../scripts/fit_paths.py"


rule connect:
    input:
        points=points_of_path,
        checkpoints=checkpoints_of_path,
        fit=fit_of_member,
    output:
        curve=f"{PATH}/curve.safetensors",
        fit=f"{PATH}/fit.csv",
        record=f"{PATH}/path.json",
        provenance=f"{PATH}/provenance.json",
    log:
        f"{RESULTS}/logs/paths/{{path}}/seed_{{member}}.connect.log",
    benchmark:
        f"{RESULTS}/logs/paths/{{path}}/seed_{{member}}.connect.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    resources:
        mem_mb=1000,
    params:
        path=connection_parameters,
    script:
        "../scripts/connect.py"


rule measure_path:
    input:
        dataset=dataset_of_path,
        curve=f"{PATH}/curve.safetensors",
        record=f"{PATH}/path.json",
    output:
        f"{PATH}/metrics.csv",
        provenance=f"{PATH}/metrics.provenance.json",
    log:
        f"{RESULTS}/logs/paths/{{path}}/seed_{{member}}.measure.log",
    benchmark:
        f"{RESULTS}/logs/paths/{{path}}/seed_{{member}}.measure.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus(),
        mem_mb=memory(1000),
    params:
        path=path_parameters,
    script:
        "../scripts/measure_path.py"
