"""The members of a sweep, all of a grid or some at random, and which of them train together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from runs import TINY
from runs import config_of_sweep as config

from grokflow.config import ResolvedMember, ResolvedRun, plain
from grokflow.config import groups_of_sweep as groups
from grokflow.config import members_of_sweep as members
from grokflow.config.design import combinations, settings_of_sweep


def test_members_are_every_combination_with_every_seed_in_order() -> None:
    found = members(config(), "grid")
    expected = [
        (decay, fraction, seed) for seed in (3, 1) for decay in (0.0, 0.1, 1) for fraction in (0.4, 0.6)
    ]
    assert len(found) == 12
    for one, (decay, fraction, seed) in zip(found, expected, strict=True):
        assert one.settings == {"optimizer.weight_decay": decay, "dataset.train_fraction": fraction}
        assert one.run == ResolvedRun(
            dataset=TINY["dataset"].model_copy(update={"train_fraction": fraction}),
            model=TINY["model"],
            optimizer=TINY["optimizer"].model_copy(update={"weight_decay": float(decay)}),
            seed=seed,
            epochs=7,
            stop_after_point_2=2,
            checkpoint_every=7,
            log_every=7,
            precision="float64",
            threads=2,
            device="cpu",
        )


def test_a_value_that_a_key_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        members(config(vary={"optimizer.learning_rate": [0.1, -1]}), "grid")


def shape(one: ResolvedMember) -> tuple[object, ...]:
    """What all rows of a batch must share, written out by hand: neither seeds nor decay."""
    run = one.run
    dataset = run.dataset.model_copy(update={"split_seed": 0})
    optimizer = run.optimizer.model_copy(update={"learning_rate": 1.0, "weight_decay": 0.0})
    return dataset, run.model, optimizer, run.epochs, run.precision


@pytest.mark.parametrize("at_once", [1, 4, 5, 100])
def test_groups_hold_members_of_one_shape(at_once: int) -> None:
    configured = config(members_at_once=at_once)
    found = list(groups(configured, "grid").values())
    assert all(1 <= len(group) <= at_once for group in found)
    for group in found:
        assert all(shape(one) == shape(group[0]) for one in group)
    every = [one for group in found for one in group]
    assert sorted(every, key=str) == sorted(members(configured, "grid"), key=str)
    assert len(found) == 2 * math.ceil(6 / at_once)
    # Within a shape the order is that of the members.
    order = members(configured, "grid")
    for fraction in (0.4, 0.6):
        of_shape = [one for one in every if one.run.dataset.train_fraction == fraction]
        assert of_shape == [one for one in order if one.run.dataset.train_fraction == fraction]


@pytest.mark.parametrize(("key", "values", "number"), [
    ("dataset.split_seed", [0, 1, 2], 1),
    ("optimizer.learning_rate", [0.1, 0.2], 1),
    ("optimizer.weight_decay", [0.1, 0.2], 1),
    ("run.initialization_seed", [0, 1, 2], 1),
    ("run.order_seed", [0, 1, 2], 1),
    ("optimizer.momentum", [0.0, 0.9], 2),
    ("optimizer.batch_size", [8, 16], 2),
    ("dataset.train_fraction", [0.4, 0.5, 0.6], 3),
    ("dataset.modulus", [5, 7], 2),
    ("model.width", [8, 16], 2),
])  # fmt: skip
def test_only_what_a_row_can_have_of_its_own_shares_a_group(key: str, values: list, number: int) -> None:
    configured = config(vary={key: values}, members_at_once=100)
    assert len(groups(configured, "grid")) == number


RANDOM: dict[str, Any] = {
    "vary": {
        "optimizer.weight_decay": {"from": 0.001, "to": 10.0, "scale": "log"},
        "dataset.train_fraction": {"from": 0.3, "to": 0.6},
        "model.layers": {"from": 1, "to": 2},
        "optimizer.momentum": [0.0, 0.5],
    },
    "draws": 200,
    "seeds": [0],
}


def test_a_random_design_draws_within_its_ranges_evenly() -> None:
    settings = pd.DataFrame([one.settings for one in members(config(**RANDOM), "grid")])
    assert len(settings) == 200
    decay, fraction = settings["optimizer.weight_decay"], settings["dataset.train_fraction"]
    assert decay.between(0.001, 10).all()
    assert 60 < (decay < 0.1).sum() < 140  # half of it, on a log scale
    assert fraction.between(0.3, 0.6).all()
    assert 60 < (fraction < 0.45).sum() < 140
    for key, values in (("model.layers", [1, 2]), ("optimizer.momentum", [0.0, 0.5])):
        counts = settings[key].value_counts()
        assert sorted(counts.index) == values
        assert counts.min() > 60
    assert abs(np.corrcoef(np.log(decay), fraction)[0, 1]) < 0.3


def test_more_draws_keep_the_first_and_another_seed_draws_anew() -> None:
    few, more, other = (
        [one.settings for one in members(config(**{**RANDOM, **changed}), "grid")]
        for changed in ({"draws": 20}, {"draws": 30}, {"draws": 20, "design_seed": 1})
    )
    assert more[:20] == few
    assert not any(settings in few for settings in other)


def test_a_combination_that_is_drawn_twice_is_trained_once() -> None:
    drawn = members(config(vary={"model.layers": {"from": 1, "to": 3}}, draws=50, seeds=[4, 5]), "grid")
    assert sorted((one.settings["model.layers"], one.run.seed) for one in drawn) == [
        (layers, seed) for layers in (1, 2, 3) for seed in (4, 5)
    ]


def test_combinations_are_counted_without_making_them() -> None:
    grid, random = (config(**changes).sweeps["grid"] for changes in ({}, RANDOM))
    assert combinations(grid) == len(settings_of_sweep(grid, {})) == 6
    assert combinations(random) == len(settings_of_sweep(random, {})) == 200


SOURCES: dict[str, Any] = {
    "vary": {
        "dataset.split_seed": [0, 1, 2],
        "run.initialization_seed": [3, 4],
        "run.order_seed": [3, 5],
        "optimizer.weight_decay": [0.01, 1],
    },
    "one_at_a_time": True,
    "seeds": [3],
}
"""The base of `TINY` is split 0 and decay 0.01; the streams' is the member's seed."""


def test_one_at_a_time_each_value_is_tried_alone_and_the_base_once() -> None:
    found = members(config(**SOURCES), "grid")
    base = (0, 3, 3, 0.01)
    assert [tuple(one.settings.values()) for one in found] == [
        base,
        (1, 3, 3, 0.01),
        (2, 3, 3, 0.01),
        (0, 4, 3, 0.01),
        (0, 3, 5, 0.01),
        (0, 3, 3, 1),
    ]
    for one in found:
        split, initialization, order, decay = one.settings.values()
        assert list(one.settings) == list(SOURCES["vary"])
        assert one.run.dataset == TINY["dataset"].model_copy(update={"split_seed": split})
        assert one.run.optimizer == TINY["optimizer"].model_copy(update={"weight_decay": float(decay)})
        assert (one.run.seed, one.run.initialization_seed, one.run.order_seed) == (3, initialization, order)
        assert ResolvedMember.model_validate(plain(one)) == one
    assert combinations(config(**SOURCES).sweeps["grid"]) == 9  # at most: three of them are the base


def test_a_base_that_no_list_has_is_not_trained() -> None:
    changes = {"vary": {"dataset.split_seed": [7], "run.order_seed": [8]}, "one_at_a_time": True}
    found = members(config(**changes, seeds=[3, 1]), "grid")
    assert [(*one.settings.values(), one.run.seed) for one in found] == [
        (7, 3, 3),
        (0, 8, 3),
        (7, 1, 1),  # the streams stay at the member's own seed
        (0, 8, 1),
    ]


def test_seeds_of_all_kinds_train_in_one_group() -> None:
    streams = {key: SOURCES["vary"][key] for key in list(SOURCES["vary"])[:3]}
    configured = config(**{**SOURCES, "vary": streams}, members_at_once=100)
    (group,) = groups(configured, "grid").values()
    assert group == members(configured, "grid")
    assert len(group) == 5


def test_streams_may_be_varied_in_a_grid_too() -> None:
    found = members(config(vary={"run.order_seed": [1, 2], "dataset.split_seed": [0, 3]}, seeds=[3]), "grid")
    assert [(one.run.order_seed, one.run.dataset.split_seed) for one in found] == [
        (1, 0),
        (1, 3),
        (2, 0),
        (2, 3),
    ]
    assert all(one.run.initialization_seed is None for one in found)


@pytest.mark.parametrize(
    ("few", "more"),
    [
        (
            {"vary": {"dataset.train_fraction": [0.6]}},
            {"vary": {"dataset.train_fraction": [0.5, 0.6, 0.7]}},
        ),
        (
            {"vary": {"optimizer.weight_decay": [0.0, 1]}, "seeds": [3, 1]},
            {"vary": {"optimizer.weight_decay": [0.0, 1]}, "seeds": [3, 1, 2]},
        ),
    ],
    ids=["a value", "a seed"],
)
def test_a_full_group_keeps_its_name_when_others_join(few: dict[str, Any], more: dict[str, Any]) -> None:
    names = [set(groups(config(**changes), "grid")) for changes in (few, more)]
    assert names[0] < names[1]
