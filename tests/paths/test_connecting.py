"""Paths between the points of a run, and the measurements along them."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from oracles import training as oracle
from oracles import transformer
from runs import SCALE_INVARIANT, Trained, grokking_run, tiny_run, train_in
from safetensors.numpy import load_file

from grokflow import verify
from grokflow.artifacts import columns
from grokflow.artifacts.columns import METRICS
from grokflow.artifacts.files import write_json
from grokflow.artifacts.results import PathResults
from grokflow.artifacts.tensors import read_tensors, write_tensors
from grokflow.config import Bezier, Chain, Fitted, Polyline, ResolvedPath, ResolvedRun, Segment
from grokflow.errors import ArtifactError
from grokflow.model.checkpoints import checkpoint_path
from grokflow.paths import Curve, parameters
from grokflow.paths import measuring as landscape
from grokflow.paths.bends import learning_rate
from grokflow.paths.connecting import Skipped, Unfitted, connect, unfitted_paths, write_path
from grokflow.paths.curve_files import FittedCurve, read_curve, read_fits, write_curve, write_fits
from grokflow.paths.endpoints import Endpoint, read_endpoints
from grokflow.paths.fitting import Fitting, fit_paths
from grokflow.paths.measuring import measure, measure_path
from grokflow.randomness import generator

KINDS = {"segment": Segment, "chain": Chain, "polyline": Polyline, "bezier": Bezier}
FIT = {"epochs": 3, "learning_rate": 0.05, "momentum": 0.9}


def resolved(
    run: ResolvedRun,
    kind: str,
    start: str = "point_1",
    end: str = "point_2",
    to_run: ResolvedRun | None = None,
    **settings: Any,
) -> ResolvedPath:
    """A path between two points of `run`, or of `run` and `to_run`."""
    if "bends" in KINDS[kind].model_fields:
        settings.setdefault("fit", KINDS[kind].model_fields["fit"].default.model_copy(update=FIT))
    path = KINDS[kind](kind=kind, from_point=f"run@{start}", to_point=f"run@{end}", **settings)
    return ResolvedPath(path=path, from_run=run, to_run=to_run or run)


def ends(path: ResolvedPath, start: Trained, end: Trained) -> tuple[Endpoint, Endpoint]:
    """The two ends, their points given as objects."""
    names = (path.path.from_point, path.path.to_point)
    found = [
        Endpoint(trained.run, trained.points(), trained.checkpoints, name.partition("@")[2])
        for trained, name in zip((start, end), names, strict=True)
    ]
    return found[0], found[1]


def outcome_of(path: ResolvedPath, start: Trained, end: Trained) -> FittedCurve | Skipped:
    """The two ends joined as in the workflow: what has bends is fitted first."""
    both = ends(path, start, end)
    if not isinstance(path.path, Fitted):
        return connect(path, *both)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fit.safetensors"
        write_fits(file, fit_paths(unfitted_paths([path], [both]), start.dataset, "cpu"))
        return connect(path, *both, read_fits([file]))


def test_a_fit_that_diverges_is_a_reason_and_not_a_crash(grokked: Trained) -> None:
    fit = Polyline.model_fields["fit"].default.model_copy(update={"epochs": 20, "learning_rate": 1e9})
    path = resolved(grokked.run, "polyline", fit=fit)
    outcome = outcome_of(path, grokked, grokked)
    assert isinstance(outcome, Skipped)
    assert "diverged" in outcome.reason


def curve_of(path: ResolvedPath, start: Trained, end: Trained) -> Curve:
    outcome = outcome_of(path, start, end)
    assert not isinstance(outcome, Skipped), outcome
    return outcome.curve


def kept(trained: Trained, epoch: int) -> np.ndarray:
    """The weight vector of a checkpoint, read without grokflow."""
    tensors = load_file(checkpoint_path(trained.checkpoints, epoch))
    names = [parameter.name for parameter in trained.task.model.layout.parameters]
    return np.concatenate([tensors[name].ravel() for name in names])


def epochs(trained: Trained) -> tuple[int, int]:
    found = trained.points()
    return found["point_1"]["epoch"], found["point_2"]["epoch"]


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of the same split from other initial weights, up to a little after its point 1."""
    return train_in(tmp_path_factory.mktemp("other"), grokking_run(seed=1, epochs=60))


