"""`python -m grokflow.connect`: weights, a model, data and a loss from files; bad input ends with one message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

import grokflow
from grokflow.artifacts.results import PathResults
from grokflow.connect import main
from grokflow.errors import GrokflowError
from grokflow.library.files import read_data

MY = """
import torch
from torch import nn

class MLP(nn.Module):
    def __init__(self, width=5):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 2))

    def forward(self, inputs):
        return self.layers(inputs)

def pair():
    draw = torch.Generator().manual_seed(1)
    return torch.randn(20, 3, generator=draw), torch.arange(20) % 2

def four():
    return *pair(), *pair()

ready = MLP()
number = 3

def smoothed(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets, label_smoothing=0.2)

def broken(*batch):
    raise KeyError("no such thing")

def two_sets(train, validation):
    return train

def three():
    return *pair(), 3

class Failing(nn.Linear):
    def __init__(self, width=5):
        super().__init__(3, width)
        len(width)

def nowhere(outputs, targets):
    return outputs.sum() * float("nan")
"""


def module(seed: int, width: int = 5) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 2))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two checkpoints, a file of the user's and data of every kind, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("my.py").write_text(MY)
    for seed, name in ((1, "a"), (2, "b")):
        named = {f"layers.{key}": value for key, value in module(seed).state_dict().items()}
        save_file(named, f"{name}.safetensors")
        np.savez(f"{name}.npz", **{key: value.numpy() for key, value in named.items()})
        np.save(f"{name}.npy", np.concatenate([value.numpy().ravel() for value in named.values()]))
    inputs, targets = data()
    arrays = {"inputs": inputs.numpy(), "targets": targets.numpy()}
    np.savez("train.npz", **arrays)
    validation = {f"validation_{name}": array[:8] for name, array in arrays.items()}
    np.savez("both.npz", **arrays, **validation)
    save_file({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, "train.safetensors")
    table = pd.DataFrame(arrays["inputs"], columns=["x", "y", "z"]).assign(target=arrays["targets"])
    table.to_csv("train.csv", index=False, float_format="%.9g")
    halves = pd.concat([table, table.iloc[:8]]).assign(split=["train"] * 20 + ["validation"] * 8)
    halves.to_csv("both.csv", index=False, float_format="%.9g")
    return tmp_path


def data() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(20, 3, generator=draw), torch.arange(20) % 2


ARGUMENTS = {
    "a": "a.safetensors", "b": "b.safetensors", "--model": "my.py:MLP", "--data": "train.npz",
    "--points": "3", "--device": "cpu", "--out": "out",
}  # fmt: skip


def run(**changes: str) -> int:
    asked = {**ARGUMENTS, **{key if key in "ab" else f"--{key}": value for key, value in changes.items()}}
    return main([word for key, value in asked.items() for word in ([value] if key in "ab" else [key, value])])


def losses(seed: int = 1) -> float:
    inputs, targets = data()
    return cross_entropy(module(seed)(inputs), targets).item()


def test_the_command_writes_what_the_function_computes() -> None:
    assert run(kind="polyline", bends="2", epochs="3", seed="4") == 0
    read = PathResults("out")
    same = grokflow.connect(
        {f"layers.{key}": value for key, value in module(1).state_dict().items()},
        {f"layers.{key}": value for key, value in module(2).state_dict().items()},
        model=_as_mlp(),
        data=data(),
        kind="polyline",
        bends=2,
        fit={"epochs": 3},
        seed=4,
        points=3,
        names=("a.safetensors", "b.safetensors"),
        device="cpu",
    )
    for name in ("train_loss", "train_error", "gradient_norm"):
        assert read.metrics[name].tolist() == same.metrics[name].tolist()
    assert read.fit["loss"].tolist() == same.fit["loss"].tolist()
    assert read.record["control_points"] == ["a.safetensors", "bend 1", "bend 2", "b.safetensors"]
    written = {path.name for path in Path("out").iterdir()}
    assert written == {"curve.safetensors", "path.json", "metrics.csv", "fit.csv", "path.png", "path.svg"}


def _as_mlp() -> nn.Module:
    class MLP(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = module(0)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.layers(inputs)

    return MLP()


@pytest.mark.parametrize(
    "source",
    ["train.npz", "train.safetensors", "train.csv", "my.py:pair", "both.npz", "both.csv", "my.py:four"],
)
def test_data_come_in_every_form(source: str) -> None:
    assert run(data=source) == 0
    first = PathResults("out").metrics.iloc[0]
    assert first["train_loss"] == pytest.approx(losses(), rel=1e-5)
    assert np.isnan(first["validation_loss"]) == ("both" not in source and "four" not in source)


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_weights_come_in_every_form(kind: str) -> None:
    assert run(a=f"a.{kind}", b=f"b.{kind}", validation="train.csv") == 0
    metrics = PathResults("out").metrics
    for row, seed in ((0, 1), (-1, 2)):
        assert metrics["train_loss"].iloc[row] == pytest.approx(losses(seed), rel=1e-5)
        assert metrics["validation_loss"].iloc[row] == pytest.approx(losses(seed), rel=1e-5)


def test_a_checkpoint_of_grokflow_is_weights_too(folder: Path) -> None:
    dataset = grokflow.make_dataset("a*b", modulus=5, train_fraction=0.6)
    model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)
    training = grokflow.train(
        model, dataset, epochs=2, learning_rate=0.1, device="cpu", folder=folder / "run"
    )
    (folder / "own.py").write_text(
        "import grokflow\n"
        "dataset = grokflow.make_dataset('a*b', modulus=5, train_fraction=0.6)\n"
        "model = grokflow.make_model(dataset, width=4, mlp_width=4, heads=1)\n"
        "train = dataset.table[dataset.table['split'] == 'train']\n"
        "data = train[['a', 'b']].to_numpy(), train['c'].to_numpy()\n"
    )
    ends = [str(folder / f"run/checkpoints/epoch_00000{epoch}.safetensors") for epoch in (0, 2)]
    assert run(a=ends[0], b=ends[1], model="own.py:model", data="own.py:data") == 0
    found = PathResults("out").metrics["train_loss"].iloc[-1]
    assert found == pytest.approx(training.history["train_loss"].iloc[-1], rel=1e-6)


def test_a_loss_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(loss="my.py:smoothed") == 0
    inputs, targets = data()
    expected = cross_entropy(module(1)(inputs), targets, label_smoothing=0.2).item()
    assert PathResults("out").metrics["train_loss"].iloc[0] == pytest.approx(expected, rel=1e-5)
    assert PathResults("out").record["loss"] == "smoothed"
    assert "t = 0: train loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": "missing.safetensors"}, "missing.safetensors: expected a readable file, found No such file"),
        ({"a": "a.pt"}, "a.pt: expected weights in a .safetensors, .npz or .npy file, found no such file"),
        (
            {"a": "train.csv"},
            "train.csv: expected weights in a .safetensors, .npz or .npy file, found '.csv'",
        ),
        ({"a": "damaged.safetensors"}, "damaged.safetensors: expected a safetensors file"),
        ({"a": "damaged.npz"}, "damaged.npz: expected arrays that NumPy wrote"),
        ({"a": "train.safetensors"}, "train.safetensors: expected the tensor 'layers.0.weight' of the model"),
        ({"model": "my.py:number"}, "has `layout` and `logits`, found an int."),
        ({"model": "my.py:MPL"}, "--model: expected a name that my.py defines"),
        ({"model": "yours.py:MLP"}, "--model: expected a file, found yours.py"),
        ({"model": "torch.nn.Linear"}, "--model: expected file.py:name, found 'torch.nn.Linear'"),
        (
            {"model": "my.py:number"},
            "my.py:number: expected a torch.nn.Module, or what has `layout` and `logits`",
        ),
        ({"settings": "width=4"}, "a.safetensors: layers.0.weight: expected the shape (4, 3)"),
        ({"settings": "widht=4"}, "my.py:MLP: expected a model made of --settings"),
        ({"settings": "width"}, "--settings: expected name=value, found 'width'"),
        ({"model": "my.py:ready", "settings": "width=4"}, "my.py:ready: expected a class or a function"),
        (
            {"model": "my.py:Failing"},
            "my.py, line 38, in __init__: expected code that runs, found TypeError: object of type 'int'",
        ),
        ({"model": "my.py:broken"}, "my.py, line 27, in broken: expected code that runs, found KeyError"),
        ({"data": "my.py:broken"}, "my.py, line 27, in broken: expected code that runs, found KeyError"),
        ({"loss": "my.py:broken"}, "my.py, line 27, in broken: expected code that runs, found KeyError"),
        (
            {"data": "my.py:two_sets"},
            "my.py:two_sets: expected a function of none that returns inputs and targets, found TypeError",
        ),
        ({"data": "train.txt"}, "train.txt: expected data in a .npz"),
        ({"data": "a.npz"}, "a.npz: expected the arrays inputs, targets"),
        (
            {"data": "train.csv", "target": "label"},
            "train.csv: expected a column 'label', found x, y, z, target",
        ),
        ({"data": "my.py:number"}, "my.py:number: expected (inputs, targets)"),
        ({"data": "both.npz", "validation": "train.npz"}, "--validation: expected validation data once"),
        (
            {"loss": "msee"},
            "--loss: expected cross-entropy, mse or file.py:name, found 'msee'. Did you mean 'mse'",
        ),
        ({"loss": "mse"}, "loss: expected a function that gives"),
        (
            {"loss": "my.py:nowhere"},
            "loss: expected finite losses on the path, found NaN or infinity at each of 3",
        ),
        ({"bends": "3"}, "--bends: expected no such option of a segment, which is straight, found 3"),
        ({"epochs": "200"}, "--epochs: expected no such option of a segment, which is straight, found 200"),
        ({"learning-rate": "0.1"}, "--learning-rate: expected no such option of a segment"),
        ({"optimizer": "sgd"}, "--optimizer: expected no such option of a segment"),
        (
            {"data": "one.npz"},
            "one.npz: expected arrays with names, found one without a name, of the shape (3,)",
        ),
        ({"data": "text.npz"}, "text.npz: expected arrays that NumPy wrote, found 7 bytes of another kind"),
        ({"data": "word.csv"}, "word.csv: column 'x': expected a finite number in every row, found 'abc'"),
        ({"data": "gap.csv"}, "gap.csv: column 'x': expected a finite number in every row, found a blank"),
        ({"points": "1"}, "Error: --points: expected greater than or equal to 2"),
        ({"kind": "polyline", "bends": "0"}, "Error: --bends: expected greater than or equal to 1"),
        ({"kind": "polyline", "epochs": "0"}, "Error: --epochs: expected greater than or equal to 1"),
        ({"kind": "polyline", "learning-rate": "0"}, "Error: --learning-rate: expected greater than 0"),
        ({"batch-size": "0"}, "Error: --batch-size: expected a whole number of at least 1"),
        ({"data": "my.py:three"}, "my.py:three: expected (inputs, targets), or (inputs, targets, validation"),
        ({"data": "my.py:three"}, "found a tuple of 3."),
    ],
)
def test_bad_input_ends_with_one_message(
    changes: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("damaged.safetensors").write_bytes(Path("a.safetensors").read_bytes()[:100])
    Path("damaged.npz").write_bytes(Path("a.npz").read_bytes()[:100])
    np.save("one.npy", np.zeros(3))
    Path("one.npy").rename("one.npz")
    Path("text.npz").write_text("no zip\n")
    Path("word.csv").write_text("x,target\n1,0\n2,1\nabc,1\n")
    Path("gap.csv").write_text("x,target\n1,0\n,1\n3,1\n")
    assert run(**changes) == 2
    said = capsys.readouterr()
    assert said.err.startswith("Error: ")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_byte_anywhere_in_a_file_of_numpy_is_refused_or_harmless(save: Callable[..., None]) -> None:
    arrays = {"inputs": np.arange(60.0).reshape(20, 3), "targets": np.arange(20) % 2}
    path = Path("flipped.npz")
    save(path, **arrays)
    content, refused = path.read_bytes(), 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            found = read_data(path)
        except GrokflowError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert np.array_equal(found.train[0], arrays["inputs"])
            assert np.array_equal(found.train[1], arrays["targets"])
    assert refused > len(content) / 2


def test_whole_numbers_in_a_table_stay_whole() -> None:
    """Targets are numbers of classes; an input of whole numbers beside a real one is real."""
    Path("mixed.csv").write_text("x,y,target,split\n1,0.5,0,train\n2,1,1,train\n3,1,2,validation\n")
    (inputs, targets), validation = read_data(Path("mixed.csv"))
    assert inputs.tolist() == [[1, 0.5], [2, 1]]
    assert (targets.dtype.kind, targets.tolist()) == ("i", [0, 1])
    assert validation is not None
    assert [array.tolist() for array in validation] == [[[3, 1]], [2]]
