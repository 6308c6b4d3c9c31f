"""Which seeds are trained, fitted and measured together: those that are finished stay as they are."""

from __future__ import annotations

import doctest
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import TINY

from grokflow.config import (
    Bezier,
    Config,
    Polyline,
    Run,
    Segment,
    Sweep,
    fits_of_path,
    groups,
    groups_of_path,
    groups_of_run,
    members_of_sweep,
    name_of_group,
    plain,
    resolve_path,
    resolve_run,
    seeds_of_path,
)
from grokflow.config.groups import grouped

POINTS = {"from": "long@point_1", "to": "long@point_2"}
"""The two points of one seed."""

SAME_POINT = {"from": "long@point_1", "to": "long@point_1", "between": "seeds"}
"""The same point of two seeds."""

TWO_RUNS = {"from": "long@point_1", "to": "short@point_1", "between": "seeds"}


def config(
    *, long: Any = (0, 1, 2, 3, 4), short: Any = (1, 2, 4, 9), at_once: int = 1, **paths: Any
) -> Config:
    """Two runs on one table, with the seeds given for each, and paths."""
    names = {"dataset": "table", "model": "small", "optimizer": "sgd", "epochs": 7}
    seeds = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in (("long", long), ("short", short))
    }
    return Config(
        datasets={"table": TINY["dataset"]},
        models={"small": TINY["model"]},
        optimizers={"sgd": TINY["optimizer"]},
        runs={name: Run(**names, seeds=of, members_at_once=at_once) for name, of in seeds.items()},
        paths=paths,
    )


def segment(**changes: Any) -> Segment:
    return Segment(**{"kind": "segment", **POINTS, **changes})


def polyline(**changes: Any) -> Polyline:
    return Polyline(**{"kind": "polyline", **POINTS, **changes})


def test_the_example_in_the_docstring_is_right() -> None:
    found = doctest.testmod(groups)
    assert found.attempted == 1
    assert found.failed == 0


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        ([], [[7, 0, 3], [4, 1]]),
        ([[0, 1]], [[0, 1], [7, 3, 4]]),
        ([[4], [7]], [[4], [7], [0, 3, 1]]),
        ([[7, 0, 3, 4]], [[7, 0, 3, 4], [1]]),  # larger than groups are now
        ([[7, 0, 3, 4, 1]], [[7, 0, 3, 4, 1]]),
        ([[5, 6]], [[7, 0, 3], [4, 1]]),  # nobody asks for these any more
        ([[5, 0]], [[5, 0], [7, 3, 4], [1]]),  # 0 is wanted, and 5 was trained with it
    ],
)
def test_finished_groups_stay_and_the_rest_is_grouped_anew(
    finished: list[list[int]], expected: list[list[int]]
) -> None:
    before = [list(group) for group in finished]
    found = grouped([7, 0, 3, 4, 1], 3, finished)
    assert found == expected
    assert finished == before
    for group in found:
        group.append(99)  # the caller's own, not a view of what was given
    assert finished == before


@st.composite
def seeds_with_finished_groups(draw: st.DrawFn) -> tuple[list[int], list[list[int]], int]:
    """Seeds, groups without a common seed that may hold others too, and a size."""
    every = draw(st.permutations(range(12)))
    cuts = sorted(draw(st.sets(st.integers(0, 12), max_size=4)))
    finished = [list(every[a:b]) for a, b in pairwise(cuts)]
    asked_for = draw(st.lists(st.integers(0, 15), unique=True, min_size=1, max_size=12))
    return asked_for, finished, draw(st.integers(1, 5))


@given(seeds_with_finished_groups())
def test_every_seed_is_in_one_group_and_no_finished_one_moves(
    case: tuple[list[int], list[list[int]], int],
) -> None:
    seeds, finished, size = case
    found = grouped(seeds, size, finished)
    every = [seed for group in found for seed in group]
    assert len(set(every)) == len(every)
    assert set(seeds) <= set(every)
    kept = [group for group in finished if set(group) & set(seeds)]
    assert found[: len(kept)] == kept
    new, done = found[len(kept) :], {seed for group in kept for seed in group}
    assert [seed for group in new for seed in group] == [seed for seed in seeds if seed not in done]
    assert all(len(group) == size for group in new[:-1])
    assert all(1 <= len(group) <= size for group in new[-1:])
    assert len({name_of_group(group) for group in found}) == len(found)


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ([0], "0"),
        ([12], "12"),
        ([0, 1], "0_to_1"),
        ([0, 3, 7], "0_to_7"),
        (["0-1"], "0-1"),
        (["0-1", "2-3", "4-5"], "0-1_to_4-5"),
    ],
)
def test_a_group_is_called_after_its_first_and_last_member(members: list[object], name: str) -> None:
    assert name_of_group(members) == name


def test_seeds_of_a_run_train_alone_unless_it_says_otherwise() -> None:
    assert groups_of_run(config(), "long") == {str(seed): [seed] for seed in range(5)}
    assert Run.model_fields["members_at_once"].default == 1
    assert groups_of_run(config(at_once=3), "long") == {"0_to_2": [0, 1, 2], "3_to_4": [3, 4]}
    assert groups_of_run(config(at_once=9), "short") == {"1_to_9": [1, 2, 4, 9]}


