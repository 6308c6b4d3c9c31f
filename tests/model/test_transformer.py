"""The batched, deduplicated model is the same function with the same gradient as the plain one.

Shapes: M models, B examples, T context, n weights, V vocabulary.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from oracles import transformer
from torch import Tensor

from grokflow.config import Dataset, Model
from grokflow.data.dataset import make_dataset, tokenization
from grokflow.model import attention, objective
from grokflow.model.models import make_model
from grokflow.model.objective import Examples, gradient_pass, loss_and_error, loss_and_gradient
from grokflow.model.prefixes import Prefixes
from grokflow.model.transformer import Transformer

TOLERANCE = 1e-12
"""Relative to the largest entry: the two sides sum in different orders."""

MODELS = {
    "1-layer-1-head": Model(layers=1, width=4, mlp_width=6, heads=1),
    "1-layer-3-heads": Model(layers=1, width=3, mlp_width=4, heads=3),
    "2-layers-2-heads": Model(layers=2, width=4, mlp_width=8, heads=2),
    "3-layers-2-heads": Model(layers=3, width=6, mlp_width=5, heads=2),
}


def _normalised(layers: int, kind: str, **settings: object) -> Model:
    return Model(layers=layers, width=6, mlp_width=5, heads=2, normalization=kind, **settings)


NORMALISED = {
    "norm-1": _normalised(1, "layer_norm"),
    "norm-1-none-before": _normalised(1, "layer_norm", norm_affine="none", mlp_norm="before_relu"),
    "norm-2-gain-before": _normalised(
        2, "layer_norm", norm_affine="gain", mlp_norm="before_relu", norm_epsilon=1e-3
    ),
    "norm-2-bias-before": _normalised(
        2, "layer_norm", norm_affine="gain_and_bias", mlp_norm="before_relu", norm_epsilon=0.1
    ),
    "norm-2-bias-after": _normalised(2, "layer_norm", norm_affine="gain_and_bias", mlp_norm="after_relu"),
    "norm-3-none-after": _normalised(3, "layer_norm", norm_affine="none", norm_epsilon=1e-3),
    "norm-3-gain": _normalised(3, "layer_norm", norm_affine="gain"),
    "invariant-1": _normalised(1, "scale_invariant"),
    "invariant-2-before": _normalised(2, "scale_invariant", mlp_norm="before_relu", norm_epsilon=1e-3),
    "invariant-3-after": _normalised(3, "scale_invariant", mlp_norm="after_relu", unembedding_norm=3.0),
    "attention-1": _normalised(1, "invariant_attention"),
    "attention-2-gain-before": _normalised(
        2, "invariant_attention", norm_affine="gain", mlp_norm="before_relu", norm_epsilon=1e-3
    ),
    "attention-3-none": _normalised(3, "invariant_attention", norm_affine="none"),
    "but-attention-1": _normalised(1, "invariant_but_attention"),
    "but-attention-2-before": _normalised(
        2, "invariant_but_attention", mlp_norm="before_relu", norm_epsilon=1e-3, unembedding_norm=3.0
    ),
}
"""Every normalization with every affine part, either place in the MLP, 1 to 3 layers."""

MODELS |= NORMALISED
PLAIN = [model for model in MODELS if model not in NORMALISED]
TOKENS = ("a b", "a o b =")
ALGEBRAS = {"modulo-5": {"modulus": 5}, "S3": {"group": "S3"}, "S5": {"group": "S5"}}


@dataclass(frozen=True)
class Case:
    """A model on a dataset, with M = 2 rows of weights and a batch of examples for each."""

    model: str
    tokens: str
    algebra: str
    batch: int

    @property
    def dataset(self) -> Dataset:
        return Dataset(operation="a*b", tokens=self.tokens, train_fraction=0.5, **ALGEBRAS[self.algebra])

    @property
    def transformer(self) -> Transformer:
        return make_model(MODELS[self.model], self.dataset)

    @property
    def config(self) -> Model:
        return MODELS[self.model]

    @functools.cached_property
    def weights(self) -> Tensor:
        """(M, n), every number random, so that no bias hides behind a zero."""
        random = np.random.default_rng(1)
        return torch.from_numpy(random.normal(scale=0.4, size=(2, self.transformer.layout.size)))

    def examples(self, row: int) -> Examples:
        """Batch number `row`: random pairs, some of them twice, with random targets."""
        random = np.random.default_rng(row)
        code = tokenization(self.dataset)
        elements = len(code.alphabet[0])
        a, b, c = random.integers(elements, size=(3, self.batch))
        return Examples(torch.from_numpy(code.tokens(a, b)), torch.from_numpy(c))

    def oracle(self, row: int, batch: int) -> tuple[Tensor, float, Tensor]:
        """Logits (B, V), loss, gradient (n,) of row `row` of the weights on batch `batch`."""
        return _oracle(self, row, batch)


@functools.cache
def _oracle(case: Case, row: int, batch: int) -> tuple[Tensor, float, Tensor]:
    parameters = case.transformer.layout.parameters
    w = transformer.named(parameters, case.weights[row])
    examples = case.examples(batch)
    pairs = transformer.pairs(examples.tokens, examples.targets)
    with torch.no_grad():
        logits = [transformer.logits(w, tokens, case.config)[-1] for tokens, _ in pairs]
    loss, gradient = transformer.loss_and_gradient(w, pairs, case.config)
    return torch.stack(logits), loss, torch.cat([gradient[p.name].flatten() for p in parameters])


def assert_close(found: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


CASES = [
    *(Case(model, tokens, "modulo-5", 2) for model in PLAIN for tokens in TOKENS),
    *(Case(model, tokens, "modulo-5", 6) for model in PLAIN for tokens in TOKENS),
    *(Case(model, tokens, "S3", 7) for model in PLAIN for tokens in TOKENS),
    *(Case(model, "a o b =", "modulo-5", 26) for model in ("2-layers-2-heads", "3-layers-2-heads")),
    Case("1-layer-1-head", "a b", "S5", 130),
    Case("2-layers-2-heads", "a o b =", "S5", 3),
    *(Case(model, tokens, "modulo-5", 3) for model in NORMALISED for tokens in TOKENS),
    *(Case(model, "a o b =", "modulo-5", 26) for model in ("norm-2-gain-before", "invariant-2-before")),
]
"""Batches of less than the 5, 6 or 120 elements, of more, and of more than all 25 pairs: each shares
other positions between examples."""

every_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c.model},{c.tokens},{c.algebra},B={c.batch}"
)


@pytest.fixture(params=["compiled", "plain"])
def attention_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Attention as a CPU computes it, and as a GPU does."""
    if request.param == "plain":
        monkeypatch.setattr("grokflow.model.transformer.attend", attention.attend_by_formula)
    return request.param


