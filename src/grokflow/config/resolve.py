"""What one job needs of the configuration, with every name replaced by what it stands for.

These are the parameters of the workflow's rules: an edit of the configuration changes them, and so
reruns, only for the jobs that it touches.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal

from grokflow.config.schema import AnyPath, Config, Dataset, Entry, Model, Optimizer, Seed
from grokflow.files import digest


class ResolvedRun(Entry):
    """One seed of one run."""

    dataset: Dataset
    model: Model
    optimizer: Optimizer
    seed: Seed
    epochs: int
    stop_after_point_2: int | None
    checkpoint_every: int
    log_every: int
    precision: Literal["float32", "float64"]
    threads: int
    device: Literal["auto", "cpu", "cuda"]

    @property
    def weights_digest(self) -> str:
        """Identifies what determines the weights at every epoch: all but how long one trains and logs."""
        return digest(
            self.model_dump(
                exclude={"epochs", "stop_after_point_2", "checkpoint_every", "log_every", "device"}
            )
        )


class ResolvedPath(Entry):
    """One path between checkpoints of two (perhaps equal) resolved runs."""

    path: AnyPath
    from_run: ResolvedRun
    to_run: ResolvedRun

    @property
    def weight_decay(self) -> float:
        """λ of the loss on the path."""
        own = self.path.weight_decay
        return self.from_run.optimizer.weight_decay if own is None else own


def resolve_run(config: Config, name: str, seed: int) -> ResolvedRun:
    """The run `name` with `seed`."""
    run = config.runs[name]
    return ResolvedRun(
        dataset=config.datasets[run.dataset],
        model=config.models[run.model],
        optimizer=config.optimizers[run.optimizer],
        seed=seed,
        epochs=run.epochs,
        stop_after_point_2=run.stop_after_point_2,
        checkpoint_every=run.checkpoint_every,
        log_every=run.log_every,
        precision=config.precision,
        threads=config.threads,
        device=config.device,
    )


def runs_of_path(config: Config, name: str) -> tuple[str, str]:
    """Names of the runs at the two ends of the path `name`."""
    path = config.paths[name]
    return path.from_point.partition("@")[0], path.to_point.partition("@")[0]


def members_of_path(config: Config, name: str) -> list[str]:
    """The seeds (`0`) or pairs of seeds (`0-1`) that the path `name` is made for."""
    first, last = (config.runs[run].seeds for run in runs_of_path(config, name))
    if config.paths[name].between == "points":
        return [str(seed) for seed in first if seed in last]
    if first == last:
        return [f"{a}-{b}" for a, b in itertools.combinations(first, 2)]
    return [f"{a}-{b}" for a, b in itertools.product(first, last) if a != b]


def resolve_path(config: Config, name: str, member: str) -> ResolvedPath:
    """The path `name` for a member of `members_of_path`."""
    seeds = [int(seed) for seed in member.split("-")]
    first, last = runs_of_path(config, name)
    return ResolvedPath(
        path=config.paths[name],
        from_run=resolve_run(config, first, seeds[0]),
        to_run=resolve_run(config, last, seeds[-1]),
    )


def plain(entry: Entry) -> dict[str, Any]:
    """`entry` as plain dictionaries, lists, numbers and texts, keyed as in YAML."""
    return entry.model_dump(mode="json", by_alias=True)
