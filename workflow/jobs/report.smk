# What the report is made of.


def page_of(figure):
    return f"{RESULTS}/report/{figure}.html"


def pictures(wildcards):
    return [f"{RESULTS}/figures/{figure}.png" for figure in CONFIG.figures]


def tables_of_claims_page(wildcards):
    """Of the claims, if there are any."""
    return [f"{RESULTS}/{name}" for name in CLAIM_FILES] if CONFIG.claims else []


def tables_of_explorer(wildcards):
    """Every table that the explorer shows."""
    return [
        *tables_of_all_runs(wildcards),
        *(
            f"{folder}/{name}"
            for path in CONFIG.paths
            for folder in folders_of_path(path).values()
            for name in ("metrics.csv", "path.json")
        ),
        *map(sweep_file, CONFIG.sweeps),
    ]