def test_a_segment_joins_the_two_points(grokked: Trained) -> None:
    first, second = epochs(grokked)
    path = resolved(grokked.run, "segment")
    curve, history = outcome_of(path, grokked, grokked)
    assert curve.kind == "segment"
    assert curve.controls.tolist() == [
        kept(grokked, first).tolist(),
        kept(grokked, second).tolist(),
    ]
    assert curve.names == (f"seed 0, epoch {first}", f"seed 0, epoch {second}")
    assert list(history.columns) == columns.FIT
    assert history.empty


def test_a_chain_follows_every_logged_checkpoint_between(grokked: Trained) -> None:
    first, second = epochs(grokked)
    logged = [epoch for epoch in range(0, 400, 20) if first < epoch < second]
    expected = [first, *logged, second]
    assert len(expected) > 4
    curve = curve_of(resolved(grokked.run, "chain"), grokked, grokked)
    assert curve.kind == "chain"
    assert curve.names == tuple(f"epoch {epoch}" for epoch in expected)
    assert curve.controls.tolist() == [kept(grokked, epoch).tolist() for epoch in expected]


@pytest.mark.parametrize(
    ("start", "end", "between"),
    [("initial", "epoch_60", [0, 20, 40, 60]), ("epoch_20", "epoch_40", [20, 40])],
)
def test_a_path_may_start_and_end_anywhere(
    start: str, end: str, between: list[int], grokked: Trained
) -> None:
    curve = curve_of(resolved(grokked.run, "chain", start, end), grokked, grokked)
    assert curve.controls.tolist() == [kept(grokked, epoch).tolist() for epoch in between]


def test_final_is_the_last_epoch(grokked: Trained) -> None:
    curve = curve_of(resolved(grokked.run, "segment", "point_2", "final"), grokked, grokked)
    assert curve.controls[1].tolist() == kept(grokked, epochs(grokked)[1] + 10).tolist()


def test_a_path_between_seeds_joins_two_runs(grokked: Trained, other_seed: Trained) -> None:
    path = resolved(grokked.run, "segment", "point_1", "point_1", other_seed.run)
    curve = curve_of(path, grokked, other_seed)
    first, other = (trained.points()["point_1"]["epoch"] for trained in (grokked, other_seed))
    assert curve.names == (f"seed 0, epoch {first}", f"seed 1, epoch {other}")
    expected = [kept(grokked, first).tolist(), kept(other_seed, other).tolist()]
    assert curve.controls.tolist() == expected


def in_small_batches(run: ResolvedRun) -> ResolvedRun:
    """The run, but for batches of 32 of its 88 train pairs."""
    return grokking_run(optimizer=run.optimizer.model_copy(update={"batch_size": 32}))


def mean_loss(curve: Curve, trained: Trained) -> float:
    """Mean over the path of the train loss with (λ/2)‖w‖², λ = 0.001."""
    settings = {"weight_decay": 0.001, "batch_size": 128, "precision": "float64", "device": "cpu"}
    return measure_path(curve, np.linspace(0, 1, 21), trained.task, **settings)["train_loss_l2"].mean()


@pytest.mark.parametrize("kind", ["polyline", "bezier"])
def test_a_fitted_path_keeps_its_ends_and_lowers_the_loss(kind: str, grokked: Trained) -> None:
    path = resolved(in_small_batches(grokked.run), kind, bends=2, weight_decay=0.001)
    curve, history = outcome_of(path, grokked, grokked)
    assert curve.kind == kind
    assert curve.names[1:3] == ("bend 1", "bend 2")
    straight = curve_of(resolved(grokked.run, "segment"), grokked, grokked)
    assert curve.controls[[0, 3]].tolist() == straight.controls.tolist()
    moved = curve.controls[1:3] - straight.weights(np.array([1 / 3, 2 / 3]))
    assert (np.abs(moved).max(axis=1) > 1e-3).all()
    assert mean_loss(curve, grokked) < mean_loss(straight, grokked)
    assert history["epoch"].tolist() == [1, 2, 3]
    rates = [learning_rate(path.path.fit, i / 3) for i in range(3)]
    assert history["learning_rate"].tolist() == rates


