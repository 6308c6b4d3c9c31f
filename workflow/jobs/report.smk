# What the report is made of.


def page_of(figure):
    return f"{RESULTS}/report/{figure}.html"


def pictures():
    return [f"{RESULTS}/figures/{figure}.png" for figure in CONFIG.figures]


def tables_of_claims_page():
    """Of the claims, if there are any."""
    names = (
        "claims.csv",
        "claims_numbers.csv",
        "claims_seeds.csv",
        "claims_values.csv",
    )
    return [f"{RESULTS}/{name}" for name in names] if CONFIG.claims else []


def tables_of_explorer():
    """Every table that the explorer shows."""
    return [
        *tables_of_all_runs(None),
        *(
            f"{folder}/{name}"
            for path in CONFIG.paths
            for folder in folders_of_path(path).values()
            for name in ("metrics.csv", "path.json")
        ),
        *map(sweep_file, CONFIG.sweeps),
    ]
