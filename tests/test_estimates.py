"""How much work, time and memory a job takes, against what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import tiny_run

from grokflow.config import Chain, Dataset, Model, Polyline, ResolvedPath, Segment, resolve_run
from grokflow.estimates import (
    STARTING,
    fit_minutes,
    measuring_minutes,
    row_bytes,
    training_minutes,
    training_work,
)
from grokflow.loading import load_config

ROOT = Path(__file__).parents[1]


def test_work_is_about_that_of_the_matrix_products_of_all_steps() -> None:
    """Width 8, MLP width 12: queries, keys, values, outputs, and into and out of the MLP."""
    run = tiny_run(precision="float32", dataset=Dataset(operation="a+b", modulus=10, train_fraction=0.25))
    assert training_work(run) == pytest.approx(6 * 6 * 25 * (4 * 8 * 8 + 2 * 8 * 12))


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"epochs": 12}, 2),
        ({"precision": "float64"}, 2),
        ({"model": Model(layers=3, width=8, mlp_width=12, heads=2)}, 3),
        ({"model": Model(layers=1, width=16, mlp_width=24, heads=2)}, 4),
        ({"seed": 5}, 1),
    ],
)
def test_work_grows_with_what_takes_longer(changes: dict, factor: float) -> None:
    run = tiny_run(precision="float32")
    assert training_work(run.model_copy(update=changes)) == pytest.approx(factor * training_work(run))


def test_a_scheduler_is_asked_for_several_times_what_trainings_took() -> None:
    """Measured: 3 500 epochs with one layer take 5 minutes on a core, 7 000 epochs of 48 seeds 4 on a GPU."""
    config = load_config([ROOT / "config.yaml"])
    run = resolve_run(config, "layer_norm_1layer", 0)
    assert 3 * 5 < training_minutes([run], "cpu") < 20 * 5
    seeds = [resolve_run(config, "mode_connectivity", seed) for seed in range(48)]
    assert 3 * 4 < training_minutes(seeds, "cuda") < 30 * 4
    assert training_minutes(seeds[:1], "cuda") < training_minutes(seeds[:2], "cuda")


def test_a_scheduler_is_asked_for_more_than_what_paths_took() -> None:
    """Measured on a core: a fit at most 5 minutes, a chain half a minute."""
    run = tiny_run()
    ends = {"from": "r@point_1", "to": "r@point_2"}
    of = {
        kind.__name__: ResolvedPath(path=kind(kind=kind.__name__.lower(), **ends), from_run=run, to_run=run)
        for kind in (Segment, Chain, Polyline)
    }
    assert fit_minutes([of["Segment"]], "cpu") == STARTING
    assert fit_minutes([of["Polyline"]], "cpu") > STARTING
    assert fit_minutes([of["Polyline"]] * 9, "cpu") > fit_minutes([of["Polyline"]], "cpu")
    assert measuring_minutes([of["Chain"]], "cpu") > measuring_minutes([of["Segment"]], "cpu") > STARTING


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_row_takes_more_memory_than_its_tensors(precision: str, layers: int) -> None:
    model = Model(layers=layers, width=128, mlp_width=512, heads=4)
    run = tiny_run(precision=precision, model=model)
    weights = layers * 12 * 128**2 * (4 if precision == "float32" else 8)
    assert 4 * weights < row_bytes(run) < 100 * weights
