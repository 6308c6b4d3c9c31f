"""A user's own optimizer: the same steps as a built-in one written again, alone and in a batch."""

import pytest
import torch

from grokflow.config import SGD, UserOptimizer
from grokflow.errors import ConfigError
from grokflow.training.optimizers import make_batched_optimizer, make_optimizer
from grokflow.user_code import find

CODE = """
import torch


class Momentum:
    def __init__(self, settings, weights):
        self.settings = settings
        self.state = {"velocity": torch.zeros_like(weights)}

    def step(self, weights, gradient, step):
        s, velocity = self.settings, self.state["velocity"]
        velocity.mul_(s.momentum).add_(gradient).add_(s.weight_decay * weights)
        weights.sub_(s.learning_rate * velocity)


class Forgets(Momentum):
    def step(self, weights, gradient, step):
        self.state["velocity"] = self.state["velocity"] + gradient


class Renames(Momentum):
    def step(self, weights, gradient, step):
        self.state = {"velocity": gradient}


class Fails(Momentum):
    def step(self, weights, gradient, step):
        return weights @ gradient @ gradient


class Lazy(Momentum):
    def __init__(self, settings, weights):
        self.state = {}

    def step(self, weights, gradient, step):
        weights.sub_(self.state.setdefault("late", gradient))


class Rebinds(Momentum):
    def step(self, weights, gradient, step):
        weights = weights - gradient


class Hides(Momentum):
    def __init__(self, settings, weights):
        super().__init__(settings, weights)
        self.mean = torch.zeros_like(weights)


class OneTensor(Momentum):
    def __init__(self, settings, weights):
        self.state = torch.zeros_like(weights)


class Stepless:
    def __init__(self, settings, weights):
        self.state = {}


class Stateless:
    def __init__(self, settings, weights):
        self.settings = settings

    def step(self, weights, gradient, step):
        weights.sub_(gradient)
"""


@pytest.fixture
def named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(CODE)

    def make(name, **keys):
        keys = {"learning_rate": 0.1, "weight_decay": 0.01, "settings": {"momentum": 0.5}, **keys}
        return UserOptimizer(name=str(find(f"code.py:{name}")), **keys)

    return make


def steps(optimizer, weights, gradients):
    for number, gradient in enumerate(gradients, start=1):
        optimizer.step(weights, gradient, number)
    return weights


def test_it_takes_the_steps_of_a_built_in_optimizer_of_the_same_formula(named):
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    start = torch.randn(7, generator=generator, dtype=torch.float64)
    mine = start.clone()
    steps(make_optimizer(named("Momentum"), mine), mine, gradients)
    built_in = start.clone()
    settings = SGD(name="sgd", learning_rate=0.1, weight_decay=0.01, momentum=0.5)
    steps(make_optimizer(settings, built_in), built_in, gradients)
    torch.testing.assert_close(mine, built_in)


def test_rows_of_a_batch_have_their_own_rates_and_step_as_alone_even_when_some_have_ended(named):
    generator = torch.Generator().manual_seed(0)
    rows = [
        named("Momentum", learning_rate=rate, weight_decay=decay) for rate, decay in [(0.1, 0.0), (0.2, 0.3)]
    ]
    start = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    gradients = torch.randn(4, 2, 7, generator=generator, dtype=torch.float64)
    together = start.clone()
    optimizer = make_batched_optimizer(rows, together)
    for gradient in gradients[:3]:
        optimizer.step(together, gradient, 1)
    optimizer.step(together[:1], gradients[3][:1], 1)  # the epoch of the second row is over
    for i, taken in ((0, 4), (1, 3)):
        alone = start[i].clone()
        steps(make_optimizer(rows[i], alone), alone, gradients[:taken, i])
        torch.testing.assert_close(together[i], alone)


def test_settings_are_in_the_precision_of_the_weights(named):
    weights = torch.ones(2, 3)
    optimizer = make_batched_optimizer([named("Momentum")] * 2, weights)
    optimizer.step(weights, torch.ones(2, 3), 1)
    assert weights.dtype == torch.float32
    assert optimizer._users.settings.learning_rate.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Forgets", "changes its state in place"),
        ("Renames", "keeps what __init__ put into `state`"),
        ("Fails", r"code\.py, line 28, in step: .*RuntimeError"),
        ("Lazy", "keeps what __init__ put into `state`"),
        ("Rebinds", "changes the weights in place"),
        ("Hides", "tensors only in `state`.*mean"),
        ("OneTensor", "`state`: a dictionary .*found a Tensor"),
        ("Stepless", "`state` and `step.*found no `step`"),
        ("Stateless", "`state`: a dictionary of named tensors"),
    ],
)
def test_what_is_wrong_with_an_optimizer_is_said(named, name, said):
    weights = torch.ones(3)
    with pytest.raises(ConfigError, match=said):
        make_optimizer(named(name), weights).step(weights, torch.ones(3), 1)