def test_a_fit_agrees_with_the_plain_loop(grokked: Trained) -> None:
    """The bend of paper M's polyline by autograd through its formula, the oracle's model and loss."""
    first, decay = epochs(grokked)[0], 0.002
    run = in_small_batches(grokked.run)
    path = resolved(run, "polyline", "point_1", "epoch_60", weight_decay=decay)
    curve, history = outcome_of(path, grokked, grokked)

    w1, w2 = (torch.from_numpy(kept(grokked, epoch)) for epoch in (first, 60))
    examples = oracle.examples(run, grokked.dataset, "train")
    parameters_ = grokked.task.model.layout.parameters
    theta, velocity, losses = (w1 + w2) / 2, torch.zeros_like(w1), []
    for epoch in range(3):
        random = generator(0, f"path/seed 0, epoch {first}/seed 0, epoch 60", epoch)
        order = random.permutation(len(examples))
        batches = [[examples[i] for i in order[j : j + 32]] for j in range(0, len(order), 32)]
        total = 0.0
        for t, batch in zip(random.random(len(batches)), batches, strict=True):
            half = t * theta + (0.5 - t) * w1 if t <= 0.5 else (t - 0.5) * w2 + (1 - t) * theta
            phi = 2 * half
            w = transformer.named(parameters_, phi)
            loss, gradient = transformer.loss_and_gradient(w, batch, run.model)
            total += loss + decay / 2 * float(phi @ phi)
            flat = torch.cat([gradient[p.name].flatten() for p in parameters_]) + decay * phi
            factor = 2 * t if t <= 0.5 else 2 * (1 - t)
            velocity = FIT["momentum"] * velocity + factor * flat
            theta = theta - learning_rate(path.path.fit, epoch / 3) * velocity
        losses.append(total / len(batches))
    assert np.abs(curve.controls[1] - theta.numpy()).max() <= 1e-10
    assert history["loss"].tolist() == pytest.approx(losses, rel=1e-10)


@pytest.fixture
def three(grokked: Trained, other_seed: Trained) -> list[tuple[ResolvedPath, tuple[Endpoint, Endpoint]]]:
    """Three polylines that differ in their ends; the last has no end."""
    runs = [in_small_batches(trained.run) for trained in (grokked, other_seed)]
    pairs = [
        (grokked, grokked, "epoch_60"),
        (other_seed, grokked, "epoch_40"),
        (grokked, other_seed, "epoch_200"),
    ]
    found = []
    for first, last, end in pairs:
        run, to_run = (runs[int(trained is other_seed)] for trained in (first, last))
        path = resolved(run, "polyline", "point_1", end, to_run, weight_decay=0.002, bends=2)
        found.append((path, ends(path, first, last)))
    return found


def test_paths_fitted_together_are_as_each_alone(three: list, grokked: Trained, tmp_path: Path) -> None:
    paths, both = zip(*three, strict=True)
    unfitted = unfitted_paths(paths, both)
    assert len(unfitted) == 2
    file = tmp_path / "fit.safetensors"
    write_fits(file, fit_paths(unfitted, grokked.dataset, "cpu"))
    for path, (first, last) in three[:2]:
        ((alone, history),) = fit_paths(unfitted_paths([path], [(first, last)]), grokked.dataset, "cpu")
        curve, batched = connect(path, first, last, read_fits([file]))
        assert (curve.kind, curve.names) == (alone.kind, alone.names)
        assert np.abs(curve.controls - alone.controls).max() <= 1e-12
        assert np.abs(curve.controls[1] - curve.controls[2]).max() > 1e-3
        pd.testing.assert_frame_equal(batched, history, rtol=1e-12)
    path, (first, last) = three[2]
    assert "epoch_200" in str(connect(path, first, last, read_fits([file])))


