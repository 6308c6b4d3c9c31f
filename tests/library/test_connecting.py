"""Two weight vectors of any module, with any loss: joined, measured, drawn; what does not fit is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, Dataset, TensorDataset

import grokflow
from grokflow import ConfigError, Connection
from grokflow.artifacts.columns import FIT, METRICS
from grokflow.artifacts.results import PathResults
from grokflow.connect import as_text
from grokflow.paths.schedule import learning_rate
from grokflow.randomness import generator


class MLP(nn.Module):
    def __init__(self, inputs: int = 3, outputs: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 6), nn.Tanh(), nn.Linear(6, outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(inputs.flatten(1))


def mlp(seed: int, **sizes: int) -> MLP:
    torch.manual_seed(seed)
    return MLP(**sizes).double()


def data(examples: int = 30, *shape: int, classes: int | None = None) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(5)
    inputs = torch.randn(examples, *(shape or (3,)), generator=draw).double()
    if classes:
        return inputs, torch.randint(0, classes, (examples,), generator=draw)
    return inputs, torch.randn(examples, 2, generator=draw).double()


def flat(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def loaded(weights: Tensor) -> MLP:
    module, start = mlp(0), 0
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(weights[start : start + parameter.numel()].view(parameter.shape))
            start += parameter.numel()
    return module


def test_a_segment_is_measured_as_pytorch_measures_it() -> None:
    a, b, train, validation = mlp(1), mlp(2), data(), data(9)
    found = grokflow.connect(
        a, b, model=a, data=train, validation=validation, loss=mse_loss, points=5, weight_decay=0.3,
        batch_size=8, device="cpu",
    )  # fmt: skip
    assert found.metrics["t"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    for _, row in found.metrics.iterrows():
        weights = (1 - row["t"]) * flat(a) + row["t"] * flat(b)
        module = loaded(weights)
        loss = mse_loss(module(train[0]), train[1]).item()
        assert row["train_loss"] == pytest.approx(loss, rel=1e-12)
        assert row["train_loss_l2"] == pytest.approx(loss + 0.15 * float(weights @ weights), rel=1e-12)
        assert row["validation_loss"] == pytest.approx(
            mse_loss(module(validation[0]), validation[1]).item(), rel=1e-12
        )
        norms = []
        for start in range(0, 30, 8):
            module.zero_grad()
            mse_loss(module(train[0][start : start + 8]), train[1][start : start + 8]).backward()
            norms.append(torch.cat([p.grad.flatten() for p in module.parameters()]).norm().item())
        assert row["gradient_norm"] == pytest.approx(np.mean(norms), rel=1e-10)
        assert row["weight_norm"] == pytest.approx(weights.norm().item(), rel=1e-12)
    assert found.metrics[["train_error", "validation_error"]].isna().all(axis=None)
    assert list(found.metrics.columns) == METRICS
    assert found.fit.empty
    assert found.converged is None


def test_a_bend_is_fitted_as_a_plain_loop_fits_it() -> None:
    """Paper M's polyline by its formula, autograd and SGD by hand, on a regression."""
    a, b, (inputs, targets), decay = mlp(1), mlp(2), data(), 0.01
    fit = grokflow.Fit(optimizer="sgd", learning_rate=0.05, epochs=4, momentum=0.8)
    found = grokflow.connect(
        a, b, model=MLP(), data=(inputs, targets), loss=mse_loss, kind="polyline", fit=fit, batch_size=8,
        weight_decay=decay, seed=3, names=("one", "two"), points=3, device="cpu",
    )  # fmt: skip
    w1, w2 = flat(a), flat(b)
    theta, velocity, losses = (w1 + w2) / 2, torch.zeros_like(w1), []
    for epoch in range(4):
        random = generator(3, "path/one/two", epoch)
        order, total = random.permutation(30), 0.0
        for number, t in enumerate(random.random(4)):
            batch = order[8 * number : 8 * number + 8]
            bend = theta.clone().requires_grad_()
            half = t * bend + (0.5 - t) * w1 if t <= 0.5 else (t - 0.5) * w2 + (1 - t) * bend
            parts = torch.func.functional_call(MLP().double(), unflat(2 * half), (inputs[batch],))
            loss = mse_loss(parts, targets[batch]) + decay / 2 * (2 * half).square().sum()
            (gradient,) = torch.autograd.grad(loss, bend)
            velocity = 0.8 * velocity + gradient
            theta = theta - learning_rate(fit, epoch / 4) * velocity
            total += loss.item()
        losses.append(total / 4)
    assert found.curve.names == ("one", "bend 1", "two")
    assert np.abs(found.curve.controls[1] - theta.numpy()).max() <= 1e-12
    assert found.fit["loss"].tolist() == pytest.approx(losses, rel=1e-12)
    assert list(found.fit.columns) == FIT
    assert found.weights(0.5) == pytest.approx(theta.numpy(), abs=1e-12)


