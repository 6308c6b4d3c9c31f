"""The layout of a weight vector and its first values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from grokflow.config import Dataset, Model
from grokflow.model.layout import Layout, Parameter, merged
from grokflow.model.models import make_model
from grokflow.model.weights import norm_of, to_tensor, unflatten
from grokflow.randomness import generator

LAYOUT = Layout(
    (
        Parameter("matrix", (3, 4), 0.5),
        Parameter("bias", (4,), 0.0),
        Parameter("gain", (1,), 1.0),
        Parameter("cube", (2, 2, 2), 2.0),
    )
)
DATASET = Dataset(operation="a*b", modulus=53, train_fraction=0.4)


def layout_of(layers: int) -> Layout:
    return make_model(Model(layers=layers, width=64, mlp_width=96, heads=4), DATASET).layout


def normalised(normalization: str, **settings: object) -> Layout:
    model = Model(layers=2, width=8, mlp_width=6, heads=2, normalization=normalization, **settings)
    return make_model(model, DATASET).layout


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_unflatten_gives_every_tensor_its_natural_shape_and_its_numbers(leading: tuple) -> None:
    assert LAYOUT.size == 12 + 4 + 1 + 8
    vectors = torch.arange(math.prod(leading) * 25.0).view(*leading, 25)
    tensors = unflatten(vectors, LAYOUT)
    assert list(tensors) == ["matrix", "bias", "gain", "cube"]
    starts = {"matrix": 0, "bias": 12, "gain": 16, "cube": 17}
    for parameter in LAYOUT.parameters:
        found, start = tensors[parameter.name], starts[parameter.name]
        assert found.shape == (*leading, *parameter.shape)
        flat = found.reshape(*leading, -1)
        assert torch.equal(flat, vectors[..., start : start + parameter.size])


def test_unflatten_shares_memory_so_that_gradients_reach_the_vector() -> None:
    vector = torch.zeros(25, requires_grad=True)
    tensors = unflatten(vector, LAYOUT)
    (tensors["matrix"][1, 2] + 3 * tensors["cube"][1, 1, 1]).backward()
    assert vector.grad is not None
    assert vector.grad.nonzero().squeeze(-1).tolist() == [6, 24]
    assert vector.grad[[6, 24]].tolist() == [1, 3]


@pytest.mark.parametrize("layout", [LAYOUT, layout_of(1), layout_of(3)])
def test_join_is_the_inverse_of_unflatten(layout: Layout) -> None:
    vector = torch.from_numpy(np.random.default_rng(0).normal(size=layout.size))
    arrays = {name: tensor.numpy() for name, tensor in unflatten(vector, layout).items()}
    shuffled = dict(sorted(arrays.items(), reverse=True))
    assert layout.join(shuffled).tobytes() == vector.numpy().tobytes()


def test_slices_say_where_each_tensor_lies() -> None:
    layout = layout_of(2)
    vector = np.arange(layout.size)
    for name, tensor in unflatten(torch.from_numpy(vector), layout).items():
        assert vector[layout.slices[name]].tolist() == tensor.flatten().tolist()
    assert [s.start for s in layout.slices.values()][1:] == [s.stop for s in layout.slices.values()][:-1]


def test_initial_scales_are_those_of_the_paper() -> None:
    """N(0, 1/d_model), unembedding N(0, 1/vocabulary), biases 0; five standard errors allowed."""
    layout = layout_of(2)
    tensors = unflatten(torch.from_numpy(layout.initial(0)), layout)
    for name, tensor in tensors.items():
        if name.endswith("bias"):
            assert (tensor == 0).all()
            continue
        expected = 1 / math.sqrt(53 if name == "unembedding" else 64)
        n = tensor.numel()
        assert abs(tensor.mean()) <= 5 * expected / math.sqrt(n)
        assert abs(tensor.std() / expected - 1) <= 5 / math.sqrt(2 * n)


def test_every_tensor_is_drawn_independently() -> None:
    layout = layout_of(2)
    tensors = unflatten(torch.from_numpy(layout.initial(0)), layout)
    drawn = {name: t.flatten() for name, t in tensors.items() if not name.endswith("bias")}
    for name, first in drawn.items():
        for other, second in drawn.items():
            n = min(len(first), len(second))
            if name < other and n > 1000:
                correlation = np.corrcoef(first[:n], second[:n])[0, 1]
                assert abs(correlation) <= 5 / math.sqrt(n), (name, other)


def test_a_tensors_draw_depends_on_its_name_alone() -> None:
    """A second layer leaves the first layer's initial weights as they were."""
    shallow, deep = (
        unflatten(torch.from_numpy(layout.initial(5)), layout) for layout in map(layout_of, (1, 2))
    )
    assert all(torch.equal(tensor, deep[name]) for name, tensor in shallow.items())
    expected = generator(5, "init/unembedding").standard_normal((64, 53)) / math.sqrt(53)
    assert shallow["unembedding"].numpy() == pytest.approx(expected, rel=1e-15)


