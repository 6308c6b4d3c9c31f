"""The audit of scale invariance finds what paper P derives, and nothing else.

Weights are random everywhere: at initialisation biases are 0, and more is invariant there.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from oracles import training as oracle
from oracles import transformer
from runs import LAYER_NORM, SCALE_INVARIANT, Trained, grokking_run, tiny_run, train_in

from grokflow.artifacts.columns import INVARIANCE, RAYS
from grokflow.artifacts.files import write_json
from grokflow.artifacts.results import RunResults
from grokflow.config import Dataset, InvarianceSettings, Model
from grokflow.data.dataset import make_dataset
from grokflow.model import invariance
from grokflow.model.invariance import (
    audit,
    audit_run,
    audited_groups,
    audited_pairs,
    changes,
    invariant_groups,
    scales,
)
from grokflow.model.layout import merged
from grokflow.model.objective import Examples, Task, make_task
from grokflow.randomness import generator

DATASET = Dataset(operation="a*b", modulus=5, train_fraction=0.6)
MODELS = {
    "none": Model(layers=2, width=6, mlp_width=5, heads=2),
    "norm": LAYER_NORM,
    "norm before ReLU": LAYER_NORM.model_copy(update={"mlp_norm": "before_relu", "norm_affine": "none"}),
    "norm, large epsilon": LAYER_NORM.model_copy(update={"norm_epsilon": 0.1}),
    "invariant": SCALE_INVARIANT,
    "invariant, two layers": SCALE_INVARIANT.model_copy(update={"layers": 2, "mlp_norm": "before_relu"}),
    "attention": LAYER_NORM.model_copy(update={"normalization": "invariant_attention"}),
    "attention, no gain": LAYER_NORM.model_copy(
        update={"normalization": "invariant_attention", "norm_affine": "none"}
    ),
    "but attention": LAYER_NORM.model_copy(update={"normalization": "invariant_but_attention"}),
}
OF_MLP = {"layer_0.mlp.in", "layer_1.mlp.in"}
OF_NORM = {*OF_MLP, "residual stream"}


def of_layers(*names: str) -> set[str]:
    """The groups of these names in both layers."""
    return {f"layer_{layer}.{name}" for layer in range(2) for name in names}


def task_of(model: str) -> Task:
    return make_task(MODELS[model], DATASET, make_dataset(DATASET), "cpu")


def random_weights(task: Task, seed: int = 1) -> np.ndarray:
    """Around the initial ones, so that no MLP has only a unit or two that are not dead."""
    noise = np.random.default_rng(seed).normal(scale=0.3, size=task.model.layout.size)
    return task.model.layout.initial(seed) + noise


def expected_groups(model: str, task: Task) -> set[str]:
    """Of the audit: the groups, the residual stream and everything trained."""
    if model in ("none", "norm, large epsilon"):
        return set()
    if model.startswith("norm"):
        return OF_NORM
    if model == "but attention":
        return {*OF_MLP, "token_embedding", "position_embedding", *of_layers("mlp.out")}
    if model.startswith("attention"):
        # The residual stream is not, because what attention writes does not grow with the rest of it.
        read = of_layers(*(f"attention.{name}" for name in ("query", "key", "value", "output")))
        return {*OF_MLP, *read, *(of_layers("attention.norm") if model == "attention" else ())}
    return set(audited_groups(task.model)) - {"unembedding"}


@pytest.mark.parametrize("model", MODELS)
def test_the_audit_finds_the_groups_that_the_paper_derives(model: str) -> None:
    task = task_of(model)
    examples = audited_pairs(task, 20)
    verdicts, rays = audit(task.model, random_weights(task), examples, InvarianceSettings(steps=5))
    verdicts = pd.DataFrame(verdicts).set_index("group")
    assert list(verdicts.columns) == [name for name in INVARIANCE if name not in ("point", "epoch", "group")]
    invariant = expected_groups(model, task)
    assert set(verdicts.index[verdicts["invariant"]]) == invariant
    assert set(verdicts.index) == {*task.model.layout.groups, "residual stream", "all"}
    for group, row in verdicts.iterrows():
        assert row["trained"] == (group not in task.model.layout.frozen)
        if group in invariant:
            assert row["change"] <= 1e-9
            assert row["radial_gradient"] <= 1e-9
        else:
            assert row["change"] > 1e-4, group
            if row["trained"]:
                assert row["radial_gradient"] > 1e-6, group
    rays = pd.DataFrame(rays)
    assert list(rays.columns) == [name for name in RAYS if name not in ("point", "epoch")]
    largest = rays.groupby("group")["change"].max()
    assert largest.to_dict() == verdicts["change"].to_dict()
    assert rays["scale"].tolist() == pytest.approx(len(verdicts) * [0.5, 0.5**0.5, 1, 2**0.5, 2])
    assert (rays.loc[np.isclose(rays["scale"], 1), "change"] < 1e-12).all()


@pytest.mark.parametrize("model", MODELS)
def test_invariant_groups_are_the_largest_that_training_can_hold(model: str) -> None:
    """Each number in at most one group; the residual stream as one where its parts are not by themselves."""
    task = task_of(model)
    found = invariant_groups(task.model, task.model.layout.initial(0), audited_pairs(task, 20))
    expected = expected_groups(model, task)
    if model.startswith("invariant"):
        expected = set(task.model.layout.groups) - {"unembedding"}
    assert set(found) == expected
    groups = audited_groups(task.model)
    assert found == {group: groups[group] for group in expected}
    numbers = [i for pieces in found.values() for piece in pieces for i in range(piece.start, piece.stop)]
    assert len(numbers) == len(set(numbers))


def test_at_initialisation_more_is_invariant_which_invariant_groups_does_not_take() -> None:
    """A norm before the first MLP's map is invariant while its own and the map's bias are 0."""
    task = task_of("norm")
    examples, initial = audited_pairs(task, 20), task.model.layout.initial(0)
    verdicts, _ = audit(task.model, initial, examples, InvarianceSettings(steps=2))
    at_start = {v["group"] for v in verdicts if v["invariant"]}
    assert "layer_0.mlp.norm" in at_start
    assert set(invariant_groups(task.model, initial, examples)) == OF_NORM


@pytest.mark.parametrize("alone", [(), ("token_embedding",), ("token_embedding", "position_embedding")])
def test_a_part_of_the_residual_stream_is_not_held_twice(
    alone: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that is invariant by itself too is held with the whole, because others are only so together."""
    task = task_of("norm")
    unchanged = {*alone, "layer_0.mlp.in", "residual stream", "all"}
    found = {group: torch.tensor([float(group not in unchanged)]) for group in audited_groups(task.model)}
    monkeypatch.setattr(invariance, "changes", lambda *args: found)
    found = invariant_groups(task.model, task.model.layout.initial(0), audited_pairs(task, 5))
    assert set(found) == {"layer_0.mlp.in", "residual stream"}


