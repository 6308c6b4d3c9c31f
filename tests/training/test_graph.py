"""An epoch captured as a CUDA graph does what its steps do; where it cannot be, they are run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import (
    ADAMW,
    LAYER_NORM,
    MOMENTUM,
    SCALE_INVARIANT,
    TINY,
    assert_alike,
    train_in,
    train_perturbed,
    train_together,
)

from grokflow.config import SGD, Dataset, Fit, Model, Polyline, ResolvedPath, ResolvedRun
from grokflow.data import make_dataset
from grokflow.model.device import prepare
from grokflow.model.layout import Layout
from grokflow.model.models import make_layout
from grokflow.model.objective import make_task
from grokflow.paths import fitting
from grokflow.paths.connecting import Unfitted
from grokflow.paths.geometry import Curve
from grokflow.training import batch, graph
from grokflow.training.batch import Batch
from grokflow.training.graph import captured
from grokflow.training.rows import Row

KINDS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum, norm": {"optimizer": MOMENTUM, "model": LAYER_NORM},
    "adamw": {"optimizer": ADAMW},
    "sphere": {"model": SCALE_INVARIANT, "sphere": True},
    # A GPU adds up the gradient of more than 3072 gathered rows otherwise.
    "table of the papers": {
        "dataset": Dataset(operation="a+b", modulus=97, tokens="a o b =", train_fraction=0.4),
        "model": Model(layers=2, width=8, mlp_width=12, heads=2),
        "optimizer": SGD(name="sgd", learning_rate=0.1, weight_decay=0.001, batch_size=512),
    },
}

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: none is here")


@dataclass
class OnDevice:
    """As much of a tensor on a GPU as a capture asks for."""

    value: int
    is_cuda: bool = True

    def clone(self) -> OnDevice:
        return OnDevice(self.value)

    def copy_(self, other: OnDevice) -> None:
        self.value = other.value


def pretend(monkeypatch: pytest.MonkeyPatch, graph_of: Any) -> None:
    """Streams that do nothing, and a capture that is `graph_of`."""

    class Stream:
        def wait_stream(self, other: object) -> None:
            pass

    # Not the stream that a real capture in this process keeps for all others.
    monkeypatch.setattr(graph, "_stream_aside", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "set_stream", lambda _: None)
    monkeypatch.setattr(torch.cuda, "graph", graph_of)


def test_on_a_cpu_nothing_is_captured() -> None:
    def body() -> None:
        raise AssertionError("it was run")

    assert captured(body, [torch.zeros(1)]) is body


class Refusing:
    """A capture that ends as CUDA's does: by another error than the one that broke it."""

    def __init__(self, _: object) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        raise RuntimeError("operation failed due to a previous error during capture")


@pytest.mark.parametrize(
    ("said", "found"), [("not permitted\nmore of it", "not permitted"), ("", "RuntimeError")]
)
def test_what_cannot_be_captured_is_run_and_said_in_one_line(
    said: str, found: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, Refusing)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    changed = OnDevice(7)
    calls = 0

    def body() -> None:
        nonlocal calls
        calls += 1
        changed.value += 1
        if calls == graph.WARM_UP + 1:
            raise RuntimeError(said)

    run = captured(body, [changed], what="Measurements")
    run()
    assert changed.value == 8, "what was tried left something behind"
    run()
    assert changed.value == 9
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Measurements run step by step")
    assert found in line


