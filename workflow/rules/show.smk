# From tables to pictures and verdicts.


rule draw_figure:
    input:
        tables=tables_of_figure,
        dataset=dataset_of_figure,
        records=records_of(tables_of_figure, dataset_of_figure),
        code=lambda w: code_of(CONFIG.figures[w.figure]),
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        svg=f"{RESULTS}/figures/{{figure}}.svg",
        provenance=f"{RESULTS}/figures/{{figure}}.provenance.json",
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    benchmark:
        f"{RESULTS}/logs/figures/{{figure}}.benchmark.tsv"
    priority: FIRST
    group:
        together("results")
    conda:
        "../../envs/grokflow.yaml"
    params:
        figure=lambda w: configuration.plain(CONFIG.figures[w.figure]),
        shown=folders_of_figure,
    message:
        "figure {wildcards.figure}"
    script:
        "../scripts/draw_figure.py"


rule judge_claims:
    input:
        tables_of_claims,
        records=records_of(tables_of_claims),
        code=[file for claim in CONFIG.claims.values() for file in code_of(claim)],
    output:
        csv=report(
            f"{RESULTS}/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
        ),
        markdown=f"{RESULTS}/claims.md",
        numbers=f"{RESULTS}/claims_numbers.csv",
        seeds=f"{RESULTS}/claims_seeds.csv",
        values=f"{RESULTS}/claims_values.csv",
        provenance=f"{RESULTS}/claims.provenance.json",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/logs/claims.benchmark.tsv"
    group:
        together("results")
    conda:
        "../../envs/grokflow.yaml"
    params:
        **MINIATURE,
        claims={
            name: configuration.plain(claim) for name, claim in CONFIG.claims.items()
        },
        places=places_of_claims(),
    message:
        "claims"
    script:
        "../scripts/judge_claims.py"


rule tabulate_seeds:
    input:
        tables_of_all_runs,
        records=records_of(tables_of_all_runs),
    output:
        points=f"{RESULTS}/points.csv",
        times=f"{RESULTS}/times.csv",
        provenance=f"{RESULTS}/points.provenance.json",
    log:
        f"{RESULTS}/logs/points.log",
    benchmark:
        f"{RESULTS}/logs/points.benchmark.tsv"
    group:
        together("results")
    conda:
        "../../envs/grokflow.yaml"
    params:
        folders={run: folders_of_run(run) for run in CONFIG.runs},
    message:
        "points of every seed"
    script:
        "../scripts/tabulate_seeds.py"