@pytest.mark.parametrize("model", MODELS)
def test_groups_of_several_models_are_those_of_each_alone(model: str) -> None:
    task = task_of(model)
    examples = audited_pairs(task, 20)
    weights = np.stack([task.model.layout.initial(seed) for seed in range(3)])
    found = invariant_groups(task.model, weights, examples)
    for own in weights:
        assert found == invariant_groups(task.model, own, examples)


def test_a_group_counts_only_where_it_is_invariant_in_every_model() -> None:
    """With an MLP that writes nothing the map into it does not matter either."""
    task = task_of("none")
    usual = random_weights(task)
    silent, examples = usual.copy(), audited_pairs(task, 20)
    noise = invariant_noise(task)
    for layer in range(2):
        for part in ("weight", "bias"):
            place = task.model.layout.slices[f"layer_{layer}.mlp.out.{part}"]
            silent[place] = -noise[place]
    expected = {"layer_0.mlp.in", "layer_1.mlp.in", "layer_0.mlp.out", "layer_1.mlp.out"}
    assert set(invariant_groups(task.model, silent, examples)) == expected
    for pair in ([silent, usual], [usual, silent]):
        assert invariant_groups(task.model, np.stack(pair), examples) == {}
    both = np.stack([silent, silent])
    assert set(invariant_groups(task.model, both, examples)) == expected


def invariant_noise(task: Task) -> np.ndarray:
    """What `invariant_groups` adds to the weights of every model."""
    return 0.1 * generator(0, "invariance/noise").standard_normal(task.model.layout.size)


