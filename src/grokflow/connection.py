"""From two named points to a curve between them: which checkpoints, which bends.

A path whose point was never reached is skipped: its record says why, and nothing fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from grokflow import config
from grokflow.checkpoints import checkpoint_path, read_checkpoint, read_tensors, write_tensors
from grokflow.config import ResolvedPath, ResolvedRun, plain
from grokflow.errors import ArtifactError
from grokflow.files import write_json, write_text
from grokflow.model import make_model
from grokflow.objective import Examples, Task, loss_and_gradient, make_task
from grokflow.paths import Curve, fit_bends
from grokflow.randomness import generator
from grokflow.weights import Layout, to_tensor
from grokflow.workshop import State, Workshop

POINTS = ("initial", "point_1", "point_2", "final")
AGAIN = "Delete it; the next run makes it again."

FIT_HISTORY = ["epoch", "learning_rate", "loss"]

WHAT_FITS = (
    "connection.py",
    "paths",
    "randomness.py",
    "weights.py",
    "prefixes.py",
    "model.py",
    "objective.py",
    "operations.py",
    "dataset.py",
)
"""The sources that decide what a fit computes; a state of other sources is not resumed."""


@dataclass(frozen=True)
class End:
    """One end of a path: a resolved run, its points.json as read, and its folder of checkpoints."""

    run: ResolvedRun
    points: dict[str, Any]
    checkpoints: Path
    point: str
    """`point_1`, `point_2`, `initial`, `final` or `epoch_N`."""

    @property
    def epoch(self) -> int | None:
        """The epoch of the point, or None when it was not reached."""
        if self.point.startswith("epoch_"):
            epoch = int(self.point.removeprefix("epoch_"))
            return epoch if epoch in self.points["checkpoints"] else None
        found = self.points[self.point]
        return None if found is None else found["epoch"]

    @property
    def reason(self) -> str:
        """Why the point is missing."""
        why = self.points["reasons"].get(self.point, "the run ended before it")
        return f"seed {self.run.seed} has no {self.point}: {why}"

    @cached_property
    def layout(self) -> Layout:
        """The layout of the run's weights."""
        return make_model(self.run.model, self.run.dataset).layout

    @property
    def description(self) -> dict[str, Any]:
        """The end as path.json records it."""
        return {"seed": self.run.seed, "point": self.point, "epoch": self.epoch}

    @property
    def label(self) -> str:
        """The point's name for a reader."""
        return f"seed {self.run.seed}, epoch {self.epoch}"

    def weights(self, epoch: int) -> np.ndarray:
        """The weight vector (n,) of a checkpoint of this run."""
        path = checkpoint_path(self.checkpoints, epoch)
        weights, written_epoch = read_checkpoint(path, self.layout, self.run.weights_digest)
        if written_epoch != epoch:
            raise ArtifactError(path, expected=f"the weights of epoch {epoch}", found=f"of {written_epoch}")
        return weights


