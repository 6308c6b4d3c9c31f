"""An epoch captured as a CUDA graph does what its steps do; where it cannot be, they are run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import ADAMW, LAYER_NORM, MOMENTUM, SCALE_INVARIANT, TINY, train_in

from grokflow.config import SGD, Dataset, Model, ResolvedMember, ResolvedRun
from grokflow.model.device import prepare
from grokflow.training import engine, graph, sweeps
from grokflow.training.graph import captured

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
    graph._stream_aside.cache_clear()

    class Stream:
        def wait_stream(self, other: object) -> None:
            pass

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
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

    run = captured(body, [changed])
    run()
    assert changed.value == 8, "what was tried left something behind"
    run()
    assert changed.value == 9
    (line,) = capsys.readouterr().out.splitlines()
    assert "step by step" in line
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


def rehearsed(body: Any, changes: Any) -> Any:
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
    monkeypatch.setattr(engine, "captured", rehearsed)
    again = train_in(tmp_path / "again", run)
    assert torch.equal(plain.weights(TINY["epochs"]), again.weights(TINY["epochs"]))
    assert plain.rows.equals(again.rows)


def rows_of(kind: str, device: str) -> list[ResolvedMember]:
    """Members that differ in seed and in the size of their train set."""
    settings = {**TINY, **KINDS[kind], "sphere": False, "device": device}
    fractions = [{"train_fraction": 0.9 - 0.2 * row} for row in range(3)]
    return [
        ResolvedMember(
            settings={"seed": row},
            run=ResolvedRun(
                **{**settings, "seed": row, "dataset": settings["dataset"].model_copy(update=fraction)}
            ),
        )
        for row, fraction in enumerate(fractions)
    ]


def chunk_of(members: list[ResolvedMember], device: str) -> sweeps._Chunk:
    """A chunk that trains two epochs, lets the first row go and trains the others on."""
    chunk = sweeps._Chunk(members, device)
    for epoch in range(4):
        chunk.one_epoch()
        if epoch == 1:
            chunk.keep([1, 2])
    return chunk


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_than_what_is_named_changes_in_an_epoch_of_a_chunk(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = chunk_of(rows_of(kind, "cpu"), "cpu")
    monkeypatch.setattr(sweeps, "captured", rehearsed)
    assert torch.equal(chunk_of(rows_of(kind, "cpu"), "cpu").weights, plain.weights)


@pytest.fixture
def gpu() -> Iterator[None]:
    """Deterministic, as a job has it."""
    prepare("cuda", 1)
    yield
    torch.use_deterministic_algorithms(False)


@needs_gpu
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_epoch_of_a_chunk_gives_the_weights_of_its_steps(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed = chunk_of(rows_of(kind, "cuda"), "cuda")
    assert "step by step" not in capsys.readouterr().out
    monkeypatch.setattr(sweeps, "captured", lambda body, _: body)
    stepped = chunk_of(rows_of(kind, "cuda"), "cuda")
    assert torch.equal(replayed.weights, stepped.weights)
    on_cpu = chunk_of(rows_of(kind, "cpu"), "cpu")
    assert (replayed.weights.cpu() - on_cpu.weights).abs().max() <= 1e-10


@needs_gpu
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_epoch_gives_the_weights_of_its_steps(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ResolvedRun(**{**TINY, **KINDS[kind], "device": "cuda"})
    replayed = train_in(tmp_path / "replayed", run, "cuda")
    assert "step by step" not in capsys.readouterr().out
    monkeypatch.setattr(engine, "captured", lambda body, _: body)
    stepped = train_in(tmp_path / "stepped", run, "cuda")
    assert torch.equal(replayed.weights(TINY["epochs"]), stepped.weights(TINY["epochs"]))
