"""Does a results tree still hold what made it, and do its numbers follow from its weights?

Run with `python -m grokflow.verify results/`. Every file is compared with its record; every
checkpoint and every curve is read, and the tables of runs, paths and sweeps; the points of every run,
and some rows along every path, are computed again from the weights, and a curve's ends are those of
its runs. A line for each thing that no longer matches; exit status 0 or 1, or 2 without a folder.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from grokflow.artifacts.columns import CLAIMS, METRICS, SWEEP
from grokflow.artifacts.provenance import SUFFIX, check_file, check_record, read_provenance
from grokflow.artifacts.results import PathResults, RunResults
from grokflow.artifacts.tables import as_csv, read_table
from grokflow.config import Dataset, Fitted, ResolvedMember, ResolvedPath, ResolvedRun
from grokflow.data.dataset import make_dataset, read_dataset
from grokflow.dynamics import periods
from grokflow.errors import ArtifactError, GrokflowError, refuses_bad_input
from grokflow.model.checkpoints import checkpoint_epochs, read_checkpoint
from grokflow.model.device import prepare
from grokflow.model.models import make_layout
from grokflow.model.objective import loss_and_error, make_task
from grokflow.model.weights import to_tensor
from grokflow.paths.curve_files import read_curve
from grokflow.paths.measuring import measure_path
from grokflow.paths.schedule import converged
from grokflow.training.points import POINTS, check_points

ROWS = 5
"""Rows computed again along each path, both ends among them."""

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
"""Relative, for losses and norms computed again; another machine sums in another order."""

RECORDED = ("datasets", "runs", "paths", "sweeps", "figures")
"""Folders in which every file is made by a job."""

Record = dict[str, Any]


def verify(root: str | Path) -> tuple[list[str], Counter[str]]:
    """Every mismatch below `root` as one line, and how many of each thing were looked at."""
    problems: list[str] = []
    counted: Counter[str] = Counter()
    records = sorted(path for path in Path(root).rglob(f"*{SUFFIX}") if ".resume" not in path.parts)
    on_record: set[Path] = set()

    def attempt(check: Callable[[], object]) -> bool:
        try:
            check()
        except GrokflowError as error:
            problems.append(str(error))
            return False
        return True

    for path in records:
        counted["records"] += 1
        if not attempt(partial(check_record, path)):
            continue
        record = read_provenance(path)
        made = {path.parent / name: expected for name, expected in record["files"].items()}
        on_record |= {path, *made}
        counted["files"] += len(made)
        whole = [attempt(partial(check_file, file, sha, path.parent)) for file, sha in made.items()]
        if all(whole):  # what is computed from an altered file says nothing new
            try:
                for what, check in _checks(path.parent, {file.name for file in made}, record["config"]):
                    counted[what] += 1
                    attempt(check)
            except (ValidationError, KeyError) as error:  # a record of another version of grokflow
                reason = str(error).splitlines()[0]
                problems.append(str(ArtifactError(path, expected="a configuration", found=reason)))
    for path in _others(Path(root), on_record):
        problems.append(str(ArtifactError(path, expected="a record of what made it", found="none")))
    if not records:
        problems.append(str(ArtifactError(root, expected="a results tree", found="no record of any job")))
    return problems, counted


def _others(root: Path, on_record: set[Path]) -> Iterator[Path]:
    """Files where every file is made by a job, that no job made."""
    for folder in sorted({path.parent for path in on_record}):
        inside = folder.relative_to(root).parts[:1]
        if inside and inside[0] in RECORDED:
            for path in sorted(folder.glob("[!.]*")):
                if path.is_file() and path not in on_record and not path.name.endswith(SUFFIX):
                    yield path


def _checks(folder: Path, names: set[str], config: Record) -> Iterator[tuple[str, Callable[[], object]]]:
    """What can be asked of the files that one job made in `folder`."""
    if "dataset" in config:
        for name in names:
            yield (
                "datasets",
                partial(read_dataset, folder / name, Dataset.model_validate(config["dataset"])),
            )
    if "points.json" in names:
        run, seed = ResolvedRun.model_validate(config["run"]), RunResults(folder)
        yield "checkpoints", lambda: _checkpoints(folder, run)
        yield "tables", lambda: seed.history
        yield "tables", lambda: seed.epochs
        yield "points", lambda: _points(seed, run)
    if "periods.csv" in names:
        yield "periods", lambda: _periods(RunResults(folder))
    if "metrics.csv" in names:
        path, found = ResolvedPath.model_validate(config["path"]), PathResults(folder)
        yield "tables", lambda: found.fit
        yield "curves", lambda: _ends(found, path)
        yield "fits", lambda: _fit(found, path)
        yield "paths", lambda: _path(found, path)
    if "claims.csv" in names:
        yield "tables", lambda: read_table(folder / "claims.csv", CLAIMS)
    if "members" in config and any(name.startswith("group_") for name in names):
        members = [ResolvedMember.model_validate(member) for member in config["members"]]
        columns = {*members[0].settings, *SWEEP}
        for name in names:
            yield "tables", partial(read_table, folder / name, columns)


def _checkpoints(folder: Path, run: ResolvedRun) -> None:
    layout = make_layout(run.model, run.dataset)
    for epoch in checkpoint_epochs(folder / "checkpoints"):
        read_checkpoint(folder / "checkpoints", epoch, layout, run.weights_digest)


def _points(seed: RunResults, run: ResolvedRun) -> None:
    """The points, from history and checkpoints; and their losses, from the weights."""
    prepare("cpu", run.threads)
    dataset = make_dataset(run.dataset)  # the file itself is checked where it lies
    path = seed.folder / "points.json"
    points = check_points(path, run, dataset, "cpu", seed.outcome["diverged"])
    task = make_task(run.model, run.dataset, dataset, "cpu")
    rows = seed.history.set_index("epoch")
    for point in POINTS:
        if points[point] is None:
            continue
        epoch = points[point]["epoch"]
        weights = read_checkpoint(seed.folder / "checkpoints", epoch, task.model.layout, run.weights_digest)
        tensor = to_tensor(weights, run.precision, "cpu")
        for split, examples in (("train", task.train), ("validation", task.validation)):
            loss = loss_and_error(task.model, tensor, examples)[0].item()
            what = f"{split}_loss at epoch {epoch}"
            _close(seed.folder / "history.csv", what, loss, rows.loc[epoch, f"{split}_loss"], run.precision)


def _periods(seed: RunResults) -> None:
    expected = as_csv(periods(seed.epochs, seed.history))
    path = seed.folder / "periods.csv"
    if path.read_text(encoding="utf-8") != expected:
        raise ArtifactError(path, expected="the collapses that epochs.csv gives", found="others")


def _ends(found: PathResults, path: ResolvedPath) -> None:
    """The curve's ends are the weights of the checkpoints that it joins."""
    if found.skipped:
        return
    layout = make_layout(path.from_run.model, path.from_run.dataset)
    file = found.folder / "curve.safetensors"
    controls = read_curve(file, layout).controls
    ends = (
        (path.from_run, path.path.from_point, found.record["from"], controls[0]),
        (path.to_run, path.path.to_point, found.record["to"], controls[-1]),
    )
    for run, point, end, weights in ends:
        name = point.partition("@")[0]
        checkpoints = found.folder.parents[2] / "runs" / name / f"seed_{run.seed}" / "checkpoints"
        expected = read_checkpoint(checkpoints, end["epoch"], layout, run.weights_digest)
        # A fit has the precision of its first run.
        if not np.array_equal(expected.astype(weights.dtype), weights):
            said = f"the weights of {name}, seed {run.seed}, epoch {end['epoch']} as an end"
            raise ArtifactError(file, expected=said, found="others")


