"""What no update changes: frozen tensors, and on the sphere the norms of invariant groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import training as oracle
from runs import LAYER_NORM, SCALE_INVARIANT, Trained, tiny_run, train_in

from grokflow.config import SGD, AdamW, Model
from grokflow.model.checkpoints import checkpoint_epochs
from grokflow.model.layout import Layout, Parameter
from grokflow.model.weights import unflatten
from grokflow.training.constraints import Constraints

OPTIMIZERS = {
    "sgd": SGD(name="sgd", learning_rate=0.1, weight_decay=0.3, batch_size=8),
    "momentum": SGD(name="sgd", learning_rate=0.05, weight_decay=0.3, momentum=0.9, batch_size=8),
    "adamw": AdamW(name="adamw", learning_rate=0.02, weight_decay=1.0, batch_size=8),
}
MODELS = {"norm": LAYER_NORM, "invariant": SCALE_INVARIANT}


def trained_tensors(trained: Trained, epoch: int) -> dict[str, np.ndarray]:
    tensors = unflatten(trained.weights(epoch), trained.task.model.layout)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_frozen_unembedding_keeps_every_bit(optimizer: str, precision: str, tmp_path: Path) -> None:
    run = tiny_run(model=SCALE_INVARIANT, optimizer=OPTIMIZERS[optimizer], precision=precision, epochs=4)
    trained = train_in(tmp_path, run)
    first, last = trained_tensors(trained, 0), trained_tensors(trained, 4)
    assert first["unembedding"].tobytes() == last["unembedding"].tobytes()
    assert np.linalg.norm(first["unembedding"].astype("float64")) == pytest.approx(10, rel=1e-6)
    moved = {name for name in first if np.abs(first[name] - last[name]).max() > 1e-4}
    assert moved == set(first) - {"unembedding"}


def norms(trained: Trained, epoch: int) -> list[float]:
    """Of every set of tensors that is invariant as a whole, by the oracle's list."""
    tensors = trained_tensors(trained, epoch)
    found = []
    for names in oracle.invariant(trained.run):
        found.append(np.linalg.norm(np.concatenate([tensors[n].astype("float64").ravel() for n in names])))
    return found


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_on_the_sphere_the_norms_of_invariant_groups_stay(
    model: str, optimizer: str, precision: str, tolerance: float, tmp_path: Path
) -> None:
    settings = {"model": MODELS[model], "optimizer": OPTIMIZERS[optimizer], "precision": precision}
    held = train_in(tmp_path / "held", tiny_run(**settings, sphere=True, epochs=4))
    free = train_in(tmp_path / "free", tiny_run(**settings, epochs=4))
    start = norms(held, 0)
    assert len(start) == (2 + 1 if model == "norm" else 2 + 4 + 2)
    for epoch in checkpoint_epochs(held.checkpoints):
        assert norms(held, epoch) == pytest.approx(start, rel=tolerance)
    assert all(abs(a / b - 1) > 1e-3 for a, b in zip(norms(free, 4), start, strict=True))
    columns = [f"invariant_{name}" for name in ("weight_norm", "effective_learning_rate")]
    assert (held.rows[columns].std() <= 1e-6 * held.rows[columns].mean()).all()
    assert (free.rows[columns].std() > 1e-3 * free.rows[columns].mean()).all()
    # Directions move all the same, and so does what is not held.
    before, after = trained_tensors(held, 0), trained_tensors(held, 4)
    frozen = {"unembedding"} if model == "invariant" else set()
    moved = {name for name in before if np.abs(before[name] - after[name]).max() > 1e-4}
    assert moved == set(before) - frozen
    if model == "norm":
        key = "layer_0.attention.key"
        assert abs(np.linalg.norm(after[key]) / np.linalg.norm(before[key]) - 1) > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_training_on_the_sphere_agrees_with_the_plain_loop(model: str, tmp_path: Path) -> None:
    run = tiny_run(model=MODELS[model], optimizer=OPTIMIZERS["momentum"], sphere=True, epochs=2)
    trained = train_in(tmp_path, run)
    found, expected = trained_tensors(trained, 2), oracle.train(run, 2)[-1]
    for name, tensor in expected.items():
        assert np.abs(found[name] - tensor.detach().numpy()).max() <= 1e-10, name


def test_without_an_invariant_group_the_sphere_holds_nothing(tmp_path: Path) -> None:
    model = Model(layers=1, width=4, mlp_width=5, heads=2)
    free = train_in(tmp_path / "free", tiny_run(model=model, epochs=2))
    held = train_in(tmp_path / "held", tiny_run(model=model, epochs=2, sphere=True))
    assert torch.equal(free.weights(2), held.weights(2))


LAYOUT = Layout(
    (
        Parameter("first", (3,), 1.0),
        Parameter("still", (2,), 1.0, frozen_norm=1.0),
        Parameter("last", (2,), 1.0),
    )
)


def test_a_row_is_put_back_along_its_own_ray() -> None:
    initial = torch.tensor(
        [[3.0, 0.0, 7.0, 1.0, 2.0, 0.0, 4.0], [6.0, 1.0, 7.0, 3.0, 4.0, 8.0, 0.0]], dtype=torch.float64
    )
    joint = {"joint": (slice(0, 1), slice(5, 7))}  # norms 5 and 10
    hold = Constraints(LAYOUT, joint, initial)
    weights = torch.tensor(
        [[6.0, 5.0, 5.0, 9.0, 9.0, 0.0, 8.0], [0.0, 5.0, 5.0, 9.0, 9.0, 0.3, 0.4]], dtype=torch.float64
    )
    hold(weights)
    expected = [[3.0, 5.0, 5.0, 1.0, 2.0, 0.0, 4.0], [0.0, 5.0, 5.0, 3.0, 4.0, 6.0, 8.0]]
    assert weights.numpy() == pytest.approx(np.array(expected), rel=1e-14)
    one = Constraints(LAYOUT, joint, initial[0])
    row = torch.tensor([6.0, 5.0, 5.0, 9.0, 9.0, 0.0, 8.0], dtype=torch.float64)
    one(row)
    assert row.tolist() == pytest.approx(expected[0], rel=1e-14)


def test_what_is_held_is_a_copy_of_the_start() -> None:
    weights = torch.arange(7.0)
    hold = Constraints(LAYOUT, {}, weights)
    weights.mul_(2)
    hold(weights)
    assert weights.tolist() == [0, 2, 4, 3, 4, 10, 12]


def test_some_rows_are_put_back_as_they_were_among_all() -> None:
    initial = torch.arange(21, dtype=torch.float64).view(3, 7) + 1
    groups = {"first": (slice(0, 3),)}
    every, some = Constraints(LAYOUT, groups, initial), torch.tensor([2, 0])
    weights = torch.rand(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected, found = weights.clone(), weights[some]
    every(expected)
    every.of_rows(some)(found)
    assert torch.equal(found, expected[some])
    assert not torch.equal(found, weights[some])