def test_an_interrupted_fit_of_several_goes_on_to_the_same_bits(
    three: list, grokked: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfitted = unfitted_paths(*zip(*three, strict=True))
    expected = fit_paths(unfitted, grokked.dataset, "cpu")
    monkeypatch.setattr("grokflow.artifacts.resumable.SECONDS_BETWEEN_STATES", 0.0)
    original, epochs = Fitting.state, 0

    def state(self: Fitting) -> Any:
        nonlocal epochs
        epochs += 1
        if epochs == 2:
            raise KeyboardInterrupt
        return original(self)

    with monkeypatch.context() as cut_off:
        cut_off.setattr(Fitting, "state", state)
        with pytest.raises(KeyboardInterrupt):
            fit_paths(unfitted, grokked.dataset, "cpu", resume=tmp_path)
    found = fit_paths(unfitted, grokked.dataset, "cpu", resume=tmp_path)
    for (curve, history), (same, same_history) in zip(found, expected, strict=True):
        assert curve.controls.tobytes() == same.controls.tobytes()
        pd.testing.assert_frame_equal(history, same_history, check_exact=True)


def test_one_of_several_that_diverges_leaves_the_others_alone(three: list, grokked: Trained) -> None:
    good, spoiled = unfitted_paths(*zip(*three, strict=True))
    controls = spoiled.curve.controls.copy()
    controls[1] = np.inf
    spoiled = Unfitted(spoiled.path, Curve("polyline", controls, spoiled.curve.names))
    (found, _), (lost, _) = fit_paths([good, spoiled], grokked.dataset, "cpu")
    ((alone, _),) = fit_paths([good], grokked.dataset, "cpu")
    assert np.abs(found.controls - alone.controls).max() <= 1e-12
    assert not np.isfinite(lost.controls).all()


def test_a_file_without_the_fit_of_a_path_is_refused(three: list, grokked: Trained, tmp_path: Path) -> None:
    file = tmp_path / "fit.safetensors"
    (path, both), (_, others), _ = three
    ((curve, history),) = fit_paths(unfitted_paths([path], [both]), grokked.dataset, "cpu")
    write_fits(file, [(curve, history)])
    with pytest.raises(ArtifactError, match="seed 1"):
        connect(path, *others, read_fits([file]))
    write_fits(file, [(Curve("polyline", curve.controls[:, :-1], curve.names), history)])
    with pytest.raises(ArtifactError, match="control points"):
        connect(path, *both, read_fits([file]))
    for end in (0, -1):
        controls = curve.controls.copy()
        controls[end, 0] += 1e-6
        write_fits(file, [(Curve("polyline", controls, curve.names), history)])
        with pytest.raises(ArtifactError, match="between the weights"):
            connect(path, *both, read_fits([file]))


@pytest.mark.parametrize("precisions", [("float32", "float64"), ("float64", "float32")])
def test_a_path_may_be_fitted_between_runs_of_two_precisions(precisions: tuple, tmp_path: Path) -> None:
    """It is fitted in the precision of the run it starts from; the other end is rounded to that."""
    start, end = (train_in(tmp_path / f"runs/{name}/seed_0", tiny_run(precision=name)) for name in precisions)
    path = resolved(start.run, "polyline", to_run=end.run)
    names = {"from_point": f"{precisions[0]}@initial", "to_point": f"{precisions[1]}@epoch_2"}
    path = path.model_copy(update={"path": path.path.model_copy(update=names)})
    outcome = outcome_of(path, start, end)
    controls = outcome[0].controls
    assert controls.dtype == precisions[0]
    assert controls[0].tolist() == kept(start, 0).tolist()
    assert controls[-1].tolist() == kept(end, 2).astype(precisions[0]).tolist()

    folder = tmp_path / "paths/path/seed_0"
    write_path(folder, path, *ends(path, start, end), outcome)
    verify._ends(PathResults(folder), path)


def test_a_fit_leaves_frozen_weights_as_they_are(tmp_path: Path) -> None:
    """Weight decay would shrink a frozen unembedding, and no update would put it back."""
    run = tiny_run(model=SCALE_INVARIANT, epochs=2)
    trained = train_in(tmp_path, run)
    path = resolved(run, "polyline", "initial", "epoch_2", weight_decay=0.5)
    curve, history = outcome_of(path, trained, trained)
    layout = trained.task.model.layout
    held = np.ones(layout.size, dtype=bool)
    for piece in layout.trained:
        held[piece] = False
    assert held.any()
    assert np.abs(curve.controls[1][held] - curve.controls[0][held]).max() <= 1e-15
    straight = curve.controls[[0, 2]].mean(axis=0)
    assert np.abs(curve.controls[1] - straight)[~held].max() > 1e-3
    # The penalty counts what is trained; of the frozen unembedding alone it would be 25.
    norms = np.linalg.norm(curve.controls[:, ~held], axis=1)
    assert history["loss"].iloc[0] < 8 + 0.25 * norms.max() ** 2


def test_a_fit_moves_a_copy(three: list, grokked: Trained) -> None:
    unfitted = unfitted_paths(*zip(*three, strict=True))[:1]
    ((first, _),) = fit_paths(unfitted, grokked.dataset, "cpu")
    ((second, _),) = fit_paths(unfitted, grokked.dataset, "cpu")
    assert first.controls.tobytes() == second.controls.tobytes()


def test_what_is_kept_of_a_fit_is_there_until_its_result_is(
    three: list, grokked: Trained, tmp_path: Path
) -> None:
    unfitted = unfitted_paths(*zip(*three, strict=True))[:1]

    def publish(fits: Any) -> None:
        assert list(tmp_path.glob("*/lock"))
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        fit_paths(unfitted, grokked.dataset, "cpu", resume=tmp_path, publish=publish)
    assert list(tmp_path.glob("*/lock"))
    published: list[Any] = []
    found = fit_paths(unfitted, grokked.dataset, "cpu", resume=tmp_path, publish=published.append)
    assert published == [found]
    assert not list(tmp_path.glob("*/lock"))


def test_the_same_fit_twice_gives_the_same_bend(grokked: Trained) -> None:
    path = resolved(grokked.run, "polyline")
    first, second = (curve_of(path, grokked, grokked).controls for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        ("point_1", "point_2", "seed 0 has no point_1: train error is .*; seed 0 has no point_2"),
        ("initial", "point_2", "seed 0 has no point_2: train error is .* at the last epoch, 6"),
        ("initial", "epoch_200", "seed 0 has no epoch_200: the run ended before it"),
    ],
)
def test_a_path_without_its_point_is_skipped_with_the_reason(
    kind: str, start: str, end: str, why: str, tiny: Trained, tmp_path: Path
) -> None:
    path = resolved(tiny.run, kind, start, end)
    first, last = ends(path, tiny, tiny)
    outcome = outcome_of(path, tiny, tiny)
    assert isinstance(outcome, Skipped)
    write_path(tmp_path, path, first, last, outcome)
    record = json.loads((tmp_path / "path.json").read_text())
    assert re.search(why, record["skipped"])
    assert record["from"] == {"seed": 0, "point": start, "epoch": None if start == "point_1" else 0}
    assert record["to"] == {"seed": 0, "point": end, "epoch": None}
    assert record["control_points"] == []
    assert record["length"] is None
    assert PathResults(tmp_path).fit.columns.tolist() == columns.FIT
    assert read_tensors(tmp_path / "curve.safetensors") == ({}, {"skipped": outcome.reason})
    metrics = measure(path, outcome, tiny.dataset, "cpu")
    assert metrics.columns.tolist() == METRICS
    assert metrics.empty


