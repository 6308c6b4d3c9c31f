"""A configuration that takes its definitions from another one: only what it needs is made."""

import pytest

from grokflow.config.read import read
from grokflow.errors import ConfigError
from grokflow.loading import load_config

BASE = """
results: results/base
datasets: {addition: {operation: "a+b", modulus: 7, train_fraction: 0.5}}
models: {small: {width: 8, mlp_width: 8, heads: 1}}
optimizers: {sgd: {name: sgd, learning_rate: 0.1}}
runs:
  one: {dataset: addition, model: small, optimizer: sgd, seeds: [0], epochs: 3}
  two: {dataset: addition, model: small, optimizer: sgd, seeds: [0], epochs: 3}
  three: {dataset: addition, model: small, optimizer: sgd, seeds: [0], epochs: 3}
paths:
  first: {kind: segment, from: "one@initial", to: "one@final"}
  second: {kind: segment, from: "two@initial", to: "two@final"}
sweeps:
  decay:
    {dataset: addition, model: small, optimizer: sgd, seeds: [0], epochs: 3, vary: {dataset.b_from: [0, 1]}}
figures:
  first: {kind: path, path: first}
  second: {kind: path, path: second}
  decay: {kind: sweep, sweep: decay}
claims:
  M1: {run: one}
  M3: {path: second}
"""


@pytest.fixture
def written(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)

    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_nothing_of_the_other_file_is_made_that_is_not_needed(written):
    config = load_config([written("definitions_from: base.yaml\nfigures: {mine: {kind: path, path: first}}")])
    assert list(config.figures) == ["mine"]
    assert list(config.paths) == ["first"]
    assert list(config.runs) == ["one"]
    assert not config.sweeps
    assert not config.claims
    assert "small" in config.models


def test_a_claim_needs_its_path_with_the_run_at_its_ends_and_its_figure(written):
    mine = "definitions_from: base.yaml\nclaims: {M3: {path: second, figure: second}}"
    config = load_config([written(mine)])
    assert list(config.claims) == ["M3"]
    assert list(config.figures) == ["second"]
    assert list(config.paths) == ["second"]
    assert list(config.runs) == ["two"]


def test_an_entry_of_the_same_name_is_changed_key_by_key_and_made(written):
    mine = "definitions_from: base.yaml\nruns: {three: {epochs: 5}}\nsweeps: {decay: {epochs: 4}}"
    config = load_config([written(mine)])
    assert list(config.runs) == ["three"]
    assert (config.runs["three"].epochs, config.runs["three"].seeds) == (5, [0])
    assert config.sweeps["decay"].epochs == 4


def test_results_lie_apart_unless_the_file_says_where(written):
    assert load_config([written("definitions_from: base.yaml\n")]).results == "results/mine"
    said = written("definitions_from: base.yaml\nresults: elsewhere\n")
    assert load_config([said]).results == "elsewhere"


def test_top_level_keys_that_the_file_leaves_out_are_taken_from_the_other_one(written):
    """All but `results`, as the test above says."""
    others = {"device": "cpu", "jobs_per_gpu": 2, "threads": 3, "precision": "float64", "miniature": True}
    others["figure_style"] = "column"
    top = "\n".join(f"{key}: {str(value).lower()}" for key, value in others.items())
    written(f"{BASE}{top}\ninvariance: {{pairs: 5}}\n", "base.yaml")
    config = load_config([written("definitions_from: base.yaml\nthreads: 1\n")])
    assert {key: getattr(config, key) for key in others} == {**others, "threads": 1}
    assert config.invariance.pairs == 5


def test_the_other_file_is_named_relative_to_this_one_and_may_itself_have_another(written):
    written("definitions_from: ../base.yaml\nruns: {one: {epochs: 9}}\n", "inner/middle.yaml")
    config = load_config(
        [written("definitions_from: middle.yaml\nclaims: {M1: {run: one}}", "inner/mine.yaml")]
    )
    assert config.runs["one"].epochs == 9
    assert list(config.runs) == ["one"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("definitions_from: other.yaml", "a configuration file, found none at .*other.yaml"),
        ("definitions_from: 3", "the name of a configuration file, found 3"),
        ("definitions_from: mine.yaml", "another file, found mine.yaml"),
        ("definitions_from: loop.yaml", "another file, found mine.yaml"),
    ],
)
def test_a_file_that_cannot_be_is_refused(written, text, said):
    written("definitions_from: mine.yaml", "loop.yaml")
    with pytest.raises(ConfigError, match=said):
        load_config([written(text)])


@pytest.mark.parametrize(
    "broken", ["runs: 3", "figures: {x: 3}", "paths: {x: {from: 3}}", "claims: {x: {run: [1]}}"]
)
def test_what_is_no_configuration_is_said_by_its_check(written, broken):
    with pytest.raises(ConfigError, match=broken.partition(":")[0]):
        load_config([written(f"definitions_from: base.yaml\n{broken}")])


def test_laid_over_by_hand_everything_is_made(written, tmp_path):
    mine = written("figures: {mine: {kind: path, path: first}}")
    assert len(read([tmp_path / "base.yaml", mine])["runs"]) == 3
