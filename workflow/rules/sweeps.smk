# From a grid of settings to one table.


rule train_chunk:
    output:
        f"{RESULTS}/sweeps/{{sweep}}/chunk_{{chunk}}.csv",
        provenance=f"{RESULTS}/sweeps/{{sweep}}/chunk_{{chunk}}.provenance.json",
    log:
        f"{RESULTS}/logs/sweeps/{{sweep}}/chunk_{{chunk}}.log",
    benchmark:
        f"{RESULTS}/logs/sweeps/{{sweep}}/chunk_{{chunk}}.benchmark.tsv"
    priority: longest_chunk_first
    conda:
        "../../envs/grokflow.yaml"
    threads: CONFIG.threads
    resources:
        gpu=gpus(),
        mem_mb=memory(2000),
    params:
        members=members_of_chunk,
        resume=f"{RESULTS}/.resume",
    script:
        "../scripts/train_chunk.py"


rule gather_sweep:
    input:
        tables_of_chunks,
    output:
        f"{RESULTS}/sweeps/{{sweep}}.csv",
        provenance=f"{RESULTS}/sweeps/{{sweep}}.provenance.json",
    log:
        f"{RESULTS}/logs/sweeps/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/logs/sweeps/{{sweep}}.benchmark.tsv"
    conda:
        "../../envs/grokflow.yaml"
    script:
        "../scripts/gather_sweep.py"
