"""What is trained or fitted together, as rows of one batch of models.

A group that is finished stays as it is: the caller passes the finished groups, and only what is new is
grouped anew. So a new seed never trains another one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from grokflow.artifacts.files import digest
from grokflow.config.resolve import ResolvedMember, members_of_sweep, plain, seeds_of_path
from grokflow.config.schema import Config, Fitted

T = TypeVar("T")

PER_ROW = (("dataset", "split_seed"), ("optimizer", "learning_rate"), ("optimizer", "weight_decay"))
"""What may differ between the rows of one batch of models, besides their seeds."""

SEEDS = {"seed", "initialization_seed", "order_seed"}
"""Of a row: they too may differ."""


def grouped(members: Sequence[T], size: int, finished: Iterable[Sequence[T]] = ()) -> list[list[T]]:
    """The members in groups of at most `size`, in their order, those of `finished` groups as they are.

    >>> grouped([0, 1, 2, 3, 4, 5], 2, finished=[[0, 1, 2]])
    [[0, 1, 2], [3, 4], [5]]
    """
    wanted = set(members)
    kept = [list(group) for group in finished if wanted.intersection(group)]
    done = {member for group in kept for member in group}
    return kept + _in_turn([member for member in members if member not in done], size)


def _in_turn(members: Sequence[T], size: int) -> list[list[T]]:
    return [list(members[i : i + size]) for i in range(0, len(members), size)]


def name_of_group(members: Sequence[object]) -> str:
    """`0` for one seed, `0_to_7` for several; no two groups of the same run or path share a member."""
    return str(members[0]) if len(members) == 1 else f"{members[0]}_to_{members[-1]}"


def groups_of_run(config: Config, name: str, finished: Iterable[Sequence[int]] = ()) -> dict[str, list[int]]:
    """The seeds of the run `name` that are trained together, by the group's name."""
    run = config.runs[name]
    return {name_of_group(group): group for group in grouped(run.seeds, run.members_at_once, finished)}


def groups_of_path(config: Config, name: str, finished: Iterable[Sequence[str]] = ()) -> dict[str, list[str]]:
    """The seeds, or pairs of seeds, of the path `name` that are fitted and measured together."""
    seeds, size = seeds_of_path(config, name), config.paths[name].members_at_once
    return {name_of_group(group): group for group in grouped(seeds, size, finished)}


def fits_of_path(config: Config, name: str, finished: Iterable[Sequence[str]] = ()) -> dict[str, list[str]]:
    """The groups of a path's fits; {} for a path without bends."""
    return groups_of_path(config, name, finished) if isinstance(config.paths[name], Fitted) else {}


def groups_of_sweep(config: Config, name: str) -> dict[str, list[ResolvedMember]]:
    """The members of the sweep `name` that are trained together, by a name that stays while they do.

    Rows may differ in seeds, split, learning rate and weight decay; in a random design also in the size
    of the train set. All else is one shape for all. A new value of a key that makes groups of its own (any
    but those of rows, `PER_ROW`) leaves all others as they are, and a new seed those that are full.
    """
    sweep = config.sweeps[name]
    own_of_rows = PER_ROW if sweep.draws is None else (*PER_ROW, ("dataset", "train_fraction"))
    alike: dict[str, list[ResolvedMember]] = {}
    for member in members_of_sweep(config, name):
        own = member.run.model_dump(exclude=SEEDS)
        for part, key in own_of_rows:
            own[part].pop(key)
        alike.setdefault(digest(own), []).append(member)
    groups = [group for members in alike.values() for group in _in_turn(members, sweep.members_at_once)]
    return {digest([plain(member) for member in group]): group for group in groups}
