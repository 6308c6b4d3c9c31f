"""A PyTorch module as a function of a flat weight vector, against the module itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from grokflow.config import Dataset, Model
from grokflow.data.dataset import make_dataset
from grokflow.errors import ConfigError
from grokflow.model import ModelFunction, ModuleModel, made_by, make_model, make_task
from grokflow.model.invariance import audited_groups, invariant_groups
from grokflow.model.objective import Examples, loss_and_error, loss_and_gradient

DATASET = Dataset(operation="a*b", modulus=7, train_fraction=0.5)


class OneHot(nn.Module):
    """An MLP on one-hot pairs, with a buffer, a scalar parameter, a frozen and a shared tensor."""

    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.hidden = nn.Linear(14, width)
        self.norm = nn.LayerNorm(width)
        self.square = nn.Linear(width, width, bias=False)
        self.again = nn.Linear(width, width)
        self.again.weight = self.square.weight
        self.head = nn.Linear(width, 7)
        self.head.weight.requires_grad_(False)
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.register_buffer("shift", torch.linspace(-1, 1, width))

    def forward(self, tokens: Tensor) -> Tensor:
        pairs = nn.functional.one_hot(tokens, 7).to(self.head.weight.dtype).flatten(-2)
        hidden = torch.relu(self.norm(self.hidden(pairs))) * self.scale + self.shift
        return self.head(self.again(torch.tanh(self.square(hidden))))


def with_weights(weights: Tensor) -> nn.Module:
    """The module in float64 with its parameters written one by one from a flat vector."""
    module = OneHot().double()
    start = 0
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(weights[start : start + parameter.numel()].view(parameter.shape))
            start += parameter.numel()
    assert start == len(weights)
    return module


@pytest.fixture
def model() -> ModuleModel:
    return made_by(OneHot)


@pytest.fixture
def weights(model: ModuleModel) -> Tensor:
    """(3, n): three weight vectors."""
    return torch.from_numpy(np.stack([model.layout.initial(seed) for seed in range(3)]))


def tokens(*leading: int) -> Tensor:
    return torch.randint(0, 7, (*leading, 6, 2), generator=torch.Generator().manual_seed(1))


def test_the_transformer_and_a_module_are_both_models(model: ModuleModel) -> None:
    assert isinstance(model, ModelFunction)
    assert isinstance(make_model(Model(layers=1, width=4, mlp_width=4, heads=1), DATASET), ModelFunction)


def test_outputs_and_gradients_are_the_modules_own(model: ModuleModel, weights: Tensor) -> None:
    module, inputs, targets = with_weights(weights[0]), tokens(), torch.arange(6)
    assert torch.equal(model.logits(weights[0], inputs), module(inputs))
    loss, gradient = loss_and_gradient(model, weights[0], Examples(inputs, targets))
    expected = cross_entropy(module(inputs), targets)
    expected.backward()
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    assert loss.item() == expected.item()
    torch.testing.assert_close(gradient, torch.cat([part.flatten() for part in parts]), rtol=1e-12, atol=0)
    assert gradient[model.layout.slices["head.weight"]].abs().max() == 0
    assert gradient[model.layout.slices["scale"]].abs().min() > 0


@pytest.mark.parametrize("own_inputs", [False, True])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_several_models_at_once_are_as_each_alone(
    model: ModuleModel, weights: Tensor, own_inputs: bool, one_by_one: bool
) -> None:
    model._one_by_one = one_by_one
    inputs = tokens(3) if own_inputs else tokens()
    found = model.logits(weights, inputs)
    assert found.shape == (3, 6, 7)
    for row, own in enumerate(weights):
        alone = model.logits(own, inputs[row] if own_inputs else inputs)
        torch.testing.assert_close(found[row], alone, rtol=1e-12, atol=1e-14)
    targets = torch.arange(6).expand(3, 6)
    losses, gradients = loss_and_gradient(model, weights, Examples(tokens(3), targets))
    for row, own in enumerate(weights):
        loss, gradient = loss_and_gradient(model, own, Examples(tokens(3)[row], targets[row]))
        assert losses[row].item() == pytest.approx(loss.item(), rel=1e-12)
        torch.testing.assert_close(gradients[row], gradient, rtol=1e-10, atol=1e-14)


def test_what_cannot_be_batched_is_computed_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs * (self.weight if self.weight.sum().item() > 0 else -self.weight)

    model, inputs = ModuleModel(Branching()), torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    weights = torch.tensor([[1.0, 1, 1], [-2, -2, -2]])
    expected = torch.stack([inputs, 2 * inputs])
    assert torch.equal(model.logits(weights, inputs), expected)
    assert torch.equal(model.logits(weights, inputs), expected)
    assert capsys.readouterr().out.count("Branching: models are computed one after the other") == 1


def test_images_need_the_axes_of_an_example() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 4))
    model = ModuleModel(module, input_axes=3)
    weights = torch.randn(2, model.layout.size)
    images = torch.randn(2, 6, 1, 5, 5)
    found, shared = model.logits(weights, images), model.logits(weights, images[0])
    for row in range(2):
        torch.testing.assert_close(found[row], model.logits(weights[row], images[row]))
        torch.testing.assert_close(shared[row], model.logits(weights[row], images[0]))


def test_the_layout_names_parameters_as_the_module_does(model: ModuleModel) -> None:
    named = {name: tuple(p.shape) for name, p in OneHot().named_parameters()}
    assert {p.name: p.shape for p in model.layout.parameters} == named
    assert "again.weight" not in named, "a shared tensor lies in the vector once"
    assert model.layout.frozen == ("head.weight",)
    assert model.layout.groups["hidden"] == (
        model.layout.slices["hidden.weight"],
        model.layout.slices["hidden.bias"],
    )
    assert model.layout.groups["head"] == (model.layout.slices["head.bias"],)
    trained = np.zeros(model.layout.size, dtype=bool)
    for piece in model.layout.trained:
        trained[piece] = True
    assert not trained[model.layout.slices["head.weight"]].any()
    assert trained.sum() == model.layout.size - 35


def test_the_first_weights_are_the_modules_under_a_seed_and_leave_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    model = made_by(OneHot)
    first, again, other = (model.layout.initial(seed) for seed in (4, 4, 5))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(first, again)
    assert first.dtype == np.float64
    changed = {
        name for name, piece in model.layout.slices.items() if not np.array_equal(first[piece], other[piece])
    }
    assert changed == {
        "hidden.weight",
        "hidden.bias",
        "square.weight",
        "again.bias",
        "head.weight",
        "head.bias",
    }
    bound = 1 / 14**0.5  # PyTorch's own: uniform within 1/√fan-in
    drawn = first[model.layout.slices["hidden.weight"]]
    assert 0.8 * bound < np.abs(drawn).max() <= bound


def test_a_module_that_is_given_is_reset_and_stays_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    before = [p.detach().clone() for p in module.parameters()]
    model = ModuleModel(module)
    first, other = model.layout.initial(0), model.layout.initial(1)
    assert not np.array_equal(first, other)
    assert np.array_equal(first, model.layout.initial(0))
    assert first[model.layout.slices["1.weight"]].tolist() == [1.0] * 4
    assert all(torch.equal(p, kept) for p, kept in zip(module.parameters(), before, strict=True))


def test_a_module_that_cannot_be_reset_must_be_made() -> None:
    with pytest.raises(ConfigError, match=r"expected a method `reset_parameters`.*found none.*function"):
        ModuleModel(OneHot()).layout.initial(0)


def test_a_module_with_another_layout_each_time_is_refused() -> None:
    width = iter([3, 4])
    model = made_by(lambda: nn.Linear(2, next(width)))
    with pytest.raises(ConfigError, match="Linear: expected the same parameters each time"):
        model.layout.initial(0)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), r"Sequential\.1: .*running statistics"),
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval(), r"track_running_stats=False"),
        (nn.InstanceNorm1d(2, affine=True, track_running_stats=True), "running statistics"),
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.25)), r"dropout 0.25 in training.*evaluation mode"),
        (nn.MultiheadAttention(4, 2, dropout=0.1), "MultiheadAttention with dropout 0.1"),
        (nn.LSTM(2, 2, num_layers=2, dropout=0.1), "LSTM with dropout 0.1"),
        (nn.ReLU(), "expected a module with parameters, found none"),
        (nn.LazyLinear(2), "one without a shape yet"),
        (nn.Linear(2, 2, dtype=torch.complex64), "a parameter of real numbers, found torch.complex64"),
    ],
)  # fmt: skip
def test_what_is_no_function_of_its_weights_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModuleModel(module)


class Dropping(nn.Linear):
    """Dropout of which no part of the module shows anything."""

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(inputs), 0.1, self.training)


@pytest.mark.parametrize("models", [1, 3])
def test_random_numbers_in_forward_are_refused_at_the_first_call(models: int) -> None:
    weights, inputs = torch.randn(models, 12).squeeze(0), torch.randn(20, 3)
    with pytest.raises(
        ConfigError, match="Dropping: expected a module that gives the same outputs each time"
    ):
        ModuleModel(Dropping(3, 3)).logits(weights, inputs)
    model = ModuleModel(Dropping(3, 3).eval())
    assert torch.equal(model.logits(weights, inputs), model.logits(weights, inputs))


def test_a_batch_of_models_that_does_not_fit_into_memory_is_not_computed_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller makes the batch smaller, and the next one must be as fast."""

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    model = ModuleModel(nn.Linear(3, 3))
    monkeypatch.setattr("grokflow.model.module.vmap", full)
    with pytest.raises(torch.OutOfMemoryError):
        model.logits(torch.randn(2, 12), torch.randn(5, 3))
    assert not model._one_by_one


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.25)).eval(),
        nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0)),
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)),
    ],
)
def test_what_is_constant_is_taken(module: nn.Module) -> None:
    model, inputs = ModuleModel(module), torch.tensor([[1.0, 2], [3, 5]])
    flat = torch.cat([p.detach().flatten() for p in module.parameters()])
    assert torch.equal(model.logits(flat, inputs), module(inputs))


def test_outputs_that_are_no_tensor_are_refused() -> None:
    class Two(nn.Linear):
        def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            return super().forward(inputs), inputs

    with pytest.raises(ConfigError, match=r"Two: .* that returns one tensor.*found a tuple"):
        ModuleModel(Two(2, 2)).logits(torch.zeros(6), torch.zeros(3, 2))


def test_a_module_is_audited_without_a_residual_stream(model: ModuleModel) -> None:
    """What stands before a LayerNorm is invariant up to its ε; nothing else here is."""
    frame = make_dataset(DATASET)
    task = make_task(Model(layers=1, width=4, mlp_width=4, heads=1), DATASET, frame, "cpu")
    groups = audited_groups(model)
    assert set(groups) == {*model.layout.groups, "all"}
    model.module.norm.eps = 1e-20
    assert set(invariant_groups(model, model.layout.initial(0), task.train)) == {"hidden"}
    loss, error = loss_and_error(model, torch.from_numpy(model.layout.initial(0)), task.train)
    assert loss > 0
    assert 0 < error <= 1
