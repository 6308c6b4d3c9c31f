"""Small jobs to disturb: the workflow's own scripts on a tiny configuration, in processes of their own.

A tree is a results folder. Its jobs, in order: `dataset`, `train` (a seed), `group` (three seeds),
`periods`, `fit`, `measure`, `members` (of a sweep). Together they take some seconds.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import itertools
import json
import multiprocessing
import multiprocessing.context
import os
import runpy
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from grokflow.artifacts import resumable
from grokflow.artifacts.tensors import read_tensors
from grokflow.config import AdamW, Dataset, Model, Polyline, ResolvedMember, ResolvedPath, ResolvedRun, plain
from grokflow.paths.fitting import Fitting
from grokflow.training.batch import Batch

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"

RUN = ResolvedRun(
    dataset=Dataset(operation="a*b", modulus=11, b_from=1, train_fraction=0.8),
    model=Model(layers=1, width=16, mlp_width=32, heads=2),
    optimizer=AdamW(name="adamw", learning_rate=0.02, weight_decay=1.0, batch_size=128),
    seed=0,
    epochs=400,
    stop_after_point_2=10,
    checkpoint_every=20,
    log_every=10,
    precision="float64",
    threads=1,
    device="cpu",
)
"""110 pairs; point 1 near epoch 40, point 2 near epoch 140; a second."""

PATH = ResolvedPath(
    path=Polyline.model_validate(
        {
            "kind": "polyline",
            "from": "run@point_1",
            "to": "run@point_2",
            "points": 5,
            "fit": {"epochs": 150, "patience": 150},  # it never settles, so it lasts as long as it may
        }
    ),
    from_run=RUN,
    to_run=RUN,
)

GROUP = [RUN.model_copy(update={"seed": seed, "epochs": 150}) for seed in range(3)]
"""Seeds that train as one batch; the first generalises within these epochs."""

MEMBERS = [
    ResolvedMember(
        settings={"optimizer.weight_decay": decay},
        run=RUN.model_copy(
            update={
                "optimizer": RUN.optimizer.model_copy(update={"weight_decay": decay}),
                "epochs": 120,
                "checkpoint_every": 120,
            }
        ),
    )
    for decay in (0.0, 1.0)
]

EPOCHS = {"train": 150, "group": 150, "fit": 150, "members": 120}
"""The jobs that take long, and about how many epochs each trains."""

RUNS_OF = {"train": [RUN], "group": GROUP}
"""The jobs that train runs, with what each trains."""


class Named(list[Any]):
    """What Snakemake gives a script: a list whose items have names."""

    def __init__(self, **named: Any) -> None:
        # Flat where a name stands for several files.
        values = (value if isinstance(value, list) else [value] for value in named.values())
        super().__init__(itertools.chain.from_iterable(values))
        self.named = named

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["named"][name]
        except KeyError:
            raise AttributeError(name) from None

    def items(self) -> Any:
        return self.named.items()


def folders(tree: Path, name: str) -> list[str]:
    """Of each seed that a training trains."""
    run = "run" if name == "train" else name
    return [f"{tree}/runs/{run}/seed_{each.seed}" for each in RUNS_OF[name]]


FILES_OF_RUN = ("history.csv", "epochs.csv", "outcome.json", "points.json", "checkpoints", "provenance.json")
FILES_OF_PATH = ("curve.safetensors", "fit.csv", "path.json", "metrics.csv", "provenance.json")


def job(tree: Path, name: str, **changes: Any) -> SimpleNamespace:
    """The `snakemake` object of a job; `changes` are of the run."""
    run, path = f"{tree}/runs/run/seed_0", f"{tree}/paths/path/seed_0"
    dataset, group = f"{tree}/datasets/multiplication.csv", f"{tree}/sweeps/sweep/group_0000000000000000"
    fit, resume = f"{tree}/paths/path/fit_0.safetensors", f"{tree}/.resume"
    ends = {"points": [f"{run}/points.json"], "checkpoints": [f"{run}/checkpoints"]}
    inputs: dict[str, dict[str, Any]] = {
        "train": {"dataset": dataset},
        "group": {"dataset": dataset},
        "periods": {"history": [f"{run}/history.csv"], "epochs": [f"{run}/epochs.csv"]},
        "fit": {"dataset": dataset, **ends},
        "measure": {"dataset": dataset, **ends, "fit": [fit]},
    }
    outputs: dict[str, dict[str, Any]] = {
        "dataset": {"table": dataset, "provenance": f"{tree}/datasets/multiplication.provenance.json"},
        "periods": {"periods": [f"{run}/periods.csv"], "provenance": [f"{run}/periods.provenance.json"]},
        "fit": {"fit": fit, "provenance": f"{tree}/paths/path/fit_0.provenance.json"},
        "measure": {file.partition(".")[0]: [f"{path}/{file}"] for file in FILES_OF_PATH},
        "members": {"table": f"{group}.csv", "provenance": f"{group}.provenance.json"},
    }
    for training in RUNS_OF:
        outputs[training] = {
            file.partition(".")[0]: [f"{folder}/{file}" for folder in folders(tree, training)]
            for file in FILES_OF_RUN
        }
    trained = {key: [{**plain(each), **changes} for each in runs] for key, runs in RUNS_OF.items()}
    record = f"{tree}/runs/group/group_0_to_2.provenance.json"
    outputs["group"]["provenance"] = [record, *outputs["group"]["provenance"]]
    group_itself = [{"group": trained["group"]}]
    params: dict[str, dict[str, Any]] = {
        "dataset": {"dataset": plain(RUN.dataset)},
        "train": {"each": [{"run": each} for each in trained["train"]], "resume": resume},
        "group": {"each": group_itself + [{"run": each} for each in trained["group"]], "resume": resume},
        "periods": {},
        "fit": {"paths": [plain(PATH)], "resume": resume},
        "measure": {"each": [{"path": plain(PATH)}]},
        "members": {"members": [plain(member) for member in MEMBERS], "resume": resume},
    }
    return SimpleNamespace(
        log=[f"{tree}/logs/{name}.log"],
        input=Named(**inputs.get(name, {})),
        output=Named(**outputs[name]),
        params=Named(**params[name]),
        resources=SimpleNamespace(gpu=0),
    )


SCRIPT_OF = {
    "dataset": "make_dataset",
    "train": "train",
    "group": "train",
    "periods": "find_periods",
    "fit": "fit_paths",
    "measure": "measure_paths",
    "members": "train_members",
}


def do(tree: Path, name: str, **changes: Any) -> None:
    """Run a job here.

    Raises
    ------
    SystemExit : as the script does.
    """
    with contextlib.suppress(OSError):  # a read-only disk: the job is to say so
        for file in job(tree, name).output:  # Snakemake makes the folders
            Path(file).parent.mkdir(parents=True, exist_ok=True)
    runpy.run_path(
        str(SCRIPTS / f"{SCRIPT_OF[name]}.py"), init_globals={"snakemake": job(tree, name, **changes)}
    )


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["faults.work"])

Injection = Callable[[], None]


class Process:
    """A job in a process of its own, which can be disturbed.

    Parameters
    ----------
    inject : called in the process before the job; a module's function or a partial of one.
    changes : of the run that is trained.
    """

    def __init__(self, tree: Path, name: str, inject: Injection | None = None, **changes: Any) -> None:
        self.tree, self.name = tree, name
        self.epoch = CONTEXT.Value("i", -1, lock=False)
        # Beside the tree: a full disk must not swallow what is said about it.
        self.output = tree.with_name(f"{tree.name}.{name}.terminal")
        tree.mkdir(parents=True, exist_ok=True)
        arguments = (tree, name, self.epoch, inject, str(self.output), changes)
        self.process = CONTEXT.Process(target=_run, args=arguments)
        self.process.start()

    def wait_for(self, epoch: int) -> int:
        """Wait until it trains that epoch or has ended; the epoch it then trains."""
        while self.epoch.value < epoch and self.process.is_alive():
            time.sleep(0.0005)
        return int(self.epoch.value)

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.process.is_alive() and self.process.pid:
            os.kill(self.process.pid, number)

    def status(self, seconds: float = 300) -> int:
        """Its exit status, or minus the number of the signal that ended it."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        status = self.process.exitcode
        assert status is not None
        return status

    @property
    def terminal(self) -> str:
        """What it wrote on the terminal."""
        return self.output.read_text(encoding="utf-8") if self.output.exists() else ""

    @property
    def log(self) -> str:
        """What it wrote in its log."""
        path = Path(job(self.tree, self.name).log[0])
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _run(
    tree: Path, name: str, epoch: Any, inject: Injection | None, output: str, changes: dict[str, Any]
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    terminal = Path(output).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = terminal  # type: ignore[misc]
    torch.set_num_threads(1)
    resumable.SECONDS_BETWEEN_STATES = 0.02
    count_epochs(epoch)
    if inject is not None:
        inject()
    do(tree, name, **changes)


def count_epochs(epoch: Any) -> None:
    """Let `epoch` say which epoch a training or a fit is in."""
    train, fit = Batch.train_epoch, Fitting.advance

    def in_training(self: Any) -> Any:
        epoch.value = max(row.epoch for row in self.rows)
        return train(self)

    def in_fit(self: Any) -> None:
        epoch.value = self.epoch
        fit(self)

    setattr(Batch, "train_epoch", in_training)  # noqa: B010 - mypy forbids the plain assignment
    setattr(Fitting, "advance", in_fit)  # noqa: B010


def finish(tree: Path, name: str, **changes: Any) -> Process:
    """Run a job in a process of its own to its end."""
    process = Process(tree, name, **changes)
    process.status()
    return process


@functools.cache
def finished_tree() -> Path:
    """A tree in which every job was done undisturbed. Do not change its files."""
    tree = Path(tempfile.mkdtemp(prefix="faults."))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    for name in SCRIPT_OF:
        process = finish(tree, name)
        if process.status():
            raise RuntimeError(f"the undisturbed job {name} failed: {process.terminal}{process.log}")
    return tree


@functools.cache
def undisturbed(name: str) -> Mapping[str, str]:
    """The fingerprint of a job's outputs in the finished tree."""
    return fingerprint(finished_tree(), name)


def before(tree: Path, name: str) -> Path:
    """Put all that the job `name` needs into `tree`, and nothing of what it makes."""
    needed = itertools.takewhile(lambda each: each != name, SCRIPT_OF)
    for each in needed if name not in ("group", "members") else ["dataset"] * (name == "group"):
        for file in job(finished_tree(), each).output:
            target = tree / Path(file).relative_to(finished_tree())
            target.parent.mkdir(parents=True, exist_ok=True)
            if Path(file).is_dir():
                shutil.copytree(file, target, dirs_exist_ok=True)
            else:
                shutil.copy(file, target)
    return tree


def fingerprint(tree: Path, name: str) -> dict[str, str]:
    """SHA-256 of all that a job made, its record left out, and of a training's saved state."""
    paths = [Path(path) for path in job(tree, name).output if not path.endswith("provenance.json")]
    files = [f for path in paths for f in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    found = {str(f.relative_to(tree)): _sha256(f) for f in files if f.is_file()}
    states = [folder / "state.safetensors" for folder in saved_in(tree, name)] if name in RUNS_OF else []
    return {**found, **{f"state {number}": _sha256(state) for number, state in enumerate(states)}}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def saved_in(tree: Path, name: str) -> list[Path]:
    """The folders in which a training of that name has saved its state."""
    subject = f"/runs/{'run' if name == 'train' else name}/"
    keys = sorted((tree / ".resume").glob("*/key.json"))
    return [key.parent for key in keys if subject in json.loads(key.read_text())["subject"]]


def saved_epoch(tree: Path) -> int:
    """The epoch of the newest state of the only unfinished job of the tree, or -1 when there is none."""
    for name in ("state.safetensors", "previous.safetensors"):
        for path in (tree / ".resume").glob(f"*/{name}"):
            return int(json.loads(read_tensors(path)[1]["progress"])["epoch"])
    return -1
