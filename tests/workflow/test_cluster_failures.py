"""What the console makes of a failure that a scheduler reports; `make test-cluster` has the real ones."""

import io
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

REFUSED = (
    "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: nowhere'.\n"
    "    sbatch call:\n        sbatch --parsable --wrap='a line without end'\n"
)


@pytest.fixture
def console(monkeypatch, tmp_path):
    """The console, in a folder of its own, with what it prints in `console.terminal.stream`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "workflow" / "console"))
    from snakemake_logger_plugin_console import LogHandler

    asked = {"dryrun": False, "verbose": False, "debug_dag": False, "quiet": [], "show_failed_logs": True}
    monkeypatch.chdir(tmp_path)
    console = LogHandler(SimpleNamespace(**asked), None)
    console.terminal.stream = io.StringIO()
    yield console
    for name in [name for name in sys.modules if name.startswith("snakemake_logger_plugin_console")]:
        del sys.modules[name]


def emit(console, event, **given):
    record = logging.makeLogRecord({"event": event, "levelno": logging.ERROR, **given})
    console.emit(record)


def member(number, message, folder=""):
    log = [f"{folder}{number}.log"]
    return {"jobid": number, "rule_msg": None, "rule_name": message, "output": ["a"], "log": log}


def fail(console, reason, aux_logs=(), folder=""):
    """A group of two fails, of which the second has an error in its log, if there is one."""
    members = [member(1, "collapses", folder), member(2, "train", folder)]
    emit(console, LogEvent.PROGRESS, total=3, done=0)
    emit(console, LogEvent.GROUP_ERROR, job_error_info=members, reason=reason, aux_logs=list(aux_logs))
    for each in members:
        emit(console, LogEvent.JOB_ERROR, indent=True, **each)


def test_a_refused_group_is_told_once_and_at_the_end_once_more(console):
    fail(console, REFUSED)
    emit(console, None, msg="Failed, with their logs:")
    console.close()
    told = console.terminal.stream.getvalue()
    assert told.count("FAILED") == 2
    assert told.endswith(
        "The first that failed: collapses; train FAILED after 0.0 s\n"
        "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: nowhere'.\n"
        "1.log, 2.log: there is no log, because the job did not start.\n"
    )


def test_a_log_in_a_storage_is_named_and_not_said_to_be_missing(console):
    fail(console, "The pod failed.", folder="s3://bucket/logs/")
    console.close()
    last = "The log, unless the job did not start: s3://bucket/logs/1.log, s3://bucket/logs/2.log\n"
    assert console.terminal.stream.getvalue().endswith(last)


def test_of_a_group_that_failed_on_its_node_the_member_is_named_that_says_why(console):
    Path("1.log").write_text("Starting.\n", encoding="utf-8")
    Path("2.log").write_text("Starting.\nError: a disk is full.\n", encoding="utf-8")
    now = Path("2.log").stat().st_mtime - 1
    for each in (member(1, "collapses"), member(2, "train")):
        emit(console, LogEvent.JOB_INFO, wildcards={}, created=now, **each)
    fail(console, "SLURM-job '5' failed, SLURM status is: 'FAILED'. Detailed failure reason unavailable.")
    console.close()
    last = console.terminal.stream.getvalue().rpartition("The first that failed: ")[2]
    assert last.startswith("train FAILED after ")
    assert last.endswith("'FAILED'.\n2.log:\nError: a disk is full.\n")


def test_a_node_that_leaves_no_log_may_not_see_the_folder(console):
    fail(console, "SLURM-job '5' failed, SLURM status is: 'FAILED'.", aux_logs=["slurm_logs/5.log"])
    console.close()
    assert console.terminal.stream.getvalue().endswith("or its node does not see this folder.\n")


def test_what_succeeded_in_the_end_is_not_told_again(console):
    fail(console, REFUSED)
    console.done = 3
    console.close()
    assert "The first that failed" not in console.terminal.stream.getvalue()


def miss_output(console):
    text = (
        "MissingOutputException: Job 1 completed successfully, but some output files are missing.\n"
        "results/table.csv (missing locally, parent dir not present)\n"
        "results/record.json (missing locally)"
    )
    emit(console, LogEvent.PROGRESS, total=3, done=0)
    emit(console, None, msg=text)
    console.close()
    return console.terminal.stream.getvalue()


def test_results_that_a_node_does_not_share_are_named_last(console):
    emit(console, None, msg="Job 5 has been submitted with SLURM jobid 2 (log: slurm_logs/2.log).")
    last = miss_output(console).splitlines()[-1]
    assert last.startswith("The first that failed: results/table.csv: its job ended without an error")


def test_here_no_node_is_blamed_for_an_output_that_is_missing(console):
    assert "node" not in miss_output(console)
