"""The configuration: what is refused, in one line that names key, expected, found and how to mend it."""

import copy
from pathlib import Path

import pytest
import yaml
from runs import tiny_run

from grokflow.artifacts.files import digest
from grokflow.config import (
    InvarianceSettings,
    ResolvedMember,
    ResolvedPath,
    ResolvedRun,
    fits_of_path,
    groups_of_run,
    groups_of_sweep,
    members_of_sweep,
    plain,
    resolve_path,
    resolve_run,
    runs_of_path,
    seeds_of_path,
)
from grokflow.config.read import read
from grokflow.data import operations
from grokflow.errors import ConfigError
from grokflow.loading import load_config

ROOT = Path(__file__).parents[2]
VALID = read([ROOT / "config.yaml"])


def loaded(path, overrides=None):
    return load_config([path], overrides)


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
        entry.pop(last, None)
    else:
        entry[last] = value
    return config


def written_alone(folder, keys, value):
    """A file with nothing but `value` at `keys`, and the rest of the valid configuration as overrides.

    The two make what `edited` makes; a file of a few lines is read in no time.
    """
    entry = {} if value is ... else value
    for key in [] if value is ... else reversed(keys):
        entry = {key: entry}
    return written(folder, entry), edited(keys, ...)


@pytest.mark.parametrize("name", ["config.yaml", "config/quick.yaml", "tests/workflow/tiny.yaml"])
def test_the_configurations_of_this_repository_are_valid(name):
    loaded(ROOT / name)


def test_the_configuration_for_a_gpu_is_laid_over_the_full_one():
    files = [ROOT / "config.yaml", ROOT / "config/gpu.yaml"]
    laid = load_config(files)
    assert (laid.device, len(members_of_sweep(laid, "phase_diagram"))) == ("cuda", 500)
    full = loaded(ROOT / "config.yaml")
    assert {name: (run.seeds, run.epochs) for name, run in laid.runs.items()} == {
        name: (run.seeds, run.epochs) for name, run in full.runs.items()
    }
    assert {run.members_at_once for run in laid.runs.values()} == {64}


def test_the_configuration_of_many_seeds_asks_for_enough_of_each_run_that_a_claim_rests_on():
    files = [ROOT / name for name in ("config.yaml", "config/gpu.yaml", "config/full.yaml")]
    config, small = load_config(files), load_config(files[:1])
    seeds = {"mode_connectivity": 64, "without_decay": 64, "without_zero": 64}
    for name, run in config.runs.items():
        assert len(run.seeds) == seeds.get(name, 48)
        assert run.epochs == small.runs[name].epochs  # as on two cores, so that the same is judged
        assert len(groups_of_run(config, name)) == 1
    pairs = seeds_of_path(config, "polyline_2_2p")
    assert (len(pairs), pairs[0], pairs[-1]) == (32, "100-101", "162-163")
    read = {name for path in config.paths for name in runs_of_path(config, path)}
    for name in read:  # what a chain reads is thinned nowhere
        assert config.runs[name].checkpoint_every == small.runs[name].checkpoint_every


