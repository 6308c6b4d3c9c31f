"""What one job needs of the configuration, with every name replaced by what it stands for.

These are the parameters of the workflow's rules: an edit of the configuration changes them, and so
reruns, only for the jobs that it touches.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any, Literal

from grokflow.artifacts.files import digest
from grokflow.config.design import settings_of_sweep
from grokflow.config.schema import (
    SGD,
    AnyModel,
    AnyPath,
    Config,
    Dataset,
    Entry,
    Figure,
    Optimizer,
    Seed,
    Streams,
    Sweep,
)


class ResolvedRun(Streams):
    """One seed of one run."""

    dataset: Dataset
    model: AnyModel
    optimizer: Optimizer
    seed: Seed
    epochs: int
    stop_after_point_2: int | None
    checkpoint_every: int
    log_every: int
    precision: Literal["float32", "float64"]
    threads: int
    device: Literal["auto", "cpu", "cuda"]
    sphere: bool = False

    @property
    def seed_of_initialization(self) -> int:
        """Of the initial weights: the run's seed unless it has one of its own."""
        return self.seed if self.initialization_seed is None else self.initialization_seed

    @property
    def seed_of_order(self) -> int:
        """Of the order of examples: the run's seed unless it has one of its own."""
        return self.seed if self.order_seed is None else self.order_seed

    @property
    def weights_digest(self) -> str:
        """Identifies what determines the weights at every epoch: all but how long one trains, what is
        logged, and the device, which changes rounding alone.
        """
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
        return decay_in_loss(self.from_run.optimizer) if own is None else own


class ResolvedMember(Entry):
    """One member of a sweep: what was varied, and the run that results."""

    settings: dict[str, int | float | str]
    run: ResolvedRun


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
        precision=run.precision or config.precision,
        threads=config.threads,
        device=config.device,
        sphere=run.sphere,
        initialization_seed=run.initialization_seed,
        order_seed=run.order_seed,
    )


def entries_of_sweep(config: Config, name: str) -> dict[str, Entry]:
    """The entries whose keys the sweep `name` may vary."""
    sweep = config.sweeps[name]
    return {
        "dataset": config.datasets[sweep.dataset],
        "model": config.models[sweep.model],
        "optimizer": config.optimizers[sweep.optimizer],
        "run": Streams(),
    }


def base_of_sweep(sweep: Sweep, entries: Mapping[str, Entry], seed: int) -> dict[str, Any]:
    """The value of each varied key in its entry, where the sweep varies one key at a time; else nothing.

    A stream's seed is the member's seed where it is not varied.
    """
    if not sweep.one_at_a_time:
        return {}
    parts = {key: key.partition(".") for key in sweep.vary}
    return {
        key: seed if part == "run" else _value_of(entries[part], field)
        for key, (part, _, field) in parts.items()
    }


SETTINGS = "settings."
"""How a key of a user's own code begins."""


def keys_to_vary(entry: Entry) -> list[str]:
    """The keys of an entry that a sweep may vary: `width`; of a user's own code also `settings.width`."""
    own = getattr(entry, "settings", {})
    fixed = {"name", "code", "settings"}  # one sweep has one optimizer and one model class
    return [*(key for key in type(entry).model_fields if key not in fixed), *(SETTINGS + key for key in own)]


def _value_of(entry: Entry, key: str) -> Any:
    if key.startswith(SETTINGS):
        return entry.settings[key.removeprefix(SETTINGS)]  # type: ignore[attr-defined]
    return getattr(entry, key)


def varied(entries: Mapping[str, Entry], settings: Mapping[str, Any]) -> dict[str, Any]:
    """`entries` with the keys of `settings` (`part.key`) changed.

    Raises
    ------
    pydantic.ValidationError : when a value is not one that the key takes.
    """
    changed = {part: entry.model_dump(by_alias=True) for part, entry in entries.items()}
    for key, value in settings.items():
        part, _, field = key.partition(".")
        inside = changed[part]["settings"] if field.startswith(SETTINGS) else changed[part]
        inside[field.removeprefix(SETTINGS)] = value
    return {part: type(entry).model_validate(changed[part]) for part, entry in entries.items()}


def members_of_sweep(config: Config, name: str) -> list[ResolvedMember]:
    """Every combination of the varied keys of the sweep `name`, with every seed; a new seed comes last."""
    sweep = config.sweeps[name]
    entries = entries_of_sweep(config, name)

    @functools.cache
    def combined(base: tuple[tuple[str, Any], ...]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [(settings, varied(entries, settings)) for settings in settings_of_sweep(sweep, dict(base))]

    return [
        ResolvedMember(
            settings=settings,
            run=ResolvedRun(
                dataset=resolved["dataset"],
                model=resolved["model"],
                optimizer=resolved["optimizer"],
                **resolved["run"].model_dump(),
                seed=seed,
                epochs=sweep.epochs,
                stop_after_point_2=sweep.stop_after_point_2,
                checkpoint_every=sweep.epochs,
                log_every=sweep.epochs,
                precision=config.precision,
                threads=config.threads,
                device=config.device,
            ),
        )
        for seed in sweep.seeds
        for settings, resolved in combined(tuple(base_of_sweep(sweep, entries, seed).items()))
    ]


def decay_in_loss(optimizer: Optimizer) -> float:
    """The λ of the loss that an optimizer lowers: its weight decay if that is coupled into the gradient."""
    return optimizer.weight_decay if isinstance(optimizer, SGD) else 0.0


def runs_of_path(config: Config, name: str) -> tuple[str, str]:
    """Names of the runs at the two ends of the path `name`."""
    path = config.paths[name]
    return path.from_point.partition("@")[0], path.to_point.partition("@")[0]


def seeds_of_path(config: Config, name: str) -> list[str]:
    """The seeds (`0`) or pairs of seeds (`0-1`) that the path `name` is made for."""
    first, last = (config.runs[run].seeds for run in runs_of_path(config, name))
    path = config.paths[name]
    if path.between == "points":
        return [str(seed) for seed in first if seed in last]
    if path.pairs == "disjoint":  # no seed twice, so that the pairs are independent
        shared = [seed for seed in first if seed in last]
        return [f"{a}-{b}" for a, b in zip(shared[::2], shared[1::2], strict=False)]
    if first == last:
        return [f"{a}-{b}" for a, b in itertools.combinations(first, 2)]
    return [f"{a}-{b}" for a, b in itertools.product(first, last) if a != b]


def resolve_path(config: Config, name: str, seeds: str) -> ResolvedPath:
    """The path `name` for one of `seeds_of_path`."""
    numbers = [int(seed) for seed in seeds.split("-")]
    first, last = runs_of_path(config, name)
    # A path is the same, however many are fitted with it and whichever other pairs there are.
    same: dict[str, Any] = {"members_at_once": 1, "pairs": "all"}
    run = resolve_run(config, first, numbers[0])
    if config.paths[name].weight_decay is None and not isinstance(run.optimizer, SGD):
        same["weight_decay"] = 0.0
    return ResolvedPath(
        path=config.paths[name].model_copy(update=same),
        from_run=run,
        to_run=resolve_run(config, last, numbers[-1]),
    )


def resolve_figure(config: Config, name: str) -> Figure:
    """The figure `name` with its style; None: the style of a screen, which needs no word in a record."""
    figure = config.figures[name]
    style = figure.style or config.figure_style
    return figure.model_copy(update={"style": None if style == "screen" else style})


def plain(entry: Entry) -> dict[str, Any]:
    """`entry` as plain dictionaries, lists, numbers and texts, keyed as in YAML."""
    return entry.model_dump(mode="json", by_alias=True)