def _fit(found: PathResults, path: ResolvedPath) -> None:
    """Whether the fit converged, and its length, from its history."""
    expected: tuple[bool | None, int | None] = None, None
    if isinstance(path.path, Fitted) and not found.skipped:
        expected = converged(path.path.fit, found.fit), len(found.fit)
    if (found.converged, found.fit_epochs) != expected:
        said = "converged {}, fit_epochs {}".format(*expected)
        raise ArtifactError(
            found.folder / "path.json",
            expected=f"{said}, as fit.csv gives",
            found=f"{found.converged}, {found.fit_epochs}",
        )


def _path(found: PathResults, path: ResolvedPath) -> None:
    """Some rows along the path, measured again on its curve."""
    table, file = found.metrics, found.folder / "metrics.csv"
    if found.skipped:
        if len(table):
            raise ArtifactError(file, expected="no rows of a skipped path", found=len(table))
        return
    run = path.from_run
    prepare("cpu", run.threads)
    task = make_task(run.model, run.dataset, make_dataset(run.dataset), "cpu")
    sample = table.iloc[np.unique(np.linspace(0, len(table) - 1, ROWS).astype(int))]
    again = measure_path(
        read_curve(found.folder / "curve.safetensors", task.model.layout),
        sample["t"].to_numpy(),
        task,
        weight_decay=path.weight_decay,
        batch_size=run.optimizer.batch_size,
        precision=run.precision,
        device="cpu",
    )
    for name in METRICS:
        for t, expected, written in zip(sample["t"], again[name], sample[name], strict=True):
            _close(file, f"{name} at t = {t:.4g}", expected, written, run.precision)


def _close(path: Path, what: str, expected: float, found: float, precision: str) -> None:
    tolerance = TOLERANCE[precision]
    if not np.isclose(expected, found, rtol=tolerance, atol=tolerance * 1e-2):
        raise ArtifactError(
            path, expected=f"{what} {expected:.8g}, as its weights give", found=f"{found:.8g}"
        )


@refuses_bad_input
def main() -> int:
    """The command `python -m grokflow.verify`; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m grokflow.verify", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"))
    results = parser.parse_args().results
    if not results.is_dir():
        raise ArtifactError(results, expected="a results folder", found="none")
    problems, counted = verify(results)
    for problem in problems:
        print(problem)
    looked_at = ", ".join(f"{number} {what}" for what, number in counted.items())
    verdict = f"{len(problems)} things no longer match" if problems else "everything matches"
    print(f"Looked at {looked_at or 'nothing'}: {verdict}.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
