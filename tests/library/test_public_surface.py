"""The names and signatures that notebooks rely on; a change of these is a change for every user."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import grokflow

ROOT = Path(__file__).parents[2]

SIGNATURES = {
    "audit_invariance": "weights, *, model, data, device, **settings",
    "connect": "a, b, *, model, data, validation, loss, error, kind, bends, points, weight_decay, "
    "batch_size, fit, seed, names, precision, device, log",
    "find_periods": "curve, *, name, **columns",
    "load_config": "files, overrides",
    "make_dataset": "operation, *, train_fraction, **settings",
    "make_model": "dataset, **settings",
    "measure": "weights, *, model, data, validation, loss, error, weight_decay, batch_size, precision, "
    "device",
    "train": "model, dataset, *, epochs, learning_rate, weight_decay, optimizer, batch_size, seed, "
    "stop_after_point_2, checkpoint_every, log_every, precision, threads, device, folder, log, "
    "**of_optimizer",
}

MEMBERS = {
    "Checkpoint": "description epoch label point training weights",
    "Connection": "converged curve fit layout metrics plot record save state_dict weights",
    "Invariance": "groups plot rays seed table",
    "ModelFunction": "layout logits",
    "ModuleModel": "layout logits module",
    "PairTable": "settings table",
    "Periods": "columns epochs name notes plot table training",
    "Training": "at dataset epochs folder history layout model plot points results run",
}

OTHERS = {
    "ArtifactError", "ConfigError", "Fit", "GrokflowError", "PathResults", "RunResults", "SweepResults",
    "__version__",
}  # fmt: skip


def test_the_names_are_few_and_these() -> None:
    assert set(grokflow.__all__) == {*SIGNATURES, *MEMBERS, *OTHERS}
    assert len(grokflow.__all__) <= 25
    assert set(grokflow.__all__) <= set(dir(grokflow))


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_takes_these_parameters(name: str) -> None:
    said, keyword_only = [], False
    for parameter in inspect.signature(getattr(grokflow, name)).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            said.append("*")
            keyword_only = True
        said.append(f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name)
    assert ", ".join(said) == SIGNATURES[name]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_result_has_these_members(name: str) -> None:
    found = getattr(grokflow, name)
    names = {*dir(found), *getattr(found, "__annotations__", ())}
    members = {each for each in names if not each.startswith("_")}
    assert set(MEMBERS[name].split()) - members <= {"layout", "module"}, "set when it is made"
    if name not in ("ModuleModel", "ModelFunction"):
        assert members == set(MEMBERS[name].split())


@pytest.mark.parametrize("name", sorted({*SIGNATURES, *MEMBERS}))
def test_a_public_name_is_documented(name: str) -> None:
    text = inspect.getdoc(getattr(grokflow, name)) or ""
    assert len(text) > 40
    if name in SIGNATURES and name != "load_config":
        assert ">>> import grokflow" in text


@pytest.mark.parametrize("module", ["connecting", "dataset", "fit", "invariance", "periods", "training"])
def test_the_examples_in_the_docstrings_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"grokflow.library.{module}"))
    assert found.attempted > 0
    assert found.failed == 0


ORDERS = {
    "function first": "import grokflow; before = grokflow.connect; import grokflow.connect; "
    "assert grokflow.connect is before",
    "command first": "import grokflow.connect",
    "from": "from grokflow.connect import main; from grokflow import connect; import grokflow; "
    "assert connect is grokflow.connect",
    "both": "import importlib, grokflow; module = importlib.import_module('grokflow.connect'); module.main",
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_function_connect_stays_one_when_the_command_is_imported(order: str) -> None:
    code = f"{ORDERS[order]}; import grokflow, inspect; assert inspect.isfunction(grokflow.connect)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)


def test_what_a_notebook_writes_is_typed(tmp_path: Path) -> None:
    """As mypy sees it in a user's file, strictly."""
    file = tmp_path / "typed.py"
    file.write_text(
        "import grokflow\n"
        "import pandas as pd\n"
        "import torch\n"
        "dataset = grokflow.make_dataset('a*b', modulus=7)\n"
        "training = grokflow.train(grokflow.make_model(dataset), dataset, epochs=1, learning_rate=0.1)\n"
        "path = grokflow.connect(training.at('initial'), torch.zeros(3), kind='bezier', bends=2)\n"
        "settled: bool | None = path.converged\n"
        "epoch: int = training.at('initial').epoch\n"
        "reveal_type(path)\n"
        "reveal_type(grokflow.find_periods('curve.csv'))\n"
        "grokflow.connect(1, 2)\n"
        "grokflow.connect(torch.zeros(1), torch.zeros(1), kind='arc')\n"
    )
    found = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--no-incremental", "--strict",
            "--config-file", ROOT / "pyproject.toml", file,
        ],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    lines = [line.split(": ", 1) for line in found.stdout.splitlines() if line.startswith(str(file))]
    said = {int(where.rsplit(":", 1)[1]): what for where, what in lines}
    assert 'Revealed type is "grokflow.library.connecting.Connection"' in said.pop(9)
    assert 'Revealed type is "grokflow.library.periods.Periods"' in said.pop(10)
    assert "incompatible type" in said.pop(11)
    assert "incompatible type" in said.pop(12)
    assert said == {}, found.stdout