def log_probabilities(model: Model, w: dict, tokens: list[int]) -> list[float]:
    logits = transformer.logits(w, tokens, model)[-1].tolist()
    largest = max(logits)
    total = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return [x - total for x in logits]


@pytest.mark.parametrize("model", ["none", "norm", "invariant", "attention", "but attention"])
@pytest.mark.parametrize(
    "group", ["layer_0.mlp.in", "layer_0.attention.key", "residual stream", "unembedding"]
)
def test_changes_are_those_of_a_plain_loop(model: str, group: str) -> None:
    task = task_of(model)
    weights, examples = random_weights(task), audited_pairs(task, 4)
    parameters = task.model.layout.parameters
    writers = ("token_embedding", "position_embedding", "attention.output", "mlp.out")
    expected = []
    for C in (0.5, 3.0):
        before, after = (transformer.named(parameters, weights) for _ in range(2))
        for name, tensor in after.items():
            owner = name.removesuffix(".weight").removesuffix(".bias")
            if owner == group or (group == "residual stream" and owner.endswith(writers)):
                with torch.no_grad():
                    tensor *= C
        largest = 0.0
        for tokens in examples.tokens.tolist():
            pair = zip(
                log_probabilities(MODELS[model], before, tokens),
                log_probabilities(MODELS[model], after, tokens),
                strict=True,
            )
            largest = max(largest, *(abs(a - b) for a, b in pair))
        expected.append(largest)
    found = changes(
        task.model,
        torch.from_numpy(weights),
        examples.tokens,
        audited_groups(task.model),
        torch.tensor([0.5, 3.0], dtype=torch.float64),
    )
    assert found[group].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("model", ["none", "norm", "invariant"])
def test_changes_of_several_models_are_those_of_each_alone(model: str) -> None:
    task = task_of(model)
    weights = torch.from_numpy(np.stack([random_weights(task, seed) for seed in (1, 2, 3)]))
    tokens, groups = audited_pairs(task, 8).tokens, audited_groups(task.model)
    C = torch.tensor([0.5, 3.0], dtype=torch.float64)
    before = weights.clone()
    together = changes(task.model, weights, tokens, groups, C)
    assert torch.equal(weights, before)
    assert list(together) == list(groups)
    for row, own in enumerate(weights):
        alone = changes(task.model, own, tokens, groups, C)
        for group, found in together.items():
            assert found.shape == (3, 2)
            torch.testing.assert_close(found[row], alone[group], rtol=1e-9, atol=1e-11)
    differ = together["unembedding"]
    assert len(set(differ.flatten().tolist())) == differ.numel()  # so that no row could stand for another


def test_a_group_scaled_by_hand_gives_the_reported_change() -> None:
    task = task_of("norm")
    weights, examples = random_weights(task), audited_pairs(task, 25)
    settings = InvarianceSettings(scales=[0.25, 4.0], steps=3)
    verdicts, rays = audit(task.model, weights, examples, settings)
    place = task.model.layout.slices["layer_1.attention.value"]
    found = {ray["scale"]: ray["change"] for ray in rays if ray["group"] == "layer_1.attention.value"}
    assert list(found) == pytest.approx([0.25, 1, 4])
    for C, change in found.items():
        scaled = weights.copy()
        scaled[place] *= C
        before, after = (
            task.model.logits(torch.from_numpy(w), examples.tokens).log_softmax(-1) for w in (weights, scaled)
        )
        assert change == pytest.approx((after - before).abs().max().item(), rel=1e-12, abs=1e-13)
    (verdict,) = [v for v in verdicts if v["group"] == "layer_1.attention.value"]
    assert verdict["change"] == max(found.values())


