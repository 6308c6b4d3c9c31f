"""The fit of bends: against a plain loop, several together, interrupted, diverging."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from joined import ENDING, FIT, curve_of, ends, epochs, in_small_batches, kept, outcome_of, resolved
from oracles import training as oracle
from oracles import transformer
from runs import SCALE_INVARIANT, Trained, tiny_run, train_in

from grokflow import verify
from grokflow.artifacts.logs import progress_of
from grokflow.artifacts.results import PathResults
from grokflow.config import Polyline, ResolvedPath
from grokflow.errors import ArtifactError
from grokflow.paths import Curve
from grokflow.paths.connecting import Skipped, Unfitted, connect, unfitted_paths, write_path
from grokflow.paths.curve_files import read_fits, write_fits
from grokflow.paths.fitting import Fitting, fit_paths
from grokflow.paths.measuring import measure, measure_path
from grokflow.paths.schedule import learning_rate, schedule
from grokflow.randomness import generator


def test_a_fit_that_diverges_is_a_reason_and_not_a_crash(grokked: Trained) -> None:
    fit = Polyline.model_fields["fit"].default.model_copy(update={**FIT, "epochs": 20, "learning_rate": 1e9})
    path = resolved(grokked.run, "polyline", fit=fit)
    outcome = outcome_of(path, grokked, grokked)
    assert isinstance(outcome, Skipped)
    assert "diverged" in outcome.reason


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


def refitted(path: ResolvedPath, **settings: Any) -> ResolvedPath:
    """The path with other settings of its fit."""
    fit = path.path.fit.model_copy(update=settings)
    return path.model_copy(update={"path": path.path.model_copy(update={"fit": fit})})


EACH_OPTIMIZER = pytest.mark.parametrize(
    "settings", [{}, ENDING, {**ENDING, "optimizer": "adam", "learning_rate": 0.01}]
)


@EACH_OPTIMIZER
def test_paths_fitted_together_are_as_each_alone(
    settings: dict, three: list, grokked: Trained, tmp_path: Path
) -> None:
    three = [(refitted(path, **settings), both) for path, both in three]
    paths, both = zip(*three, strict=True)
    unfitted = unfitted_paths(paths, both)
    assert len(unfitted) == 2
    file = tmp_path / "fit.safetensors"
    fits = fit_paths(unfitted, grokked.dataset, "cpu")
    if settings:
        assert len({len(history) for _, history in fits}) == 2
    write_fits(file, fits)
    for path, (first, last) in three[:2]:
        ((alone, history),) = fit_paths(unfitted_paths([path], [(first, last)]), grokked.dataset, "cpu")
        curve, batched = connect(path, first, last, read_fits([file]))
        assert (curve.kind, curve.names) == (alone.kind, alone.names)
        assert np.abs(curve.controls - alone.controls).max() <= 1e-12
        assert np.abs(curve.controls[1] - curve.controls[2]).max() > 1e-3
        pd.testing.assert_frame_equal(batched, history, rtol=1e-12)
    path, (first, last) = three[2]
    assert "epoch_200" in str(connect(path, first, last, read_fits([file])))


@EACH_OPTIMIZER
def test_an_interrupted_fit_of_several_goes_on_to_the_same_bits(
    settings: dict, three: list, grokked: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted at its second epoch, or, where fits end apart, when one of them has ended."""
    three = [(refitted(path, **settings), both) for path, both in three]
    unfitted = unfitted_paths(*zip(*three, strict=True))
    expected = fit_paths(unfitted, grokked.dataset, "cpu")
    cut = min(len(history) for _, history in expected) + 1 if settings else 2
    monkeypatch.setattr("grokflow.artifacts.resumable.SECONDS_BETWEEN_STATES", 0.0)
    original, epochs = Fitting.state, 0

    def state(self: Fitting) -> Any:
        nonlocal epochs
        epochs += 1
        if epochs == cut:
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


