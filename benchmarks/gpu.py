"""What a GPU makes of it: 64 seeds with all their artifacts, 64 polylines, a path, whole workflows.

Run with `python -m benchmarks.gpu` on a machine with a GPU, with `--workflows` to time the two workflows too.
Where there is no GPU the same is done in small on the CPU, which shows that it runs; its bounds are a GPU's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.path import measured, segment
from benchmarks.setup import SETUP_M, setup_of
from benchmarks.table import Bound, Row, header, line, write
from benchmarks.timing import alternate, spread
from grokflow.config import ResolvedRun, resolve_path, resolve_run
from grokflow.data.dataset import make_dataset
from grokflow.loading import load_config
from grokflow.model import make_task, name_of, prepare
from grokflow.paths import Curve
from grokflow.paths.connecting import Unfitted
from grokflow.paths.fitting import fitting_of
from grokflow.training import train
from grokflow.training.batch import Batch
from grokflow.training.rows import Row as TrainedRow

POLYLINE = "polyline_1_2"
"""The fitted path of config.yaml whose fit is timed."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    models: int
    epochs: int
    """Of a training, logged and kept as config.yaml says."""
    fit_epochs: int
    points: int
    paths: int


ON_GPU = Size(models=64, epochs=2000, fit_epochs=50, points=61, paths=15)
ON_CPU = Size(models=2, epochs=2, fit_epochs=2, points=3, paths=3)

FEW = replace(ON_GPU, models=2, epochs=1000)
"""The trainings that share a device: as many seeds as config.yaml has of a run."""

FIT_MS, POINTS_MS = 25.0, 60.0
"""Most milliseconds of an epoch of all polylines, and of a path."""

AT_ONCE = 4
"""Jobs that share the device in a workflow."""

WORKFLOWS = {
    "gpu_default_config": (("config.yaml", "config/gpu.yaml"), 5.0),
    "gpu_full_config": (("config.yaml", "config/gpu.yaml", "config/full.yaml"), 15.0),
}
"""The configuration files of each whole workflow, and the most minutes that it may take."""

BOUNDS = {
    "gpu_seeds_with_artifacts": Bound("≤", 1.15),
    **{name: Bound("≤", 1.0) for name in ("gpu_polylines", "gpu_path_points", *WORKFLOWS)},
}


def seeds_with_artifacts(device: str, size: Size) -> Row:
    """`gpu_seeds_with_artifacts`: time of seeds trained with all their artifacts ÷ of the bare batch."""
    runs = seeds_of(size)
    dataset = make_dataset(runs[0].dataset)
    task = make_task(runs[0].model, runs[0].dataset, dataset, device)
    numbers = itertools.count()

    def bare(epochs: int = size.epochs) -> None:
        rows = [TrainedRow(run, number, recorded=False) for number, run in enumerate(runs)]
        batch = Batch(rows, [task] * len(rows), device, batched=True)
        for _ in range(epochs):
            batch.train_epoch()
            for row in rows:
                row.epoch += 1

    with tempfile.TemporaryDirectory() as scratch:

        def whole(epochs: int = size.epochs) -> None:
            own = Path(scratch, str(next(numbers)))
            folders = [own / str(run.seed) for run in runs]
            wanted = [run.model_copy(update={"epochs": epochs}) for run in runs]
            with contextlib.redirect_stdout(io.StringIO()):
                train(wanted, dataset, device, resume=own / "resume", folders=folders)

        for action in (whole, bare):
            action(2)  # the first of all pays for what CUDA starts
        pairs = alternate(whole, bare, repeats=1, warmup=0)
    milliseconds = float(np.median(pairs.a)) / size.epochs * 1e3
    against = f"the bare batch of {size.models} models, {size.epochs} epochs of setup M"
    return Row("gpu_seeds_with_artifacts", *pairs.ratio(), milliseconds, "ms/epoch", against, name_of(device))


def polylines(device: str, size: Size) -> Row:
    """`gpu_polylines`: time of an epoch of the fits of many polylines together ÷ its bound."""
    setup = setup_of(SETUP_M, device=device)
    layout, config = setup.task.model.layout, load_config(["config.yaml"])
    unfitted = []
    for seed in range(size.models):
        first, last = layout.initial(seed), layout.initial(size.models + seed)
        names = (f"seed {seed}, initial", "bend 1", f"seed {size.models + seed}, initial")
        controls = np.stack([first, (first + last) / 2, last]).astype(setup.precision)
        path = resolve_path(config, POLYLINE, str(seed))
        unfitted.append(Unfitted(path, Curve("polyline", controls, names)))
    fit = fitting_of(unfitted, make_dataset(setup.run.dataset), device)
    seconds = _seconds(fit.advance, size.fit_epochs)
    value = float(np.median(seconds)) * 1e3
    against = f"{FIT_MS:g} ms an epoch of {size.models} polylines"
    ratio = spread(seconds * 1e3 / FIT_MS)
    return Row("gpu_polylines", *ratio, value, "ms/epoch", against, name_of(device))


