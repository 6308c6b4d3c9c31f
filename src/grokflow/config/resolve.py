"""What one job needs of the configuration, with every name replaced by what it stands for.

These are the parameters of the workflow's rules: an edit of the configuration changes them, and so
reruns, only for the jobs that it touches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from grokflow.artifacts.files import digest
from grokflow.config.schema import (
    AnyPath,
    Config,
    Dataset,
    Entry,
    Fitted,
    Model,
    Optimizer,
    Range,
    Seed,
    Sweep,
)
from grokflow.randomness import generator


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
    sphere: bool = False

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


class ResolvedMember(Entry):
    """One member of a sweep: what was varied, and the run that results."""

    settings: dict[str, int | float | str]
    run: ResolvedRun


PER_ROW = (("dataset", "split_seed"), ("optimizer", "learning_rate"), ("optimizer", "weight_decay"))
"""What may differ between the rows of one batch of models, besides the seed."""


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
    )


def entries_of_sweep(config: Config, name: str) -> dict[str, Entry]:
    """The entries whose keys the sweep `name` may vary."""
    sweep = config.sweeps[name]
    return {
        "dataset": config.datasets[sweep.dataset],
        "model": config.models[sweep.model],
        "optimizer": config.optimizers[sweep.optimizer],
    }


def varied(entries: Mapping[str, Entry], settings: Mapping[str, Any]) -> dict[str, Any]:
    """`entries` with the keys of `settings` (`part.key`) changed.

    Raises
    ------
    pydantic.ValidationError : when a value is not one that the key takes.
    """
    changed = {part: entry.model_dump(by_alias=True) for part, entry in entries.items()}
    for key, value in settings.items():
        part, _, field = key.partition(".")
        changed[part][field] = value
    return {part: type(entry).model_validate(changed[part]) for part, entry in entries.items()}


def combinations(sweep: Sweep) -> int:
    """How many there are, or are drawn, without making them."""
    if sweep.draws is not None:
        return sweep.draws
    return math.prod(len(values) for values in sweep.vary.values() if isinstance(values, list))


def settings_of_sweep(sweep: Sweep) -> list[dict[str, Any]]:
    """The varied keys of each combination: all of a grid, or those drawn, each once."""
    if sweep.draws is None:
        grids = [values for values in sweep.vary.values() if not isinstance(values, Range)]
        return [dict(zip(sweep.vary, values, strict=True)) for values in itertools.product(*grids)]
    columns = [_drawn(key, values, sweep) for key, values in sweep.vary.items()]
    drawn = dict.fromkeys(zip(*columns, strict=True))
    return [dict(zip(sweep.vary, values, strict=True)) for values in drawn]


def _drawn(key: str, values: list[Any] | Range, sweep: Sweep) -> list[Any]:
    """The values of one key; each key has draws of its own, so that another one changes none."""
    random = generator(sweep.design_seed, f"design/{key}")
    shares = random.random(sweep.draws).tolist()
    if isinstance(values, list):
        return [values[int(share * len(values))] for share in shares]
    low, high = values.low, values.high
    whole = isinstance(low, int) and isinstance(high, int)
    if whole:
        high += 1
    if values.scale == "log":
        drawn = [low * (high / low) ** share for share in shares]
    else:
        drawn = [low + (high - low) * share for share in shares]
    # Four digits: what a reader sees in a table is what was trained.
    return [int(value) if whole else float(f"{value:.4g}") for value in drawn]


def members_of_sweep(config: Config, name: str) -> list[ResolvedMember]:
    """Every combination of the varied keys of the sweep `name`, with every seed; a new seed comes last."""
    sweep = config.sweeps[name]
    entries = entries_of_sweep(config, name)
    combined = [(settings, varied(entries, settings)) for settings in settings_of_sweep(sweep)]
    return [
        ResolvedMember(
            settings=settings,
            run=ResolvedRun(
                **resolved,
                seed=seed,
                epochs=sweep.epochs,
                stop_after_point_2=sweep.stop_after_point_2,
                checkpoint_every=sweep.epochs,
                log_every=sweep.log_every,
                precision=config.precision,
                threads=config.threads,
                device=config.device,
            ),
        )
        for seed in sweep.seeds
        for settings, resolved in combined
    ]


def chunks_of_sweep(config: Config, name: str) -> list[list[ResolvedMember]]:
    """The members of the sweep `name` in the groups that are trained together, as rows of one batch.

    Rows may differ in seed, split, learning rate and weight decay; in a random design also in the size
    of the train set. All else is one shape for all.
    """
    sweep = config.sweeps[name]
    own_of_rows = PER_ROW if sweep.draws is None else (*PER_ROW, ("dataset", "train_fraction"))
    groups: dict[str, list[ResolvedMember]] = {}
    for member in members_of_sweep(config, name):
        own = member.run.model_dump(exclude={"seed"})
        for part, key in own_of_rows:
            own[part].pop(key)
        groups.setdefault(digest(own), []).append(member)
    size = sweep.members_at_once
    return [group[i : i + size] for group in groups.values() for i in range(0, len(group), size)]


def name_of_chunk(members: Sequence[ResolvedMember]) -> str:
    """A name that stays while its members do. A new value of a key that makes chunks of its own (any but
    those of rows, `PER_ROW`) leaves all others as they are, and a new seed those that are full.
    """
    return digest([plain(member) for member in members])


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


def fits_of_path(config: Config, name: str) -> dict[str, list[str]]:
    """The members of a path that each of its fits is of, by the fit's name; {} for a path without bends."""
    path = config.paths[name]
    if not isinstance(path, Fitted):
        return {}
    members, at_once = members_of_path(config, name), path.members_at_once
    fits = [members[i : i + at_once] for i in range(0, len(members), at_once)]
    return {fit[0] if len(fit) == 1 else f"{fit[0]}_to_{fit[-1]}": fit for fit in fits}


def resolve_path(config: Config, name: str, member: str) -> ResolvedPath:
    """The path `name` for a member of `members_of_path`."""
    seeds = [int(seed) for seed in member.split("-")]
    first, last = runs_of_path(config, name)
    path = config.paths[name]
    if isinstance(path, Fitted):  # a member is the same, however many are fitted with it
        path = path.model_copy(update={"members_at_once": 1})
    return ResolvedPath(
        path=path,
        from_run=resolve_run(config, first, seeds[0]),
        to_run=resolve_run(config, last, seeds[-1]),
    )


def plain(entry: Entry) -> dict[str, Any]:
    """`entry` as plain dictionaries, lists, numbers and texts, keyed as in YAML."""
    return entry.model_dump(mode="json", by_alias=True)
