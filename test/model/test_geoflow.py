"""The paper's network: size, what its answer depends on, its optional head, and refusals."""

from __future__ import annotations

import pytest
import torch

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import PaperConfig
from geoflow_ros.model.geoflow import GeoFlow
from geoflow_ros.model.interface import Flow, Latent

SMALL = PaperConfig(ground_height=32, ground_width=96, satellite_px=64)
SMALL_ORIENTED = PaperConfig(ground_height=32, ground_width=96, satellite_px=64, orientation_head=True)


def images(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Ground and satellite images of the small network."""
    generator = torch.Generator().manual_seed(1)
    sizes = (batch, 3, 32, 96), (batch, 3, 64, 64)
    ground, satellite = (torch.randint(0, 256, s, dtype=torch.uint8, generator=generator) for s in sizes)
    return ground, satellite


@pytest.fixture(scope="module")
def model() -> GeoFlow:
    torch.manual_seed(0)
    return GeoFlow(SMALL_ORIENTED).eval()


@pytest.fixture(scope="module")
def latent(model: GeoFlow) -> Latent:
    with torch.inference_mode():
        return model.encode(*images(), None)


@pytest.mark.parametrize(("oriented", "expected"), [(False, 7_377_493), (True, 7_377_493 + 9_538)])
def test_parameter_count_is_the_papers(oriented: bool, expected: int) -> None:
    model = GeoFlow(PaperConfig(orientation_head=oriented))
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_flow_has_a_value_for_every_hypothesis(model: GeoFlow, latent: Latent) -> None:
    flow = model.flow(latent, torch.rand(2, 5, 3) * 2 - 1)
    assert flow.log_distance.shape == flow.variance.shape == flow.kappa.shape == (2, 5)
    assert flow.direction.shape == (2, 5, 2)
    torch.testing.assert_close(flow.direction.norm(dim=-1), torch.ones(2, 5))
    assert flow.variance.min() > 0 and flow.kappa.min() > 0
    assert flow.yaw_step is not None and flow.yaw_step.shape == (2, 5) and flow.yaw_variance is None


def test_flow_of_a_batch_is_that_of_its_members(model: GeoFlow, latent: Latent) -> None:
    hypotheses = torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    together = model.flow(latent, hypotheses)
    assert latent.pooled is not None
    alone = model.flow(Latent(pooled=latent.pooled[1:]), hypotheses[1:, 3:4])
    torch.testing.assert_close(alone.log_distance, together.log_distance[1:, 3:4])
    torch.testing.assert_close(alone.direction, together.direction[1:, 3:4])
    assert not torch.allclose(together.log_distance[:, 0], together.log_distance[:, 1])


def test_heading_of_a_hypothesis_changes_the_yaw_step_alone(model: GeoFlow, latent: Latent) -> None:
    hypotheses = torch.zeros(2, 1, 3)
    turned = hypotheses + torch.tensor([0.0, 0.0, 0.25])
    flows: list[Flow] = [model.flow(latent, h) for h in (hypotheses, turned)]
    torch.testing.assert_close(flows[0].direction, flows[1].direction)
    torch.testing.assert_close(flows[0].log_distance, flows[1].log_distance)
    assert flows[0].yaw_step is not None and flows[1].yaw_step is not None
    turn = torch.remainder(flows[0].yaw_step - flows[1].yaw_step, 2 * torch.pi)
    torch.testing.assert_close(turn, torch.full((2, 1), 0.25))


def test_without_the_orientation_head_there_is_no_yaw_step() -> None:
    model = GeoFlow(SMALL).eval()
    flow = model.flow(Latent(pooled=torch.zeros(1, 128)), torch.zeros(1, 2, 3))
    assert flow.yaw_step is None and flow.yaw_variance is None


def test_wrong_sizes_and_a_foreign_latent_are_refused(model: GeoFlow) -> None:
    ground, satellite = images(1)
    with pytest.raises(InputError, match="ground image of 64 x 32 px: the network expects 96 x 32 px"):
        model.encode(ground[..., :64], satellite, None)
    with pytest.raises(InputError, match="satellite patch of 64 x 32 px: the network expects 64 x 64 px"):
        model.encode(ground, satellite[..., :32, :], None)
    with pytest.raises(InputError, match="encoded by another network"):
        model.flow(Latent(), torch.zeros(1, 1, 3))
