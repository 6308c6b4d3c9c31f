"""Whatever the cluster does in the middle of a training: the run ends with the bits of a calm run here."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from cluster.conftest import Workflow
from cluster.slurm import Cluster, run, wait_for

QUICK = Path(__file__).parents[2] / "config" / "quick.yaml"
MINUTES = 60
"""Seconds in one."""


class Disturbed:
    """A run that is in the middle of its training, and waits there."""

    def __init__(self, cluster: Cluster, workflow: Workflow, *arguments: str) -> None:
        self.cluster, self.workflow = cluster, workflow
        self.before = [job["id"] for job in cluster.jobs()]
        self.process = workflow.start_on_cluster(*arguments)
        self.training = workflow.hold_training(self.process)
        self.job = self.trainings()[0]

    def jobs(self) -> list[dict[str, str]]:
        """The SLURM jobs since it began, the first first."""
        return [job for job in self.cluster.jobs() if job["id"] not in self.before]

    def trainings(self) -> list[dict[str, str]]:
        return [job for job in self.jobs() if "_train" in job["rule"]]

    def go_on(self) -> None:
        self.training.send_signal(signal.SIGCONT)


def start_again(run_: Disturbed) -> None:
    """SLURM lets a job that it has queued again wait two minutes; we do not."""
    wait_for(lambda: run_.cluster.restarts(run_.job["id"]) and run_.trainings()[0]["state"] == "PENDING")
    run("scontrol", "update", f"JobId={run_.job['id']}", "StartTime=now")


def requeue(run_: Disturbed) -> None:
    run("scontrol", "requeue", run_.job["id"])
    start_again(run_)


def cancel(run_: Disturbed) -> None:
    run("scancel", run_.job["id"])


def preempt(run_: Disturbed) -> None:
    wanted = ("--partition=urgent", f"--nodelist={run_.job['node']}", "--mem=16000")
    run("sbatch", "--parsable", "--output=/dev/null", "--comment=urgent", *wanted, "--wrap=sleep 2")
    start_again(run_)


def drain(run_: Disturbed) -> None:
    run("scontrol", "update", f"NodeName={run_.job['node']}", "State=DRAIN", "Reason=test")
    run_.go_on()


def restart_controller(run_: Disturbed) -> None:
    run_.cluster.kill_controller()
    run_.go_on()
    time.sleep(8)  # meanwhile it is asked in vain, and the training may end
    run_.cluster.start_controller()


def kill_snakemake(run_: Disturbed) -> None:
    """Nobody is left to tell the job, which still waits when the same command is given again."""
    os.killpg(run_.process.pid, signal.SIGKILL)
    run_.process.communicate()
    run_.process = run_.workflow.start_on_cluster()


def press_ctrl_c(run_: Disturbed) -> None:
    """It cancels the job, which saves its state; nothing stays in the queue."""
    os.kill(run_.process.pid, signal.SIGINT)
    output, _ = run_.process.communicate(timeout=5 * MINUTES)
    assert run_.process.returncode == 130, output
    assert output.splitlines()[-1].startswith("Stopped"), output
    wait_for(lambda: not run("squeue", "-h"))
    run_.process = run_.workflow.start_on_cluster()


def exceed_time(run_: Disturbed) -> None:
    """It waits until its minutes are over."""
    wait_for(lambda: len(run_.trainings()) == 2, seconds=6 * MINUTES)


FAULTS = {
    "job requeued": requeue,
    "job cancelled": cancel,
    "job preempted": preempt,
    "node drained": drain,
    "controller killed and started again": restart_controller,
    "snakemake killed with -9 and started again": kill_snakemake,
    "Ctrl-C, and the same command again": press_ctrl_c,
    "time limit hit": exceed_time,
}
CUT_OFF = [name for name in FAULTS if name not in ("node drained", "controller killed and started again")]
"""The faults that end the training, which then goes on from its saved state."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_bits_after(fault, cluster, calm, workflow, table):
    # Minutes; enough to start. What follows the training in its group gets none of its own.
    limits = ["--set-resources", "train:runtime=2*attempt", "find_periods:runtime=0"]
    disturbed = Disturbed(cluster, workflow, *(limits if fault == "time limit hit" else []))
    FAULTS[fault](disturbed)
    output, _ = disturbed.process.communicate(timeout=15 * MINUTES)
    assert disturbed.process.returncode == 0, output

    found = workflow.fingerprint()
    table.add(fault, disturbed.jobs(), found, calm.fingerprint())
    assert found == calm.fingerprint()
    if fault in CUT_OFF:
        assert re.search(r"Going on from epoch [1-9]", workflow.log), workflow.log
    assert happened(fault, disturbed), disturbed.jobs()


def happened(fault: str, disturbed: Disturbed) -> bool:
    """Whether SLURM, too, says so."""
    cluster, trainings = disturbed.cluster, disturbed.trainings()
    if fault in ("job requeued", "job preempted"):
        return len(trainings) == 1 and cluster.restarts(disturbed.job["id"]) == 1
    if fault == "node drained":
        _, *later = disturbed.jobs()
        return bool(later) and all(job["node"] != disturbed.job["node"] for job in later)
    if fault == "time limit hit":
        ended = [(job["state"], job["limit"]) for job in trainings]
        return ended == [("TIMEOUT", "2:00"), ("COMPLETED", "4:00")]
    ended = ["CANCELLED", "COMPLETED"] if fault in CUT_OFF else ["COMPLETED"]
    return [job["state"] for job in trainings] == ended


@pytest.mark.slow
def test_quick_yaml_through_the_profile_as_here(cluster, tmp_path, table):
    here = Workflow(tmp_path / "here", QUICK)
    status, output = here.run()
    assert status == 0, output

    there = Workflow(tmp_path / "there", QUICK)
    before = cluster.jobs()
    process = there.start_on_cluster()
    output, _ = process.communicate(timeout=60 * MINUTES)
    assert process.returncode == 0, output
    found = there.fingerprint()
    jobs = [job for job in cluster.jobs() if job not in before]
    table.add("none: config/quick.yaml", jobs, found, here.fingerprint())
    assert found == here.fingerprint()