@every_case
@pytest.mark.usefixtures("attention_of")
def test_one_model_agrees_with_the_oracle(case: Case) -> None:
    logits, loss, gradient = case.oracle(0, 0)
    batch = case.examples(0)
    assert_close(case.transformer.logits(case.weights[0], batch.tokens), logits)
    found_loss, found_gradient = loss_and_gradient(case.transformer, case.weights[0], batch)
    assert found_loss.item() == pytest.approx(loss, rel=TOLERANCE)
    assert_close(found_gradient, gradient)


@every_case
def test_many_models_on_shared_tokens_agree_with_the_oracle(case: Case) -> None:
    rows = [case.oracle(row, 0) for row in range(2)]
    batch = case.examples(0)
    found = case.transformer.logits(case.weights, batch.tokens)
    assert_close(found, torch.stack([logits for logits, _, _ in rows]))
    loss, gradient = loss_and_gradient(case.transformer, case.weights, batch)
    assert loss.tolist() == pytest.approx([loss for _, loss, _ in rows], rel=TOLERANCE)
    assert_close(gradient, torch.stack([gradient for _, _, gradient in rows]))


@every_case
@pytest.mark.usefixtures("attention_of")
def test_many_models_each_on_its_own_tokens_agree_with_the_oracle(case: Case) -> None:
    rows = [case.oracle(row, row) for row in range(2)]
    own = [case.examples(row) for row in range(2)]
    batch = Examples(torch.stack([b.tokens for b in own]), torch.stack([b.targets for b in own]))
    found = case.transformer.logits(case.weights, batch.tokens)
    assert_close(found, torch.stack([logits for logits, _, _ in rows]))
    loss, gradient = loss_and_gradient(case.transformer, case.weights, batch)
    assert loss.tolist() == pytest.approx([loss for _, loss, _ in rows], rel=TOLERANCE)
    assert_close(gradient, torch.stack([gradient for _, _, gradient in rows]))


ONE_OF_EACH = [
    Case("1-layer-3-heads", "a o b =", "modulo-5", 6),
    Case("2-layers-2-heads", "a b", "S3", 7),
    Case("3-layers-2-heads", "a o b =", "S3", 7),
    Case("3-layers-2-heads", "a b", "modulo-5", 2),
    Case("norm-2-bias-before", "a o b =", "modulo-5", 6),
    Case("norm-1", "a b", "S3", 7),
    Case("invariant-2-before", "a o b =", "S3", 7),
    Case("invariant-1", "a b", "modulo-5", 6),
    Case("attention-2-gain-before", "a o b =", "modulo-5", 6),
    Case("but-attention-2-before", "a b", "S3", 7),
]
some_cases = pytest.mark.parametrize(
    "case", ONE_OF_EACH, ids=lambda c: f"{c.model},{c.tokens},{c.algebra},B={c.batch}"
)


