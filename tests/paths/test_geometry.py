"""The geometry of paths and the fit of their bends, against formulas worked out by hand.

Shapes: T values of t, K control points, n weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch import Tensor

from grokflow.config import Fit
from grokflow.paths import PATH_KINDS, Curve, values_of_t
from grokflow.paths.bends import LossAt, fit_epoch
from grokflow.paths.fitting import make_fit_optimizer
from grokflow.paths.schedule import learning_rate

EVERY_KIND = ["segment", "chain", "polyline", "bezier"]


def curve(kind: str, controls: np.ndarray) -> Curve:
    return Curve(kind, controls, tuple(str(i) for i in range(len(controls))))


def random_curve(kind: str, controls: int, dtype: type = np.float64) -> Curve:
    random = np.random.default_rng(controls)
    return curve(kind, random.normal(size=(controls, 7)).astype(dtype))


def test_every_kind_is_checked_here() -> None:
    assert set(PATH_KINDS) == set(EVERY_KIND)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("controls", [2, 3, 4, 9])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_path_starts_and_ends_exactly_at_its_ends(kind: str, controls: int, dtype: type) -> None:
    path = random_curve(kind, controls, dtype)
    ends = path.weights(np.array([0.0, 1.0]))
    assert ends.dtype == dtype
    assert ends.tobytes() == path.controls[[0, -1]].tobytes()


@pytest.mark.parametrize("controls", [2, 3, 4, 9])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_coefficients_are_weights_of_a_mean(kind: str, controls: int) -> None:
    """A path between equal points stays there, and no point of it leaves their hull."""
    found = random_curve(kind, controls).coefficients(np.linspace(0, 1, 101))
    assert found.shape == (101, controls)
    assert found.min() >= 0
    assert found.sum(axis=1) == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bend_is_met_exactly_in_the_middle(dtype: type) -> None:
    path = random_curve("polyline", 3, dtype)
    assert path.weights(np.array([0.5]))[0].tobytes() == path.controls[1].tobytes()


def test_one_bend_is_paper_ms_formula() -> None:
    path = random_curve("polyline", 3)
    w1, theta, w2 = path.controls
    for t in np.linspace(0, 1, 41):
        first_half, second_half = t * theta + (0.5 - t) * w1, (t - 0.5) * w2 + (1 - t) * theta
        expected = 2 * (first_half if t <= 0.5 else second_half)
        assert path.weights(np.array([t]))[0] == pytest.approx(expected, abs=1e-14)


def test_a_segment_is_the_straight_line() -> None:
    path = random_curve("segment", 2)
    first, last = path.controls
    for t in np.linspace(0, 1, 17):
        assert path.weights(np.array([t]))[0] == pytest.approx((1 - t) * first + t * last, abs=1e-14)


@pytest.mark.parametrize("kind", ["chain", "polyline"])
@pytest.mark.parametrize("controls", [3, 4, 6, 11])
def test_straight_pieces_are_segments_between_neighbours(kind: str, controls: int) -> None:
    path, pieces = random_curve(kind, controls), controls - 1
    for i, (first, last) in enumerate(itertools.pairwise(path.controls)):
        for u in (0.0, 0.2, 0.5, 0.9, 1.0):
            found = path.weights(np.array([(i + u) / pieces]))[0]
            assert found == pytest.approx((1 - u) * first + u * last, abs=1e-13)


def de_casteljau(controls: np.ndarray, t: float) -> np.ndarray:
    """A Bézier curve's point by repeated halving, without a binomial."""
    while len(controls) > 1:
        controls = (1 - t) * controls[:-1] + t * controls[1:]
    return controls[0]


@pytest.mark.parametrize("controls", [2, 3, 4, 7])
def test_bezier_agrees_with_de_casteljaus_construction(controls: int) -> None:
    path = random_curve("bezier", controls)
    for t in np.linspace(0, 1, 23):
        expected = de_casteljau(path.controls, t)
        assert path.weights(np.array([t]))[0] == pytest.approx(expected, abs=1e-13)