@pytest.mark.parametrize(("start", "end"), [("epoch_40", "epoch_20"), ("point_2", "point_1")])
def test_a_chain_against_time_is_skipped(start: str, end: str, grokked: Trained) -> None:
    path = resolved(grokked.run, "chain", start, end)
    outcome = outcome_of(path, grokked, grokked)
    assert isinstance(outcome, Skipped)


def test_a_checkpoint_under_another_epochs_name_is_refused(copy_of_grokked: Trained) -> None:
    path = resolved(copy_of_grokked.run, "chain")
    both = ends(path, copy_of_grokked, copy_of_grokked)
    source, target = (checkpoint_path(copy_of_grokked.checkpoints, e) for e in (60, 80))
    shutil.copy(source, target)
    with pytest.raises(ArtifactError, match="epoch"):
        connect(path, *both)


def test_a_damaged_checkpoint_on_the_way_is_refused(copy_of_grokked: Trained) -> None:
    path = resolved(copy_of_grokked.run, "chain")
    both = ends(path, copy_of_grokked, copy_of_grokked)
    damaged = checkpoint_path(copy_of_grokked.checkpoints, 80)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=damaged.name):
        connect(path, *both)


@pytest.fixture
def written(grokked: Trained, tmp_path: Path) -> tuple[ResolvedPath, FittedCurve, dict[str, Path]]:
    """A chain from epoch 0 to epoch 40 with all its files."""
    path = resolved(grokked.run, "chain", "initial", "epoch_40", points=3, inner_points=2)
    both = ends(path, grokked, grokked)
    found = connect(path, *both)
    write_path(tmp_path, path, *both, found)
    return path, found, {"curve": tmp_path / "curve.safetensors", "record": tmp_path / "path.json"}


