"""A model of the user's own: the shipped perceptron, and PyTorch modules named in a configuration."""

from pathlib import Path

import pytest
import torch
from torch import nn

from grokflow.config import Dataset, UserModel
from grokflow.data import make_dataset
from grokflow.errors import ConfigError
from grokflow.model import (
    Examples,
    gradient_pass,
    loss_and_gradient,
    make_layout,
    make_model,
    make_task,
    unflatten,
    wrong_answers,
)
from grokflow.user_code import find

EXAMPLES = Path(__file__).parents[2] / "examples"
DATASET = Dataset(operation="a*b", modulus=7, train_fraction=0.6)
MLP = UserModel(code=str(find("mlp.py:MLP", EXAMPLES)), settings={"width": 10, "layers": 2})


def task_of(model):
    return make_task(model, DATASET, make_dataset(DATASET), "cpu")


def weights_of(task, *seeds):
    drawn = [torch.from_numpy(task.model.layout.initial(seed)) for seed in seeds]
    return drawn[0] if len(drawn) == 1 else torch.stack(drawn)


def test_the_shipped_perceptron_is_the_same_function_as_pytorchs_layers():
    task = task_of(MLP)
    weights = weights_of(task, 0)
    w = unflatten(weights, task.model.layout)
    hidden = [nn.Linear(14, 10).double(), nn.Linear(10, 10).double()]
    last = nn.Linear(10, 7, bias=False).double()
    with torch.no_grad():
        for i, layer in enumerate(hidden):
            layer.weight.copy_(w[f"layer_{i}.weight"].T)
            layer.bias.copy_(w[f"layer_{i}.bias"] + 0.1)
            w[f"layer_{i}.bias"] += 0.1  # a view: so the biases are not all 0
        last.weight.copy_(w["unembedding"].T)
    plain = nn.Sequential(hidden[0], nn.ReLU(), hidden[1], nn.ReLU(), last)
    one_hot = nn.functional.one_hot(task.train.tokens, 7).flatten(1).double()
    torch.testing.assert_close(task.model.logits(weights, task.train.tokens), plain(one_hot))


def test_many_perceptrons_together_are_each_of_them_alone():
    task = task_of(MLP)
    many = weights_of(task, 0, 1, 2)
    shared = task.model.logits(many, task.train.tokens)
    own = task.model.logits(many, torch.stack([task.train.tokens.roll(i, 0) for i in range(3)]))
    for i in range(3):
        torch.testing.assert_close(shared[i], task.model.logits(many[i], task.train.tokens))
        torch.testing.assert_close(own[i], task.model.logits(many[i], task.train.tokens.roll(i, 0)))
    together = gradient_pass(task.model, many, [task.train], weight_decay=0.1)
    alone = gradient_pass(task.model, many[1], [task.train], weight_decay=0.1)
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a[1], b)


MODULE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, vocabulary, positions, width=5):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.out = nn.Linear(positions * width, vocabulary)

    def forward(self, tokens):
        return self.out(torch.tanh(self.embed(tokens).flatten(-2)))


class Fixed:
    def __init__(self, **given):
        self.given = given
        self.layout = None

    logits = None


def broken(vocabulary):
    return vocabulary.nothing


def sequential(vocabulary, positions, width=5):
    return nn.Sequential(
        nn.Embedding(vocabulary, width), nn.Flatten(-2), nn.Tanh(), nn.Linear(positions * width, vocabulary)
    )


ready = nn.Linear(2, 7)


def always_ready():
    return ready


def number(vocabulary):
    return vocabulary


def needy(vocabulary, *, width):
    return Net(vocabulary, 2, width)


def positional(depth=1, /):
    return Net(7, 2)


def nothing(vocabulary):
    Net(vocabulary, 2)