def test_length_of_a_segment_is_the_distance_of_its_ends() -> None:
    path = curve("segment", np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 15.0]]))  # 3, 4, 12: 13
    found = path.arc_length(np.array([0.0, 0.25, 1.0]))
    assert found == pytest.approx([0, 3.25, 13], rel=1e-14)


@pytest.mark.parametrize("kind", ["chain", "polyline"])
def test_length_around_a_right_angle_is_the_sum_of_its_legs(kind: str) -> None:
    path = curve(kind, np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]))
    found = path.arc_length(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert found == pytest.approx([0, 1.5, 3, 5, 7], rel=1e-14)


def test_length_of_a_quadratic_bezier_curve_agrees_with_its_integral() -> None:
    """‖φ'(t)‖ with φ' = 2(1−t)(w₁−w₀) + 2t(w₂−w₁), integrated by Gauss and Legendre."""
    path = random_curve("bezier", 3)
    w0, w1, w2 = path.controls
    nodes, quadrature = np.polynomial.legendre.leggauss(60)
    for end in (0.3, 0.5, 1.0):
        t = end * (nodes + 1) / 2
        speed = 2 * np.outer(1 - t, w1 - w0) + 2 * np.outer(t, w2 - w1)
        expected = end / 2 * quadrature @ np.linalg.norm(speed, axis=1)
        assert path.arc_length(np.array([end]))[0] == pytest.approx(expected, rel=1e-6)


def test_length_of_the_parabola_is_the_textbooks() -> None:
    """Controls (0,0), (½,0), (1,1) draw y = x² on [0,1]: √5/2 + ln(2+√5)/4."""
    path = curve("bezier", np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 1.0]]))
    expected = np.sqrt(5) / 2 + np.log(2 + np.sqrt(5)) / 4
    assert path.arc_length(np.array([1.0]))[0] == pytest.approx(expected, rel=1e-6)


def test_length_survives_weights_far_from_the_origin() -> None:
    path = curve("segment", np.array([[1e4, 1e4], [1e4 + 3e-3, 1e4 + 4e-3]], dtype=np.float64))
    assert path.arc_length(np.array([1.0]))[0] == pytest.approx(5e-3, rel=1e-6)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_length_grows_along_the_path_from_0(kind: str) -> None:
    found = random_curve(kind, 5).arc_length(np.linspace(0, 1, 101))
    assert found[0] == 0
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 7, 10, 49, 97, 360, 1000])
def test_a_knot_belongs_to_the_piece_that_it_begins(pieces: int) -> None:
    path = curve("chain", np.zeros((pieces + 1, 1)))
    knots = np.array([i / pieces for i in range(pieces + 1)])
    assert path.segment(knots).tolist() == [*range(pieces), pieces - 1]
    assert path.segment(np.linspace(0, 1, pieces + 1)).tolist() == [*range(pieces), pieces - 1]
    middles = (knots[:-1] + knots[1:]) / 2
    assert path.segment(middles).tolist() == list(range(pieces))


def test_a_bezier_curve_is_one_piece() -> None:
    assert random_curve("bezier", 5).segment(np.linspace(0, 1, 9)).tolist() == [0] * 9


@pytest.mark.parametrize("kind", ["segment", "polyline", "bezier"])
def test_values_of_t_are_even_and_include_the_ends(kind: str) -> None:
    found = values_of_t(random_curve(kind, 3 if kind != "segment" else 2), 61, 11)
    assert found.tolist() == pytest.approx([i / 60 for i in range(61)], abs=1e-15)
    assert (found[0], found[-1]) == (0, 1)


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 18, 49])
def test_values_of_t_of_a_chain_include_every_knot_once(pieces: int) -> None:
    points, inner = 13, 4
    path = curve("chain", np.zeros((pieces + 1, 1)))
    found = values_of_t(path, points, inner)
    assert (np.diff(found) > 1e-6).all()
    assert {i / pieces for i in range(pieces + 1)} <= set(found.tolist())
    counts = [points - 1 if i in (0, pieces - 1) else inner - 1 for i in range(pieces)]
    assert np.bincount(path.segment(found)).tolist() == [*counts[:-1], counts[-1] + 1]