def test_weights_have_the_names_and_natural_shapes_of_the_transformer() -> None:
    dataset = Dataset(operation="a+b", modulus=5, tokens="a o b =", train_fraction=0.5)
    layout = make_model(Model(layers=2, width=4, mlp_width=6, heads=2), dataset).layout
    layer = {
        "attention.query": (4, 4),
        "attention.key": (4, 4),
        "attention.value": (4, 4),
        "attention.output": (4, 4),
        "mlp.in.weight": (4, 6),
        "mlp.in.bias": (6,),
        "mlp.out.weight": (6, 4),
        "mlp.out.bias": (4,),
    }
    assert {p.name: p.shape for p in layout.parameters} == {
        "token_embedding": (7, 4),
        "position_embedding": (4, 4),
        **{f"layer_{i}.{name}": shape for i in range(2) for name, shape in layer.items()},
        "unembedding": (4, 7),
    }


def test_paper_m_has_as_many_weights_as_its_definition_says() -> None:
    """97·128 + 2·128 embeddings, 4·128² attention, 2·128·512 + 512 + 128 MLP, 128·97 back."""
    dataset = Dataset(operation="a*b", modulus=97, b_from=1, train_fraction=0.4)
    assert make_model(Model(), dataset).layout.size == 222_336


@some_cases
def test_gradient_agrees_with_central_differences(case: Case) -> None:
    weights, batch, step = case.weights[0], case.examples(0), 1e-5
    _, gradient = loss_and_gradient(case.transformer, weights, batch)
    largest = gradient.abs().topk(6).indices
    trained = np.concatenate([np.arange(s.start, s.stop) for s in case.transformer.layout.trained])
    others = torch.from_numpy(np.random.default_rng(2).choice(trained, 6, replace=False))
    for i in torch.cat([largest, others]).tolist():
        ahead, behind = weights.clone(), weights.clone()
        ahead[i] += step
        behind[i] -= step
        losses = [loss_and_error(case.transformer, w, batch)[0] for w in (ahead, behind)]
        slope = (losses[0] - losses[1]) / (2 * step)
        assert abs(gradient[i] - slope) <= 1e-7 * gradient.abs().max()


@some_cases
def test_every_position_sees_only_its_past(case: Case) -> None:
    """Reading any prefix alone gives the logits that the whole context has at its last position."""
    whole, batch = case.transformer, case.examples(0)
    w = transformer.named(whole.layout.parameters, case.weights[0])
    expected = [transformer.logits(w, tokens, case.config) for tokens in batch.tokens.tolist()]
    for length in range(1, len(whole.alphabet) + 1):
        prefix = replace(whole, alphabet=whole.alphabet[:length])
        arrays = {name: tensor.detach().numpy() for name, tensor in w.items()}
        arrays["position_embedding"] = arrays["position_embedding"][:length]
        weights = torch.from_numpy(prefix.layout.join(arrays))
        found = prefix.logits(weights, batch.tokens[:, :length])
        assert_close(found, torch.stack([logits[length - 1] for logits in expected]).detach())


@some_cases
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(case: Case) -> None:
    batch = case.examples(0)
    together = case.transformer.logits(case.weights[0], batch.tokens)
    order = torch.from_numpy(np.random.default_rng(3).permutation(len(batch)))
    assert_close(case.transformer.logits(case.weights[0], batch.tokens[order]), together[order])
    alone = [case.transformer.logits(case.weights[0], t.unsqueeze(0)) for t in batch.tokens]
    assert_close(torch.cat(alone), together)


@some_cases
@pytest.mark.parametrize("chunk", [1, 3, 1024])
def test_loss_and_error_agree_with_the_oracle(
    case: Case, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "EVALUATION_BATCH", chunk)
    logits, expected, _ = case.oracle(0, 0)
    batch = case.examples(0)
    loss, error = loss_and_error(case.transformer, case.weights[0], batch)
    assert loss == pytest.approx(expected, rel=TOLERANCE)
    wrong = [int(x.argmax()) != c for x, c in zip(logits, batch.targets.tolist(), strict=True)]
    assert error == sum(wrong) / len(batch)
    found = objective.wrong_examples(case.transformer, case.weights[0], batch)
    assert found.wrong.tolist() == [i for i, is_wrong in enumerate(wrong) if is_wrong]
    assert found.close.tolist() == []


