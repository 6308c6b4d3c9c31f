"""The optimizers take the steps that torch.optim takes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grokflow.config import SGD, AdamW
from grokflow.training import OPTIMIZERS, make_optimizer
from grokflow.training.optimizers import make_batched_optimizer

STEPS = 50


def start() -> Tensor:
    return torch.linspace(-2, 3, 40, dtype=torch.float64).sin()


def gradient(weights: Tensor, step: int) -> Tensor:
    """That of a function with curvature, other on every step, as on minibatches."""
    return weights**3 - 0.3 * weights + 0.2 * torch.cos(step * (1 + weights))


def trajectory(settings: SGD | AdamW) -> list[Tensor]:
    weights = start()
    optimizer, found = make_optimizer(settings, weights), []
    for step in range(1, STEPS + 1):
        optimizer.step(weights, gradient(weights, step), step)
        found.append(weights.clone())
    return found


def torch_trajectory(optimizer_class: type, warmup_steps: int, **settings) -> list[Tensor]:
    weights = start().requires_grad_()
    optimizer, found = optimizer_class([weights], **settings), []
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * (min(1, step / warmup_steps) if warmup_steps else 1)
        weights.grad = gradient(weights.detach(), step)
        optimizer.step()
        found.append(weights.detach().clone())
    return found


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-13


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_sgd_takes_torchs_steps(momentum: float, weight_decay: float) -> None:
    settings = {"momentum": momentum, "weight_decay": weight_decay}
    ours = trajectory(SGD(name="sgd", learning_rate=0.05, **settings))
    assert_same(ours, torch_trajectory(torch.optim.SGD, 0, lr=0.05, **settings))
    assert (ours[-1] - start()).norm() > 0.1


@pytest.mark.parametrize("warmup_steps", [0, 1, 10, 200])
@pytest.mark.parametrize("weight_decay", [0.0, 1.0])
@pytest.mark.parametrize("betas", [(0.9, 0.98), (0.0, 0.5)])
def test_adamw_takes_torchs_steps(warmup_steps: int, weight_decay: float, betas: tuple[float, float]) -> None:
    ours = trajectory(
        AdamW(
            name="adamw",
            learning_rate=0.01,
            weight_decay=weight_decay,
            beta_1=betas[0],
            beta_2=betas[1],
            epsilon=1e-6,
            warmup_steps=warmup_steps,
        )
    )
    settings = {"lr": 0.01, "weight_decay": weight_decay, "betas": betas, "eps": 1e-6}
    assert_same(ours, torch_trajectory(torch.optim.AdamW, warmup_steps, **settings))


def test_adamw_has_the_defaults_of_power_et_al() -> None:
    settings = AdamW(name="adamw", learning_rate=1e-3)
    assert (settings.beta_1, settings.beta_2, settings.epsilon) == (0.9, 0.98, 1e-8)


@pytest.mark.parametrize(
    "settings",
    [
        SGD(name="sgd", learning_rate=0.05, momentum=0.9, weight_decay=0.1),
        AdamW(name="adamw", learning_rate=0.05, warmup_steps=30),
    ],
    ids=["sgd", "adamw"],
)
def test_state_is_all_that_a_resumed_training_needs(settings: SGD | AdamW) -> None:
    expected = trajectory(settings)
    weights = start()
    optimizer = make_optimizer(settings, weights)
    for step in range(1, STEPS + 1):
        if step == 20:
            saved = {name: tensor.clone() for name, tensor in optimizer.state.items()}
            optimizer = make_optimizer(settings, weights)
            optimizer.state = saved
        optimizer.step(weights, gradient(weights, step), step)
    assert torch.equal(weights, expected[-1])


def test_plain_sgd_keeps_no_state() -> None:
    assert make_optimizer(SGD(name="sgd", learning_rate=0.1), start()).state == {}


def test_every_configurable_optimizer_exists() -> None:
    assert set(OPTIMIZERS) == {"sgd", "adamw"}


@pytest.mark.parametrize("warmup_steps", [4, 10, 30])
@pytest.mark.parametrize("weight_decay", [0.0, 0.7])
def test_warm_up_is_that_of_torchs_lambda_schedule(warmup_steps: int, weight_decay: float) -> None:
    """Step s, from 1, is made with min(1, s / warm-up) of the learning rate."""
    settings = AdamW(
        name="adamw", learning_rate=0.02, weight_decay=weight_decay, warmup_steps=warmup_steps, epsilon=1e-7
    )
    weights = start().requires_grad_()
    theirs = torch.optim.AdamW([weights], lr=0.02, weight_decay=weight_decay, betas=(0.9, 0.98), eps=1e-7)
    schedule = torch.optim.lr_scheduler.LambdaLR(theirs, lambda done: min(1.0, (done + 1) / warmup_steps))
    expected = []
    for step in range(1, 21):
        weights.grad = gradient(weights.detach(), step)
        theirs.step()
        schedule.step()
        expected.append(weights.detach().clone())
    found = trajectory(settings)[:20]
    assert max((a - b).abs().max().item() for a, b in zip(found, expected, strict=True)) <= 1e-12
    assert (expected[0] - start()).abs().max() < 0.04 / warmup_steps


ROWS = [(0.05, 0.0), (0.01, 0.3), (0.002, 1.0)]
"""Learning rate and weight decay of each row."""

BATCHED = {
    "sgd": lambda rate, decay: SGD(name="sgd", learning_rate=rate, weight_decay=decay),
    "momentum": lambda rate, decay: SGD(name="sgd", learning_rate=rate, weight_decay=decay, momentum=0.9),
    "adamw": lambda rate, decay: AdamW(name="adamw", learning_rate=rate, weight_decay=decay),
    "warm-up": lambda rate, decay: AdamW(
        name="adamw", learning_rate=rate, weight_decay=decay, beta_1=0.8, epsilon=1e-4, warmup_steps=8
    ),
}


@pytest.mark.parametrize("kind", BATCHED)
def test_every_row_of_a_batch_takes_the_steps_it_would_take_alone(kind: str) -> None:
    settings = [BATCHED[kind](*row) for row in ROWS]
    starts = torch.stack([start(), start().flip(0), 0.5 * start()])
    together = starts.clone()
    batched = make_batched_optimizer(settings, together)
    alone = [row.clone() for row in starts]
    single = [make_optimizer(own, row) for own, row in zip(settings, alone, strict=True)]
    for step in range(1, 21):
        batched.step(together, gradient(together, step), step)
        for optimizer, row in zip(single, alone, strict=True):
            optimizer.step(row, gradient(row, step), step)
        assert (together - torch.stack(alone)).abs().max() <= 1e-12
    for name, state in batched.state.items():
        rows = torch.stack([optimizer.state[name] for optimizer in single])
        assert (state - rows).abs().max() <= 1e-12
    assert ((together - starts).abs().amax(-1) > 1e-3).all()


@pytest.mark.parametrize("kind", BATCHED)
def test_a_batch_of_float32_stays_float32(kind: str) -> None:
    weights = torch.stack([start(), start()]).float()
    settings = [BATCHED[kind](0.01, 0.1), BATCHED[kind](0.02, 0.0)]
    optimizer = make_batched_optimizer(settings, weights)
    optimizer.step(weights, gradient(weights, 1), 1)
    assert {weights.dtype, *(tensor.dtype for tensor in optimizer.state.values())} == {torch.float32}
