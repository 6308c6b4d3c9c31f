"""The cluster, started once; workflows that run on it or here; the table of faults and hashes."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import workflows
from cluster.slurm import CannotStart, Cluster, run, wait_for
from workflows import sha256

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "results" / "cluster.csv"
COLUMNS = ("fault", "SLURM jobs", "files", "sha256", "same as without a cluster")
ON_CLUSTER = ("--workflow-profile", "profiles/slurm")
QUICKER = ("--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "20")
"""Short jobs are asked after sooner than the profile does; nothing else is changed."""


def pytest_collection_modifyitems(items):
    """Every test in this folder needs the cluster."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


class Workflow(workflows.Workflow):
    """One that runs on the cluster or here, in a folder that all nodes see."""

    def start_on_cluster(self, *arguments: str) -> subprocess.Popen[str]:
        return self.start(*ON_CLUSTER, *QUICKER, *arguments, cores=1)

    @property
    def log(self) -> str:
        """Of the training."""
        path = self.folder / "results/logs/runs/run/seed_0.train.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def hold_training(self, workflow: subprocess.Popen[str]) -> psutil.Process:
        """Wait until the training trains, and stop it there: so that what comes next finds it half done."""

        def training() -> psutil.Process | None:
            assert workflow.poll() is None, workflow.communicate()[0]
            for process in psutil.process_iter(["cmdline"]):
                last = (process.info["cmdline"] or [""])[-1]
                if last.startswith(str(self.folder)) and last.endswith(".train.py"):
                    return process
            return None

        process = wait_for(training, seconds=180)
        wait_for(lambda: "epoch 0/" in self.log, seconds=120)
        process.send_signal(signal.SIGSTOP)
        return process


@dataclass
class Table:
    """A row for each run of the workflow; written anew with each."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(
        self, fault: str, jobs: list[dict[str, str]], found: dict[str, str], expected: dict[str, str]
    ) -> None:
        states = Counter(job["state"] for job in jobs)
        told = ", ".join(f"{number} {state}" for state, number in states.items())
        self.rows.append((fault, told, str(len(found)), sha256(found), "yes" if found == expected else "NO"))
        TABLE.parent.mkdir(exist_ok=True)
        with TABLE.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerows([COLUMNS, *self.rows])


@pytest.fixture(scope="session")
def table():
    return Table()


@pytest.fixture(scope="session")
def cluster():
    """Nothing of it is left behind, also when it could not be started, or a test failed."""
    cluster = Cluster()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background of a shell all would ignore it
    try:
        try:
            cluster.start()
        except (CannotStart, OSError, RuntimeError) as reason:  # of this machine, not a fault of ours
            if os.environ.get("CLUSTER_TESTS") == "where possible":
                pytest.skip(f"No SLURM could be started here: {reason}")
            if isinstance(reason, CannotStart):
                pytest.exit(str(reason), returncode=1)
            raise
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def calm(tmp_path_factory):
    """A run of tiny.yaml on this machine, without a cluster."""
    workflow = Workflow(tmp_path_factory.mktemp("calm") / "grokflow", Path(__file__).with_name("tiny.yaml"))
    status, output = workflow.run()
    assert status == 0, output
    return workflow


@pytest.fixture
def nodes(cluster):
    """What a test did to the cluster is not felt by the next one."""
    yield
    if "DOWN" in subprocess.run(["scontrol", "ping"], capture_output=True, text=True, check=False).stdout:
        cluster.start_controller()
    run("scancel", "--user=root")
    wait_for(lambda: not run("squeue", "-h"), seconds=90)
    for line in run("sinfo", "-h", "-N", "-p", "main", "-o", "%N %T").splitlines():
        node, state = line.split()
        if "drain" in state:
            run("scontrol", "update", f"NodeName={node}", "State=RESUME")


@pytest.fixture
def workflow(calm, nodes, tmp_path):
    """One in which the table is made, and nothing else yet."""
    workflow = Workflow(tmp_path / "grokflow", calm.folder / "tiny.yaml")
    shutil.copytree(calm.folder / "results/datasets", workflow.folder / "results/datasets")
    yield workflow
    workflow.end()