def unflat(weights: Tensor) -> dict[str, Tensor]:
    named, start = {}, 0
    for name, parameter in MLP().named_parameters():
        named[name] = weights[start : start + parameter.numel()].view(parameter.shape)
        start += parameter.numel()
    return named


@pytest.mark.parametrize("form", ["vector", "array", "state dict", "arrays", "wrapped", "module"])
def test_weights_come_in_every_form(form: str) -> None:
    a, b = mlp(1), mlp(2)
    forms = {
        "vector": flat(b),
        "array": flat(b).numpy(),
        "state dict": b.state_dict(),
        "arrays": {name: tensor.numpy() for name, tensor in b.state_dict().items()},
        "wrapped": {f"module.{name}": tensor for name, tensor in b.state_dict().items()},
        "module": b,
    }
    found = grokflow.connect(a, forms[form], model=MLP(), data=data(), loss=mse_loss, points=2, device="cpu")
    assert np.array_equal(found.curve.controls, np.stack([flat(a).numpy(), flat(b).numpy()]))
    assert list(found.state_dict(1.0)) == list(b.state_dict())
    for name, tensor in found.state_dict(1.0).items():
        assert torch.equal(tensor, b.state_dict()[name])


def test_classes_have_an_error_whatever_the_loss_is() -> None:
    a, b, (inputs, targets) = mlp(1, outputs=4), mlp(2, outputs=4), data(classes=4)

    def smoothed(outputs: Tensor, classes: Tensor) -> Tensor:
        return cross_entropy(outputs, classes, label_smoothing=0.1)

    settings = {"model": a, "data": (inputs, targets), "points": 3, "device": "cpu"}
    plain = grokflow.connect(a, b, **settings)
    other = grokflow.connect(a, b, loss=smoothed, **settings)
    wrong = (a(inputs).argmax(-1) != targets).double().mean().item()
    assert plain.metrics["train_error"][0] == other.metrics["train_error"][0] == wrong
    assert plain.metrics["train_loss"][0] == pytest.approx(
        cross_entropy(a(inputs), targets).item(), rel=1e-12
    )
    assert other.metrics["train_loss"][0] == pytest.approx(smoothed(a(inputs), targets).item(), rel=1e-12)
    assert "loss" not in plain.record
    assert other.record["loss"] == "smoothed"


def test_targets_that_are_no_numbers_of_classes_have_the_users_loss_and_no_error() -> None:
    """Of a hinge loss: −1 is a target as 1 is."""
    torch.manual_seed(0)
    module, inputs, targets = nn.Linear(3, 1), torch.randn(40, 3), torch.tensor([1, -1, -1, -1] * 10)

    def hinge(outputs: Tensor, signs: Tensor) -> Tensor:
        return (1 - outputs.squeeze(-1) * signs).clamp(min=0).mean()

    both = (inputs, targets)
    found = grokflow.measure(module, model=module, data=both, validation=both, loss=hinge, device="cpu")
    expected = hinge(module(inputs), targets).item()
    assert found["train_loss"].item() == pytest.approx(expected, rel=1e-6)
    assert found["validation_loss"].item() == pytest.approx(expected, rel=1e-6)
    assert found[["train_error", "validation_error"]].isna().all(axis=None)


