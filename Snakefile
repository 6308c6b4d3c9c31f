# Loads and checks the configuration, includes the rules, names the targets.

import os

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

from grokflow.artifacts.files import refuse_links_out
from grokflow.artifacts.finished import finished_groups
from grokflow.artifacts.results import TABLES
from grokflow.claims import CRITERIA
from grokflow.errors import GrokflowError
from grokflow.figures import kind_of
from grokflow.loading import load_config
from grokflow.report import category_of
from grokflow.user_code import files_named, is_code

min_version("9.27")

# Without a `configfile:` directive `--configfile` replaces config.yaml instead of being laid over it. The file itself is
# read and not Snakemake's copy of it, because it may name files that lie beside it.
DEFAULT = os.path.join(workflow.basedir, "config.yaml")
try:
    CONFIG = load_config(
        workflow.overwrite_configfiles or [os.path.relpath(DEFAULT)],
        overrides=workflow.config_settings.config,
    )
    refuse_links_out(CONFIG.results)
except GrokflowError as error:
    raise WorkflowError(str(error)) from None


# Ctrl-C sends SIGINT to every process. A job, in the background of its shell, ignores it; the shell passes it on
# as SIGTERM, which ends even a Python that is still starting without a traceback, and waits until all is saved.
shell.prefix(
    """trap 'trap "" INT QUIT TERM; kill $!; wait $! && exit 0; exit 143' INT QUIT TERM; """
)
shell.suffix("& exec 2>/dev/null; wait $!")  # else the shell, too, says how a job ended


# A GPU is one of this machine's here, but not one of the whole cluster's there.
resource_scopes:
    gpu="local",


# Of each stage first what its jobs are, in functions, then the rules that do them.
include: "workflow/jobs/common.smk"
include: "workflow/jobs/train.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/dynamics.smk"
include: "workflow/jobs/paths.smk"
include: "workflow/rules/paths.smk"
include: "workflow/jobs/sweeps.smk"
include: "workflow/rules/sweeps.smk"
include: "workflow/jobs/show.smk"
include: "workflow/rules/show.smk"
include: "workflow/jobs/report.smk"
include: "workflow/rules/report.smk"
include: "workflow/jobs/targets.smk"
include: "workflow/jobs/ended.smk"


report: "workflow/report/workflow.rst"


localrules:
    all,
    pages_of_report,


rule all:
    default_target: True
    input:
        all_results(),
    message:  # else Snakemake prints all that is asked for, in one line
        "all results are there"


# Told by Snakemake's logger, so that it comes in turn and stands in Snakemake's log file, too.
onsuccess:
    from grokflow.summary import summary

    if asked_for_all():
        logger.info(summary(RESULTS, configuration=configuration_files()))


# Jobs that were stopped with the workflow, by SIGTERM or Ctrl-C, have not failed.
onerror:
    from grokflow.summary import summary

    failed = {} if workflow.scheduler._user_kill else failed_jobs()
    if failed:
        if asked_for_all():
            told = summary(
                RESULTS,
                judged=not any(
                    job.rule.name == "judge_claims" for job in undone_jobs()
                ),
                configuration=None,
                not_done=not_done(failed),
            )
            logger.info(told)
        done = f"{workflow.scheduler.finished_jobs} of {len(workflow.dag)} jobs are done"
        logger.error(
            f"{done}; the same command goes on from here. Failed, with their logs:"
        )
        logger.error(
            "\n".join(f"  {name}: {logs}" for name, logs in failed.items())
        )
