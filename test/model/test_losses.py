"""The losses against values worked out by hand and against the normalisation of their densities."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.model.interface import Flow
from geoflow_ros.model.losses import angle_between, direction_loss, distance_loss, flow_loss, gaussian_loss


def unit(angle: float) -> torch.Tensor:
    """Unit vector (2,) at an angle, in double precision."""
    return torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)


@pytest.mark.parametrize(
    ("kappa", "angle", "expected"),
    [
        (0.0, 1.0, 0.6931472),  # log 2, whatever the angle
        (1.0, math.pi / 2, 0.9199556),  # -log 2 + pi/2 + log(1 + exp(-pi))
        (2.0, 0.0, -1.6075722),  # -log 5 + log(1 + exp(-2 pi))
        (2.0, math.pi, 4.6756131),  # the same + 2 pi
        (1e4, 0.0, -18.4206808),  # -2 log 1e4: no overflow
    ],
)
def test_direction_loss_by_hand(kappa: float, angle: float, expected: float) -> None:
    loss = direction_loss(unit(0.3), torch.tensor(kappa, dtype=torch.float64), unit(0.3 + angle))
    assert float(loss) == pytest.approx(expected, abs=1e-6)


@given(st.floats(0.0, 50.0))
def test_direction_loss_is_a_normalised_density_on_the_sphere(kappa: float) -> None:
    angle = torch.linspace(0.0, math.pi, 4001, dtype=torch.float64)
    directions = torch.stack([angle.cos(), angle.sin()], dim=-1)
    loss = direction_loss(unit(0.0), torch.tensor(kappa, dtype=torch.float64), directions)
    assert float(torch.trapezoid(torch.exp(-loss) * angle.sin(), angle)) == pytest.approx(1.0, abs=1e-3)


@given(st.floats(-math.pi, math.pi), st.floats(-math.pi, math.pi))
def test_angle_is_the_wrapped_difference(a: float, b: float) -> None:
    expected = abs((a - b + math.pi) % (2 * math.pi) - math.pi)
    assert float(angle_between(unit(a), unit(b))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("angle", [0.0, math.pi, 1e-7])
def test_direction_gradient_is_finite_at_the_poles(angle: float) -> None:
    direction = torch.tensor([1.0, 0.0], requires_grad=True)
    direction_loss(direction, torch.tensor(3.0), unit(angle).float()).backward()
    assert direction.grad is not None
    assert torch.isfinite(direction.grad).all()


def test_distance_loss_by_hand() -> None:
    # log(e^2) = 2, one and a half off at variance 2: (log 2 + 2.25 / 2) / 2
    loss = distance_loss(torch.tensor(0.5), torch.tensor(2.0), torch.tensor(math.e**2))
    assert float(loss) == pytest.approx((math.log(2.0) + 1.125) / 2, abs=1e-5)


@given(st.floats(0.01, 100.0))
def test_gaussian_loss_is_least_where_the_variance_is_the_squared_residual(variance: float) -> None:
    residual = torch.tensor(variance, dtype=torch.float64).sqrt()
    loss = gaussian_loss(residual, variance * torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64))
    assert int(loss.argmin()) == 1


def one_flow(yaw_step: float | None, yaw_variance: float | None) -> Flow:
    """A flow of one hypothesis to +x over a distance of one, with concentration 1."""

    def single(value: float | None) -> torch.Tensor | None:
        return None if value is None else torch.tensor([[value]])

    ones = torch.ones(1, 1)
    direction = torch.tensor([[[1.0, 0.0]]])
    return Flow(0 * ones, 2 * ones, direction, ones, single(yaw_step), single(yaw_variance))


DISTANCE_AND_DIRECTION = 0.5 * math.log(2.0) + (math.atan2(0.8, 0.6) - math.log(2.0) + 0.0423064)


@pytest.mark.parametrize(
    ("flow", "heading"),
    [
        (one_flow(None, None), 0.0),
        (one_flow(0.1, None), 1.0 - math.cos(0.1)),
        (one_flow(0.1, 0.5), 0.5 * (math.log(0.5) + 0.01 / 0.5)),
    ],
)
def test_flow_loss_by_hand(flow: Flow, heading: float) -> None:
    # the camera is one unit away, at (0.6, 0.8) from the hypothesis, turned by 0.2
    hypotheses = torch.tensor([[[0.2, -0.3, 0.1]]])
    truth = torch.tensor([[0.8, 0.5, 0.3]])
    assert float(flow_loss(flow, hypotheses, truth)) == pytest.approx(DISTANCE_AND_DIRECTION + heading, abs=1e-5)


def test_heading_difference_is_wrapped() -> None:
    across = 2 * math.pi - 6.2  # from 3.1 to -3.1 it is a small turn to the left
    hypotheses = torch.tensor([[[0.0, 0.0, 3.1]]])
    truth = torch.tensor([[1.0, 0.0, -3.1]])
    turned = flow_loss(one_flow(across, None), hypotheses, truth)
    taken_as_known = flow_loss(one_flow(None, None), hypotheses, truth)
    torch.testing.assert_close(turned, taken_as_known)


def test_a_hypothesis_on_the_truth_gives_no_direction_and_a_finite_gradient() -> None:
    raw = torch.tensor([[[0.6, 0.8], [0.6, 0.8]]], requires_grad=True)
    kappa = torch.tensor([[5.0, 5.0]], requires_grad=True)
    flow = Flow(torch.zeros(1, 2), torch.ones(1, 2), raw, kappa)
    flow_loss(flow, torch.tensor([[[0.5, 0.5, 0.0], [0.0, 0.5, 0.0]]]), torch.tensor([[0.5, 0.5, 0.0]])).backward()
    assert raw.grad is not None and kappa.grad is not None
    assert torch.equal(raw.grad[0, 0], torch.zeros(2)) and kappa.grad[0, 0] == 0
    assert torch.isfinite(raw.grad).all() and raw.grad[0, 1].abs().max() > 0.1


def test_flow_loss_is_least_at_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.tensor([[0.3, -0.2, 0.05]])
    hypotheses = torch.rand(1, 64, 3, generator=generator) * 2 - 1
    way = truth[:, None] - hypotheses
    distance = way[..., :2].norm(dim=-1)
    direction, ones = way[..., :2] / distance[..., None], torch.ones(1, 64)
    true = Flow(distance.log(), 0.1 * ones, direction, 10 * ones, way[..., 2], 0.1 * ones)
    best = flow_loss(true, hypotheses, truth)
    angle = torch.atan2(direction[..., 1], direction[..., 0]) + 0.1
    turned = torch.stack([angle.cos(), angle.sin()], dim=-1)
    for wrong in (
        Flow(distance.log() + 0.1, true.variance, direction, true.kappa, true.yaw_step, true.yaw_variance),
        Flow(distance.log(), true.variance, turned, true.kappa, true.yaw_step, true.yaw_variance),
        Flow(distance.log(), true.variance, direction, true.kappa, way[..., 2] + 0.1, true.yaw_variance),
    ):
        assert flow_loss(wrong, hypotheses, truth) > best