def test_the_record_says_what_the_path_is(written: tuple) -> None:
    path, (curve, _), files = written
    record = json.loads(files["record"].read_text())
    assert record["kind"] == "chain"
    assert record["skipped"] is None
    assert record["from"] == {"seed": 0, "point": "initial", "epoch": 0}
    assert record["to"] == {"seed": 0, "point": "epoch_40", "epoch": 40}
    assert record["control_points"] == ["epoch 0", "epoch 20", "epoch 40"]
    steps = np.diff(curve.controls, axis=0)
    assert record["length"] == pytest.approx(np.linalg.norm(steps, axis=1).sum(), rel=1e-9)
    assert record["weight_decay"] == path.from_run.optimizer.weight_decay


def test_a_curve_is_read_back_bit_for_bit(written: tuple, grokked: Trained) -> None:
    _, (curve, _), files = written
    found = read_curve(files["curve"], grokked.task.model.layout)
    assert (found.kind, found.names) == (curve.kind, curve.names)
    assert found.controls.tobytes() == curve.controls.tobytes()


def test_any_safetensors_reader_opens_a_curve(written: tuple, grokked: Trained) -> None:
    found = load_file(written[2]["curve"])
    for number, epoch in enumerate((0, 20, 40)):
        for name, array in load_file(checkpoint_path(grokked.checkpoints, epoch)).items():
            assert found[f"{number}.{name}"].tolist() == array.tolist()


def test_a_damaged_curve_is_refused(written: tuple, grokked: Trained) -> None:
    _, _, files = written
    content = bytearray(files["curve"].read_bytes())
    content[-3] ^= 8
    files["curve"].write_bytes(content)
    with pytest.raises(ArtifactError, match=r"curve\.safetensors"):
        read_curve(files["curve"], grokked.task.model.layout)


def test_a_file_without_a_curve_is_refused(grokked: Trained, tmp_path: Path) -> None:
    layout = grokked.task.model.layout
    for metadata in ({}, {"controls": "2", "kind": "segment"}, {"controls": "two"}):
        write_tensors(tmp_path / "curve", {"x": np.zeros(3)}, metadata)
        with pytest.raises(ArtifactError, match="control points"):
            read_curve(tmp_path / "curve", layout)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null"])
def test_a_damaged_record_is_refused(content: str, written: tuple) -> None:
    _, _, files = written
    files["record"].write_text(content)
    with pytest.raises(ArtifactError, match=r"path\.json"):
        _ = PathResults(files["record"].parent).skipped


def test_end_points_are_read_from_points_json(grokked: Trained, tmp_path: Path) -> None:
    path = resolved(grokked.run, "segment")
    points = tmp_path / "points.json"
    write_json(points, grokked.points())
    ((start, end),) = read_endpoints([path], [str(points)], [str(grokked.checkpoints)])
    assert (start.epoch, end.epoch) == epochs(grokked)
    assert (start.run, end.run) == (grokked.run, grokked.run)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        "{}",
        '{"config": "of another run"}',
        "RIGHT CONFIG ONLY",
    ],
)
def test_damaged_points_are_refused(content: str, grokked: Trained, tmp_path: Path) -> None:
    path = resolved(grokked.run, "segment")
    points = tmp_path / "points.json"
    right = json.dumps({"config": grokked.run.weights_digest})
    points.write_text(right if content == "RIGHT CONFIG ONLY" else content)
    with pytest.raises(ArtifactError):
        read_endpoints([path], [str(points)], [str(grokked.checkpoints)])


@pytest.mark.parametrize("at_once", [1, 2])
def test_measurements_agree_with_the_oracle(
    grokked: Trained, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(landscape.POINTS_AT_ONCE, "cpu", at_once)
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
        (path, 1.0),
        (own, 0.5),
    ):  # the run's weight decay, unless the path has one
        rows = measure(given, found, grokked.dataset, "cpu")
        assert rows["t"].tolist() == parameters(found.curve, 3, 2).tolist() == [0, 0.25, 0.5, 0.75, 1]
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


def test_a_curve_keeps_its_layout(grokked: Trained, tmp_path: Path) -> None:
    layout = grokked.task.model.layout
    controls = np.random.default_rng(0).normal(size=(2, layout.size)).astype(np.float32)
    curve = Curve("segment", controls, ("here", "there"))
    write_curve(tmp_path / "curve", curve, layout)
    assert read_curve(tmp_path / "curve", layout).controls.tobytes() == controls.tobytes()