def connect(
    path: ResolvedPath,
    start: End,
    end: End,
    dataset: pd.DataFrame,
    device: str,
    *,
    resume: str | Path | None = None,
    subject: str | Path = "a path",
) -> tuple[Curve, pd.DataFrame] | str:
    """The curve between two points and the history of its fit, or the reason why there is none.

    Parameters
    ----------
    resume : folder in which unfinished fits are kept; None: nothing is.
    subject : what the path is called in messages.

    Raises
    ------
    ArtifactError : when a checkpoint is damaged, or another process fits the same path.
    SystemExit : after SIGTERM, with the state of the last epoch saved.
    """
    missing = [e.reason for e in (start, end) if e.epoch is None]
    if missing:
        return "; ".join(missing)
    assert start.epoch is not None
    assert end.epoch is not None
    if isinstance(path.path, config.Chain) and start.epoch >= end.epoch:
        return f"seed {start.run.seed} reaches {start.point} and {end.point} in the same epoch, {end.epoch}"
    if isinstance(path.path, config.Chain):
        return _chain(start, end), _fit_history([])
    ends = np.stack([start.weights(start.epoch), end.weights(end.epoch)])
    segment = Curve("segment", ends, (start.label, end.label))
    if isinstance(path.path, config.Segment):
        return segment, _fit_history([])
    bends = path.path.bends
    straight = segment.weights(np.linspace(0.0, 1.0, bends + 2))
    controls = to_tensor(straight, path.from_run.precision, device)
    task = make_task(path.from_run.model, path.from_run.dataset, dataset, device)
    settings = {**plain(path), "epochs": [start.epoch, end.epoch]}
    workshop = Workshop(resume, subject, settings, WHAT_FITS, device)
    with workshop.locked():
        history = _fit(path, path.path.fit, controls, task, f"{start.label}/{end.label}", workshop)
        workshop.discard()
    if not controls.isfinite().all():
        return f"the fit from {start.label} to {end.label} diverged; lower the learning_rate of its `fit`"
    names = (start.label, *(f"bend {i + 1}" for i in range(bends)), end.label)
    return Curve(path.path.kind, controls.cpu().numpy(), names), _fit_history(history)


def _chain(start: End, end: End) -> Curve:
    """The curve through every logged checkpoint from one point of a run to a later one."""
    assert start.epoch is not None
    assert end.epoch is not None
    logged = [
        epoch
        for epoch in start.points["checkpoints"]
        if start.epoch < epoch < end.epoch and epoch % start.run.checkpoint_every == 0
    ]
    epochs = [start.epoch, *logged, end.epoch]
    weights = np.stack([start.weights(epoch) for epoch in epochs])
    return Curve("chain", weights, tuple(f"epoch {epoch}" for epoch in epochs))


def _fit_history(rows: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=FIT_HISTORY).astype({"epoch": int})