@pytest.mark.parametrize("group", ["layer_0.attention.value", "residual stream", "all"])
def test_the_radial_gradient_is_the_share_of_the_gradient_along_the_weights(group: str) -> None:
    task = task_of("none")
    weights, examples = random_weights(task), audited_pairs(task, 6)
    w = transformer.named(task.model.layout.parameters, weights)
    pairs = transformer.pairs(examples.tokens, examples.targets)
    _, gradient = transformer.loss_and_gradient(w, pairs, MODELS["none"])
    flat = np.concatenate([gradient[name].flatten().numpy() for name in w])
    index = np.concatenate([np.arange(p.start, p.stop) for p in audited_groups(task.model)[group]])
    own, slope = weights[index], flat[index]
    expected = abs(own @ slope) / (np.linalg.norm(own) * np.linalg.norm(slope))
    verdicts, _ = audit(task.model, weights, examples, InvarianceSettings(steps=2))
    (found,) = [v["radial_gradient"] for v in verdicts if v["group"] == group]
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_residual_stream_is_all_that_writes_into_it() -> None:
    task = task_of("norm")
    groups = audited_groups(task.model)
    run = tiny_run(model=LAYER_NORM, dataset=DATASET)
    names = oracle.invariant(run)[-1]
    assert groups["residual stream"] == merged(task.model.layout.slices[name] for name in names)
    assert groups["all"] == (slice(0, task.model.layout.size),)
    assert audited_groups(task_of("invariant").model)["all"] == task_of("invariant").model.layout.trained


def test_scales_are_even_in_the_logarithm() -> None:
    found = scales(InvarianceSettings(scales=[0.1, 10.0], steps=5))
    assert found.tolist() == pytest.approx([0.1, 10**-0.5, 1, 10**0.5, 10], rel=1e-14)


def test_audited_pairs_are_pairs_of_the_whole_table_and_always_the_same() -> None:
    task = task_of("none")
    found = audited_pairs(task, 10)
    assert torch.equal(found.tokens, audited_pairs(task, 10).tokens)
    pairs = {(a, b) for a, b in found.tokens.tolist()}
    assert len(pairs) == 10
    assert found.targets.tolist() == [a * b % 5 for a, b in found.tokens.tolist()]
    assert len(audited_pairs(task, 1000)) == 25
    train = {tuple(pair) for pair in task.train.tokens.tolist()}
    assert pairs & train
    assert pairs - train


@pytest.mark.parametrize("reached", [False, True])
def test_a_run_is_audited_at_its_start_and_at_the_points_it_reached(reached: bool, tmp_path: Path) -> None:
    run = tiny_run(model=LAYER_NORM, precision="float32", epochs=4)
    trained = train_in(tmp_path, run)
    points = trained.points()
    assert points["point_1"] is points["point_2"] is None
    if reached:
        points["point_1"] = {"epoch": 2}
        write_json(tmp_path / "points.json", points)
    settings = InvarianceSettings(steps=3, pairs=9, tolerance=1e-7)
    verdicts, rays = audit_run(run, settings, trained.dataset, RunResults(tmp_path), "cpu")
    assert list(verdicts.columns) == INVARIANCE
    assert list(rays.columns) == RAYS
    expected = [("initial", 0), *([("point_1", 2)] if reached else [])]
    for table in (verdicts, rays):
        assert list(dict.fromkeys(zip(table["point"], table["epoch"], strict=True))) == expected
    assert len(rays) == 3 * len(verdicts)
    assert (verdicts["tolerance"] == 1e-7).all()
    for point, epoch in expected:
        weights = trained.weights(epoch).numpy().astype("float64")
        rows, _ = audit(trained.task.model, weights, audited_pairs(trained.task, 9), settings)
        found = verdicts[verdicts["point"] == point].drop(columns=["point", "epoch"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, pd.DataFrame(rows), rtol=1e-9, atol=1e-12)


def test_a_grokking_run_is_audited_at_all_three(grokked: Trained) -> None:
    points, seed = grokked.points(), RunResults(grokked.folder)
    verdicts, _ = audit_run(grokking_run(), InvarianceSettings(steps=2), grokked.dataset, seed, "cpu")
    found = dict(zip(verdicts["point"], verdicts["epoch"], strict=True))
    assert found == {name: points[name]["epoch"] for name in ("initial", "point_1", "point_2")}
    assert not verdicts["invariant"].any()


def test_no_gradient_has_no_radial_part() -> None:
    """With one possible answer the loss is 0 whatever the weights."""
    task = task_of("none")
    one = dataclasses.replace(task.model, vocabulary=1)
    assert one.vocabulary == 1
    silent = np.zeros(task.model.layout.size)
    examples = Examples(task.train.tokens, task.train.targets)
    verdicts, _ = audit(task.model, silent, examples, InvarianceSettings(steps=2))
    assert all(v["radial_gradient"] == 0 for v in verdicts)