def test_a_new_seed_leaves_the_finished_groups_of_a_run() -> None:
    before = groups_of_run(config(long=(0, 1, 2), at_once=2), "long")
    assert before == {"0_to_1": [0, 1], "2": [2]}
    after = groups_of_run(config(long=(5, 0, 1, 2), at_once=2), "long", finished=before.values())
    assert after == {**before, "5": [5]}


@pytest.mark.parametrize("path", [segment(), polyline()])
def test_seeds_of_a_path_are_measured_alone_unless_it_says_otherwise(path: Segment | Polyline) -> None:
    assert groups_of_path(config(path=path), "path") == {str(seed): [str(seed)] for seed in range(5)}
    together = path.model_copy(update={"members_at_once": 3})
    expected = {"0_to_2": ["0", "1", "2"], "3_to_4": ["3", "4"]}
    assert groups_of_path(config(path=together), "path") == expected


@pytest.mark.parametrize("kind", [Polyline, Bezier])
def test_only_a_path_with_bends_has_fits_and_they_keep_what_is_finished(kind: type) -> None:
    path = kind(kind=kind.__name__.lower(), **SAME_POINT, members_at_once=4)
    seeds = (0, 1, 2)
    pairs = {"0-1_to_1-2": ["0-1", "0-2", "1-2"]}
    assert fits_of_path(config(long=seeds, path=path), "path") == pairs
    more = fits_of_path(config(long=(*seeds, 3), path=path), "path", finished=pairs.values())
    assert more == {**pairs, "0-3_to_2-3": ["0-3", "1-3", "2-3"]}
    straight = segment(**SAME_POINT, members_at_once=4)
    assert fits_of_path(config(long=seeds, path=straight), "path", finished=pairs.values()) == {}
    assert groups_of_path(config(long=seeds, path=straight), "path") == pairs


@pytest.mark.parametrize(
    ("ends", "pairs", "expected"),
    [
        (SAME_POINT, "all", ["0-1", "0-2", "0-3", "0-4", "1-2", "1-3", "1-4", "2-3", "2-4", "3-4"]),
        (SAME_POINT, "disjoint", ["0-1", "2-3"]),  # 4 has no partner
        (TWO_RUNS, "disjoint", ["1-2"]),  # both have the seeds 1, 2 and 4
        (POINTS, "all", ["0", "1", "2", "3", "4"]),
        (POINTS, "disjoint", ["0", "1", "2", "3", "4"]),
    ],
)
def test_pairs_of_seeds_are_all_or_disjoint(ends: dict[str, str], pairs: str, expected: list[str]) -> None:
    assert seeds_of_path(config(path=segment(**ends, pairs=pairs)), "path") == expected


def test_every_pair_of_two_runs_has_two_seeds() -> None:
    found = seeds_of_path(config(long=(0, 1), short=(1, 2), path=segment(**TWO_RUNS)), "path")
    assert found == ["0-1", "0-2", "1-2"]


@pytest.mark.parametrize("count", [2, 3, 64])
def test_disjoint_pairs_share_no_seed_and_a_new_one_changes_none(count: int) -> None:
    paths = {"path": segment(**SAME_POINT, pairs="disjoint")}
    found = seeds_of_path(config(long={"from": 0, "to": count - 1}, **paths), "path")
    seeds = [int(seed) for pair in found for seed in pair.split("-")]
    assert seeds == list(range(2 * (count // 2)))
    assert seeds_of_path(config(long={"from": 0, "to": count}, **paths), "path")[: len(found)] == found


def test_a_path_is_the_same_however_many_are_fitted_with_it() -> None:
    alone = resolve_path(config(path=polyline(**SAME_POINT)), "path", "0-1")
    changed = polyline(**SAME_POINT, members_at_once=7, pairs="disjoint")
    assert plain(resolve_path(config(path=changed), "path", "0-1")) == plain(alone)
    assert (alone.from_run.seed, alone.to_run.seed) == (0, 1)
    other = polyline(**SAME_POINT, bends=2)
    assert plain(resolve_path(config(path=other), "path", "0-1")) != plain(alone)


def test_a_run_is_the_same_however_many_are_trained_with_it() -> None:
    alone, together = (resolve_run(config(at_once=size), "long", 3) for size in (1, 5))
    assert plain(together) == plain(alone)


@pytest.mark.parametrize(("low", "high"), [(0, 63), (3, 5), (7, 7), (2**63 - 2, 2**63 - 1), (5, 5 + 99_999)])
def test_a_range_of_seeds_is_the_list_of_them_both_ends_included(low: int, high: int) -> None:
    given = {"from": low, "to": high}
    configured = config(long=given, short=given)
    assert configured.runs["long"].seeds == list(range(low, high + 1))
    assert configured == config(long=tuple(range(low, high + 1)), short=tuple(range(low, high + 1)))


def test_a_sweep_may_have_a_range_of_seeds_too() -> None:
    sweep = Sweep(
        dataset="table",
        model="small",
        optimizer="sgd",
        vary={"optimizer.weight_decay": [0.0, 1.0]},
        seeds={"from": 4, "to": 6},
        epochs=3,
    )
    configured = config().model_copy(update={"sweeps": {"s": sweep}})
    found = [(m.run.seed, m.settings["optimizer.weight_decay"]) for m in members_of_sweep(configured, "s")]
    assert found == [(seed, decay) for seed in (4, 5, 6) for decay in (0.0, 1.0)]