def test_validation_targets_are_numbers_of_classes_too() -> None:
    inputs, targets = torch.randn(8, 3), torch.tensor([0, 1, 0, 1, 0, 1, -1, 1])
    with pytest.raises(
        ConfigError, match=r"targets: expected numbers of the model's 2 classes.*found -1 to 1"
    ):
        grokflow.measure(
            nn.Linear(3, 2), model=nn.Linear(3, 2), data=(inputs[:4], targets[:4]),
            validation=(inputs[4:], targets[4:]), device="cpu",
        )  # fmt: skip


def test_an_error_of_ones_own() -> None:
    a, train = mlp(1), data()

    def far(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - targets).abs() > 1).any(-1)

    found = grokflow.connect(a, mlp(2), model=a, data=train, loss=mse_loss, error=far, points=2, device="cpu")
    assert found.metrics["train_error"][0] == far(a(train[0]), train[1]).double().mean().item()


def test_inputs_have_any_shape() -> None:
    """Images, as float32 arrays of NumPy."""
    torch.manual_seed(0)
    modules = [nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)) for _ in range(2)]
    images = np.random.default_rng(0).normal(size=(12, 1, 4, 4)).astype(np.float32)
    classes = np.arange(12) % 3
    found = grokflow.connect(
        *modules, model=modules[0], data=(images, classes), kind="bezier", fit={"epochs": 2}, points=3,
        device="cpu",
    )  # fmt: skip
    expected = cross_entropy(modules[0](torch.from_numpy(images)), torch.from_numpy(classes)).item()
    assert found.metrics["train_loss"][0] == pytest.approx(expected, rel=1e-5)
    assert found.curve.controls.dtype == np.float32


def test_frozen_parameters_and_buffers_are_constant() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frozen = nn.Linear(3, 2)
            self.frozen.requires_grad_(False)
            self.head = nn.Linear(2, 2)
            self.register_buffer("scale", torch.randn(2))

        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(self.frozen(inputs)) * self.scale

    torch.manual_seed(0)
    a, b = Scaled().double(), Scaled().double()
    b.scale.copy_(a.scale)
    train = data()
    found = grokflow.connect(
        a.state_dict(), b.state_dict(), model=Scaled(), data=train, loss=mse_loss, kind="polyline",
        fit={"epochs": 3}, points=3, weight_decay=0.1, device="cpu",
    )  # fmt: skip
    assert found.metrics["train_loss"][0] == pytest.approx(mse_loss(a(train[0]), train[1]).item(), rel=1e-12)
    ends, frozen = found.curve.controls[[0, 2]], slice(0, 8)
    assert np.array_equal(found.curve.controls[1][frozen], ends[:, frozen].mean(axis=0))
    assert (found.curve.controls[1][8:] != ends[:, 8:].mean(axis=0)).all()
    trained = flat(a.head).norm().item()
    assert found.metrics["weight_norm"][0] == pytest.approx(trained, rel=1e-12)

    b.scale += 1
    with pytest.raises(ConfigError, match=r"b: scale: expected the same numbers as in a, because a buffer"):
        grokflow.connect(a, b, model=Scaled(), data=train, loss=mse_loss, points=2, device="cpu")
    wrapped = {f"module.{name}": tensor for name, tensor in b.state_dict().items()}
    alone = grokflow.measure(wrapped, model=Scaled(), data=train, loss=mse_loss, device="cpu")
    expected = mse_loss(b(train[0]), train[1]).item()
    assert alone["train_loss"].item() == pytest.approx(expected, rel=1e-12), "buffers lose the prefix, too"


def test_what_is_saved_is_read_as_a_path_of_the_workflow(tmp_path: Path) -> None:
    found = grokflow.connect(
        mlp(1), mlp(2), model=MLP(), data=data(), loss=mse_loss, kind="bezier", bends=2, fit={"epochs": 2},
        names=("left", "right"), points=4, device="cpu",
    )  # fmt: skip
    found.save(tmp_path)
    read = PathResults(tmp_path, "left to right")
    assert read.record["control_points"] == ["left", "bend 1", "bend 2", "right"]
    assert read.record["from"] == {"seed": None, "point": "left", "epoch": None}
    assert read.fit_epochs == len(read.fit) == 2
    assert read.metrics["train_loss"].tolist() == found.metrics["train_loss"].tolist()
    tensors = load_file(tmp_path / "curve.safetensors")
    bias = found.layout.slices["layers.0.bias"]
    assert np.array_equal(tensors["1.layers.0.bias"], found.curve.controls[1][bias])
    assert json.loads((tmp_path / "path.json").read_text())["loss"] == "mse loss"
    assert (tmp_path / "path.png").read_bytes()[1:4] == b"PNG"
    assert (tmp_path / "path.svg").read_text().lstrip().startswith("<?xml")