M = "mode_connectivity"
LN, PLAIN, WHOLLY = "layer_norm_1layer", "plain_1layer", "scale_invariant_1layer"
DECAY = ["sweeps", "weight_decay"]
VARY = [*DECAY, "vary"]
OURS = [
    "expected expected",
    "()",
    "after validation",
    "instance of",
    "to extract",
    "function-",
    ".int:",
    "{'layers'",
]
"""What no message may say: pydantic's words and ours for what the user never wrote."""


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
    (
        ["paths", "segment_1_2", "to"],
        f"{M}@epoch_100000",
        ["paths.segment_1_2.to", "an epoch with a checkpoint"],
    ),
    (["paths", "segment_1_2", "to"], f"{M}@point_1", ["paths.segment_1_2.to", "another point"]),
    (["results"], "", ["results"]),
    (["results"], "out{run}", ["results"]),
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
    (["figures", "fit-budget", "paths"], ["chain_2_1"], ["figures.fit-budget.paths", "'chain_1_2'?"]),
    (["figures", "fit-budget", "paths"], [], ["figures.fit-budget.paths"]),
    (["figures", "fit-budget", "kind"], "path", ["figures.fit-budget", "the key 'path'", "'paths'"]),
    (
        ["figures", "M-fig2", "run"],
        M,
        ["figures.M-fig2", "one of run, runs, path, paths and sweep", "run and path"],
    ),
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
    (["paths", "segment_1_2", "from"], f"{M}@epoch_{'9' * 5000}", ["paths.segment_1_2.from", "run@epoch_N"]),
    (["datasets"], ..., ["datasets", "nothing"]),
    (["runs"], None, ["runs", "keys with values"]),
]
# fmt: off
REFUSED += [  # what paper P brought
    (["models", LN, "normalization"], "layernorm", [f"models.{LN}.normalization", "none, layer_norm, invariant_attention, invariant_but_attention, scale_invariant", "Did you mean 'layer_norm'?"]),
    (["models", LN, "normalization"], True, [f"models.{LN}.normalization", "none, layer_norm, invariant_attention, invariant_but_attention, scale_invariant", "True"]),
    (["models", LN, "normalisation"], "none", [f"models.{LN}.normalisation", "Did you mean 'normalization'?"]),
    (["models", LN, "mlp_norm"], "after_rlu", [f"models.{LN}.mlp_norm", "after_relu, before_relu", "Did you mean 'after_relu'?"]),
    (["models", LN, "norm_affine"], "gains", [f"models.{LN}.norm_affine", "none, gain, gain_and_bias", "Did you mean 'gain'?"]),
    (["models", LN, "norm_epsilon"], 0, [f"models.{LN}.norm_epsilon", "greater than 0", "found 0"]),
    (["models", LN, "norm_epsilon"], -1e-5, [f"models.{LN}.norm_epsilon", "greater than 0", "found -1e-05"]),
    (["models", LN, "norm_epsilon"], float("inf"), [f"models.{LN}.norm_epsilon", "finite", "inf"]),
    (["models", LN, "unembedding_norm"], 10, [f"models.{LN}", "unembedding_norm: expected no such key", "'layer_norm' takes norm_affine, norm_epsilon, mlp_norm"]),
    (["models", PLAIN, "norm_affine"], "gain", [f"models.{PLAIN}", "norm_affine: expected no such key", "normalization \'none\' takes no setting"]),
    (["models", PLAIN, "norm_epsilon"], 1e-5, [f"models.{PLAIN}", "norm_epsilon: expected no such key", "normalization \'none\' takes no setting"]),
    (["models", PLAIN, "mlp_norm"], "after_relu", [f"models.{PLAIN}", "mlp_norm: expected no such key", "normalization \'none\' takes no setting"]),
    (["models", PLAIN, "unembedding_norm"], 10, [f"models.{PLAIN}", "unembedding_norm: expected no such key", "normalization \'none\' takes no setting"]),
    (["models", WHOLLY, "norm_affine"], "gain", [f"models.{WHOLLY}", "norm_affine: expected no such key", "'scale_invariant' takes norm_epsilon, mlp_norm, unembedding_norm"]),
    (["models", WHOLLY], {"normalization": "invariant_attention", "unembedding_norm": 10}, [f"models.{WHOLLY}", "unembedding_norm: expected no such key", "'invariant_attention' takes norm_affine, norm_epsilon, mlp_norm"]),
    (["models", WHOLLY], {"normalization": "invariant_but_attention", "norm_affine": "gain"}, [f"models.{WHOLLY}", "norm_affine: expected no such key", "'invariant_but_attention' takes norm_epsilon, mlp_norm, unembedding_norm"]),
    (["models", LN, "normalization"], "invariant_atention", [f"models.{LN}.normalization", "Did you mean 'invariant_attention'?"]),
    (["models", WHOLLY, "unembedding_norm"], 0, [f"models.{WHOLLY}.unembedding_norm", "greater than 0", "found 0"]),
    (["optimizers", "adamw", "momentum"], 0.9, ["optimizers.adamw.momentum", "beta_1, beta_2, epsilon, warmup_steps", "'momentum'"]),
    (["optimizers", "sgd", "warmup_steps"], 10, ["optimizers.sgd.warmup_steps", "(name, learning_rate, weight_decay, momentum, batch_size)", "'warmup_steps'"]),
    (["optimizers", "adamw", "warmup_step"], 10, ["optimizers.adamw.warmup_step", "Did you mean 'warmup_steps'?"]),
    (["optimizers", "adamw", "warmup_steps"], -1, ["optimizers.adamw.warmup_steps", "greater than or equal to 0", "-1"]),
    (["optimizers", "adamw", "beta_2"], 1.0, ["optimizers.adamw.beta_2", "less than 1", "1.0"]),
    (["invariance", "scales"], [0, 2.0], ["invariance.scales.0", "greater than 0", "found 0"]),
    (["invariance", "scales"], [-0.5, 2.0], ["invariance.scales.0", "greater than 0", "found -0.5"]),
    (["invariance", "scales"], [2.0, 0.5], ["invariance", "the smaller scale first in scales", "[2.0, 0.5]"]),
    (["invariance", "scales"], [1.0, 1.0], ["invariance", "the smaller scale first in scales", "[1.0, 1.0]"]),
    (["invariance", "scales"], [0.5, 1.0, 2.0], ["invariance.scales", "at most 2 items", "[0.5, 1.0, 2.0]"] ),
    (["invariance", "scales"], [0.5], ["invariance.scales", "at least 2 items", "[0.5]"]),
    (["invariance", "scales"], 0.5, ["invariance.scales", "list", "0.5"]),
    (["invariance", "scale"], [0.5, 2.0], ["invariance.scale", "(scales, steps, tolerance, pairs)", "Did you mean 'scales'?"]),
    (["invariance", "tolerance"], 0, ["invariance.tolerance", "greater than 0", "found 0"]),
    (["invariance", "steps"], 1, ["invariance.steps", "greater than or equal to 2", "found 1"]),
    (["invariance", "pairs"], 0, ["invariance.pairs", "greater than or equal to 1", "found 0"]),
    (["invariance"], None, ["invariance", "None"]),
    (["invariances"], {}, ["invariances", "Did you mean 'invariance'?"]),
    ([*DECAY, "dataset"], "additon", ["sweeps.weight_decay.dataset", "Did you mean 'addition'?"]),
    ([*DECAY, "model"], "plain1layer", ["sweeps.weight_decay.model", "Did you mean 'plain_1layer'?"]),
    ([*DECAY, "optimizer"], "adam", ["sweeps.weight_decay.optimizer", "Did you mean 'adamw'?"]),
    ([*DECAY, "sphere"], True, ["sweeps.weight_decay.sphere", "a known key", "'sphere'"]),
    ([*DECAY, "seeds"], [0, 0], ["sweeps.weight_decay", "each value once in seeds", "[0, 0]"]),
    ([*DECAY, "seeds"], [], ["sweeps.weight_decay.seeds", "at least 1 item"]),
    ([*DECAY, "seeds"], [-1], ["sweeps.weight_decay.seeds.0", "greater than or equal to 0", "-1"]),
    ([*DECAY, "epochs"], 0, ["sweeps.weight_decay.epochs", "greater than or equal to 1", "found 0"]),
    ([*DECAY, "members_at_once"], 0, ["sweeps.weight_decay.members_at_once", "greater than or equal to 1", "found 0"]),
    (VARY, ..., ["sweeps.weight_decay.vary", "this key", "nothing"]),
    (VARY, {}, ["sweeps.weight_decay.vary", "at least 1 item", "{}"]),
    (VARY, {"optimizer.weight_decay": []}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "at least 1 item", "[]"]),
    (VARY, {"optimizer.weight_decay": 0.1}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "list", "0.1"]),
    (VARY, {"optimizer.weight_decay": {"from": 0.1, "to": 1}}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "a list of values", "a range"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 1, "to": 0.1}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "the smaller end first", "from 1 to 0.1"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 0, "to": 1, "scale": "log"}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "positive ends", "from 0"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 0, "to": 10**400}, ["sweeps.weight_decay.vary.optimizer.weight_decay.to", "a finite number up to 1e300"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 0, "to": 1, "scal": "log"}, ["sweeps.weight_decay.vary.optimizer.weight_decay.scal", "a known key (from, to, scale)", "Did you mean 'scale'?"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 0}, ["sweeps.weight_decay.vary.optimizer.weight_decay.to", "this key", "nothing"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 0, "to": "1"}, ["sweeps.weight_decay.vary.optimizer.weight_decay.to", "a finite number", "'1'"]),
    ([*VARY, "optimizer.weight_decay"], {"from": 0, "to": 1, "scale": "lin"}, ["sweeps.weight_decay.vary.optimizer.weight_decay.scale", "linear, log", "'lin'"]),
    ([*DECAY, "one_at_a_time"], 1, ["sweeps.weight_decay.one_at_a_time", "boolean", "1"]),
    (DECAY, {**VALID["sweeps"]["weight_decay"], "one_at_a_time": True, "draws": 5}, ["sweeps.weight_decay.draws", "no such key, because one_at_a_time tries every value", "found 5"]),
    (DECAY, {**VALID["sweeps"]["weight_decay"], "one_at_a_time": True, "vary": {"optimizer.weight_decay": {"from": 0.1, "to": 1}}}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "expected a list of values, found a range"]),
    (["sweeps", "heads"], {**VALID["sweeps"]["weight_decay"], "one_at_a_time": True, "vary": {"model.head_width": [32]}}, ["sweeps.heads.vary", "keys that have a value in their entry", "'model.head_width', which has none"]),
    (VARY, {"run.order_sed": [0, 1]}, ["sweeps.weight_decay.vary", "Did you mean 'run.order_seed'?"]),
    (VARY, {"run.order_seed": [0, -1]}, ["sweeps.weight_decay.vary.run.order_seed", "greater than or equal to 0", "-1"]),
    (VARY, {"run.initialization_seed": [0.5]}, ["sweeps.weight_decay.vary.run.initialization_seed", "integer", "0.5"]),
    (["runs", LN, "order_seed"], -1, [f"runs.{LN}.order_seed", "greater than or equal to 0", "-1"]),
    (["runs", LN, "initialisation_seed"], 1, [f"runs.{LN}.initialisation_seed", "Did you mean 'initialization_seed'?"]),
    (["datasets", "addition", "a_from"], -1, ["datasets.addition.a_from", "greater than or equal to 0", "-1"]),
    (["datasets", "multiplication", "a_from"], 97, ["datasets.multiplication.operation", "at least one pair"]),
    ([*DECAY, "draws"], 0, ["sweeps.weight_decay.draws", "greater than or equal to 1", "found 0"]),
    ([*DECAY, "draws"], 6000, ["sweeps.weight_decay.vary", "at most 10000 members", "12000"]),
    (VARY, {"optimizer.weight_decay": [0.1, 0.1]}, ["sweeps.weight_decay", "each value once in optimizer.weight_decay", "[0.1, 0.1]"]),
    (VARY, {"optimizer.weight_decay": [0, 0.0]}, ["sweeps.weight_decay", "each value once in optimizer.weight_decay", "[0, 0.0]"]),
    (VARY, {"optimizer.weight_decy": [0.1]}, ["sweeps.weight_decay.vary", "optimizer.beta_1", "Did you mean 'optimizer.weight_decay'?"]),
    (VARY, {"weight_decay": [0.1]}, ["sweeps.weight_decay.vary", "Did you mean 'optimizer.weight_decay'?"]),
    (VARY, {"optimizer.momentum": [0.1]}, ["sweeps.weight_decay.vary", "optimizer.beta_1", "'optimizer.momentum'"]),
    (VARY, {"optimizer.weight_decay": [0.1, None]}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "None"]),
    (VARY, {"optimizer.weight_decay": [True]}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "True"] ),
    (VARY, {"optimizer.weight_decay": [float("nan")]}, ["sweeps.weight_decay.vary.optimizer.weight_decay", "nan"]),
    (DECAY, None, ["sweeps.weight_decay", "None"]),
    (["optimizers", "sgd"], None, ["optimizers.sgd", "None"]),
    (["models", PLAIN], 3, [f"models.{PLAIN}", "3"]),
    (VARY, {"optimizer.name": ["sgd", "adamw"]}, ["sweeps.weight_decay.vary", "found 'optimizer.name'"]),
    (VARY, {"run.epochs": [1, 2]}, ["sweeps.weight_decay.vary", "dataset.operation", "model.layers", "found 'run.epochs'"]),
    (VARY, {"dataset.train_fraction": [0.5, 1.5]}, ["sweeps.weight_decay.vary", "train_fraction", "less than 1", "1.5"]),
    (VARY, {"dataset.train_fraction": [0.5, 1e-9]}, ["sweeps.weight_decay.vary", "train_fraction", "both splits a pair of the table's 9409", "1e-09"]),
    (VARY, {"dataset.modulus": [1]}, ["sweeps.weight_decay.vary", "modulus", "greater than or equal to 2", "found 1"]),
    (VARY, {"dataset.operation": ["a/b"], "dataset.modulus": [97, 96]}, ["sweeps.weight_decay.vary", "modulus", "a prime", "96", "97"]),
    (VARY, {"dataset.operation": ["a+b", "a*c"]}, ["sweeps.weight_decay.vary", "operation", "'c'"]),
    (VARY, {"dataset.group": ["S5"]}, ["sweeps.weight_decay.vary", "modulus or group", "both"]),
    (VARY, {"model.heads": [4, 3]}, ["sweeps.weight_decay.vary", "width = heads · head_width", "width 128, heads 3"]),
    (VARY, {"model.layers": [1.5]}, ["sweeps.weight_decay.vary", "layers", "integer", "1.5"]),
    (VARY, {"model.normalization": ["layernorm"]}, ["sweeps.weight_decay.vary", "normalization", "layer_norm", "'layernorm'"]),
    (VARY, {"model.norm_affine": ["gain"]}, ["sweeps.weight_decay.vary", "normalization 'none' takes", "norm_affine"]),
    (VARY, {"optimizer.weight_decay": [-1]}, ["sweeps.weight_decay.vary", "weight_decay", "greater than or equal to 0", "-1"]),
    (VARY, {"optimizer.weight_decay": ["x"]}, ["sweeps.weight_decay.vary", "weight_decay", "number", "'x'"]),
    (["sweeps", "a name"], VALID["sweeps"]["weight_decay"], ["sweeps.a name", "letters, digits"]),
    (["figures", "P-fig3", "runs"], ["layer_norm2layer"], ["figures.P-fig3.runs", "a run of this configuration", "Did you mean 'layer_norm_2layer'?"]),
    (["figures", "P-fig3", "runs"], [], ["figures.P-fig3.runs", "at least 1 item"]),
    (["figures", "P-fig3", "runs"], ..., ["figures.P-fig3", "the key 'runs', which 'block' draws", "none"]),
    (["figures", "P-fig3", "runs"], LN, ["figures.P-fig3.runs", "list", f"'{LN}'"]),
    (["figures", "P-fig3"], {"kind": "claims", "runs": [LN]}, ["figures.P-fig3", "no such key", "'runs'"]),
    (["figures", "P-fig3", "run"], LN, ["figures.P-fig3", "one of run, runs, path, paths and sweep", "run and runs"]),
    (["figures", "P-fig3", "sweep"], "weight_decay", ["figures.P-fig3", "one of run, runs, path, paths and sweep", "runs and sweep"]),
    (["figures", "P-fig3", "reference"], {"epochs": [1, 2]}, ["figures.P-fig3.reference.epochs", "'block' draws (none)"]),
    (["figures", "P-fig3"], {"kind": "block", "run": LN}, ["figures.P-fig3", "the key 'runs', which 'block' draws"]),
    (["figures", "P-fig3"], {"kind": "block", "sweep": "weight_decay"}, ["figures.P-fig3", "the key 'runs', which 'block' draws"]),
    (["figures", "sweep-weight-decay", "sweep"], "weight_dcay", ["figures.sweep-weight-decay.sweep", "train_fraction, weight_decay", "Did you mean 'weight_decay'?"]),
    (["figures", "sweep-weight-decay", "kind"], "variance", ["figures.sweep-weight-decay.kind", "'sweep', which draws a sweep without one_at_a_time", "'variance'"]),
    ([*DECAY, "one_at_a_time"], True, ["figures.sweep-weight-decay.kind", "'variance', which draws a sweep with one_at_a_time", "'sweep'"]),
    (["figures", "sweep-weight-decay"], {"kind": "sweep", "runs": [LN]}, ["figures.sweep-weight-decay", "the key 'sweep', which 'sweep' draws"]),
    (["figures", "sweep-weight-decay"], {"kind": "sweep", "sweeps": "weight_decay"}, ["figures.sweep-weight-decay.sweeps", "Did you mean 'sweep'?"]),
    (["claims", "P2"], {"run": M}, ["claims.P2.run", "no such key for P2", f"'{M}'"]),
    (["claims", "P2"], {"run": M}, ["claims.P2.sweep", "a name", "none"]),
    (["claims", "P2"], {"sweep": "train_fraction", "against": M}, ["claims.P2.against", "no such key for P2"]),
    (["claims", "P1"], {"sweep": "train_fraction"}, ["claims.P1.sweep", "no such key for P1"]),
    (["claims", "P1"], {"sweep": "train_fraction"}, ["claims.P1.run", "a name", "none"]),
    (["claims", "P3", "sweep"], "weight_decy", ["claims.P3.sweep", "a sweep of this configuration (train_fraction, weight_decay, phase_diagram, sources_of_variance)", "Did you mean 'weight_decay'?"]),
    (["claims", "P9", "against"], ..., ["claims.P9.against", "a name", "none"]),
    (["claims", "P9", "against"], "weight_decay", ["claims.P9.against", "a run of this configuration"]),
    (["claims", "P9sphere"], {"run": LN, "against": M}, ["claims.P9sphere", "P9, P9-sphere", "Did you mean 'P9-sphere'?"]),
    (["runs", "layer_norm_sphere", "sphere"], "yes", ["runs.layer_norm_sphere.sphere", "boolean", "'yes'"]),
    (["runs", "layer_norm_sphere", "sphere"], 1, ["runs.layer_norm_sphere.sphere", "boolean", "1"]),
    (["runs", "layer_norm_sphere", "spheres"], True, ["runs.layer_norm_sphere.spheres", "Did you mean 'sphere'?"]),
    (["runs", "layer_norm_float64", "precision"], "float_64", ["runs.layer_norm_float64.precision", "float32, float64", "Did you mean 'float64'?"]),
    (["runs", "layer_norm_float64", "precision"], 64, ["runs.layer_norm_float64.precision", "float32, float64", "found 64"]),
]
SEEDS = "a list of seeds, or {from: 0, to: 63}, both included"
REFUSED += [  # what many seeds brought
    *(
        ([*keys, "seeds"], value, [f"{'.'.join(keys)}.seeds: expected {SEEDS}, found {value}."])
        for keys in (["runs", M], DECAY)
        for value in (
            {"from": 3, "to": 1},
            {"from": 0},
            {"to": 3},
            {},
            {"from": -1, "to": 3},
            {"from": 0, "to": 2.0},
            {"from": 0, "to": "3"},
            {"from": False, "to": True},
            {"from": None, "to": 3},
            {"from": 0, "step": 2, "to": 3},
            {"from": 0, "to": 100_000},
        )
    ),
    (["runs", M, "seeds"], 3, [f"runs.{M}.seeds", "list", "3"]),
    (["runs", M, "seeds"], {"from": 2**63 - 2, "to": 2**63 + 7}, [f"runs.{M}.seeds", "found"]),
    (["paths", "polyline_2_2p"], {"kind": "segment", "from": "layer_norm_1layer@point_2", "to": "layer_norm_float64@point_2", "between": "seeds", "pairs": "disjoint"}, ["paths.polyline_2_2p", "found"]),  # one seed in common
    (["runs", M, "members_at_once"], 0, [f"runs.{M}.members_at_once", "greater than or equal to 1", "found 0"]),
    (["runs", M, "members_at_once"], 1.5, [f"runs.{M}.members_at_once", "integer", "1.5"]),
    (["runs", M, "member_at_once"], 2, [f"runs.{M}.member_at_once", "Did you mean 'members_at_once'?"]),
    (["paths", "segment_1_2", "members_at_once"], 0, ["paths.segment_1_2.members_at_once", "greater than or equal to 1", "found 0"]),
    (["paths", "chain_1_2", "members_at_once"], True, ["paths.chain_1_2.members_at_once", "integer", "True (bool)"]),
    (["paths", "polyline_2_2p", "pairs"], "disjont", ["paths.polyline_2_2p.pairs", "all, disjoint", "Did you mean 'disjoint'?"]),
    (["paths", "polyline_2_2p", "pairs"], None, ["paths.polyline_2_2p.pairs", "all, disjoint", "None"]),
    ([*DECAY, "log_every"], 3, ["sweeps.weight_decay.log_every", "a known key", "found 'log_every'"]),
]
# fmt: on
KINDS = "expected one of segment, chain, polyline, bezier, or your own, file.py:name, found"
REFUSED += [  # what users get wrong most often
    (["paths", "segment_1_2", "kind"], "code", [f"paths.segment_1_2.kind: {KINDS} 'code'"]),
    (
        ["optimizers", "sgd", "name"],
        "code",
        ["optimizers.sgd.name: expected one of sgd, adamw, or your own, file.py:name, found 'code'"],
    ),
    (
        ["paths", "segment_1_2", "bends"],
        2,
        ["paths.segment_1_2.bends", "'bends' is a key of polyline, bezier and file.py:name, not of segment."],
    ),
    (
        ["paths", "segment_1_2", "inner_points"],
        2,
        ["paths.segment_1_2.inner_points", "'inner_points' is a key of chain, not of segment."],
    ),
    (
        ["optimizers", "sgd", "beta_1"],
        0.9,
        ["optimizers.sgd.beta_1", "'beta_1' is a key of adamw, not of sgd."],
    ),
    (
        ["models", PLAIN, "weight_count"],
        9,
        [
            f"models.{PLAIN}.weight_count",
            "'weight_count' belongs to a model of your own, which has the key 'code'.",
        ],
    ),
    (
        ["datasets", "multiplication", "train_fraction"],
        60,
        ["multiplication.train_fraction", "found 60 (int). Write 0.6 for 60 %."],
    ),
    (
        ["runs", M, "seeds"],
        2,
        [
            f"runs.{M}.seeds: expected {SEEDS}, found 2 (int). The seed 2 alone is [2]. For 2 seeds write {{from: 0, to: 1}}."
        ],
    ),
    (["runs", M, "seeds"], "0-3", [f"runs.{M}.seeds: expected {SEEDS}, found '0-3' (str)."]),
    (
        ["runs", M],
        "epochs:600",
        [f"runs.{M}: expected keys with values", "A blank belongs after the colon: 'epochs: 600'."],
    ),
    (
        ["models", PLAIN],
        "width:64",
        [f"models.{PLAIN}: expected keys with values", "A blank belongs after the colon: 'width: 64'."],
    ),
    (
        ["runs", M, "epochs:600"],
        None,
        [f"runs.{M}.epochs:600", "A blank belongs after the colon: 'epochs: 600'."],
    ),
    (
        ["datasets", "multiplication", "operation"],
        "op.py",
        ["multiplication.operation", "Name the function in the file, too: op.py:name."],
    ),
    (
        ["optimizers", "sgd", "name"],
        "rms.py",
        ["optimizers.sgd.name", "Name what is meant in the file, too: rms.py:name."],
    ),
    (
        ["paths", "segment_1_2", "kind"],
        "arc.py",
        ["paths.segment_1_2.kind", "Name what is meant in the file, too: arc.py:name."],
    ),
    (
        ["models", PLAIN],
        {"code": "net.py"},
        [f"models.{PLAIN}.code", "Name what is meant in the file, too: net.py:name."],
    ),
    (["invariance", "scales"], 0.5, ["invariance.scales: expected a list, found 0.5"]),
]


