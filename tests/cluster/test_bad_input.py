"""What a cluster refuses: the first failure's reason and log are the last that is printed."""

from __future__ import annotations

import pytest

MINUTES = 60
"""Seconds in one."""

REFUSED = {
    "nowhere": "invalid partition specified: nowhere",
    "billed": "the partition billed needs an account",
    "cpu": "Requested node configuration is not available",
}


def last_told(output: str) -> str:
    """From the failure that is told once more, to the end."""
    _, found, last = output.rpartition("The first that failed: ")
    assert found, output
    return last


@pytest.mark.parametrize("partition", REFUSED)
def test_what_slurm_refuses_is_told_last(partition, cluster, workflow):
    process = workflow.start_on_cluster("--default-resources", f"slurm_partition={partition}")
    output, _ = process.communicate(timeout=5 * MINUTES)
    assert process.returncode == 1, output
    told = last_told(output)
    assert "train run, seed 0" in told.splitlines()[0]
    assert REFUSED[partition] in told
    assert "results/logs/runs/run/seed_0.train.log" in told
    assert len(told.splitlines()) < 8
    assert "sbatch call" not in output


def test_a_job_that_fails_on_its_node_is_told_with_the_end_of_its_log(cluster, workflow):
    table = workflow.folder / "results/datasets/multiplication.csv"
    table.write_text(table.read_text() + "\n")
    process = workflow.start_on_cluster("--retries", "0")
    output, _ = process.communicate(timeout=10 * MINUTES)
    assert process.returncode == 1, output
    told = last_told(output)
    assert told.startswith("train run, seed 0 FAILED")
    assert "results/logs/runs/run/seed_0.train.log:" in told
    assert "the file was altered" in told


HIDDEN = {
    "the folder": """mkdir ../hidden && mount -t tmpfs none ../hidden && cp -r . ../hidden && cd ../hidden""",
    "its results": "mount -t tmpfs none results",
}
"""Commands that put something on a file system that only this process, and what that starts, sees."""

STARTED_THERE = """#!/bin/sh
exec unshare --mount sh -c '{hide} && exec workflow/there.sh "$@"' sh "$@"
"""


def run_hidden(workflow, what):
    """The output of a workflow of which the nodes do not see something."""
    script = workflow.folder / "workflow/run.sh"
    script.rename(script.with_name("there.sh"))
    script.write_text(STARTED_THERE.format(hide=HIDDEN[what]), encoding="utf-8")
    script.chmod(0o755)
    process = workflow.start_on_cluster("--retries", "0")
    output, _ = process.communicate(timeout=5 * MINUTES)
    assert process.returncode == 1, output
    return output


def test_a_folder_that_the_nodes_do_not_see_is_named(cluster, workflow):
    told = last_told(run_hidden(workflow, "the folder"))
    assert "its node does not see this folder" in told
    assert f"{workflow.folder.parent}/hidden/.snakemake/slurm_logs" in told


def test_results_that_the_nodes_do_not_see_are_named(cluster, workflow):
    told = last_told(run_hidden(workflow, "its results"))
    assert told.startswith("results/datasets/multiplication.csv: its job ended without an error")
    assert "its node does not see this folder" in told
    assert len(told.splitlines()) == 1