def path_points(device: str, size: Size) -> Row:
    """`gpu_path_points`: time to measure all points of a path ÷ its bound."""
    setup = setup_of(SETUP_M, device=device)
    curve = segment(setup)
    seconds = _seconds(lambda: measured(setup, curve, size.points, device), size.paths)
    value = float(np.median(seconds)) * 1e3
    against = f"{POINTS_MS:g} ms for {size.points} points"
    return Row(
        "gpu_path_points", *spread(seconds * 1e3 / POINTS_MS), value, "ms/path", against, name_of(device)
    )


TRAIN = """
import sys, tempfile
from pathlib import Path
from benchmarks.gpu import FEW, ON_CPU, seeds_of
from grokflow.data.dataset import make_dataset
from grokflow.training import train

device = sys.argv[1]
runs = seeds_of(ON_CPU if device == "cpu" else FEW)
with tempfile.TemporaryDirectory() as own:
    folders = [Path(own, str(run.seed)) for run in runs]
    train(runs, make_dataset(runs[0].dataset), device, resume=Path(own, "resume"), folders=folders)
"""
"""What a job does: its start-up is part of what is compared."""


def jobs_at_once(device: str, size: Size) -> Row:
    """`gpu_jobs_at_once`: time of two trainings on one device in turn ÷ of both at once."""
    command = [sys.executable, "-c", TRAIN, device]

    def in_turn() -> None:
        for _ in range(2):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def at_once() -> None:
        jobs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
        statuses = [job.wait() for job in jobs]
        if any(statuses):
            raise ChildProcessError("a training failed")

    pairs = alternate(in_turn, at_once, repeats=1, warmup=0)
    models = size.models if device == "cpu" else FEW.models
    against = f"two trainings of {models} seeds one after the other"
    seconds = float(np.median(pairs.b))
    return Row("gpu_jobs_at_once", *pairs.ratio(), seconds, "s for both", against, name_of(device))


def workflow(name: str) -> Row:
    """Minutes of a whole workflow from nothing ÷ the most that it may take."""
    files, most = WORKFLOWS[name]
    Path("results").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="results", prefix=".benchmark_") as results:
        start = time.perf_counter()
        executables = str(Path(sys.executable).parent)
        command = ["workflow/run.sh", executables, "--cores", "all", "--resources", f"gpu={AT_ONCE}"]
        command += ["--configfile", *files, "--config", f"results={results}"]
        subprocess.run(command, check=True)
        minutes = (time.perf_counter() - start) / 60
    against = f"{most:g} minutes: {' + '.join(files)}"
    share = minutes / most
    return Row(name, share, share, share, minutes, "min", against, name_of("cuda"))


def seeds_of(size: Size) -> list[ResolvedRun]:
    """As many seeds of setup M, each trained for the epochs that are measured."""
    config = load_config(["config.yaml"])
    runs = [resolve_run(config, SETUP_M, seed) for seed in range(size.models)]
    return [run.model_copy(update={"epochs": size.epochs, "stop_after_point_2": None}) for run in runs]


def _seconds(action: Callable[[], object], repeats: int, warmup: int = 3) -> np.ndarray:
    """Seconds (repeats,) of an action that ends when the GPU has."""
    times = []
    for _ in range(warmup + repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return np.array(times[warmup:])


def main() -> None:
    """The command `python -m benchmarks.gpu`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--workflows", action="store_true", help="time the two whole workflows too")
    parser.add_argument("--output", type=Path, help="where to write the table as CSV; by default nowhere")
    arguments = parser.parse_args()
    has_gpu = torch.cuda.is_available()
    device, size = prepare("auto", threads=1), ON_GPU if has_gpu else ON_CPU
    if not has_gpu:
        print("No GPU: in small on the CPU, to see that it runs. The bounds are a GPU's.", flush=True)
    rows = []
    print(header(), flush=True)
    measures = [seeds_with_artifacts, polylines, path_points, jobs_at_once]
    todo: list[Callable[[], Row]] = [partial(measure, device, size) for measure in measures]
    if arguments.workflows and has_gpu:
        todo += [partial(workflow, name) for name in WORKFLOWS]
    for measure in todo:
        rows.append(measure())
        print(line(rows[-1], BOUNDS.get(rows[-1].name) if has_gpu else None), flush=True)
    if arguments.output:
        write(arguments.output, rows)


if __name__ == "__main__":
    main()
