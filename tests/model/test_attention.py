"""The compiled attention against the formula; the formula itself is compared with the oracle there."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grokflow.model import attention
from grokflow.model.prefixes import Attended

HEADS, WIDTH, S, R = 2, 6, 7, 11


def attended(leading: tuple[int, ...], context: int, *, hidden: bool, query: bool, seed: int = 0) -> Attended:
    draw = np.random.default_rng(seed)
    mask = draw.random((R, context)) < 0.5
    mask[:, 0] = False
    return Attended(
        keys=torch.from_numpy(draw.integers(0, S, (*leading, R, context))),
        hidden=torch.from_numpy(mask) if hidden else None,
        queries=slice(0, S),
        query=torch.from_numpy(draw.integers(0, S, (*leading, R))) if query else None,
    )


def inputs(leading: tuple[int, ...], *, query: bool, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    draw = np.random.default_rng(1)
    sizes = (S if query else R, S, S)
    return [
        torch.from_numpy(draw.normal(size=(*leading, size, WIDTH))).to(dtype).requires_grad_()
        for size in sizes
    ]


def value_and_gradients(attend: object, given: list[Tensor], where: Attended) -> list[Tensor]:
    mixed = attend(*given, where, HEADS)  # type: ignore[operator]
    upstream = torch.from_numpy(np.random.default_rng(2).normal(size=mixed.shape)).to(mixed.dtype)
    return [mixed.detach(), *torch.autograd.grad(mixed, given, upstream)]


@pytest.mark.parametrize("leading", [(), (1,), (3,)])
@pytest.mark.parametrize("context", [1, 2, 4])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("query", [False, True])
def test_compiled_is_the_formula(leading: tuple[int, ...], context: int, hidden: bool, query: bool) -> None:
    where = attended(leading, context, hidden=hidden, query=query)
    given = inputs(leading, query=query)
    expected = value_and_gradients(attention.attend_by_formula, given, where)
    found = value_and_gradients(attention.attend, given, where)
    for ours, formula in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, formula, rtol=1e-13, atol=1e-14)


def test_its_gradient_is_that_of_finite_differences() -> None:
    where = attended((), 3, hidden=True, query=True)
    assert torch.autograd.gradcheck(
        lambda *given: attention.attend(*given, where, HEADS), inputs((), query=True)
    )


def test_float32_stays_float32_and_gives_the_same_bits_again() -> None:
    where = attended((2,), 4, hidden=True, query=True)
    given = inputs((2,), query=True, dtype=torch.float32)
    once, again = (value_and_gradients(attention.attend, given, where) for _ in range(2))
    expected = value_and_gradients(attention.attend_by_formula, given, where)
    for ours, same, formula in zip(once, again, expected, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, same)
        torch.testing.assert_close(ours, formula, rtol=1e-5, atol=1e-6)


def test_tensors_that_are_not_contiguous_are_read_as_they_are() -> None:
    where = attended((), 2, hidden=False, query=True)
    given = inputs((), query=True)
    turned = [x.detach().T.contiguous().T.requires_grad_() for x in given]
    assert not turned[0].is_contiguous()
    for ours, same in zip(
        value_and_gradients(attention.attend, turned, where),
        value_and_gradients(attention.attend, given, where),
        strict=True,
    ):
        assert torch.equal(ours, same)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_shows(value: float) -> None:
    """A run that diverges is found by its loss."""
    where = attended((), 2, hidden=False, query=True)
    given = [x.detach().clone() for x in inputs((), query=True)]
    given[1][:] = value
    assert attention.attend(*given, where, HEADS).isnan().all()


KERNEL = """
import numpy as np

def double(x: np.ndarray) -> None:
    for i in range(len(x)):
        x[i] *= 2
"""


def written(folder: Path) -> Path:
    file = folder / "kernel.py"
    file.write_text(KERNEL)
    return file


def doubled(double: Callable[..., None]) -> list[float]:
    x = np.arange(3.0)
    double(x)
    return x.tolist()


def test_without_a_place_to_keep_it_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    file = written(tmp_path)
    double = runpy.run_path(str(file))["double"]
    file.unlink()
    assert doubled(attention._compiled(double)) == [0, 2, 4]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [0, 9], ids=["empty", "cut off"])
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_what_was_kept_and_cannot_be_read_is_compiled_again(tmp_path: Path, suffix: str, length: int) -> None:
    """As a power failure leaves it: Numba renames its files into place but does not sync them."""
    file = str(written(tmp_path))
    assert doubled(attention._compiled(runpy.run_path(file)["double"])) == [0, 2, 4]
    (kept,) = tmp_path.rglob(f"*{suffix}")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:length])
    assert doubled(attention._compiled(runpy.run_path(file)["double"])) == [0, 2, 4]
    (kept,) = tmp_path.rglob(f"*{suffix}")
    assert len(kept.read_bytes()) == len(whole), "the next process would compile again"


def test_a_cpu_runs_the_compiled_one_and_any_other_device_the_formula(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = attended((), 2, hidden=True, query=True)
    given = inputs((), query=True)
    monkeypatch.setattr(attention, "attend_by_formula", lambda *_: "formula")
    assert isinstance(attention.attend(*given, where, HEADS), Tensor)
    assert attention.attend(*(x.to("meta") for x in given), where, HEADS) == "formula"
