# Which members of a sweep train together.

GROUPS_OF_SWEEP = {
    sweep: configuration.groups_of_sweep(CONFIG, sweep) for sweep in CONFIG.sweeps
}


def runs_of_members(wildcards):
    return [member.run for member in GROUPS_OF_SWEEP[wildcards.sweep][wildcards.group]]


def tables_of_groups(wildcards):
    """The tables that make up that of a sweep."""
    sweep = wildcards.sweep
    return [
        f"{RESULTS}/sweeps/{sweep}/group_{group}.csv"
        for group in GROUPS_OF_SWEEP[sweep]
    ]


def priority_of_members(wildcards):
    return longest_first(runs_of_members(wildcards))


def memory_of_members(wildcards, attempt):
    runs = runs_of_members(wildcards)
    return memory(len(runs), runs[0], attempt, wildcards)


def runtime_of_members(wildcards, attempt):
    """In minutes."""
    minutes = training_minutes(runs_of_members(wildcards), device_of_job(wildcards))
    return attempt * math.ceil(minutes)
