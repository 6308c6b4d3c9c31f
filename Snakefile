# Loads and checks the configuration, includes the rules, names the targets.

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from grokflow.claims import CRITERIA, SUBJECTS
from grokflow.config import load
from grokflow.errors import GrokflowError
from grokflow.figures import KINDS
from grokflow.artifacts.files import refuse_links_out

min_version("9.27")

# Without a `configfile:` directive `--configfile` replaces config.yaml instead of being laid over it.
try:
    CONFIG = load(
        workflow.overwrite_configfiles or [workflow.source_path("config.yaml")],
        overrides=workflow.config_settings.config,
        figure_kinds=KINDS,
        claim_subjects=SUBJECTS,
    )
    refuse_links_out(CONFIG.results)
except GrokflowError as error:
    raise WorkflowError(str(error)) from None


# A GPU is one of this machine's here, but not one of the whole cluster's there.
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/dynamics.smk"
include: "workflow/rules/paths.smk"
include: "workflow/rules/sweeps.smk"
include: "workflow/rules/show.smk"


report: "workflow/report/workflow.rst"


localrules:
    all,


rule all:
    default_target: True
    input:
        all_results(),
