"""What a training asks SLURM for, read off the queue of a partition that starts nothing."""

from __future__ import annotations

import os
import re
import signal

import pytest
from cluster.slurm import run, wait_for

ASKED = {
    "by default": ([], "TresPerJob=gres:gpu:1"),
    "by gres": (["--default-resources", "gres=gpu:1"], "TresPerNode=gres:gpu:1"),
    "on CPUs": (["--config", "device=cpu"], None),
}


@pytest.fixture
def stopped_partition(cluster):
    run("scontrol", "update", "PartitionName=main", "State=DOWN")
    yield
    run("scontrol", "update", "PartitionName=main", "State=UP")


@pytest.mark.parametrize("how", ASKED)
def test_a_training_asks_for_one_gpu_in_the_words_of_the_site(how, cluster, workflow, stopped_partition):
    arguments, expected = ASKED[how]
    before = cluster.jobs()
    process = workflow.start_on_cluster(*arguments)
    (job,) = wait_for(lambda: [job for job in cluster.jobs() if job not in before], seconds=120)
    shown = run("scontrol", "show", "job", job["id"])
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    wait_for(lambda: not run("squeue", "-h"))

    assert "train" in job["rule"]
    assert re.findall(r"TresPer\w+=gres:gpu\S*", shown) == ([expected] if expected else [])
    assert "Requeue=1" in shown
    assert re.search(r"TimeLimit=00:\d\d:00", shown)