@pytest.mark.parametrize(("keys", "value", "said"), REFUSED, ids=lambda x: None)
def test_bad_input_is_refused_in_one_line(tmp_path, keys, value, said):
    path, others = written_alone(tmp_path, keys, value)
    with pytest.raises(ConfigError) as refusal:
        loaded(path, others)
    lines = str(refusal.value).splitlines()
    assert any(all(part in line for part in said) for line in lines), str(refusal.value)
    assert all(line.startswith(str(path)) for line in lines)
    assert len(lines) == 1 or keys[0] == "claims", str(refusal.value)  # the one key missing, the other amiss
    assert not any(part in line for part in OURS for line in lines), str(refusal.value)


OWN_CODE = {
    "models": {"code": "own.py:Own", "width": 64},
    "optimizers": {"name": "own.py:Own", "learning_rate": 0.1, "rho": 0.05},
}


@pytest.mark.parametrize(("section", "key"), [("models", "width"), ("optimizers", "rho")])
def test_what_code_of_a_users_own_is_given_stands_under_settings(tmp_path, section, key):
    (tmp_path / "own.py").write_text("class Own:\n    pass\n")
    path, others = written_alone(tmp_path, [section, "own"], OWN_CODE[section])
    with pytest.raises(ConfigError) as refusal:
        loaded(path, others)
    mend = f"Put it under 'settings:', which your code is given: 'settings: {{{key}: …}}'."
    assert f"{section}.own.{key}: expected a known key" in str(refusal.value)
    assert str(refusal.value).endswith(mend)