def test_seeds_give_different_weights_and_the_same_seed_the_same() -> None:
    layout = layout_of(1)
    assert layout.initial(3).tobytes() == layout.initial(3).tobytes()
    correlation = np.corrcoef(layout.initial(3), layout.initial(4))[0, 1]
    assert abs(correlation) < 5 / math.sqrt(layout.size)


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("float64", torch.float64)])
def test_to_tensor_has_the_configured_precision(precision: str, dtype: torch.dtype) -> None:
    vector = np.random.default_rng(0).normal(size=7)
    found = to_tensor(vector, precision, "cpu")
    assert found.dtype == dtype
    assert found.tolist() == vector.astype(precision).tolist()


def test_norms_begin_as_the_identity_and_leave_the_other_draws_as_they_are() -> None:
    layout, plain = normalised("layer_norm"), normalised("none")
    tensors = unflatten(torch.from_numpy(layout.initial(7)), layout)
    expected = unflatten(torch.from_numpy(plain.initial(7)), plain)
    norms = {name: tensor for name, tensor in tensors.items() if name not in expected}
    assert len(norms) == 2 * (3 * 2 + 1)
    for name, tensor in norms.items():
        assert (tensor == (1 if name.endswith(".gain") else 0)).all(), name
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(("given", "norm"), [(None, 10.0), (0.25, 0.25)])
def test_the_frozen_unembedding_is_drawn_at_its_norm(given: float | None, norm: float) -> None:
    layout, plain = normalised("scale_invariant", unembedding_norm=given), normalised("none")
    tensors = unflatten(torch.from_numpy(layout.initial(7)), layout)
    expected = unflatten(torch.from_numpy(plain.initial(7)), plain)
    unembedding, unscaled = tensors.pop("unembedding"), expected.pop("unembedding")
    assert unembedding.norm().item() == pytest.approx(norm, rel=1e-14)
    scaled = unscaled * (norm / unscaled.norm())
    assert unembedding.flatten().tolist() == pytest.approx(scaled.flatten().tolist(), rel=1e-13)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())


def test_groups_are_whole_maps_and_norms_and_cover_every_number_once() -> None:
    layout = normalised("layer_norm")
    layer = [
        "attention.norm",
        "attention.query",
        "attention.key",
        "attention.value",
        "attention.output",
        "mlp.norm",
        "mlp.in",
        "mlp.hidden_norm",
        "mlp.out",
    ]
    layers = [f"layer_{i}.{name}" for i in range(2) for name in layer]
    groups = ["token_embedding", "position_embedding", *layers, "final_norm", "unembedding"]
    assert list(layout.groups) == groups
    places = layout.slices
    assert layout.groups["layer_1.mlp.in"] == (
        places["layer_1.mlp.in.weight"],
        places["layer_1.mlp.in.bias"],
    )
    assert layout.groups["final_norm"] == (places["final_norm.gain"], places["final_norm.bias"])
    assert layout.groups["layer_0.attention.key"] == (places["layer_0.attention.key"],)
    numbers = [i for pieces in layout.groups.values() for p in pieces for i in range(p.start, p.stop)]
    assert sorted(numbers) == list(range(layout.size))


def test_frozen_and_trained_share_out_the_vector() -> None:
    for kind in ("none", "layer_norm", "invariant_attention"):
        layout = normalised(kind)
        assert layout.frozen == ()
        assert layout.trained == (slice(0, layout.size),)
    for kind in ("invariant_but_attention", "scale_invariant"):
        layout = normalised(kind)
        assert layout.frozen == ("unembedding",)
        assert layout.trained == (slice(0, layout.size - 8 * 53),)
    middle = Layout(
        (
            Parameter("a", (2, 3), 1.0),
            Parameter("b.weight", (4,), 1.0, frozen_norm=2.0),
            Parameter("b.bias", (2,), 1.0, frozen_norm=1.0),
            Parameter("c", (3,), 1.0),
        )
    )
    assert middle.frozen == ("b",)
    assert middle.trained == (slice(0, 6), slice(12, 15))


@pytest.mark.parametrize(("pieces", "expected"), [
    ([], []),
    ([(3, 5)], [(3, 5)]),
    ([(3, 5), (0, 3)], [(0, 5)]),
    ([(6, 8), (0, 2), (3, 5), (2, 3)], [(0, 5), (6, 8)]),
])  # fmt: skip
def test_merged_joins_what_touches(pieces: list, expected: list) -> None:
    assert merged(slice(*piece) for piece in pieces) == tuple(slice(*piece) for piece in expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_norm_of_counts_only_its_pieces(dtype: torch.dtype) -> None:
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 12))).to(dtype)
    for pieces in ([slice(0, 12)], [slice(1, 3), slice(7, 8)]):
        found = norm_of(vectors, pieces)
        assert found.dtype == torch.float64
        for row, vector in zip(found.tolist(), vectors.double().tolist(), strict=True):
            squares = [x * x for piece in pieces for x in vector[piece]]
            assert row == pytest.approx(math.sqrt(sum(squares)), rel=1e-14)
        assert norm_of(vectors[1], pieces).item() == found[1].item()
