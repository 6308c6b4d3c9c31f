"""kill -9 in the middle of a training, then the same command: the same bits."""

import hashlib
import signal
import subprocess
import time

import psutil
import pytest

RUN = "results/runs/groks/seed_3"


def fingerprints(project):
    """Checksum of the history and of every checkpoint."""
    files = [project.folder / RUN / "history.csv"]
    files += sorted((project.folder / RUN / "checkpoints").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("nothing happened in time")


def training_process(workflow):
    for process in psutil.Process(workflow.pid).children(recursive=True):
        try:
            if process.cmdline()[-1].endswith("train.py"):
                return process
        except (psutil.NoSuchProcess, IndexError):
            continue
    return None


def saved_epochs(project):
    return len(list((project.folder / "results/.resume").glob("*/row_0/epoch_*.safetensors")))


def interrupt_training(project, after_checkpoints):
    """Start the run, kill -9 its training once that many checkpoints lie there."""
    workflow = subprocess.Popen(
        project.command(f"{RUN}/history.csv"),
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process = wait_for(lambda: training_process(workflow))
    wait_for(lambda: saved_epochs(project) >= after_checkpoints or workflow.poll() is not None)
    process.send_signal(signal.SIGKILL)
    output, _ = workflow.communicate(timeout=60)
    assert workflow.returncode != 0, output
    return output


@pytest.mark.slow
def test_killed_three_times_gives_the_same_bits(project, tmp_path_factory):
    project.edit(
        "epochs: 600, stop_after_point_2: 10, checkpoint_every: 25", "epochs: 1500, checkpoint_every: 25"
    )
    for after in (3, 10, 20):
        interrupt_training(project, after)
    assert project.snakemake(f"{RUN}/history.csv").returncode == 0
    log = (project.folder / "results/logs/runs/groks/seed_3.train.log").read_text()
    assert "Going on from epoch" in log
    interrupted = fingerprints(project)

    undisturbed = type(project)(tmp_path_factory.mktemp("undisturbed") / "grokflow")
    undisturbed.config.write_text(project.config.read_text())
    assert undisturbed.snakemake(f"{RUN}/history.csv").returncode == 0
    assert fingerprints(undisturbed) == interrupted


def test_killed_once_goes_on_and_gives_the_same_bits(project, finished):
    """A shorter form of the same for every run of the suite: long enough to be killed in the middle."""
    project.edit("epochs: 600, stop_after_point_2: 10", "epochs: 600, stop_after_point_2: 300")
    interrupt_training(project, 3)
    assert project.snakemake(f"{RUN}/history.csv").returncode == 0
    log = (project.folder / "results/logs/runs/groks/seed_3.train.log").read_text()
    assert "Going on from epoch" in log
    # The shorter, undisturbed run goes on for longer than the three checkpoints before the kill;
    # only its last epoch is not one of the longer run.
    undisturbed, interrupted = fingerprints(finished), fingerprints(project)
    last = max(name for name in undisturbed if name.startswith("epoch_"))
    shared = {name for name in undisturbed if name not in ("history.csv", last)}
    assert len(shared) >= 6
    assert {name: interrupted.get(name) for name in shared} == {name: undisturbed[name] for name in shared}
    rows = [(each.folder / RUN / "history.csv").read_text().splitlines() for each in (finished, project)]
    assert set(rows[0][:-1]) <= set(rows[1])