def test_a_table_without_a_pair_for_each_split_is_told_where_it_stands_alone(tmp_path):
    """And of the sweeps only where they vary that fraction."""
    (tmp_path / "one.csv").write_text("a,b,c\n0,1,2\n")
    config = edited(["datasets", "addition"], {"operation": "one.csv", "train_fraction": 0.4})
    with pytest.raises(ConfigError) as refusal:
        loaded(written(tmp_path, config))
    first, *others = (line.split(": ")[1] for line in str(refusal.value).splitlines())
    assert first == "datasets.addition.train_fraction"
    varying = [name for name, sweep in VALID["sweeps"].items() if "dataset.train_fraction" in sweep["vary"]]
    assert 0 < len(varying) < len(VALID["sweeps"])
    assert set(others) <= {f"sweeps.{name}.vary.dataset.train_fraction" for name in varying}


def test_what_a_sweep_does_not_vary_is_told_where_it_stands(tmp_path):
    config = edited(VARY, {"dataset.modulus": [97, 2]})
    config["datasets"]["addition"]["train_fraction"] = 0.2
    with pytest.raises(ConfigError) as refusal:
        loaded(written(tmp_path, config))
    (line,) = str(refusal.value).splitlines()
    assert "sweeps.weight_decay.vary: datasets.addition.train_fraction: expected a fraction that" in line