def _fit(
    path: ResolvedPath, fit: config.Fit, controls: Tensor, task: Task, draw: str, workshop: Workshop
) -> list[list[float]]:
    """Move the bends of `controls` (K, n) in place, or go on where an interrupted fit stood; its history."""
    history: list[list[float]] = []
    velocity = torch.zeros_like(controls[1:-1])
    saved = workshop.load()
    if saved is not None:
        print(f"Going on from epoch {saved[1]['epoch']}.", flush=True)
        history = saved[0]["history"].tolist()
        controls.copy_(torch.from_numpy(saved[0]["controls"]))
        velocity.copy_(torch.from_numpy(saved[0]["velocity"]))
    done = len(history)
    seed, batch_size = path.from_run.seed, path.from_run.optimizer.batch_size
    decay = path.weight_decay

    def on(batch: Examples) -> Any:
        def step(weights: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = loss_and_gradient(task.model, weights, batch)
            return loss + decay / 2 * weights.square().sum(), gradient.add_(weights, alpha=decay)

        return step

    def epochs() -> Iterable[tuple[np.ndarray, Iterable[Any]]]:
        for epoch in range(done, fit.epochs):
            random = generator(seed, f"path/{draw}", epoch)
            order = random.permutation(len(task.train))
            index = torch.from_numpy(order).to(controls.device)
            batches = list(task.train.take(index).batches(batch_size))
            yield random.random(len(batches)), (on(batch) for batch in batches)

    def state() -> State:
        tensors = {"controls": controls.cpu().numpy(), "velocity": velocity.cpu().numpy()}
        return {**tensors, "history": np.array(history)}, {"epoch": len(history)}

    fitted = fit_bends(path.path.kind, controls, fit, epochs(), velocity, done)
    for epoch, (loss, rate) in enumerate(fitted, start=done + 1):
        history.append([epoch, rate, loss])
        if epoch % max(1, fit.epochs // 20) == 0:
            print(f"fit epoch {epoch}/{fit.epochs}  loss {loss:.4g}", flush=True)
        if epoch < fit.epochs:
            workshop.pause(state)
    return history


def read_ends(path: ResolvedPath, points: list[str], checkpoints: list[str]) -> tuple[End, End]:
    """The two ends of a path; one file of points and one folder of checkpoints when they share a run.

    Raises
    ------
    ArtifactError : when points.json is damaged or of another run.
    """
    runs = (path.from_run, path.to_run)
    names = (path.path.from_point, path.path.to_point)
    ends = [
        End(run, _read_points(points[i], run), Path(checkpoints[i]), name.partition("@")[2])
        for i, run, name in zip((0, -1), runs, names, strict=True)
    ]
    return ends[0], ends[1]


def _read_points(path: str, run: ResolvedRun) -> dict[str, Any]:
    points = _read_json(path, "the points of a run", {"config", "reasons", "checkpoints", *POINTS})
    made_for = points["config"]
    if made_for != run.weights_digest:
        raise ArtifactError(
            path,
            expected=f"points of the configuration {run.weights_digest}",
            found=f"of {made_for}",
        )
    return points


def _read_json(path: str | Path, what: str, keys: Set[str]) -> dict[str, Any]:
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(path, expected=what, found=error, mend=AGAIN) from None
    if not isinstance(value, dict) or not keys <= set(value):
        found = f"no {', '.join(sorted(keys - set(value)))}" if isinstance(value, dict) else repr(value)
        raise ArtifactError(path, expected=what, found=found, mend=AGAIN)
    return value


def read_skipped(record: str | Path) -> str | None:
    """Why a path was skipped, from its path.json; None when it was not.

    Raises
    ------
    ArtifactError : when the record is damaged.
    """
    skipped = _read_json(record, "the record of a path", {"skipped"})["skipped"]
    return None if skipped is None else str(skipped)


def write_connection(
    path: ResolvedPath,
    start: End,
    end: End,
    outcome: tuple[Curve, pd.DataFrame] | str,
    *,
    curve: str | Path,
    fit: str | Path,
    record: str | Path,
) -> None:
    """Write the control points, the history of the fit, and path.json, which says what they are."""
    skipped = outcome if isinstance(outcome, str) else None
    found, history = (None, _fit_history([])) if isinstance(outcome, str) else outcome
    write_text(fit, history.to_csv(index=False, lineterminator="\n"))
    if found is None:
        write_tensors(curve, {}, {"skipped": str(skipped)})
    else:
        write_curve(curve, found, start.layout)
    write_json(
        record,
        {
            "kind": path.path.kind,
            "skipped": skipped,
            "from": start.description,
            "to": end.description,
            "control_points": [] if found is None else list(found.names),
            "length": None if found is None else float(found.arc_length(np.array([1.0]))[0]),
            "weight_decay": path.weight_decay,
        },
    )


def write_curve(path: str | Path, curve: Curve, layout: Layout) -> None:
    """Write the control points, each as its tensors under its number."""
    tensors = {
        f"{number}.{parameter.name}": controls[layout.slices[parameter.name]].reshape(parameter.shape)
        for number, controls in enumerate(curve.controls)
        for parameter in layout.parameters
    }
    names = {f"name_{number}": name for number, name in enumerate(curve.names)}
    write_tensors(path, tensors, {"kind": curve.kind, "controls": str(len(curve.controls)), **names})


def read_curve(path: str | Path, layout: Layout) -> Curve:
    """Read what `write_curve` wrote.

    Raises
    ------
    ArtifactError : when the file is damaged or holds no curve of this layout.
    """
    tensors, metadata = read_tensors(path)
    try:
        numbers = range(int(metadata["controls"]))
        controls = [
            layout.join({p.name: tensors[f"{i}.{p.name}"] for p in layout.parameters}) for i in numbers
        ]
        names = tuple(metadata[f"name_{i}"] for i in numbers)
        return Curve(metadata["kind"], np.stack(controls), names)  # type: ignore[arg-type]
    except (KeyError, ValueError, TypeError) as error:
        raise ArtifactError(path, expected="the control points of a path", found=f"no {error}") from None
