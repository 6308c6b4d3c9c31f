"""The benchmarks count and fit rightly; nothing here is timed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

pytest.importorskip("benchmarks", reason="found from the repository root: python -m pytest")

from benchmarks import gpu, growth, jobs, step, sweep
from benchmarks.__main__ import BOUNDS, measurements
from benchmarks.operations import STEPS, every_position, of_products, products
from benchmarks.setup import SETUP_M, SETUP_P, Setup, setup_of

from grokflow.model.objective import loss_and_gradient

TOKENS = ["a b", "a o b ="]


def counted(compute) -> int:
    """Operations of the products with weights that PyTorch is asked for."""
    with FlopCounterMode(display=False) as counter:
        compute()
    kinds = (torch.ops.aten.mm, torch.ops.aten.addmm)
    return sum(counter.get_flop_counts()["Global"].get(kind, 0) for kind in kinds)


def scores_and_mixing(setup: Setup, count) -> int:
    sizes = [len(tokens) for tokens in setup.task.model.alphabet]
    layers = count(sizes, setup.run.optimizer.batch_size, setup.run.model.layers)
    return 3 * sum(2 * 2 * rows.pairs * setup.run.model.width for rows in layers)


@pytest.mark.parametrize(("name", "kind"), [
    ("seed_0.train", "train"),
    ("seed_0_to_7.train", "train"),
    ("seed_0-1.measure", "measure"),
    ("group_0123456789abcdef", "group"),
    ("fit_0", "fit"),
    ("fit_0-1_to_1-2", "fit"),
    ("train_fraction", "train_fraction"),
    ("M-fig1", "M-fig1"),
])  # fmt: skip
def test_a_job_is_known_by_its_benchmark_file(name, kind):
    assert jobs.kind_of(name) == kind


@pytest.mark.parametrize("run", [SETUP_M, SETUP_P])
@pytest.mark.parametrize("tokens", TOKENS)
def test_the_plain_models_operations_are_those_that_pytorch_counts(run, tokens):
    setup = setup_of(run, dataset={"tokens": tokens})
    eager, batch = setup.eager(), setup.batch()
    found = counted(lambda: cross_entropy(eager(batch.tokens)[:, -1], batch.targets).backward())
    assert found == of_products(setup, every_position) - scores_and_mixing(setup, every_position)


@pytest.mark.parametrize("run", [SETUP_M, SETUP_P])
@pytest.mark.parametrize("tokens", TOKENS)
def test_the_floor_counts_nothing_that_is_not_computed(run, tokens):
    setup = setup_of(run, dataset={"tokens": tokens})
    found = counted(lambda: loss_and_gradient(setup.task.model, setup.weights, setup.batch()))
    floor = of_products(setup) - scores_and_mixing(
        setup, STEPS["a row for each token before the first attention"]
    )
    assert floor <= found <= of_products(setup, every_position)


@pytest.mark.parametrize("run", [SETUP_M, SETUP_P])
@pytest.mark.parametrize("tokens", TOKENS)
def test_each_step_to_the_floor_saves_operations(run, tokens):
    setup = setup_of(run, dataset={"tokens": tokens})
    counts = [of_products(setup, count) for count in STEPS.values()]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == len(counts)
    assert products(setup)["embedding"] == 0


@pytest.mark.parametrize("run", [SETUP_M, SETUP_P])
def test_the_plain_model_takes_the_same_step(run):
    step._check_same_step(run)  # raises where it does not


def test_a_power_law_has_its_exponent():
    sizes = np.array([2.0, 4.0, 8.0, 32.0])
    seconds = np.stack([3.0 * sizes**1.5, 0.1 * sizes**0.5])
    np.testing.assert_allclose(growth.exponents(sizes, seconds), [1.5, 0.5])


def test_rows_about_a_workflow_are_left_out_without_one(tmp_path):
    assert jobs.overhead(tmp_path) is None
    assert jobs.memory(tmp_path) is None


def test_every_bound_is_a_rows(tmp_path):
    assert set(BOUNDS) <= set(measurements(tmp_path))


def test_a_process_of_the_sweep_trains_its_members(monkeypatch):
    monkeypatch.setattr(sweep, "EPOCHS", 1)
    sweep._train(1, 2)  # raises where the process fails


SMALLEST = gpu.Size(models=2, epochs=1, fit_epochs=1, points=2, paths=1)


@pytest.mark.parametrize(
    "measure", [gpu.seeds_with_artifacts, gpu.polylines, gpu.path_points, gpu.jobs_at_once]
)
def test_what_is_measured_on_a_gpu_runs_on_a_cpu_too(measure):
    row = measure("cpu", SMALLEST)
    assert row.ratio > 0
    assert row.device == "cpu"


def test_every_bound_of_a_gpu_is_a_rows():
    assert set(gpu.BOUNDS) <= {
        "gpu_seeds_with_artifacts",
        "gpu_polylines",
        "gpu_path_points",
        *gpu.WORKFLOWS,
    }