@some_cases
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_gradient_pass_measures_the_whole_set_and_the_mean_of_its_batches_norms(
    case: Case, weight_decay: float
) -> None:
    batches = list(case.examples(0).batches(3))  # the last one is smaller
    w = transformer.named(case.transformer.layout.parameters, case.weights[0])
    pairs = [transformer.pairs(b.tokens, b.targets) for b in batches]
    norms = [
        transformer.stochastic_gradient_norm(w, pairs, case.config, decay) for decay in (0.0, weight_decay)
    ]
    _, loss, _ = case.oracle(0, 0)
    error = transformer.error(w, [pair for batch in pairs for pair in batch], case.config)
    found = gradient_pass(case.transformer, case.weights[0], batches, weight_decay)
    assert found == pytest.approx((loss, error, *norms, 0), rel=TOLERANCE)
    assert (found.norm, found.norm_l2, found.norm_part) == found[2:]


@some_cases
def test_many_models_are_measured_as_each_alone(case: Case) -> None:
    batches = list(case.examples(0).batches(3))
    part = [case.transformer.layout.slices["layer_0.mlp.in.weight"]]
    found = gradient_pass(case.transformer, case.weights, batches, 0.3, part)
    losses, errors = loss_and_error(case.transformer, case.weights, case.examples(0))
    for row, weights in enumerate(case.weights):
        alone = gradient_pass(case.transformer, weights, batches, 0.3, part)
        assert torch.stack(found)[:, row].tolist() == pytest.approx(
            torch.stack(alone).tolist(), rel=TOLERANCE
        )
        loss, error = loss_and_error(case.transformer, weights, case.examples(0))
        assert losses[row].item() == pytest.approx(loss.item(), rel=TOLERANCE)
        assert errors[row].item() == error.item()


@some_cases
def test_gradient_pass_measures_a_part_by_itself(case: Case) -> None:
    layout, names = case.transformer.layout, ("layer_0.mlp.in.weight", "layer_0.attention.value")
    batches = list(case.examples(0).batches(3))
    w = transformer.named(layout.parameters, case.weights[0])
    norms = []
    for batch in batches:
        _, gradient = transformer.loss_and_gradient(
            w, transformer.pairs(batch.tokens, batch.targets), case.config
        )
        norms.append(math.sqrt(sum(gradient[name].square().sum().item() for name in names)))
    part = [layout.slices[name] for name in names]
    found = gradient_pass(case.transformer, case.weights[0], batches, 0.3, part)
    whole = gradient_pass(case.transformer, case.weights[0], batches, 0.3)
    assert found.norm_part == pytest.approx(sum(norms) / len(norms), rel=TOLERANCE)
    assert found[:4] == whole[:4]


@some_cases
def test_a_batch_pass_counts_the_wrong_answers_of_every_row(case: Case) -> None:
    own = [case.examples(row) for row in range(2)]
    batch = Examples(torch.stack([b.tokens for b in own]), torch.stack([b.targets for b in own]))
    together = objective.batch_pass(case.transformer, case.weights, batch)
    for row in range(2):
        logits, loss, gradient = case.oracle(row, row)
        answers = [int(x.argmax()) for x in logits]
        wrong = sum(a != c for a, c in zip(answers, own[row].targets.tolist(), strict=True))
        alone = objective.batch_pass(case.transformer, case.weights[row], own[row])
        for found in (alone, objective.BatchPass(*(part[row] for part in together))):
            assert found.wrong.item() == wrong
            assert found.loss.item() == pytest.approx(loss, rel=TOLERANCE)
            assert not found.loss.requires_grad
            assert_close(found.gradient, gradient)


@pytest.mark.parametrize("model", NORMALISED)
def test_only_the_frozen_unembedding_has_no_gradient(model: str) -> None:
    case = Case(model, "a o b =", "modulo-5", 6)
    _, gradient = loss_and_gradient(case.transformer, case.weights, case.examples(0))
    zero = [name for name, place in case.transformer.layout.slices.items() if not gradient[..., place].any()]
    assert zero == (["unembedding"] if model.startswith(("invariant", "but-attention")) else [])


NORMS = {"layer_0.attention.norm": 4, "layer_0.mlp.norm": 4, "layer_0.mlp.hidden_norm": 6, "final_norm": 4}


