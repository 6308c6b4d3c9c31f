"""A model trained in a notebook, by the workflow's trainer, and the points that it reached."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from grokflow import data
from grokflow.artifacts.job import Ended
from grokflow.artifacts.provenance import SUFFIX, write_provenance
from grokflow.artifacts.results import RunResults
from grokflow.artifacts.tables import write_table
from grokflow.config import ResolvedRun, made_entry, plain
from grokflow.data import tokenization
from grokflow.dynamics import periods
from grokflow.errors import ConfigError, kind_of_value, nearest
from grokflow.figures import FIGURE_KINDS
from grokflow.library.dataset import PairTable, check_table
from grokflow.library.folder import LEFT, UNFINISHED, check_folder
from grokflow.library.picture import Picture, check_kind, drawn_from
from grokflow.library.threads import silent, threads_put_back
from grokflow.model import Layout, Transformer, prepare, read_checkpoint
from grokflow.training import POINTS
from grokflow.training import train as train_runs

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "float64"]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The weights of a training at one of its epochs.

    `weights`: (n,); `point`: `point_1`, `point_2`, `initial`, `final` or `epoch_N`; `training`: its training.
    """

    weights: np.ndarray
    point: str
    epoch: int
    training: Training

    @property
    def label(self) -> str:
        """The point's name for a reader, and for the random draws of a fit."""
        return f"seed {self.training.run.seed}, epoch {self.epoch}"

    @property
    def description(self) -> dict[str, Any]:
        """The point as path.json records it."""
        return {"seed": self.training.run.seed, "point": self.point, "epoch": self.epoch}

    def __repr__(self) -> str:
        return f"Checkpoint({self.point}: {self.label})"


@dataclass(frozen=True, eq=False)
class Training:
    """What training a model left. Its files lie in `folder`, as the workflow leaves them there."""

    run: ResolvedRun
    model: Transformer
    dataset: PairTable
    folder: Path

    @cached_property
    def results(self) -> RunResults:
        """The reader of the files."""
        return RunResults(self.folder, str(self.run.seed))

    @property
    def history(self) -> pd.DataFrame:
        """A row for each logged epoch: losses, errors, norms (history.csv)."""
        return self.results.history

    @property
    def epochs(self) -> pd.DataFrame:
        """A row for every epoch: means over its minibatches (epochs.csv)."""
        return self.results.epochs

    @property
    def points(self) -> dict[str, Any]:
        """Points 1 and 2, the first and the last epoch, with their errors; None where not reached."""
        return {name: self.results.points[name] for name in POINTS}

    @property
    def layout(self) -> Layout:
        """Which part of a weight vector is which tensor."""
        return self.model.layout

    def at(self, point: str | int) -> Checkpoint:
        """The weights at `point_1`, `point_2`, `initial` or `final`, or at an epoch that has a checkpoint.

        Raises
        ------
        ConfigError : when the point was not reached, or the epoch has no checkpoint.
        """
        if isinstance(point, int):
            kept = self.results.points["checkpoints"]
            if point not in kept:
                raise ConfigError(
                    "epoch", expected=f"one that has a checkpoint: {_listed(kept)}", found=point
                )
            epoch, name = point, f"epoch_{point}"
        else:
            if point not in POINTS:
                expected, mend = f"one of {', '.join(POINTS)}, or an epoch", nearest(point, POINTS)
                raise ConfigError("point", expected=expected, found=f"'{point}'", mend=mend)
            found = self.results.points[point]
            if found is None:
                why = self.results.points["reasons"].get(point, "the training ended before it")
                raise ConfigError(point, expected="a point that was reached", found=why, mend="Train longer.")
            epoch, name = found["epoch"], point
        digest = self.run.weights_digest
        weights = read_checkpoint(self.folder / "checkpoints", epoch, self.layout, digest)
        return Checkpoint(weights, name, epoch, self)

    def plot(self, kind: str = "accuracy_and_loss", *, name: str | None = None) -> Picture:
        """A figure of this training, such as `accuracy_and_loss`, `collapses` or `effective_statistics`.

        `name`: what the picture calls it; None: its seed.

        Raises
        ------
        ConfigError : when there is no such kind of figure of a training.
        """
        of_runs = [
            name
            for name, each in FIGURE_KINDS.items()
            if each.subject in ("run", "runs") and all((self.folder / file).exists() for file in each.files)
        ]
        check_kind(kind, of_runs)
        called = str(self.run.seed) if name is None else name.replace("/", "∕")
        return drawn_from(kind, called, self.folder, str(self.folder / "dataset.csv"))

    def __repr__(self) -> str:
        epochs = [self.results.epoch_of(point) for point in ("point_1", "point_2")]
        first, second = ("not reached" if epoch is None else f"at epoch {epoch}" for epoch in epochs)
        last = self.results.points["final"]["epoch"]
        return f"Training({last} epochs: point 1 {first}, point 2 {second})"

    def _repr_html_(self) -> str:
        rows = {name: found or {"epoch": None} for name, found in self.points.items()}
        return str(pd.DataFrame(rows).T.convert_dtypes().to_html())