@pytest.mark.parametrize(
    ("controls", "points"),
    [
        (3, 61),
        (4, 61),
    ],
)
def test_the_default_values_of_t_of_a_polyline_include_its_bends(controls: int, points: int) -> None:
    found = values_of_t(random_curve("polyline", controls), points, 11)
    for knot in np.linspace(0, 1, controls):
        assert np.abs(found - knot).min() < 1e-15


@pytest.mark.parametrize("controls", [np.zeros((1, 3)), np.zeros((0, 3))])
def test_a_curve_needs_two_control_points(controls: np.ndarray) -> None:
    with pytest.raises(ValueError, match="two control points"):
        curve("segment", controls)


def test_a_curve_needs_a_name_for_every_control_point() -> None:
    with pytest.raises(ValueError, match="named"):
        Curve("polyline", np.zeros((3, 2)), ("start", "end"))


def fit_bends(
    kind: str, controls: Tensor, fit: Fit, epochs: Iterable[tuple[np.ndarray, list[LossAt]]]
) -> list[tuple[float, float]]:
    """Fit every epoch, given by its values of t and its minibatches; the mean loss and the rate of each."""
    found = []
    rates = torch.zeros(len(controls) - 2, 1, dtype=torch.float64)
    step = torch.zeros(1, dtype=torch.float64)
    optimizer = make_fit_optimizer(fit, rates, controls[1:-1])
    for epoch, (values, losses_at) in enumerate(epochs):
        coefficients = torch.from_numpy(PATH_KINDS[kind].coefficients(values, len(controls))).to(controls)
        rate = learning_rate(fit, epoch / fit.epochs)
        rates.fill_(rate)

        def update(bends: Tensor, gradient: Tensor) -> None:
            optimizer.step(bends, gradient, step.add_(1))

        found.append((float(fit_epoch(controls, coefficients, losses_at, update)), rate))
    return found


CENTRE = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def quadratic(weights: Tensor) -> tuple[Tensor, Tensor]:
    """½‖w − centre‖² and its gradient."""
    return (weights - CENTRE).square().sum() / 2, weights - CENTRE


def quadratic_fit(kind: str, epochs: int, momentum: float) -> tuple[Tensor, Tensor, list]:
    """Controls before and after the fit, t evenly spread, so that the mean over t is the integral."""
    ends = [torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 4.0])]
    controls = torch.stack([ends[0], torch.tensor([9.0, 9.0, 9.0]), ends[1]]).double()
    before, steps = controls.clone(), 50
    values, random = (np.arange(steps) + 0.5) / steps, np.random.default_rng(0)
    fit = Fit(optimizer="sgd", epochs=epochs, learning_rate=0.1 * (1 - momentum), momentum=momentum)
    every_epoch = ((random.permutation(values), [quadratic] * steps) for _ in range(epochs))
    return before, controls, fit_bends(kind, controls, fit, every_epoch)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("kind", ["polyline", "bezier"])
def test_fit_moves_the_bend_to_the_minimiser(kind: str, momentum: float) -> None:
    """∫ c₁(φ − centre) dt = 0 for the bend θ: linear in θ, solved by hand.

    Polyline: ∫c₁² = 1/3, ∫c₁c₀ = ∫c₁c₂ = 1/12, ∫c₁ = 1/2.
    Bézier: ∫c₁² = 2/15, ∫c₁c₀ = ∫c₁c₂ = 1/10, ∫c₁ = 1/3.
    """
    before, after, history = quadratic_fit(kind, 60, momentum)
    own, neighbour, whole = {"polyline": (1 / 3, 1 / 12, 1 / 2), "bezier": (2 / 15, 1 / 10, 1 / 3)}[kind]
    expected = (whole * CENTRE - neighbour * (before[0] + before[2])) / own
    assert (after[1] - expected).abs().max() < 0.03
    assert history[-1][0] < 0.2 * history[0][0]


