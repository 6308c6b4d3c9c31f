"""The configuration: what is refused, in one line that names key, expected, found and how to mend it."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grokflow.claims import SUBJECTS
from grokflow.config import (
    load,
    members_of_path,
    plain,
    resolve_path,
    resolve_run,
)
from grokflow.config.resolve import ResolvedPath, ResolvedRun
from grokflow.errors import ConfigError
from grokflow.figures import KINDS

ROOT = Path(__file__).parents[1]
VALID = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def loaded(path):
    return load([path], figure_kinds=KINDS, claim_subjects=SUBJECTS)


def written(folder, value):
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(value), encoding="utf-8")
    return path


def edited(keys, value):
    """The valid configuration with the entry at `keys` set to `value`, or deleted for `...`."""
    config = copy.deepcopy(VALID)
    *parents, last = keys
    entry = config
    for key in parents:
        entry = entry[key]
    if value is ...:
        del entry[last]
    else:
        entry[last] = value
    return config


@pytest.mark.parametrize("name", ["config.yaml", "config/quick.yaml", "tests/workflow/tiny.yaml"])
def test_the_configurations_of_this_repository_are_valid(name):
    loaded(ROOT / name)


M = "mode_connectivity"
REFUSED = [
    # (where, value, what the message must say)
    (["modles"], {}, ["modles", "a known key", "models"]),
    (
        ["datasets", "multiplication", "modulo"],
        97,
        ["datasets.multiplication.modulo", "Did you mean 'modulus'?"],
    ),
    (
        ["datasets", "multiplication", "modulus"],
        1,
        ["datasets.multiplication.modulus", "greater than or equal to 2", "1"],
    ),
    (
        ["datasets", "multiplication", "modulus"],
        "97",
        ["datasets.multiplication.modulus", "integer", "'97' (str)"],
    ),
    (
        ["datasets", "multiplication", "modulus"],
        ...,
        ["datasets.multiplication", "modulus or group", "neither"],
    ),
    (["datasets", "multiplication", "group"], "S5", ["datasets.multiplication", "modulus or group", "both"]),
    (
        ["datasets", "multiplication", "train_fraction"],
        0.0,
        ["datasets.multiplication.train_fraction", "greater than 0"],
    ),
    (
        ["datasets", "multiplication", "train_fraction"],
        1.0,
        ["datasets.multiplication.train_fraction", "less than 1"],
    ),
    (["datasets", "multiplication", "train_fraction"], 1e-9, ["train_fraction", "both splits a pair"]),
    (["datasets", "multiplication", "train_fraction"], float("nan"), ["train_fraction", "nan"]),
    (["datasets", "multiplication", "tokens"], "a b =", ["datasets.multiplication.tokens", "a o b ="]),
    (["datasets", "multiplication", "operation"], "a**b", ["datasets.multiplication.operation", "'b'"]),
    (["datasets", "multiplication", "operation"], "a*c", ["datasets.multiplication.operation", "'c'"]),
    (["models", "plain_1layer", "heads"], 0, ["models.plain_1layer.heads", "greater than or equal to 1"]),
    (
        ["models", "plain_1layer", "heads"],
        3,
        ["models.plain_1layer", "width = heads · head_width", "heads 3"],
    ),
    (
        ["models", "plain_1layer", "head_width"],
        31,
        ["models.plain_1layer", "heads · head_width", "head_width 31"],
    ),
    (["models", "plain_1layer", "layers"], True, ["models.plain_1layer.layers", "integer", "True (bool)"]),
    (
        ["optimizers", "sgd", "learning_rate"],
        -0.1,
        ["optimizers.sgd.learning_rate", "greater than 0", "-0.1"],
    ),
    (["optimizers", "sgd", "learning_rate"], ..., ["optimizers.sgd.learning_rate", "nothing"]),
    (["optimizers", "sgd", "name"], "sdg", ["optimizers.sgd.name", "Did you mean 'sgd'?"]),
    (["optimizers", "sgd", "beta_1"], 0.9, ["optimizers.sgd.beta_1", "a known key", "momentum"]),
    (["optimizers", "sgd", "batch_size"], 512.5, ["optimizers.sgd.batch_size", "integer"]),
    (["runs", M, "dataset"], "multiplicatoin", [f"runs.{M}.dataset", "Did you mean 'multiplication'?"]),
    (["runs", M, "optimizer"], "sdg", [f"runs.{M}.optimizer", "sgd_without_decay", "'sdg'"]),
    (["runs", M, "seeds"], [], [f"runs.{M}.seeds", "at least 1 item"]),
    (["runs", M, "seeds"], [0, 0], [f"runs.{M}", "each seed once"]),
    (["runs", M, "seeds"], [0, -1], [f"runs.{M}.seeds.1", "greater than or equal to 0"]),
    (["runs", M, "epochs"], 0, [f"runs.{M}.epochs", "greater than or equal to 1"]),
    (["runs", "a name"], VALID["runs"][M], ["runs.a name", "letters, digits"]),
    (["paths", "segment_1_2", "kind"], "segmnt", ["paths.segment_1_2.kind", "Did you mean 'segment'?"]),
    (
        ["paths", "segment_1_2", "from"],
        "mode_conectivity@point_1",
        ["paths.segment_1_2.from", f"Did you mean '{M}'?"],
    ),
    (["paths", "segment_1_2", "from"], f"{M}@point_3", ["paths.segment_1_2.from", "run@point_1", "point_3"]),
    (["paths", "segment_1_2", "from"], f"{M}@epoch_150", ["paths.segment_1_2.from", "multiple of 100"]),
    (["paths", "segment_1_2", "to"], f"{M}@epoch_100000", ["paths.segment_1_2.to", "a logged epoch"]),
    (["paths", "segment_1_2", "to"], f"{M}@point_1", ["paths.segment_1_2.to", "another point"]),
    (["paths", "segment_1_2", "bends"], 2, ["paths.segment_1_2.bends", "a known key"]),
    (["paths", "segment_1_2", "points"], 1, ["paths.segment_1_2.points", "greater than or equal to 2"]),
    (
        ["paths", "polyline_1_2", "fit"],
        {"epoch": 3},
        ["paths.polyline_1_2.fit.epoch", "Did you mean 'epochs'?"],
    ),
    (["paths", "chain_1_2", "between"], "seeds", ["paths.chain_1_2.to", "a chain follows one run"]),
    (["figures", "M-fig2", "kind"], "pth", ["figures.M-fig2.kind", "Did you mean 'path'?"]),
    (["figures", "M-fig2", "path"], "segment_2_1", ["figures.M-fig2.path", "Did you mean 'segment_1_2'?"]),
    (["figures", "M-fig2", "run"], M, ["figures.M-fig2", "either run or path", "both"]),
    (
        ["figures", "M-fig1", "reference"],
        {"epoch": [1]},
        ["M-fig1.reference.epoch", "Did you mean 'epochs'?"],
    ),
    (["figures", "M-fig1", "reference"], {"t": {}}, ["figures.M-fig1.reference.t", "(epochs)"]),
    (["figures", "M-fig2", "reference"], {"epochs": [1]}, ["M-fig2.reference.epochs", "gradient_norm, t"]),
    (
        ["figures", "M-fig4", "reference"],
        {"gradient_norm": [1, 0]},
        ["M-fig4.reference.gradient_norm", "none"],
    ),
    (["figures", "M-fig2", "reference"], {"t": {"train_eror": 0.3}}, ["M-fig2.reference.t.train_eror"]),
    (
        ["figures", "M-fig2", "reference"],
        {"t": {"train_error": 1.5}},
        ["t.train_error", "less than or equal to 1"],
    ),
    (
        ["figures", "M-fig2", "reference"],
        {"gradient_norm": [0.75]},
        ["reference.gradient_norm", "at least 2 items"],
    ),
    (["claims", "M99"], {"path": "segment_1_2"}, ["claims.M99", "the id of a claim"]),
    (["claims", "M3"], {"run": M}, ["claims.M3.run", "no such key"]),
    (["claims", "M8"], {"path": "polyline_1_2"}, ["claims.M8.against", "a name", "none"]),
    (["threads"], 0, ["threads", "greater than or equal to 1"]),
    (["precision"], "float16", ["precision", "float32, float64", "float16"]),
    (["device"], "gpu", ["device", "auto, cpu, cuda", "'gpu'"]),
    (["datasets"], ..., ["datasets", "nothing"]),
    (["runs"], None, ["runs", "dictionary"]),
]


@pytest.mark.parametrize(("keys", "value", "said"), REFUSED, ids=lambda x: None)
def test_bad_input_is_refused_in_one_line(tmp_path, keys, value, said):
    path = written(tmp_path, edited(keys, value))
    with pytest.raises(ConfigError) as refusal:
        loaded(path)
    lines = str(refusal.value).splitlines()
    assert any(all(part in line for part in said) for line in lines), str(refusal.value)
    assert all(line.startswith(str(path)) for line in lines)


@pytest.mark.parametrize(
    ("operation", "modulus", "said"),
    [("a/b", 96, ["modulus", "a prime", "96", "97"]), ("a*b^-1", 10, ["modulus", "a prime"])],
)
def test_division_needs_a_prime(tmp_path, operation, modulus, said):
    config = copy.deepcopy(VALID)
    config["datasets"]["multiplication"] |= {"operation": operation, "modulus": modulus}
    with pytest.raises(ConfigError) as refusal:
        loaded(written(tmp_path, config))
    assert all(part in str(refusal.value) for part in said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"runs: [1, 2", ["line 1", "valid YAML"]),
        (b"threads: 1\nthreads: 2\n", ["line 2", "'threads' stands twice"]),
        (b"\xff\xfe", ["UTF-8"]),
        (b"", ["keys with values", "NoneType"]),
        (b"- 1\n", ["keys with values", "list"]),
        (b"x: !!python/object/apply:os.system ['true']\n", ["valid YAML"]),
        (b"# " + b"x" * 2_000_000, ["at most"]),
        (b"[" * 100_000, ["valid YAML"]),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content, said):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refusal:
        loaded(path)
    assert all(part in str(refusal.value) for part in [str(path), *said]), str(refusal.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: expected a readable YAML file"):
        loaded(tmp_path / "nowhere.yaml")


def test_every_problem_is_told_at_once(tmp_path):
    config = edited(["threads"], 0)
    config["models"]["plain_1layer"]["heads"] = 0
    with pytest.raises(ConfigError) as refusal:
        loaded(written(tmp_path, config))
    assert len(str(refusal.value).splitlines()) == 2


def test_scientific_notation_without_a_point_is_a_number(tmp_path):
    path = tmp_path / "config.yaml"
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("learning_rate: 0.1", "learning_rate: 1e-3"), encoding="utf-8")
    assert loaded(path).optimizers["sgd"].learning_rate == 0.001


def test_a_later_file_and_overrides_win(tmp_path):
    second = tmp_path / "second.yaml"
    second.write_text("threads: 3\ndatasets: {multiplication: {train_fraction: 0.5}}\n", encoding="utf-8")
    config = load(
        [ROOT / "config.yaml", second],
        {"precision": "float64"},
        figure_kinds=KINDS,
        claim_subjects=SUBJECTS,
    )
    assert config.threads == 3
    assert config.datasets["multiplication"].train_fraction == 0.5
    assert config.datasets["multiplication"].modulus == 97
    assert config.precision == "float64"


def test_members_are_seeds_or_pairs_of_seeds():
    config = loaded(ROOT / "config.yaml")
    assert members_of_path(config, "segment_1_2") == ["0", "1", "2"]
    assert members_of_path(config, "polyline_2_2p") == ["0-1", "0-2", "1-2"]


def test_resolved_entries_survive_the_trip_through_a_job():
    config = loaded(ROOT / "config.yaml")
    run = resolve_run(config, M, 1)
    path = resolve_path(config, "polyline_2_2p", "0-2")
    assert ResolvedRun.model_validate(plain(run)) == run
    assert ResolvedPath.model_validate(plain(path)) == path
    assert (path.from_run.seed, path.to_run.seed) == (0, 2)


def test_the_digest_of_weights_ignores_how_long_one_trains_and_nothing_else():
    run = resolve_run(loaded(ROOT / "config.yaml"), M, 0)
    longer = {"epochs": 9, "stop_after_point_2": None, "checkpoint_every": 7, "log_every": 3}
    assert run.model_copy(update=longer).weights_digest == run.weights_digest
    for change in ({"seed": 1}, {"threads": 2}, {"precision": "float64"}):
        assert run.model_copy(update=change).weights_digest != run.weights_digest


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=8), x, max_size=3)
)
places = st.sampled_from(
    [[section] for section in VALID]
    + [[section, name] for section in VALID if isinstance(VALID[section], dict) for name in VALID[section]]
    + [
        [section, name, key]
        for section in VALID
        if isinstance(VALID[section], dict)
        for name in VALID[section]
        for key in VALID[section][name]
    ]
)


@settings(max_examples=150, deadline=None)
@given(keys=places, value=values)
def test_any_value_at_any_key_is_accepted_or_refused_properly(tmp_path_factory, keys, value):
    path = written(tmp_path_factory.getbasetemp(), edited(keys, value))
    try:
        loaded(path)
    except ConfigError as refusal:
        assert str(path) in str(refusal)