@pytest.mark.parametrize("settings", [ENDING, {**ENDING, "optimizer": "adam", "learning_rate": 0.01}])
def test_a_fit_that_settles_ends_before_its_budget(
    settings: dict, three: list, grokked: Trained, tmp_path: Path
) -> None:
    path, both = three[0]
    path = refitted(path, **settings)
    ((_, history),) = fits = fit_paths(unfitted_paths([path], [both]), grokked.dataset, "cpu")
    fit, epochs = path.path.fit, len(history)
    measured = [history[name].tolist() for name in ("mean_train_loss_l2", "largest_train_error")]
    assert schedule(fit, *measured) == (epochs // 2, epochs)
    assert epochs < fit.epochs
    rates = [learning_rate(fit, epoch / epochs) for epoch in range(epochs)]
    assert history["learning_rate"].tolist() == rates
    assert np.isfinite(history["largest_train_error"]).tolist() == [False, True] * (epochs // 2)

    write_fits(tmp_path / "fit", fits)
    write_path(tmp_path, path, *both, connect(path, *both, read_fits([tmp_path / "fit"])))
    found = PathResults(tmp_path)
    assert (found.converged, found.fit_epochs) == (True, epochs)
    pd.testing.assert_frame_equal(found.fit, history, rtol=1e-12)


def test_a_fit_that_exhausts_its_budget_says_so(three: list, grokked: Trained, tmp_path: Path) -> None:
    path, both = three[0]
    path = refitted(path, **{**ENDING, "epochs": 7})
    write_fits(tmp_path / "fit", fit_paths(unfitted_paths([path], [both]), grokked.dataset, "cpu"))
    write_path(tmp_path, path, *both, connect(path, *both, read_fits([tmp_path / "fit"])))
    found = PathResults(tmp_path)
    assert (found.converged, found.fit_epochs) == (False, 7)
    verify._fit(found, path)
    record = json.loads((tmp_path / "path.json").read_text())
    (tmp_path / "path.json").write_text(json.dumps({**record, "converged": True}))
    with pytest.raises(ArtifactError, match="converged False, fit_epochs 7"):
        verify._fit(PathResults(tmp_path), path)


def test_the_last_line_of_a_fit_says_where_it_ended(
    three: list, grokked: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, both = zip(*three[:2], strict=True)
    paths = [refitted(path, **{**ENDING, "epochs": 50, "patience": 50}) for path in paths]
    fits = fit_paths(unfitted_paths(paths, both), grokked.dataset, "cpu")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("fit epoch")]
    assert [progress_of([line]).epoch for line in lines] == [20, 40, 50]
    found, last = progress_of(lines), pd.DataFrame([fit.history.iloc[-1] for fit in fits]).median()
    assert (found.is_fit, found.going, found.rows, found.epochs) == (True, 0, 2, found.epoch)
    assert found.train_loss == pytest.approx(last["loss"], rel=1e-3)
    assert found.train_error == pytest.approx(last["largest_train_error"], abs=6e-5)
    assert found.validation_error == pytest.approx(last["lowest_validation_error"], abs=6e-5)
    assert found.diverged == sum(fit.history["loss"].isna().iloc[-1] for fit in fits) == 1
    assert found.speed is not None


def test_each_path_that_is_measured_has_a_line(
    three: list, grokked: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    path, both = three[0]
    straight = resolved(path.from_run, "segment", "point_1", "epoch_60", path.from_run, points=5)
    found = [connect(straight, *both), Skipped("no point")]
    tables = [measure(straight, each, grokked.dataset, "cpu") for each in found]
    lines = capsys.readouterr().out.splitlines()
    assert progress_of(lines).measured == len(lines) == 2
    assert f"at 5 values of t  largest train error {tables[0]['train_error'].max():.4f}  " in lines[0]
    assert lines[1] == "skipped: no point"


@pytest.mark.parametrize("number", [slice(1), slice(2)])
def test_what_a_fit_reports_is_what_is_measured_along_its_curve(
    number: slice, three: list, grokked: Trained
) -> None:
    """After the last epoch, at 13 values of t between the ends."""
    paths, both = zip(*three[number], strict=True)
    for curve, history in fit_paths(unfitted_paths(paths, both), grokked.dataset, "cpu"):
        last = history.iloc[-1]
        table = measure_path(
            curve,
            np.linspace(0, 1, 15)[1:-1],
            grokked.task,
            weight_decay=paths[0].weight_decay,
            batch_size=32,
            precision="float64",
            device="cpu",
        )
        assert last["mean_train_loss_l2"] == pytest.approx(table["train_loss_l2"].mean(), rel=1e-12)
        assert last["largest_train_error"] == pytest.approx(table["train_error"].max(), abs=1e-12)
        assert last["lowest_validation_error"] == pytest.approx(table["validation_error"].min(), abs=1e-12)
        assert 0 < last["lowest_validation_error"] < 1


def test_one_of_several_that_diverges_leaves_the_others_alone(three: list, grokked: Trained) -> None:
    good, spoiled = unfitted_paths(*zip(*three, strict=True))
    controls = spoiled.curve.controls.copy()
    controls[1] = np.inf
    spoiled = Unfitted(spoiled.path, Curve("polyline", controls, spoiled.curve.names))
    (found, _), (lost, _) = fit_paths([good, spoiled], grokked.dataset, "cpu")
    ((alone, _),) = fit_paths([good], grokked.dataset, "cpu")
    assert np.abs(found.controls - alone.controls).max() <= 1e-12
    assert not np.isfinite(lost.controls).all()


def test_a_fit_that_diverges_ends_there(grokked: Trained) -> None:
    fit = Polyline.model_fields["fit"].default.model_copy(update={**FIT, "epochs": 20, "learning_rate": 1e9})
    path = resolved(grokked.run, "polyline", fit=fit)
    unfitted = unfitted_paths([path], [ends(path, grokked, grokked)])
    ((_, history),) = fit_paths(unfitted, grokked.dataset, "cpu")
    assert len(history) < 20
    assert np.isfinite(history["loss"]).tolist() == [True] * (len(history) - 1) + [False]


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