@pytest.mark.parametrize("kind", ["polyline", "bezier"])
def test_fit_leaves_the_ends_bitwise_as_they_were(kind: str) -> None:
    before, after, _ = quadratic_fit(kind, 3, 0.9)
    assert after[[0, 2]].numpy().tobytes() == before[[0, 2]].numpy().tobytes()
    assert not torch.equal(after[1], before[1])


@pytest.mark.parametrize("kind", ["polyline", "bezier"])
@pytest.mark.parametrize("bends", [1, 2, 4])
def test_gradient_of_a_control_point_is_its_coefficient_times_the_gradient(kind: str, bends: int) -> None:
    """One step of size η without momentum moves bend k by −η ∂Loss(φ(t))/∂wₖ (central differences)."""
    random = np.random.default_rng(bends)
    start, t, rate, h = random.normal(size=(bends + 2, 3)), 0.37, 0.01, 1e-6

    def loss(controls: np.ndarray) -> float:
        at_t = Curve(kind, controls, ("",) * len(controls)).weights(np.array([t]))[0]
        return float(np.cos(at_t).sum() + (at_t**3).sum())

    def step(weights: Tensor) -> tuple[Tensor, Tensor]:
        value = weights.cos().sum() + (weights**3).sum()
        return value, 3 * weights**2 - weights.sin()

    controls = torch.from_numpy(start.copy())
    fit = Fit(optimizer="sgd", epochs=1, learning_rate=rate, momentum=0.0)
    ((mean_loss, _),) = fit_bends(kind, controls, fit, [(np.array([t]), [step])])
    assert mean_loss == pytest.approx(loss(start), rel=1e-12)
    moved = (controls.numpy() - start) / -rate
    for k, i in itertools.product(range(1, bends + 1), range(3)):
        ahead, behind = start.copy(), start.copy()
        ahead[k, i] += h
        behind[k, i] -= h
        assert moved[k, i] == pytest.approx((loss(ahead) - loss(behind)) / (2 * h), abs=1e-7)


def test_fit_reports_the_mean_loss_and_the_learning_rate_of_each_epoch() -> None:
    losses = iter([1.0, 3.0, 5.0, 9.0])

    def step(weights: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tensor(next(losses)), torch.zeros_like(weights)

    fit = Fit(epochs=2, learning_rate=0.5)
    epochs = [(np.array([0.1, 0.2]), [step, step])] * 2
    found = fit_bends("polyline", torch.zeros(3, 2), fit, epochs)
    assert found == [(2.0, 0.5), (7.0, 0.5)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_optimizers_of_a_fit_are_torchs(optimizer: str) -> None:
    values = np.random.default_rng(0).random(40)
    controls = torch.tensor([[0.0, 1.0], [3.0, -3.0], [2.0, 2.0]], dtype=torch.float64)
    bend = controls[1].clone().requires_grad_()
    fit = Fit(optimizer=optimizer, epochs=4, learning_rate=0.002, momentum=0.8)
    plain: torch.optim.Optimizer = torch.optim.Adam([bend], lr=0.002, betas=(0.8, 0.98))
    if optimizer == "sgd":
        plain = torch.optim.SGD([bend], lr=0.002, momentum=0.8)
    for epoch in range(4):
        plain.param_groups[0]["lr"] = learning_rate(fit, epoch / 4)
        for t in values[10 * epoch : 10 * epoch + 10]:
            first, last = controls[0], controls[2]
            u = 2 * (t * bend + (0.5 - t) * first)
            v = 2 * ((t - 0.5) * last + (1 - t) * bend)
            weights = u if t <= 0.5 else v
            plain.zero_grad()
            (weights**4).sum().backward()
            plain.step()

    def step(weights: Tensor) -> tuple[Tensor, Tensor]:
        return (weights**4).sum(), 4 * weights**3

    epochs = ((values[i : i + 10], [step] * 10) for i in range(0, 40, 10))
    fit_bends("polyline", controls, fit, epochs)
    assert (controls[1] - bend.detach()).abs().max() < 1e-12