def test_a_notebook_displays_it() -> None:
    found = grokflow.connect(mlp(1), mlp(2), model=MLP(), data=data(), loss=mse_loss, points=3, device="cpu")
    assert isinstance(found, Connection)
    assert "<table" in found._repr_html_()
    assert found.plot()._repr_png_()[1:4] == b"PNG"
    assert repr(found).startswith("Connection(segment from a to b: highest train loss ")
    axes = found.plot().figure.get_axes()
    assert [each.get_ylabel() for each in axes[:3]] == [
        "mse loss + L2", "error", "mean stochastic\ngradient norm",
    ]  # fmt: skip
    (line, *_) = axes[0].get_lines()
    assert line.get_ydata().tolist() == found.metrics["train_loss_l2"].tolist()
    texts = [text.get_text() for each in axes for text in each.texts]
    assert "not defined" in texts


GOOD = {"model": MLP(), "data": data(), "loss": mse_loss, "device": "cpu", "points": 2}
STATE = mlp(2).state_dict()


class Pairs(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((3,), float(index)), index % 2


def nowhere_finite(outputs: Tensor, targets: Tensor) -> Tensor:
    return mse_loss(outputs, targets) / 0


def without(name: str) -> dict[str, Tensor]:
    return {key: value for key, value in STATE.items() if key != name}


@pytest.mark.parametrize(
    ("t", "found"),
    [
        (2, "2"),
        (-1e-9, "-1e-09"),
        (float("nan"), "nan"),
        ("0.5", "a str"),
        (np.array([0.0, 1.0]), r"an array of the shape \(2,\)"),
        (np.zeros(3), r"an array of the shape \(3,\)"),
        ([0.5], "a list of 1"),
    ],
)
@pytest.mark.parametrize("kind", ["segment", "polyline"])
def test_weights_are_asked_for_at_one_number_on_the_path(kind: str, t: Any, found: str) -> None:
    fit = {} if kind == "segment" else {"fit": {"epochs": 1}}
    path = grokflow.connect(mlp(1), mlp(2), kind=kind, **fit, **GOOD)
    for asked in (path.weights, path.state_dict):
        with pytest.raises(ConfigError, match=f"^t: expected one number from 0 to 1, found {found}.$"):
            asked(t)
    for each in (0, 1, np.float32(1), np.int64(1), np.array(0.0), torch.tensor(1.0)):
        assert np.array_equal(path.weights(each), path.curve.controls[-int(each)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "epoch: expected a known key .*, found 'epoch'. Did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs: expected greater than or equal to 1, found 0"),
        ({"epochs": "3"}, "epochs: expected an integer, found '3'"),
        ({"optimizer": "adamw"}, "optimizer: expected one of adam, sgd, found 'adamw'. Did you mean 'adam'"),
    ],
)
def test_settings_of_a_fit_are_told_as_others_are(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as raised:
        grokflow.Fit(**settings)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "model: expected a module"),
        ({"data": None}, "data: expected a pair of inputs and targets"),
        ({"data": torch.zeros(3, 3)}, "data: expected a dataset of grokflow, or a pair"),
        ({"data": (torch.zeros(3, 3), torch.zeros(4, 2))}, "as many inputs as targets.*found 3 and 4"),
        ({"data": (torch.zeros(3, 5), torch.zeros(3, 2))}, r"MLP: expected a model that takes inputs float64 of the shape \(2, 5\), found RuntimeError"),
        ({"data": (torch.full((3, 3), torch.nan), torch.zeros(3, 2))}, "inputs of data: expected finite numbers"),
        ({"data": (np.array(["a", "b"]), torch.zeros(2, 2))}, "inputs of data: expected numbers"),
        ({"loss": None}, r"loss: expected for cross-entropy logits.*found for each example outputs \(2,\) and torch.float64 targets \(2,\)"),
        ({"loss": None, "data": data(classes=5)}, "targets: expected numbers of the model's 2 classes, from 0, found 0 to 4"),
        ({"loss": lambda outputs, targets: (outputs - targets) ** 2}, r"loss: expected a function that gives.*one number.*shape \(2, 2\)"),
        ({"error": lambda outputs, targets: outputs.sum()}, "error: expected a function that gives.*whether each"),
        ({"validation": (torch.zeros(3, 3), torch.zeros(3, 2, dtype=int))}, "targets of validation: expected torch.float64"),
        ({"kind": "arc"}, "kind: expected one of segment, polyline, bezier, found 'arc'"),
        ({"kind": "polyline", "bends": 0}, "bends: expected greater than or equal to 1"),
        ({"kind": "polyline", "fit": {"epoch": 3}}, "fit.epoch: expected a known key"),
        ({"kind": "polyline", "fit": {"epochs": 9, "optimizer": "sgd", "learning_rate": 1e300}}, "fit: expected bends that stay finite"),
        ({"bends": 3}, "bends: expected no such setting of a segment.*found 3. Give kind='polyline'"),
        ({"fit": {"nonsense": 5}}, "fit: expected no such setting of a segment"),
        ({"fit": grokflow.Fit(epochs=5)}, "fit: expected no such setting of a segment"),
        ({"kind": "polyline", "fit": 5}, "fit: expected"),
        ({"batch_size": 2.5}, "batch_size: expected a whole number of at least 1, found 2.5"),
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1, found 0"),
        ({"weight_decay": "0.1"}, "weight_decay: expected a number of at least 0, found '0.1'"),
        ({"weight_decay": float("nan")}, "weight_decay: expected a number of at least 0, found nan"),
        ({"seed": 1.5}, "seed: expected a whole number of at least 0, found 1.5"),
        ({"data": TensorDataset(*data())}, r"data: .*found a TensorDataset. Give data=dataset.tensors\."),
        ({"data": DataLoader(TensorDataset(*data()))}, r"data: .*found a DataLoader. Give data=loader.dataset.tensors\."),
        ({"data": TensorDataset(*data(), *data())}, r"Give data=\(dataset.tensors\[0\], dataset.tensors\[1\]\)"),
        ({"validation": DataLoader(Pairs())}, r"validation: .*DataLoader. Give validation=torch.utils.data.default_collate\("),
        ({"data": {"inputs": torch.zeros(3, 3), "targets": torch.zeros(3, 2)}}, r"data: .*found a dict. Give data=\(d\['inputs'\]"),
        ({"data": (each for each in data())}, r"data: .*found a generator. Give data=\(inputs, targets\)\."),
        ({"data": data() + data()}, r"data: .*found a tuple of 4. Give data=\(inputs, targets\)\."),
        ({"data": ([[1.0], [1.0, 2.0]], torch.zeros(2, 2))}, "inputs of data: expected an array, found a list"),
        ({"validation": grokflow.make_dataset("a*b", modulus=5)}, "validation: expected a pair of inputs and targets"),
        ({"loss": nowhere_finite}, "loss: expected finite losses on the path, found NaN or infinity at each of 2 values"),
        ({"points": 1}, "points: expected greater than or equal to 2"),
        ({"weight_decay": -1.0}, "weight_decay: expected a number of at least 0"),
        ({"precision": "float16"}, "precision: expected float32 or float64"),
        ({"device": "tpu"}, "device: expected auto, cpu or cuda"),
        ({"b": torch.zeros(3)}, r"b: expected weights of the shape \(38,\), found \(3,\)"),
        ({"b": torch.full((38,), torch.inf)}, "b: expected finite weights"),
        ({"b": without("layers.2.bias")}, r"b: expected the tensor 'layers.2.bias' of the model, found none"),
        ({"b": {**without("layers.2.bias"), "layers.2.bais": torch.zeros(2)}}, r"Did you mean 'layers.2.bais'"),
        ({"model": MLP}, r"model: expected a torch.nn.Module, or what has `layout` and `logits`, found the class MLP. Give MLP\(\)\."),
        ({"model": 3}, "model: expected a torch.nn.Module, or what has `layout` and `logits`, found an int"),
        ({"b": "b.pt"}, r"b: expected a vector, .*found 'b.pt'\. Load it first.*or use python -m grokflow.connect"),
        ({"b": Path("b.pt")}, r"b: expected a vector, .*found 'b.pt'\. Load it first"),
        ({"b": MLP}, r"b: expected a vector, .*found the class MLP. Give MLP\(\), with its weights loaded"),
        ({"b": {"model": STATE, "epoch": 3}}, r"b\['model'\]: expected a tensor, found an OrderedDict. Give b\['model'\] itself\.$"),
        ({"b": {"args": {"width": 3}, "optimizer": {"state": {}}, "net": STATE}}, r"Give b\['net'\] itself\.$"),
        ({"b": {**STATE, "note": "best"}}, r"b\['note'\]: expected numbers, found a str"),
        ({"b": {**STATE, "extra": torch.zeros(2)}}, "b: expected no tensors but those of the model, found 'extra'"),
        ({"b": {**STATE, "layers.2.bias": torch.zeros(3)}}, r"b: layers.2.bias: expected the shape \(2,\).*found \(3,\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_one_message(changes: dict, message: str) -> None:
    settings = {"b": STATE, **GOOD, **changes}
    with pytest.raises(ConfigError, match=message) as raised:
        grokflow.connect(mlp(1), settings.pop("b"), **settings)
    assert "\n" not in str(raised.value)


def test_what_a_message_says_of_a_dataset_gives_its_pair() -> None:
    """`DataLoader` of any dataset: its examples one by one, as a pair of arrays."""
    dataset = Pairs()
    with pytest.raises(ConfigError) as raised:
        grokflow.measure(nn.Linear(3, 2), model=nn.Linear(3, 2), data=dataset, device="cpu")
    said = re.search("Give data=(.*)[.]$", str(raised.value))
    assert said
    assert said[1] == "torch.utils.data.default_collate([dataset[i] for i in range(len(dataset))])"
    pair = torch.utils.data.default_collate([dataset[i] for i in range(len(dataset))])
    module = nn.Linear(3, 2)
    found = grokflow.measure(module, model=module, data=pair, device="cpu")
    inputs, targets = torch.arange(4.0).repeat(3, 1).T, torch.tensor([0, 1, 0, 1])
    assert found["train_loss"].item() == pytest.approx(
        cross_entropy(module(inputs), targets).item(), rel=1e-6
    )


def test_a_loss_that_is_not_finite_everywhere_is_told_where() -> None:
    """Of log w along w = −1 … 1; the loss at t = 0.5 is infinite, before that NaN."""
    module = nn.Linear(1, 1, bias=False)

    def logarithm(outputs: Tensor, targets: Tensor) -> Tensor:
        return -outputs.log().mean()

    found = grokflow.connect(
        np.array([-1.0]), np.array([1.0]), model=module, data=(torch.ones(4, 1).double(), torch.zeros(4)),
        loss=logarithm, points=5, device="cpu",
    )  # fmt: skip
    assert np.isfinite(found.metrics["train_loss"]).tolist() == [False, False, False, True, True]
    assert repr(found) == (
        "Connection(segment from a to b: highest train loss 0.6931, not finite at 3 of 5 values of t)"
    )
    assert found.plot()._repr_png_()[1:4] == b"PNG"
    text = as_text(found)
    assert "Highest train loss 0.6931, at t = 0.75." in text
    assert "The train loss is NaN or infinite at 3 of 5 values of t, from t = 0 to t = 0.5." in text


def test_several_weight_vectors_have_a_row_each() -> None:
    modules, train = [mlp(seed) for seed in range(3)], data()
    found = grokflow.measure(modules, model=MLP(), data=train, loss=mse_loss, device="cpu")
    expected = [mse_loss(module(train[0]), train[1]).item() for module in modules]
    assert found["train_loss"].tolist() == pytest.approx(expected, rel=1e-12)
    one = grokflow.measure(modules[2], model=MLP(), data=train, loss=mse_loss, device="cpu")
    assert one.iloc[0].dropna().tolist() == found.iloc[2].dropna().tolist()