def test_one_file_needs_no_list():
    name = ROOT / "config/quick.yaml"
    assert load_config(name) == load_config(str(name)) == load_config([name])


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


MERGED = b"a0: &a0 {x: 1, y: 2}\n" + b"".join(
    b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (i, i, i - 1, i - 1) for i in range(1, 40)
)
"""Forty lines of merge keys that stand for 2^40 values; from PyYAML 6.0.4 on only for 80, because a key that is
merged twice counts once."""

MERGED_MANY_TIMES = b"a: &a {%s}\n" % b", ".join(b"k%d: 1" % i for i in range(500)) + b"".join(
    b"b%d: {<<: *a}\n" % i for i in range(500)
)
"""A thousand keys, of which half are merged into each of the other half: 250 000 values."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"runs: [1, 2", ["line 1", "valid YAML"]),
        (
            b"threads: 1\nthreads: 2\n",
            ["line 2, column 1", "'threads' stands twice, on lines 1 and 2. Remove one"],
        ),
        (
            b"runs:\n  a: {x: 1}\n  a: {x: 2}\n",
            ["line 3, column 3", "'a' stands twice, on lines 2 and 3. Remove one of the two, or rename it"],
        ),
        (
            b"datasets:\n  a: {x: 1}\nruns: {}\ndatasets:\n  b: {x: 2}\n",
            [
                "line 4",
                "lines 1 and 4. Move what stands under 'datasets:' on line 4 under",
                "definitions_from:",
            ],
        ),
        (b"\xff\xfe", ["UTF-8"]),
        (b"", ["keys with values", "the file says nothing"]),
        (b"# only a comment\n", ["keys with values", "the file says nothing"]),
        (b"runs: {a: 1\nb: 2}\n", ["line 2, column 2", "left open"]),
        (b"runs: 'a\n", ["line 2", "unexpected end of stream", "left open"]),
        (b"runs:\n\ta: 1\n", ["line 2, column 1", "Indent with spaces"]),
        (b"runs: a: 1\n", ["line 1, column 8", "without quotes"]),
        (b"- 1\n", ["keys with values", "found a list of 1"]),
        (b"threads:1\n", ["keys with values", "found a str. A blank belongs after the colon: 'threads: 1'."]),
        (b"threads:1\nresults: x\n", ["line 2, column 8", "a blank missing after a colon on the line above"]),
        (
            b"runs:\n  a:\n    model: x\n    epochs:600\n    seeds: [0]\n",
            ["line 5", "Is a blank missing after a colon on the line above, as in `epochs:600`"],
        ),
        (b"x: !!python/object/apply:os.system ['true']\n", ["valid YAML"]),
        (b"# " + b"x" * 2_000_000, ["at most"]),
        (b"[" * 100_000, ["valid YAML"]),
        (b"threads: !!bool x", ["line 1, column 10", "no bool in 'x'"]),
        (b"threads: !!int ''", ["line 1, column 10", "no int in ''"]),
        (b"threads: !!float ''", ["line 1, column 10", "no float in ''"]),
        (b"threads: !!timestamp x", ["line 1, column 10", "no timestamp in 'x'"]),
        (b"threads: 2001-99-99", ["line 1, column 10", "no timestamp in '2001-99-99'"]),
        (b"threads: 1" + b":59" * 200 + b".5", ["line 1, column 10", "no float in '1:59:59"]),
        (b"threads: 0x" + b"f" * 5000, ["line 1, column 10", "no int in '0xfff"]),
        (b"threads: " + b"9" * 5000, ["line 1, column 10", "no int in '999"]),
        (b"? [threads]\n: 1\n", ["line 1", "unhashable key"]),
        (b'results: "a\\0"', ["line 1, column 10", "the character NUL"]),
        (b'results: "\\UFFFFFFFF"', ["valid YAML"]),
        (b'"\\ud800": 1', ["'\\ud800'"]),
        (MERGED, ["expected"]),  # at once, whichever PyYAML
        (MERGED_MANY_TIMES, ["at most 100000 values, merge keys followed"]),
    ],
    ids=lambda _: "",
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content, said):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refusal:
        loaded(path)
    assert all(part in str(refusal.value) for part in [str(path), *said]), str(refusal.value)


def test_a_table_is_made_once_for_all_splits_of_a_sweep(tmp_path, monkeypatch):
    made, table = [], operations.table

    def counted(*given, **named):
        made.append(given)
        return table(*given, **named)

    monkeypatch.setattr(operations, "table", counted)
    sweeping(tmp_path, vary={"dataset.modulus": [11], "dataset.split_seed": list(range(50))})
    assert len(made) <= len(VALID["datasets"]) + 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: expected a readable YAML file"):
        loaded(tmp_path / "nowhere.yaml")
    (tmp_path / "quick.yaml").write_text("a: 1")
    with pytest.raises(
        ConfigError, match=r"quik\.yml: .* found no such file. Did you mean '.*/quick\.yaml'\?"
    ):
        loaded(tmp_path / "quik.yml")
    with pytest.raises(ConfigError, match=r"no such file\.$"):
        loaded(tmp_path / "other.yaml")
    with pytest.raises(ConfigError, match="found a folder"):
        loaded(tmp_path)


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
    config = load_config([ROOT / "config.yaml", second], {"precision": "float64"})
    assert config.threads == 3
    assert config.datasets["multiplication"].train_fraction == 0.5
    assert config.datasets["multiplication"].modulus == 97
    assert config.precision == "float64"


def test_a_path_is_made_for_seeds_or_pairs_of_seeds():
    config = loaded(ROOT / "config.yaml")
    assert seeds_of_path(config, "segment_1_2") == ["0", "1", "2"]
    assert seeds_of_path(config, "polyline_2_2p") == ["0-1", "0-2", "1-2"]


def fits(name: str, at_once: int) -> dict[str, list[str]]:
    """The fits of a path of config.yaml, with so many seeds at once."""
    config = loaded(ROOT / "config.yaml")
    path = config.paths[name]
    if at_once > 1:
        path = path.model_copy(update={"members_at_once": at_once})
    return fits_of_path(config.model_copy(update={"paths": {**config.paths, name: path}}), name)


def test_a_path_with_bends_is_fitted_seed_by_seed_or_so_many_at_once():
    assert fits("segment_1_2", 1) == fits("chain_1_2", 1) == {}
    assert fits("polyline_1_2", 1) == {"0": ["0"], "1": ["1"], "2": ["2"]}
    assert fits("polyline_1_2", 2) == {"0_to_1": ["0", "1"], "2": ["2"]}
    assert fits("polyline_2_2p", 3) == {"0-1_to_1-2": ["0-1", "0-2", "1-2"]}
    assert fits("polyline_2_2p", 8) == fits("polyline_2_2p", 3)


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
    streams = [{"initialization_seed": 0}, {"order_seed": 0}, {"order_seed": 1}]
    for change in ({"seed": 1}, {"threads": 2}, {"precision": "float64"}, *streams):
        assert run.model_copy(update=change).weights_digest != run.weights_digest


def test_a_run_without_the_new_keys_has_the_digests_of_results_made_before_there_were_any():
    run = tiny_run()
    assert run.weights_digest == "d5b98d2ccb4a91dc"
    assert digest(plain(run)) == "caf1d5866bad007d"


def test_a_run_may_hold_its_streams_fixed(tmp_path):
    config = copy.deepcopy(VALID)
    config["runs"][LN] |= {"initialization_seed": 7, "order_seed": 8}
    config = loaded(written(tmp_path, config))
    held, usual = resolve_run(config, LN, 1), resolve_run(config, M, 1)
    assert (held.seed_of_initialization, held.seed_of_order) == (7, 8)
    assert (usual.seed_of_initialization, usual.seed_of_order) == (1, 1)
    assert ResolvedRun.model_validate(plain(held)) == held


def test_a_run_has_its_own_sphere_and_precision():
    config = loaded(ROOT / "config.yaml")
    assert config.precision == "float32"
    for name in config.runs:
        run = resolve_run(config, name, config.runs[name].seeds[0])
        assert run.sphere == (name == "layer_norm_sphere")
        assert run.precision == ("float64" if name == "layer_norm_float64" else "float32")


def test_a_run_without_its_own_precision_has_the_configurations(tmp_path):
    config = edited(["precision"], "float64")
    config["runs"]["layer_norm_float64"]["precision"] = "float32"
    config = loaded(written(tmp_path, config))
    assert resolve_run(config, "layer_norm_float64", 0).precision == "float32"
    assert resolve_run(config, "layer_norm_sphere", 0).precision == "float64"
    assert {member.run.precision for member in members_of_sweep(config, "weight_decay")} == {"float64"}


def test_sphere_and_precision_change_the_digest_of_weights():
    run = resolve_run(loaded(ROOT / "config.yaml"), LN, 0)
    assert not run.sphere
    digests = {
        run.model_copy(update={"sphere": sphere, "precision": precision}).weights_digest
        for sphere in (False, True)
        for precision in ("float32", "float64")
    }
    assert len(digests) == 4
    assert run.weights_digest in digests


def sweeping(tmp_path, **keys):
    return loaded(*written_alone(tmp_path, DECAY, {**VALID["sweeps"]["weight_decay"], **keys}))


GRID = {"dataset.train_fraction": [0.5, 0.3], "optimizer.weight_decay": [1.0, 0, 0.1]}


def test_members_of_a_sweep_are_every_combination_with_every_seed_in_the_order_written(tmp_path):
    config = sweeping(tmp_path, vary=GRID, seeds=[5, 2], epochs=30, stop_after_point_2=7)
    members = members_of_sweep(config, "weight_decay")
    assert [(*member.settings.values(), member.run.seed) for member in members] == [
        (fraction, decay, seed) for seed in (5, 2) for fraction in (0.5, 0.3) for decay in (1.0, 0, 0.1)
    ]
    for member in members:
        run = member.run
        assert list(member.settings) == list(GRID)
        changed = {"train_fraction": member.settings["dataset.train_fraction"]}
        assert run.dataset == config.datasets["addition"].model_copy(update=changed)
        assert run.model == config.models["plain_1layer"]
        changed = {"weight_decay": member.settings["optimizer.weight_decay"]}
        assert run.optimizer == config.optimizers["adamw"].model_copy(update=changed)
        assert (run.epochs, run.stop_after_point_2, run.sphere) == (30, 7, False)
        assert run.log_every == run.checkpoint_every == 30  # points are found at every epoch all the same
        assert ResolvedMember.model_validate(plain(member)) == member


def test_groups_of_a_sweep_hold_members_of_one_shape_in_their_order(tmp_path):
    config = sweeping(tmp_path, vary=GRID, seeds=[5, 2], members_at_once=4)
    groups = list(groups_of_sweep(config, "weight_decay").values())
    assert [len(group) for group in groups] == [4, 2, 4, 2]
    by_fraction = sorted(
        members_of_sweep(config, "weight_decay"), key=lambda member: -member.run.dataset.train_fraction
    )
    assert [member for group in groups for member in group] == by_fraction


@pytest.mark.parametrize(
    ("vary", "sizes"),
    [
        ({"optimizer.weight_decay": [0.0, 1.0, 2.0]}, [6]),
        ({"optimizer.learning_rate": [0.1, 0.2, 0.3]}, [6]),
        ({"dataset.split_seed": [0, 1, 2]}, [6]),
        ({"optimizer.batch_size": [256, 512]}, [2, 2]),
        ({"optimizer.beta_2": [0.9, 0.98]}, [2, 2]),
        ({"model.width": [64, 128]}, [2, 2]),
        ({"dataset.operation": ["a+b", "a-b"]}, [2, 2]),
        ({"model.width": [64, 128], "optimizer.weight_decay": [0.0, 1.0]}, [4, 4]),
        ({"optimizer.weight_decay": [0.0, 1.0], "model.width": [64, 128]}, [4, 4]),
    ],
)
def test_only_what_each_row_can_have_its_own_of_is_trained_together(tmp_path, vary, sizes):
    config = sweeping(tmp_path, vary=vary, seeds=[0, 1], members_at_once=100)
    groups = groups_of_sweep(config, "weight_decay").values()
    assert [len(group) for group in groups] == sizes
    names = [str(member.settings) + str(member.run.seed) for group in groups for member in group]
    assert sorted(names) == sorted(
        str(member.settings) + str(member.run.seed) for member in members_of_sweep(config, "weight_decay")
    )


def test_without_sweeps_and_an_audit_there_are_none_and_the_default(tmp_path):
    config = copy.deepcopy(VALID)
    for key in ("sweeps", "invariance", "figures", "claims", "paths"):
        del config[key]
    config = loaded(written(tmp_path, config))
    assert (config.sweeps, config.figures, config.claims) == ({}, {}, {})
    assert config.invariance == InvarianceSettings(scales=[0.5, 2.0], steps=9, tolerance=1e-9, pairs=256)


def test_what_a_normalization_takes_may_be_given(tmp_path):
    config = copy.deepcopy(VALID)
    config["models"][LN] |= {"norm_affine": "gain", "norm_epsilon": 1, "mlp_norm": "before_relu"}
    config["models"][WHOLLY] |= {"norm_epsilon": 1e-5, "mlp_norm": "after_relu", "unembedding_norm": 3}
    models = loaded(written(tmp_path, config)).models
    assert (models[LN].norm_affine, models[LN].norm_epsilon, models[LN].mlp_norm) == (
        "gain",
        1,
        "before_relu",
    )
    assert (models[WHOLLY].norm_epsilon, models[WHOLLY].unembedding_norm) == (1e-5, 3)


def test_the_quick_configuration_covers_the_same_graph():
    full, quick = loaded(ROOT / "config.yaml"), loaded(ROOT / "config/quick.yaml")
    for section in ("runs", "paths", "sweeps", "figures", "claims", "datasets", "models"):
        assert set(getattr(quick, section)) == set(getattr(full, section)), section
    for name, figure in full.figures.items():
        papers = {"reference": figure.reference, "caption": figure.caption}  # a miniature has neither
        assert quick.figures[name].model_copy(update=papers) == figure
    assert quick.claims == full.claims
    for name, run in full.runs.items():
        other = quick.runs[name]
        assert (other.dataset, other.model, other.sphere, other.precision) == (
            run.dataset,
            run.model,
            run.sphere,
            run.precision,
        )
    for name, path in full.paths.items():
        other = quick.paths[name]
        assert (other.kind, other.from_point, other.to_point, other.between) == (
            path.kind,
            path.from_point,
            path.to_point,
            path.between,
        )
    for name, sweep in full.sweeps.items():
        assert list(quick.sweeps[name].vary) == list(sweep.vary)