def test_a_captured_body_is_replayed_and_the_capture_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Graph:
        def replay(self) -> None:
            changed.value += 100

    pretend(monkeypatch, lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    changed = OnDevice(7)
    calls = 0

    def body() -> None:
        nonlocal calls
        calls += 1
        changed.value += 1

    run = captured(body, [changed])
    assert calls == 0, "captured before the graph that it replaces is gone"
    run()
    run()
    assert calls == graph.WARM_UP + 1
    assert changed.value == 207


def rehearsed(body: Any, changes: Any, **_: Any) -> Any:
    """`body`, after it was run three times and what it changes was put back."""
    kept = [tensor.clone() for tensor in changes]
    for _ in range(3):
        body()
    for tensor, value in zip(changes, kept, strict=True):
        tensor.copy_(value)
    return body


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_than_what_is_named_changes_in_an_epoch(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training whose steps are run three times and put back before each capture is the same training."""
    run = ResolvedRun(**{**TINY, **KINDS[kind]})
    plain = train_in(tmp_path / "plain", run)
    monkeypatch.setattr(batch, "captured", rehearsed)
    again = train_in(tmp_path / "again", run)
    assert torch.equal(plain.weights(TINY["epochs"]), again.weights(TINY["epochs"]))
    assert plain.rows.equals(again.rows)


def group_of(kind: str, device: str) -> Batch:
    """Rows that differ in seed and in the size of their train set, of which the outcome alone is recorded."""
    settings, rows, tasks = {**TINY, **KINDS[kind], "sphere": False, "device": device}, [], []
    for number in range(3):
        dataset = settings["dataset"].model_copy(update={"train_fraction": 0.9 - 0.2 * number})
        run = ResolvedRun(**{**settings, "seed": number, "dataset": dataset})
        rows.append(Row(run, number, recorded=False))
        tasks.append(make_task(run.model, dataset, make_dataset(dataset), device))
    return Batch(rows, tasks, device, batched=True)


def trained_group(kind: str, device: str) -> torch.Tensor:
    """The weights of two rows after four epochs; a third has left after two."""
    group = group_of(kind, device)
    for epoch in range(4):
        group.train_epoch()
        for row in group.rows:
            row.epoch += 1
        if epoch == 1:
            group.rows[0].diverged = "gone"
            group.leave()
    return group.weights[-2:]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_than_what_is_named_changes_in_an_epoch_of_several_rows(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = trained_group(kind, "cpu")
    monkeypatch.setattr(batch, "captured", rehearsed)
    assert torch.equal(trained_group(kind, "cpu"), plain)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_than_what_is_named_changes_in_an_epoch_of_a_fit(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fitted(kind, "cpu")
    monkeypatch.setattr(fitting, "captured", rehearsed)
    assert fitted(kind, "cpu").tobytes() == plain.tobytes()


def fitted(kind: str, device: str) -> np.ndarray:
    """The control points of two polylines between drawn weights, fitted together for three epochs."""
    run = ResolvedRun(**{**TINY, **KINDS[kind], "sphere": False, "device": device})
    layout, unfitted = make_layout(run.model, run.dataset), []
    fit = Fit(epochs=3, learning_rate=0.01)
    for seed in (0, 2):
        path = Polyline(kind="polyline", from_point="run@initial", to_point="run@final", fit=fit)
        resolved = ResolvedPath(path=path, from_run=run.model_copy(update={"seed": seed}), to_run=run)
        first, last = layout.initial(seed), layout.initial(seed + 1)
        names = ("first", "bend", "last")
        curve = Curve("polyline", np.stack([first, (first + last) / 2, last]), names)
        unfitted.append(Unfitted(resolved, curve))
    fits = fitting.fit_paths(unfitted, make_dataset(run.dataset), device)
    return np.stack([fit.curve.controls for fit in fits])


@pytest.fixture
def gpu() -> Iterator[None]:
    """Deterministic, as a job has it."""
    prepare("cuda", 1)
    yield
    torch.use_deterministic_algorithms(False)


def test_a_body_is_run_as_it_is_while_patience_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is captured: it is run for the last time in the capture."""
    replays = 0

    class Graph:
        def replay(self) -> None:
            nonlocal replays
            replays += 1

    pretend(monkeypatch, lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    calls = 0

    def body() -> None:
        nonlocal calls
        calls += 1

    run = captured(body, [OnDevice(0)], patience=2)  # type: ignore[list-item]
    for expected in ((1, 0), (2, 0), (2 + graph.WARM_UP + 1, 1), (2 + graph.WARM_UP + 1, 2)):
        run()
        assert (calls, replays) == expected


@needs_gpu
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_epoch_of_several_rows_gives_the_weights_of_its_steps(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed = trained_group(kind, "cuda")
    assert "step by step" not in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr(batch, "captured", lambda body, *_, **__: body)
        assert torch.equal(trained_group(kind, "cuda"), replayed)
    # On a CPU the same to rounding, which a norm without ε can amplify a billion times.
    on_cpu = trained_group(kind, "cpu")
    original = Layout.initial

    def initial(self: Layout, seed: int) -> np.ndarray:
        weights = original(self, seed)
        return weights * (1 + 1e-15 * np.random.default_rng(0).standard_normal(weights.shape))

    monkeypatch.setattr(Layout, "initial", initial)
    near = (trained_group(kind, "cpu") - on_cpu).abs().max()
    assert (replayed.cpu() - on_cpu).abs().max() <= 100 * near + 1e-13


@needs_gpu
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_epoch_of_a_fit_gives_the_bends_of_its_steps(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed = fitted(kind, "cuda")
    assert "step by step" not in capsys.readouterr().out
    monkeypatch.setattr(fitting, "captured", lambda body, *_, **__: body)
    assert fitted(kind, "cuda").tobytes() == replayed.tobytes()


@needs_gpu
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_epoch_gives_the_weights_of_its_steps(
    kind: str,
    seeds: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(batch, "PATIENCE", 0)
    runs = [ResolvedRun(**{**TINY, **KINDS[kind], "device": "cuda", "seed": seed}) for seed in range(seeds)]
    replayed = train_together(tmp_path / "replayed", runs, "cuda")
    assert "step by step" not in capsys.readouterr().out
    monkeypatch.setattr(batch, "captured", lambda body, *_, **__: body)
    stepped = train_together(tmp_path / "stepped", runs, "cuda")
    for one, other in zip(replayed, stepped, strict=True):
        assert one.contents() == other.contents()


@needs_gpu
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("kind", KINDS)
def test_rows_on_a_gpu_agree_with_the_cpu(kind: str, tmp_path: Path) -> None:
    runs = [ResolvedRun(**{**TINY, **KINDS[kind], "seed": seed}) for seed in range(2)]
    on_gpu = train_together(tmp_path / "gpu", runs, "cuda")
    on_cpu = train_together(tmp_path / "cpu", runs, "cpu")
    for run, found, expected in zip(runs, on_gpu, on_cpu, strict=True):
        assert_alike(found, expected, train_perturbed(tmp_path / f"near_{run.seed}", run))