"""


@pytest.fixture
def named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(MODULE)
    return lambda name, **settings: UserModel(code=str(find(f"net.py:{name}")), settings=settings)


def test_a_pytorch_module_named_in_a_configuration_is_a_model(named):
    task = task_of(named("Net", width=3))
    assert make_layout(named("Net", width=3), DATASET).size == task.model.layout.size == 7 * 3 + 6 * 7 + 7
    weights = weights_of(task, 4)
    loss, gradient = loss_and_gradient(task.model, weights, task.train)
    module = task.model.module.double()
    with torch.no_grad():
        for name, tensor in unflatten(weights, task.model.layout).items():
            module.get_parameter(name).copy_(tensor)
    expected = nn.functional.cross_entropy(module(task.train.tokens), task.train.targets)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, torch.cat([p.grad.flatten() for p in module.parameters()]))
    assert not torch.equal(weights, weights_of(task, 5))
    assert torch.equal(weights, weights_of(task_of(named("Net", width=3)), 4))


def test_a_function_that_makes_a_module_is_as_good_as_its_class(named):
    """Its first weights, too: both draw the same tensors in the same order."""
    made, of_class = task_of(named("sequential", width=3)), task_of(named("Net", width=3))
    weights = weights_of(made, 4)
    assert torch.equal(weights, weights_of(of_class, 4))
    assert not torch.equal(weights, weights_of(made, 5))
    tokens = made.train.tokens
    torch.testing.assert_close(made.model.logits(weights, tokens), of_class.model.logits(weights, tokens))


def test_a_function_makes_a_module_anew_for_each_seed(named):
    """Or all seeds would begin at the same weights."""
    with pytest.raises(ConfigError, match=r"Linear: expected a new module each time.*found the same one"):
        make_layout(named("always_ready"), DATASET).initial(0)


def test_wrong_answers_of_a_module_are_counted_as_of_any_model(named):
    task = task_of(named("Net"))
    weights = weights_of(task, 0, 1)
    examples = Examples(task.validation.tokens, task.validation.targets)
    found = wrong_answers(task.model.logits(weights, examples.tokens), examples.targets)
    assert found.shape == (2, len(examples))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        (
            "Net",
            {"wdith": 3},
            r"net\.py:Net: expected a class or function that takes its settings and, of vocabulary, "
            r"positions, alphabet, what it needs, found the setting 'wdith', which it does not take\. "
            r"Did you mean 'width'\?$",
        ),
        (
            "needy",
            {},
            r"net\.py:needy: .*, found no 'width', which it needs\. Give it: settings: \{width: …\}\.$",
        ),
        ("positional", {"depth": 2}, r"found the setting 'depth', which it does not take"),
        ("nothing", {}, r"net\.py:nothing: expected what makes a model.*found None\. Is there a `return`\?"),
        ("ready", {}, r"net\.py:ready: expected a class or function .*, found a Linear\."),
        (
            "Fixed",
            {},
            r"net\.py:Fixed: expected what makes a model.*found a Fixed without `layout`",
        ),
        ("number", {}, r"net\.py:number: expected what makes a model.*found an int without `layout`"),
        ("broken", {}, r"net\.py, line 25, in broken: .*AttributeError"),
        ("Net", {"width": "wide"}, r"net\.py, line 9, in __init__: .*TypeError"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(named, name, settings, said):
    with pytest.raises(ConfigError, match=said):
        make_model(named(name, **settings), DATASET)


def test_a_class_gets_all_that_it_might_want_where_it_takes_anything(named):
    with pytest.raises(ConfigError, match="without `layout`"):
        make_model(named("Fixed", any_setting=1), DATASET)


SHAPES = """
import torch
from torch import nn

from grokflow.model import Layout, Parameter, unflatten


class Each(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, vocabulary)

    def forward(self, tokens):
        return self.embed(tokens)


class TooFew(Each):
    def forward(self, tokens):
        return self.embed(tokens)[:, -1, 1:]


class NoSuchPosition(Each):
    def forward(self, tokens):
        return self.embed(tokens)[:, 9]


class Apart:

    def __init__(self, vocabulary):
        self.layout = Layout((Parameter("embedding", (vocabulary, vocabulary), scale=1.0),))

    def logits(self, weights, tokens):
        embedding = unflatten(weights, self.layout)["embedding"]
        one_hot = nn.functional.one_hot(tokens, embedding.shape[-1]).to(embedding.dtype).sum(-2)
        return self.scaled(one_hot @ embedding)

    def scaled(self, x):
        return x / x.std(dim=-1, keepdim=True)


class Mixing(Apart):
    def scaled(self, x):
        return x / x.std()


class Softmaxed(Apart):
    def scaled(self, x):
        return x.softmax(dim=1)


class Summed(Apart):
    def scaled(self, x):
        return x.sum(0) if x.ndim == 3 else x


class Double(Apart):
    def logits(self, weights, tokens):
        return super().logits(weights, tokens) @ torch.eye(7, dtype=torch.float64)
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "Each",
            r"code\.py:Each: expected logits of the shape \(B, V\) = \(29, 7\), found \(29, 2, 7\)\. "
            r"Return those of the last position: outputs\[:, -1\]\.",
        ),
        ("TooFew", r"code\.py:TooFew: expected logits .* = \(29, 7\), found \(29, 6\)\.$"),
        ("NoSuchPosition", r"code\.py, line 24, in forward: .*IndexError"),
        ("Mixing", r"code\.py:Mixing: .*each row of weights.*found other logits for two models together"),
        ("Softmaxed", r"code\.py:Softmaxed: .*each row of weights.*found other logits for two models"),
        ("Summed", r"code\.py:Summed: .*found the shape \(29, 7\) for 2 models, in place of \(2, 29, 7\)"),
    ],
)
def test_a_model_is_tried_before_anything_is_computed_with_it(named, tmp_path, name, said):
    (tmp_path / "code.py").write_text(SHAPES)
    with pytest.raises(ConfigError, match=said):
        task_of(UserModel(code=str(find(f"code.py:{name}"))))


@pytest.mark.parametrize("name", ["Apart", "Double"])
def test_a_model_that_keeps_its_rows_apart_is_taken_in_whatever_precision_it_has(named, tmp_path, name):
    (tmp_path / "code.py").write_text(SHAPES)
    assert len(task_of(UserModel(code=str(find(f"code.py:{name}")))).train) == 29
