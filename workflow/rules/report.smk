# From pictures and verdicts to pages for a reader. `all` asks for none of them: `make report` does, once the
# results are there, because the pages say how long the jobs took, which no two runs have in common.


rule write_pages:
    input:
        pictures,
        tables_of_claims_page,
        records=records_of(pictures, tables_of_claims_page),
    output:
        first=report(
            # No figure has a name that begins like this.
            f"{RESULTS}/report/0-first-page.html",
            category="Claims",
            labels={"": "all claims"},
        ),
        pages=[
            report(
                page_of(figure),
                category=category_of(figure, CONFIG.figures[figure]),
                labels={"figure": figure},
            )
            for figure in CONFIG.figures
        ],
        provenance=f"{RESULTS}/report/pages.provenance.json",
    log:
        f"{RESULTS}/logs/report/pages.log",
    conda:
        "../../envs/grokflow.yaml"
    params:
        config=configuration.plain(CONFIG),
    message:
        "pages of the report"
    script:
        "../scripts/write_pages.py"


rule write_explorer:
    input:
        pictures,
        tables_of_explorer,
        records=records_of(pictures, tables_of_explorer),
    output:
        report(
            f"{RESULTS}/explore.html",
            category="Explore",
            labels={"": "paths, trainings and sweeps, seed by seed"},
        ),
        provenance=f"{RESULTS}/explore.provenance.json",
    log:
        f"{RESULTS}/logs/report/explore.log",
    conda:
        "../../envs/grokflow.yaml"
    params:
        config=configuration.plain(CONFIG),
    message:
        "explorer of all seeds"
    script:
        "../scripts/write_explorer.py"


rule pages_of_report:
    input:
        rules.write_pages.output,
        rules.write_explorer.output,
    message:
        "all pages of the report are there"