def test_a_setting_may_not_be_called_as_what_every_optimizer_has(named):
    with pytest.raises(ValueError, match=r"settings\.learning_rate: expected this key beside settings"):
        named("Momentum", settings={"learning_rate": 1.0})


MIXING = """
import torch


class Normed:
    def __init__(self, settings, weights):
        self.settings = settings
        self.state = {"mean": torch.zeros_like(weights)}

    def norm(self, x):
        return x.norm(dim=-1, keepdim=True)

    def clipped(self, gradient):
        return gradient / self.norm(gradient)

    def step(self, weights, gradient, step):
        self.state["mean"].lerp_(self.clipped(gradient), 0.1)
        weights.sub_(self.settings.learning_rate * self.state["mean"])


class OfAll(Normed):
    def norm(self, x):
        return x.norm()


class ClippedByAll(Normed):
    def clipped(self, gradient):
        return gradient * (1e3 / gradient.norm()).clamp(max=1)


class OfFirst(Normed):
    def norm(self, x):
        return x[:1].norm() if x.ndim > 1 else x.norm()


class Averaged(Normed):
    def step(self, weights, gradient, step):
        if weights.ndim > 1:
            weights.copy_(weights.mean(0))
        weights.sub_(self.settings.learning_rate * gradient)


class OnlyInState(Normed):
    def step(self, weights, gradient, step):
        self.state["mean"].copy_(gradient - gradient.mean())
        weights.sub_(self.settings.learning_rate * gradient)


class FirstRate(Normed):
    def step(self, weights, gradient, step):
        weights.sub_(gradient * self.settings.learning_rate[0])


class SecondAxis(Normed):
    def norm(self, x):
        return x.norm(dim=1, keepdim=True)


class Noisy(Normed):
    def step(self, weights, gradient, step):
        weights.sub_(self.settings.learning_rate * (gradient + torch.randn_like(gradient)))
"""


def first_step(settings, precision=torch.float32, models=3):
    generator = torch.Generator().manual_seed(0)
    weights, gradient = torch.randn(2, models, 500, generator=generator, dtype=torch.float64).to(precision)
    optimizer = make_batched_optimizer([settings] * models, weights)
    optimizer.step(weights, gradient, torch.ones(models, 1))
    return weights, gradient, optimizer


@pytest.fixture
def mixing(named, tmp_path):
    (tmp_path / "code.py").write_text(MIXING)
    return lambda name: named(name, settings={})


@pytest.mark.parametrize("name", ["OfAll", "ClippedByAll", "OfFirst", "Averaged", "OnlyInState"])
def test_a_step_that_mixes_the_rows_of_a_batch_is_refused(mixing, name):
    """Else its results depended, silently, on what else is trained."""
    said = rf"code\.py:{name}: expected a step in which each row .*found that row [01] changes otherwise"
    with pytest.raises(ConfigError, match=said):
        first_step(mixing(name))
    weights = torch.ones(5)
    make_optimizer(mixing(name), weights).step(weights, torch.ones(5), 1)  # alone there is nothing to mix


@pytest.mark.parametrize("name", ["OfAll", "Averaged"])
def test_it_is_seen_where_the_rows_begin_alike_as_those_of_one_seed_do(mixing, name):
    weights = torch.linspace(-1, 1, 500).repeat(2, 1)
    optimizer = make_batched_optimizer([mixing(name)] * 2, weights)
    with pytest.raises(ConfigError, match="changes otherwise when it is alone"):
        optimizer.step(weights, weights.cos(), 1)


@pytest.mark.parametrize(
    ("name", "said"), [("FirstRate", "TypeError"), ("SecondAxis", "Dimension out of range")]
)
def test_a_step_that_no_model_alone_can_take_is_refused_in_a_batch_too(mixing, name, said):
    with pytest.raises(ConfigError, match=rf"code\.py, line \d+.*{said}.*weights of the shape \(n,\)"):
        first_step(mixing(name))


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_looking_at_the_rows_changes_nothing(mixing, precision):
    _, gradient, optimizer = first_step(mixing("Normed"), precision)
    mean = gradient / gradient.norm(dim=-1, keepdim=True) * 0.1
    torch.testing.assert_close(optimizer.state["mean"], mean)


def test_rows_are_looked_at_once(mixing, monkeypatch):
    weights, gradient, optimizer = first_step(mixing("Normed"))
    monkeypatch.setattr(optimizer, "_refuse_mixed_rows", lambda two: pytest.fail("looked again"))
    optimizer.step(weights, gradient, 2)


def test_a_step_that_draws_random_numbers_is_let_be_and_draws_as_many_as_without_a_look(mixing):
    torch.manual_seed(0)
    first_step(mixing("Noisy"))
    found = torch.randn(1)
    torch.manual_seed(0)
    torch.randn(3, 500)
    assert torch.equal(found, torch.randn(1))
