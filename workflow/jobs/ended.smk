# What has become of the jobs when the workflow ends, for what is said then.


def asked_for_all():
    """Whether the claims, or all there is, were asked for, and not some files alone."""
    return any(job.rule.name in ("all", "judge_claims") for job in workflow.dag.jobs)


def configuration_files():
    return [os.path.relpath(file) for file in workflow.overwrite_configfiles]


def called(job):
    """A job by its rule and wildcards."""
    return " ".join([job.rule.name, *job.wildcards])


def failed_jobs():
    """Each job that failed, with its logs; of jobs that were submitted together only those that have started."""
    groups = [
        list(job.jobs) if job.is_group() else [job] for job in workflow.scheduler.failed
    ]
    started = [
        job
        for group in groups
        for job in group
        if len(group) == 1 or any(map(os.path.exists, job.log))
    ]
    return {
        called(job): ", ".join(job.log)
        for job in sorted(started, key=lambda job: called(job))
    }


def undone_jobs():
    """The jobs that had to run and did not end well."""
    return [job for job in workflow.dag.needrun_jobs() if job.output]


def not_done(failed):
    """Of each rule the jobs that were not done, though they did not fail themselves."""
    undone = {}
    for job in sorted(undone_jobs(), key=called):
        if called(job) not in failed:
            undone.setdefault(job.rule.name, []).append(" ".join(job.wildcards))
    return undone
