"""The schema and the reference page of the configuration: made from the classes, and true of the files."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml
from docs import config_reference, config_schema
from pydantic import ValidationError

from grokflow.config import Config
from grokflow.config.read import read
from grokflow.loading import load_config

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml")), ROOT / "examples/mine.yaml"]


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(config_schema.PATH.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def complete():
    """A small configuration that uses every section."""
    return yaml.safe_load(
        """
        datasets: {d: {operation: a+b, modulus: 7, train_fraction: 0.5}}
        models: {m: {layers: 1, width: 8, heads: 2, normalization: layer_norm}}
        optimizers: {s: {name: sgd, learning_rate: 0.1}, a: {name: adamw, learning_rate: 0.1, beta_1: 0.5}}
        runs: {r: {dataset: d, model: m, optimizer: s, seeds: {from: 0, to: 3}, epochs: 10}}
        invariance: {scales: [0.5, 2.0], steps: 3}
        paths: {p: {kind: polyline, from: r@initial, to: r@final, fit: {epochs: 5}}}
        sweeps: {w: {dataset: d, model: m, optimizer: s, vary: {model.layers: [1, 2]}, seeds: [0], epochs: 3}}
        figures: {f: {kind: path, path: p, reference: {t: {train_error: 0.5}}}}
        claims: {M1: {run: r}}
        """
    )


def test_the_files_are_what_make_schema_writes():
    assert config_schema.PATH.read_text(encoding="utf-8") == config_schema.written(), "run `make schema`"
    page = config_reference.PAGE.read_text(encoding="utf-8")
    assert config_reference.page(page) == page, "run `make schema`"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_file_names_the_schema_and_fulfils_it(file, validator):
    with file.open(encoding="utf-8") as text:
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", text.readline().strip())
    assert found is not None
    assert (file.parent / found[1]).resolve() == config_schema.PATH
    assert [error.message for error in validator.iter_errors(read([file]))] == []


def test_every_key_of_every_class_has_its_meaning(validator):
    parts = {"": validator.schema, **validator.schema["$defs"]}
    without = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, described in part["properties"].items()
        if not described.get("description", "").endswith(".")
    ]
    assert without == []


def test_every_count_of_something_has_a_unit():
    """A whole number is a number of something, but for these."""
    none = {"Dataset.modulus", "Dataset.a_from", "Dataset.b_from"}
    seeds = {"Dataset.split_seed", "Run.initialization_seed", "Run.order_seed", "Sweep.design_seed"}
    seeds |= {"SeedRange.from", "SeedRange.to"}
    schema = config_schema.full_schema()
    without = {
        f"{name}.{key}"
        for name, part in {"": schema, **schema["$defs"]}.items()
        for key, described in part["properties"].items()
        for each in (described, *described.get("anyOf", ()))
        if each.get("type") == "integer" and "unit" not in each
    }
    assert without == none | seeds


def test_every_class_stands_on_the_page():
    schema = config_schema.full_schema()
    shown = re.findall(r"<!-- keys of (\w+) -->", config_reference.PAGE.read_text(encoding="utf-8"))
    sections = [schema["properties"][name] for name in shown if name in schema["properties"]]
    of_sections = {name for section in sections for name in config_reference.classes_of(section)}
    others = set(schema["$defs"]) - of_sections - set(shown)
    assert others == {"SeedRange"}  # which the meaning of `seeds` shows


def test_the_examples_of_the_page_are_a_configuration(tmp_path, validator):
    examples = re.findall(
        r"^```yaml\n(.*?)^```", config_reference.PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(examples) == 14
    shutil.copytree(ROOT / "examples", tmp_path / "examples")  # which has the code that one of them names
    files = []
    for number, example in enumerate(examples):
        files.append(tmp_path / f"example_{number}.yaml")
        files[-1].write_text(example, encoding="utf-8")
        assert [error.message for error in validator.iter_errors(read(files[-1:]))] == []
    config = load_config(files)
    assert len(config.paths) == 4


def test_the_small_configuration_passes(complete, validator):
    Config.model_validate(complete)
    assert [error.message for error in validator.iter_errors(complete)] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("result", "elsewhere"),
        ("results", "with/{braces}"),
        ("device", "gpu"),
        ("threads", 0),
        ("threads", "2"),
        ("threads", 1.5),
        ("jobs_per_gpu", 65),
        ("datasets.d.modulo", 7),
        ("datasets.d.modulus", 1),
        ("datasets.d.modulus", "7"),
        ("datasets.d.train_fraction", 1),
        ("datasets.d.train_fraction", 0.0),
        ("datasets.d.tokens", "a b ="),
        ("datasets.d.split_seed", -1),
        ("datasets.d.split_seed", 2**63),
        ("datasets.1d", {"operation": "a+b", "modulus": 7, "train_fraction": 0.5}),
        ("models.m.layers", 65),
        ("models.m.layer", 1),
        ("models.m.normalization", "batch_norm"),
        ("models.m.normalization", None),
        ("models.m.code", "mlp.py"),
        ("models.m.code", "mlp.py:MLP"),
        ("optimizers.s.name", "adagrad"),
        ("optimizers.s.beta_1", 0.9),
        ("optimizers.s.learning_rate", 0),
        ("optimizers.a.momentum", 0.9),
        ("optimizers.a.beta_2", 1.0),
        ("optimizers.a.name", "lion.py:Lion"),
        ("runs.r.seeds", 5),
        ("runs.r.seeds", []),
        ("runs.r.seeds", {"from": 0}),
        ("runs.r.seeds", {"from": 0, "until": 3}),
        ("runs.r.seeds", [0, -1]),
        ("runs.r.epochs", 0),
        ("runs.r.sphere", "yes"),
        ("runs.r.stop_after_point_2", -1),
        ("runs.r.dataset", "no name"),
        ("invariance.scales", [0.5]),
        ("invariance.scales", [0.5, 1.0, 2.0]),
        ("invariance.tolerance", 0),
        ("paths.p.kind", "spline"),
        ("paths.p.from", "r@point_3"),
        ("paths.p.points", 1),
        ("paths.p.fit.epochs", 0),
        ("paths.p.fit.budget", 5),
        ("paths.p.inner_points", 5),
        ("sweeps.w.vary", {}),
        ("sweeps.w.vary", {"model.layers": []}),
        ("sweeps.w.vary", {"model.layers": 2}),
        ("sweeps.w.vary", {"model.layers": {"from": 1}}),
        ("figures.f.reference", {"t": {"accuracy": 0.5}}),
        ("figures.f.reference", {"t": {"train_error": 1.5}}),
        ("figures.f.runs", []),
        ("figures.f.runs", "r"),
        ("claims.M1.runs", ["r"]),
    ],
)
def test_what_the_configuration_refuses_an_editor_marks(key, value, complete, validator):
    changed = copy.deepcopy(complete)
    *parents, last = key.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    place[last] = value
    with pytest.raises(ValidationError):
        Config.model_validate(changed)
    assert not validator.is_valid(changed)


@pytest.mark.parametrize("key", ["figures.f.kind", "claims.M1.claim"])
def test_an_unknown_kind_of_figure_or_claim_is_marked_and_code_of_ones_own_is_not(key, complete, validator):
    changed = copy.deepcopy(complete)
    section, entry, last = key.split(".")
    changed[section][entry][last] = "nonsense"
    assert not validator.is_valid(changed)
    changed[section][entry][last] = "mine.py:mine"
    assert validator.is_valid(changed)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"threads": 4},
        {"runs": {"r": {"seeds": {"from": 0, "to": 3}}}},
        {"runs": {"r": {"stop_after_point_2": None}}},
        {"paths": {"p": {"pairs": "disjoint"}, "q": {"bends": 3, "fit": {"epochs": 3}}}},
        {"optimizers": {"a": {"beta_2": 0.99}, "s": {"weight_decay": 1}}},
        {"sweeps": {"w": {"vary": {"model.width": [8, 16], "model.mlp_norm": ["after_relu"]}}}},
        {"sweeps": {"w": {"vary": {"model.width": {"from": 8, "to": 16, "scale": "log"}}, "draws": 3}}},
        {"invariance": {"steps": 5}},
    ],
)
def test_a_file_laid_over_another_may_have_any_part_of_an_entry(part, validator):
    assert [error.message for error in validator.iter_errors(part)] == []
