"""The compiled attention against the formula; the formula itself is compared with the oracle there."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from grokflow import attention
from grokflow.prefixes import Attended

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
    expected = value_and_gradients(attention.plain, given, where)
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
    expected = value_and_gradients(attention.plain, given, where)
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


def test_without_a_place_to_keep_it_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def nowhere(function: object, **settings: object) -> object:
        calls.append(settings.get("cache", False))
        if settings.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return function

    monkeypatch.setattr(attention, "njit", nowhere)
    assert attention._compiled(test_what_is_not_finite_shows) is test_what_is_not_finite_shows
    assert calls == [True, False]