def make_model(dataset: PairTable, **settings: Any) -> Transformer:
    """The papers' transformer on the tokens of a dataset.

    Parameters
    ----------
    settings : keys of `models` of a configuration: `layers`, `width`, `mlp_width`, `heads`, `normalization` …

    Raises
    ------
    ConfigError : when there is no such model.

    Examples
    --------
    >>> import grokflow
    >>> dataset = grokflow.make_dataset("a*b", modulus=97, b_from=1)
    >>> grokflow.make_model(dataset).layout.size
    222336
    """
    check_table(dataset)
    code = tokenization(dataset.settings)
    return Transformer(made_entry("models", settings, "transformer"), code.alphabet, code.vocabulary)


@threads_put_back()
def train(
    model: Transformer,
    dataset: PairTable,
    *,
    epochs: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    optimizer: str = "sgd",
    batch_size: int = 512,
    seed: int = 0,
    stop_after_point_2: int | None = None,
    checkpoint_every: int = 100,
    log_every: int = 20,
    precision: Precision = "float32",
    threads: int = 1,
    device: Device = "auto",
    folder: str | Path | None = None,
    log: bool = False,
    **of_optimizer: Any,
) -> Training:
    """Train a model, to the bits of the workflow's run with the same settings.

    It trains the transformer of both papers alone; other models are trained with code of their own, or by
    the workflow.

    Parameters
    ----------
    model, dataset : as `make_model` and `make_dataset` make them, the model for this dataset.
    optimizer : `sgd` or `adamw`; its other settings may follow: `momentum`, `beta_1`, `warmup_steps` …
    stop_after_point_2 : epochs to go on after train and validation accuracy are 100 %; None: all `epochs`.
    threads : of PyTorch, on a CPU. One is enough for models as small as these, and what the workflow takes;
        with another number the last bits differ.
    folder : where the files go, and from where an interrupted training goes on, or a finished one for more
        epochs. Its files are then replaced, no others. None: a folder that lives as long as the result does.
    log : print the lines that the workflow writes into its log.

    Raises
    ------
    ConfigError : when a setting is none that there is, the model is no transformer of grokflow or made for
        other tokens, the table of the dataset was edited, or the folder has other files than this training's.
    KeyboardInterrupt : after Ctrl-C, at the end of an epoch; what `folder` keeps then goes on with the same
        call. In another thread than the main one nothing listens to Ctrl-C.

    Examples
    --------
    >>> import grokflow
    >>> dataset = grokflow.make_dataset("a*b", modulus=7, b_from=1, train_fraction=0.6)
    >>> model = grokflow.make_model(dataset, width=8, mlp_width=16, heads=2)
    >>> grokflow.train(model, dataset, epochs=2, learning_rate=0.1, device="cpu")
    Training(2 epochs: point 1 not reached, point 2 not reached)
    """
    _check_alike(model, dataset)
    _check_device(device, threads)
    shared = {"learning_rate": learning_rate, "weight_decay": weight_decay, "batch_size": batch_size}
    settings = {"name": optimizer, **shared, **of_optimizer}
    checked = made_entry(
        "runs",
        {
            **dict.fromkeys(("dataset", "model", "optimizer"), "own"),
            "seeds": [seed],
            "epochs": epochs,
            "stop_after_point_2": stop_after_point_2,
            "checkpoint_every": checkpoint_every,
            "log_every": log_every,
            "precision": precision,
        },
    )
    run = ResolvedRun(
        dataset=dataset.settings,
        model=model.config,
        optimizer=made_entry("optimizers", settings, optimizer),
        seed=seed,
        epochs=checked.epochs,
        stop_after_point_2=checked.stop_after_point_2,
        checkpoint_every=checked.checkpoint_every,
        log_every=checked.log_every,
        precision=precision,
        threads=threads,
        device=device,
    )
    place = Path(tempfile.mkdtemp(prefix="grokflow-")) if folder is None else Path(folder)
    check_folder(place, run)
    result = Training(run, model, dataset, place)
    if folder is None:
        weakref.finalize(result, shutil.rmtree, place, ignore_errors=True)
    try:
        with contextlib.nullcontext() if log else silent():
            used = prepare(device, threads)
            train_runs([run], dataset.table, used, resume=place / UNFINISHED, folders=[place])
    except Ended as ended:
        if ended.by != signal.SIGINT:
            raise
        kept = "nothing is kept without folder=" if folder is None else f"saved in {place}"
        goes_on = "" if folder is None else "; the same call goes on"
        raise KeyboardInterrupt(kept + goes_on) from None
    write_provenance(place / SUFFIX, [place / each for each in LEFT], {"run": plain(run)})
    write_table(place / "dataset.csv", dataset.table)
    results = RunResults(place)
    found = periods(results.epochs, results.history)
    write_table(place / "periods.csv", found)
    return result


