# Which members of a sweep train together.

GROUPS_OF_SWEEP = {
    sweep: configuration.groups_of_sweep(CONFIG, sweep) for sweep in CONFIG.sweeps
}


def priority_of_members(wildcards):
    members = GROUPS_OF_SWEEP[wildcards.sweep][wildcards.group]
    return longest_first([member.run for member in members])
