"""The same again: under another configuration, beside itself, on another machine's settings."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from faults import work
from faults.table import Tries, fault
from grokflow.artifacts import resumable
from grokflow.artifacts.provenance import read_provenance, write_provenance
from grokflow.config import plain
from grokflow.model.checkpoints import checkpoint_epochs, read_checkpoint, write_checkpoint
from grokflow.model.models import make_layout
from grokflow.training import batch

INTERVAL = work.RUN.checkpoint_every
ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "config", "workflow", "profiles", "envs", "src")


class Project:
    """A copy of the workflow with tiny.yaml in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, folder / part)
        shutil.copy(Path(__file__).with_name("tiny.yaml"), folder)

    def start(self, *arguments: str, cores: int = 2, **environment: str) -> subprocess.Popen[str]:
        """Start the workflow as `make reproduce` does, in a process group of its own."""
        command = ["workflow/run.sh", str(Path(sys.executable).parent), *arguments]
        path = [str(self.folder / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            [*command, "--cores", str(cores), "--configfile", "tiny.yaml"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, cores: int = 2, **environment: str) -> tuple[int, str]:
        """Run it to its end; exit status and output."""
        process = self.start(*arguments, cores=cores, **environment)
        output, _ = process.communicate()
        return process.returncode, output

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of every table and tensor."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(results.rglob("[!.]*"))
            if path.suffix in (".csv", ".json", ".md", ".safetensors")
            and not path.name.endswith("provenance.json")
            and ".resume" not in path.parts
        }


def kill_all(process: subprocess.Popen[str]) -> str:
    """kill -9 of a workflow with all its jobs; what it had printed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGSTOP)  # so that none starts another meanwhile
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    output, _ = process.communicate()
    return output


@fault(3, "kill -9 of the whole workflow until it ends", tries=20, quick=0)
def kill_workflow(tries: Tries) -> None:
    if not tries.wanted:
        return
    calm, project = Project(tries.folder / "calm"), Project(tries.folder / "killed")
    status, output = calm.run()
    if status:
        raise RuntimeError(output)
    said, kills = "", 0
    while kills < tries.wanted:
        process = project.start()
        try:
            output, _ = process.communicate(timeout=tries.random.uniform(2, 9))
        except subprocess.TimeoutExpired:
            kill_all(process)
            kills += 1
            if not said:  # without make, Snakemake itself says how to go on
                command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "tiny.yaml"]
                found = subprocess.run(
                    command, cwd=project.folder, capture_output=True, text=True, check=False,
                    env={**os.environ, "PYTHONPATH": str(project.folder / "src")},
                )  # fmt: skip
                said = found.stdout + found.stderr
        else:
            status = process.returncode
            if status:  # it did not go on by itself
                break
            shutil.rmtree(project.folder / "results")  # begin anew until it was killed often enough
    else:
        status, output = project.run()
    same = status == 0 and project.fingerprint() == calm.fingerprint()
    for _ in range(kills):
        survived = status == 0 and ("--unlock" in said or "LockException" not in said)
        tries.add(output[-200:], survived=survived, wrong=status == 0 and not same)
    tries.notes.append(f"{kills} kills; `make reproduce`'s command goes on by itself")


OTHER: dict[str, dict[str, Any]] = {
    "optimizer.learning_rate (0.02 → 0.01)": {"optimizer": {"learning_rate": 0.01}},
    "optimizer.weight_decay (1.0 → 0.5)": {"optimizer": {"weight_decay": 0.5}},
    "model.width (16 → 8)": {"model": {"width": 8}},
    "dataset.split_seed (0 → 1)": {"dataset": {"split_seed": 1}},
    "seed (0 → 1)": {"seed": 1},
    "threads (1 → 2)": {"threads": 2},
    "precision (float64 → float32)": {"precision": "float32"},
    "checkpoint_every (20 → 10)": {"checkpoint_every": 10},
}
"""What differs, as the message says it."""


@fault(10, "resumed under another configuration, version or source", tries=20, quick=10)
def another_configuration(tries: Tries) -> None:
    of_a_training(tries)
    of_a_fit_and_a_sweep(tries)


def of_a_fit_and_a_sweep(tries: Tries) -> None:
    """Interrupted, and then another PyTorch; or other weights at an end of the same name."""
    for name, what in (("fit", "torch ("), ("members", "torch ("), ("fit", "weights (")):
        for tree in tries.folders(1):
            work.before(tree, name)
            first = work.Process(tree, name)
            first.wait_for(60)
            first.send(signal.SIGKILL)
            first.status()
            if what == "weights (":
                train_again(tree)
            again = work.Process(tree, name, another_torch if what == "torch (" else None)
            ended = again.status() == 0
            said = "Starting from nothing" in again.log and what in again.log
            resumed = "Going on" in again.log
            tries.add(f"{name}, {what}: {again.log[:300]}", survived=ended and said, wrong=resumed)


def train_again(tree: Path) -> None:
    """The checkpoints with other weights, and the record that a training would leave."""
    folder = tree / "runs/run/seed_0"
    layout = make_layout(work.RUN.model, work.RUN.dataset)
    checkpoints, digest = folder / "checkpoints", work.RUN.weights_digest
    for epoch in checkpoint_epochs(checkpoints):
        weights = read_checkpoint(checkpoints, epoch, layout, digest)
        write_checkpoint(checkpoints, epoch, layout, weights * 1.001, digest)
    name = folder / "provenance.json"
    made = [folder / file for file in work.FILES_OF_RUN if file != name.name]
    write_provenance(name, made, read_provenance(name)["config"])


def of_a_training(tries: Tries) -> None:
    """Finished, and then asked for again."""
    base = work.finished_tree()
    cases: list[tuple[str, dict[str, Any], work.Injection | None]] = [
        *((what, changes, None) for what, changes in OTHER.items()),
        ("torch (", {}, another_torch),
        ("source (", {}, another_source),
    ]
    for number, tree in enumerate(tries.folders()):
        what, changes, inject = cases[number % len(cases)]
        settings = {
            key: {**plain(work.RUN)[key], **value} if isinstance(value, dict) else value
            for key, value in changes.items()
        }
        work.before(tree, "train")
        shutil.copytree(base / ".resume", tree / ".resume")
        for key in (tree / ".resume").glob("*/key.json"):  # it speaks of the tree in which it was made
            key.write_text(key.read_text().replace(str(base), str(tree)))
        if "dataset" in changes:
            shutil.rmtree(tree / "datasets")
        process = work.Process(tree, "train", inject, **settings, epochs=3)
        status = process.status()
        if "dataset" in changes:  # the job needs the other table, and says so
            survived = status == 1 and "multiplication.csv" in process.terminal
        else:
            survived = status == 0 and "Starting from nothing" in process.log and what in process.log
        resumed = "Going on" in process.log
        tries.add(f"{what}: {process.terminal}{process.log[:300]}", survived=survived, wrong=resumed)


def another_torch() -> None:
    setattr(resumable, "version", lambda name: "0.0.0")  # noqa: B010


def another_source() -> None:
    setattr(resumable, "source_digest", lambda *modules: "0" * 16)  # noqa: B010


@fault(11, "two trainings of one run; two workflows in one directory", tries=50, quick=4)
def two_at_once(tries: Tries) -> None:
    for number in range(tries.wanted):
        for tree in tries.folders(1):
            name = ("train", "group", "fit", "members")[number % 4]
            work.before(tree, name)
            first = work.Process(tree, name)
            first.wait_for(10)
            first.send(signal.SIGSTOP)  # so that both certainly meet
            second = work.Process(tree, name)
            refused = second.status() == 1 and "no other process" in second.terminal
            first.send(signal.SIGCONT)
            status = first.status()
            same = work.fingerprint(tree, name) == work.undisturbed(name)
            tries.add(f"{name}: {second.terminal}", survived=refused and status == 0, wrong=not same)
    if tries.wanted < 50:
        return
    project = Project(tries.folder / "twice")
    first_workflow = project.start()
    while not (project.folder / ".snakemake/log").exists():  # until then the second might come first
        time.sleep(0.05)
    os.killpg(first_workflow.pid, signal.SIGSTOP)  # so that it does not end while the others wait for it
    for _ in range(5):
        status, said = project.run()
        tries.add(said[-200:], survived=status == 1 and "another workflow is running" in said)
    os.killpg(first_workflow.pid, signal.SIGCONT)
    output, _ = first_workflow.communicate()
    tries.add(output[-200:], survived=first_workflow.returncode == 0)


@fault(13, "NaN or infinity in weights, gradients, data", tries=10, quick=4)
def not_a_number(tries: Tries) -> None:
    for number, tree in enumerate(tries.folders()):
        where = ("weights", "gradient", "data")[number % 3]
        value = (math.nan, math.inf, -math.inf)[number // 3 % 3]
        work.before(tree, "train")
        epoch = int(tries.random.integers(INTERVAL + 1, 100))
        if where == "data":
            path = tree / "datasets/multiplication.csv"
            path.write_text(re.sub(r"\d+,train", f"{value},train", path.read_text(), count=1))
            process = work.finish(tree, "train")
            survived = process.status() == 1 and path.name in process.terminal
            tries.add(f"{where}: {process.terminal}", survived=survived)
            continue
        process = work.Process(tree, "train", partial(inject, where, value, epoch))
        ended = process.status() == 0
        outcome = (tree / "runs/run/seed_0/outcome.json").read_text() if ended else ""
        named = re.search(rf"epoch {epoch + 1}, step \d+", outcome) is not None
        good = {
            name: sha
            for name, sha in work.fingerprint(tree, "train").items()
            if "checkpoints" in name and int(name[-18:-12]) <= epoch
        }
        kept = good.items() <= dict(work.undisturbed("train")).items() and len(good) > 1
        tries.add(f"{where} {value} in epoch {epoch}: {outcome}", survived=ended and named, lost=not kept)


def inject(where: str, value: float, epoch: int) -> None:
    """Put a value into the weights or the gradient of the first step after `epoch`."""
    original, steps = getattr(batch, "batch_pass"), [0]  # noqa: B009

    def spoiled(model: Any, weights: Any, examples: Any) -> Any:
        steps[0] += 1
        now = steps[0] == epoch + 1  # one batch an epoch
        if now and where == "weights":
            weights[3] = value
        found = original(model, weights, examples)
        if now and where == "gradient":
            found.gradient[3] = value
        return found

    setattr(batch, "batch_pass", spoiled)  # noqa: B010


SETTINGS: tuple[dict[str, str], ...] = (
    {},
    {"PYTHONHASHSEED": "1"},
    {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati"},
    {"LC_ALL": "C", "LANG": "C"},
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns"},
    {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
)


@fault(14, "same again: cores, order, folder, locale, time zone, hash seed", tries=20, quick=0)
def same_again(tries: Tries) -> None:
    if not tries.wanted:
        return
    first = Project(tries.folder / "first")
    status, output = first.run()
    if status:
        raise RuntimeError(output)
    expected = first.fingerprint()
    for number, folder in enumerate(tries.folders()):
        project = Project(folder / ("a folder with spaces" if number % 2 else "plain") / str(number))
        settings = SETTINGS[number % len(SETTINGS)]
        order = ["--scheduler", "greedy"] if number % 3 == 0 else []
        status, output = project.run(*order, cores=1 + number % 2, **settings)
        tries.add(
            f"{settings}: {output[-200:]}",
            survived=status == 0,
            wrong=status == 0 and project.fingerprint() != expected,
        )