def _check_alike(model: Transformer, dataset: PairTable) -> None:
    """Refuse what the settings of a run would not describe: files and saved states are known by them."""
    if not isinstance(model, Transformer):
        expected = "a transformer as grokflow.make_model makes it"
        raise ConfigError("model", expected=expected, found=kind_of_value(model))
    check_table(dataset)
    code = tokenization(dataset.settings)
    if (model.alphabet, model.vocabulary) != (code.alphabet, code.vocabulary):
        raise ConfigError(
            "model",
            expected=f"one for the dataset's {code.vocabulary} tokens, {len(code.alphabet)} an example",
            found=f"one for {model.vocabulary} tokens, {len(model.alphabet)} an example",
            mend="Make it with grokflow.make_model(dataset).",
        )
    if not dataset.table.equals(data.make_dataset(dataset.settings)):
        raise ConfigError(
            "dataset.table",
            expected="the table and split of dataset.settings",
            found="an edited one",
            mend="Write a table of your own into a CSV file: grokflow.make_dataset('table.csv').",
        )


def _check_device(device: str, threads: int) -> None:
    if device not in get_args(Device):
        valid = get_args(Device)
        expected, mend = f"one of {', '.join(valid)}", nearest(str(device), valid)
        raise ConfigError("device", expected=expected, found=repr(device), mend=mend)
    if not isinstance(threads, int) or threads < 1:
        raise ConfigError("threads", expected="a number of at least 1", found=repr(threads))


def _listed(epochs: list[int]) -> str:
    shown = epochs if len(epochs) <= 12 else [*epochs[:9], "…", *epochs[-2:]]
    return ", ".join(map(str, shown))
