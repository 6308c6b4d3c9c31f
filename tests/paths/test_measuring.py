"""What is measured along a path, against the oracle and the history."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from joined import curve_of, epochs, resolved
from oracles import training as oracle
from oracles import transformer
from runs import Trained

from grokflow.artifacts.columns import METRICS
from grokflow.paths import measuring, values_of_t
from grokflow.paths.measuring import measure, measure_path


@pytest.mark.parametrize("at_once", [1, 2])
def test_measurements_agree_with_the_oracle(
    grokked: Trained, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(measuring.POINTS_AT_ONCE, "cpu", at_once)
    decay = 0.01
    curve = curve_of(resolved(grokked.run, "chain", "initial", "epoch_40"), grokked, grokked)
    t = np.array([0.3, 1.0])
    found = measure_path(
        curve,
        t,
        grokked.task,
        weight_decay=decay,
        batch_size=32,
        precision="float64",
        device="cpu",
    )
    train, validation = (
        oracle.examples(grokked.run, grokked.dataset, split) for split in ("train", "validation")
    )
    batches = [train[i : i + 32] for i in range(0, len(train), 32)]
    assert [len(batch) for batch in batches] == [32, 32, 24]
    model = grokked.run.model
    first, second, third = curve.controls
    places = [0.4 * first + 0.6 * second, third]
    legs = np.linalg.norm(second - first), np.linalg.norm(third - second)
    lengths = [0.6 * legs[0], legs[0] + legs[1]]
    for row, phi, length in zip(found.to_dict("records"), places, lengths, strict=True):
        w = transformer.named(grokked.task.model.layout.parameters, phi)
        with torch.no_grad():
            losses = [transformer.loss(w, part, model).item() for part in (train, validation)]
        penalty = decay / 2 * float(phi @ phi)
        expected = {
            "arc_length": length,
            "train_loss": losses[0],
            "train_loss_l2": losses[0] + penalty,
            "train_error": transformer.error(w, train, model),
            "validation_loss": losses[1],
            "validation_loss_l2": losses[1] + penalty,
            "validation_error": transformer.error(w, validation, model),
            "gradient_norm": transformer.stochastic_gradient_norm(w, batches, model, 0.0),
            "gradient_norm_l2": transformer.stochastic_gradient_norm(w, batches, model, decay),
            "weight_norm": np.linalg.norm(phi),
        }
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-10)
    assert found["t"].tolist() == t.tolist()
    assert found["segment"].tolist() == [0, 1]
    assert list(found.columns) == METRICS


def test_a_path_is_measured_with_its_own_decay_batch_and_points(written: tuple, grokked: Trained) -> None:
    path, found, _ = written
    own = path.model_copy(update={"path": path.path.model_copy(update={"weight_decay": 0.5})})
    for given, decay in (
        (path, 0.0),
        (own, 0.5),
    ):  # AdamW's decay is part of no loss, so none unless the path has one
        rows = measure(given, found, grokked.dataset, "cpu")
        assert rows["t"].tolist() == values_of_t(found.curve, 3, 2).tolist() == [0, 0.25, 0.5, 0.75, 1]
        penalty = decay / 2 * rows["weight_norm"] ** 2
        difference = (rows["train_loss_l2"] - rows["train_loss"]).tolist()
        assert difference == pytest.approx(penalty.tolist(), rel=1e-9)


def test_the_ends_of_a_path_measure_what_the_history_says(grokked: Trained) -> None:
    curve = curve_of(resolved(grokked.run, "segment"), grokked, grokked)
    found = measure_path(
        curve,
        np.array([0.0, 1.0]),
        grokked.task,
        weight_decay=0.0,
        batch_size=128,
        precision="float64",
        device="cpu",
    )
    names = ["train_loss", "train_error", "validation_loss", "validation_error", "gradient_norm"]
    rows = grokked.rows.set_index("epoch").loc[list(epochs(grokked)), names]
    assert found[names].to_numpy() == pytest.approx(rows.to_numpy(), rel=1e-12)