@pytest.mark.parametrize("kind", ["layer_norm", "invariant_attention"])
@pytest.mark.parametrize(
    ("affine", "learned"),
    [("none", ()), ("gain", ("gain",)), ("gain_and_bias", ("gain", "bias")), (None, ("gain", "bias"))],
)
def test_norms_have_a_gain_and_a_bias_as_asked(
    kind: str, affine: str | None, learned: tuple[str, ...]
) -> None:
    dataset = Dataset(operation="a+b", modulus=5, train_fraction=0.5)
    settings = {"layers": 1, "width": 4, "mlp_width": 6, "heads": 2}
    plain = make_model(Model(**settings), dataset).layout
    found = make_model(Model(**settings, normalization=kind, norm_affine=affine), dataset).layout
    names = {p.name: p.shape for p in found.parameters}
    added = {f"{name}.{what}": (width,) for name, width in NORMS.items() for what in learned}
    assert names == {p.name: p.shape for p in plain.parameters} | added


@pytest.mark.parametrize("normalization", ["scale_invariant", "invariant_but_attention"])
def test_where_norms_learn_nothing_a_model_has_the_plain_models_tensors(normalization: str) -> None:
    dataset = Dataset(operation="a+b", modulus=5, train_fraction=0.5)
    settings = {"layers": 2, "width": 4, "mlp_width": 6, "heads": 2}
    plain, found = (
        make_model(Model(**settings, normalization=kind), dataset).layout for kind in ("none", normalization)
    )
    assert [(p.name, p.shape) for p in found.parameters] == [(p.name, p.shape) for p in plain.parameters]


@some_cases
def test_float32_is_close_to_float64(case: Case) -> None:
    logits, loss, gradient = case.oracle(0, 0)
    weights, batch = case.weights[0].float(), case.examples(0)
    found = case.transformer.logits(weights, batch.tokens)
    assert found.dtype == torch.float32
    assert_close(found.double(), logits, 1e-5)
    found_loss, found_gradient = loss_and_gradient(case.transformer, weights, batch)
    assert found_loss.item() == pytest.approx(loss, rel=1e-5)
    assert found_gradient.dtype == torch.float32
    assert_close(found_gradient.double(), gradient, 1e-5)


@some_cases
def test_gradient_leaves_the_weights_as_they_were(case: Case) -> None:
    weights = case.weights[0].clone()
    loss_and_gradient(case.transformer, weights, case.examples(0))
    assert torch.equal(weights, case.weights[0])
    assert not weights.requires_grad


def test_batches_are_consecutive_and_complete() -> None:
    examples = Examples(torch.arange(20).view(10, 2), torch.arange(10))
    batches = list(examples.batches(4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.tokens for batch in batches]), examples.tokens)
    assert torch.equal(torch.cat([batch.targets for batch in batches]), examples.targets)


@pytest.mark.parametrize("tokens", TOKENS)
def test_task_holds_every_pair_of_its_split(tokens: str) -> None:
    dataset = Dataset(operation="a+b", modulus=5, tokens=tokens, train_fraction=0.5)
    frame = make_dataset(dataset)
    task = objective.make_task(Model(), dataset, frame, "cpu")
    for split, found in (("train", task.train), ("validation", task.validation)):
        rows = frame[frame["split"] == split]
        a, b = (0, 1) if tokens == "a b" else (0, 2)
        assert found.tokens[:, a].tolist() == rows["a"].tolist()
        assert found.tokens[:, b].tolist() == rows["b"].tolist()
        assert found.targets.tolist() == [(r.a + r.b) % 5 for r in rows.itertuples()]
        if tokens == "a o b =":
            assert (found.tokens[:, [1, 3]] == torch.tensor([5, 6])).all()


@pytest.mark.parametrize(
    ("batch", "rows"),
    [
        (2, 2 + 2 + 2 + 2),
        (5, 5 + 5 + 5 + 5),
        (24, 5 + 5 + 24 + 24),
        (26, 5 + 5 + 25 + 26),
        (900, 935),
    ],
)
def test_every_distinct_prefix_is_computed_once(batch: int, rows: int) -> None:
    """`a o b =` modulo 5: 5, 5, 25 and 25 prefixes; where the batch is smaller, a row an example."""
    case = Case("3-layers-2-heads", "a o b =", "modulo-5", batch)
    prefixes = Prefixes(case.transformer.alphabet, layers=3)
    first, middle, last = prefixes.of(case.examples(0).tokens)
    assert [layer.keys.shape for layer in (first, middle, last)] == [
        (rows, 4),
        (rows, 4),
        (batch, 4),
    ]
    # Before the first attention a row is a token at a position: 5 + 1 + 5 + 1, whatever the batch.
    assert first.queries == slice(0, 12)
    assert int(first.keys.max()) < 12
    # After the last one nothing but the last position goes on.
    assert last.queries == slice(rows - batch, rows)
