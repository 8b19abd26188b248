import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import Latent
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.matching import MatchVolume
from geoflow_ros.model.volume import PAD, TABLE_SCALE, NeighbourhoodReader, floored, read_volume

CONFIG = DefaultConfig(channels=2)
VOLUME = MatchVolume(CONFIG)


def features(
    forward: list[float], right: list[float], yaw: float, x: float, y: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Landmarks in the ground-plane grid, and in the satellite map for a camera at (x, y) cells, heading yaw."""
    _, across, cells = CONFIG.lift_shape
    ground, satellite = torch.zeros(1, 2, across, cells), torch.zeros(1, 2, 104, 104)
    for f, r in zip(forward, right, strict=True):
        ground[0, 0, int(r + across / 2), int(f)] = 1.0
        u = x + f * math.cos(yaw) + r * math.sin(yaw) + 52
        v = y - f * math.sin(yaw) + r * math.cos(yaw) + 52
        satellite[0, 0, int(v), int(u)] = 1.0
    return ground, satellite


@pytest.mark.parametrize(("x", "y", "heading"), [(0, 0, 3), (7, -11, 3), (-20, 20, 3), (3, 5, 6), (-9, 2, 0)])
def test_the_volume_peaks_where_the_camera_stands(x: int, y: int, heading: int) -> None:
    yaw = math.radians((heading - 3) * CONFIG.yaw_step_deg)
    forward, right = [4.5, 12.5, 20.5, 25.5, 29.5], [3.5, -14.5, 15.5, -2.5, 8.5]
    ground, satellite = features(forward, right, yaw, x, y)
    scores = VOLUME.correlate(VOLUME.templates(ground), VOLUME.spectrum(satellite))
    peak = [int(i) for i in np.unravel_index(int(scores.argmax()), scores.shape[1:])]
    assert peak[0] == heading
    assert peak[1] - VOLUME.reach == pytest.approx(y, abs=1 if yaw else 0)
    assert peak[2] - VOLUME.reach == pytest.approx(x, abs=1 if yaw else 0)


def test_correlation_is_the_sum_of_products_and_nothing_wraps_around() -> None:
    generator = torch.Generator().manual_seed(0)
    _, across, forward = CONFIG.lift_shape
    ground = torch.randn(1, 2, across, forward, generator=generator)
    satellite = torch.randn(1, 2, 104, 104, generator=generator)
    templates = VOLUME.templates(ground)
    padded = F.pad(satellite, (100, 100, 100, 100))
    direct = F.conv2d(padded, templates[0, 3][None])[0, 0]
    rows, columns = (torch.arange(2 * VOLUME.reach + 1) + 100 + first for first in VOLUME.first)
    expected = direct[rows][:, columns] / math.sqrt(templates.shape[-1] * templates.shape[-2])
    assert torch.allclose(VOLUME.correlate(templates, VOLUME.spectrum(satellite))[0, 3], expected, atol=1e-4)


def test_turned_by_a_step_every_heading_is_the_next_one() -> None:
    ground = torch.rand(2, CONFIG.channels, *CONFIG.lift_shape[1:], generator=torch.Generator().manual_seed(2))
    step = math.radians(CONFIG.yaw_step_deg)
    straight, turned = VOLUME.templates(ground), VOLUME.templates(ground, torch.tensor([0.0, step]))
    assert torch.allclose(turned[0], straight[0], atol=1e-4)
    assert torch.allclose(turned[1, :-1], straight[1, 1:], atol=1e-4)


def test_an_index_points_at_its_cell() -> None:
    hypotheses = torch.tensor([[[0.0, 0.0, 0.0], [1.0, -0.5, math.radians(8.0)]]])
    expected = [[[24.0, 24.0, 3.0], [44.0, 14.0, 5.0]]]
    assert torch.allclose(VOLUME.index(hypotheses), torch.tensor(expected), atol=1e-4)


def test_reading_between_cells_is_linear_and_zero_outside() -> None:
    k, v, u = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), torch.arange(5.0), indexing="ij")
    volume = (100 * k + 10 * v + u)[None]
    index = torch.tensor([[[1.25, 2.5, 0.5], [0.0, 0.0, 0.0], [9.0, 0.0, 0.0]]])
    assert torch.allclose(read_volume(volume, index), torch.tensor([[76.25, 0.0, 0.0]]), atol=1e-3)


def pyramid_of(log_probability: torch.Tensor) -> list[torch.Tensor]:
    """The levels of a table, one by one: `floored` in blocks of 1, 2, 4, 8 and 16 cells, filled up to 64."""
    mass = F.pad(log_probability.exp(), (0, 64 - log_probability.shape[-1], 0, 64 - log_probability.shape[-2]))
    return [torch.log(4**level * F.avg_pool2d(mass, 2**level) + 1e-8) - math.log(1e-8) for level in range(5)]


def test_the_pyramid_keeps_the_mass() -> None:
    log_probability = torch.log_softmax(torch.randn(1, 7 * 49 * 49), dim=1).view(1, 7, 49, 49)
    assert (floored(log_probability) + math.log(1e-8)).exp().sum() == pytest.approx(1.0, abs=1e-3)
    for level in pyramid_of(log_probability):
        assert (level + math.log(1e-8)).exp().sum() == pytest.approx(1.0, abs=1e-3)


def test_the_neighbourhood_is_what_reading_place_by_place_gives() -> None:
    generator = torch.Generator().manual_seed(0)
    log_probability = torch.log_softmax(torch.randn(2, 7 * 49 * 49, generator=generator), 1).view(2, 7, 49, 49)
    pyramid, reader = pyramid_of(log_probability), NeighbourhoodReader((7, 49, 49))
    index = torch.rand(2, 40, 3, generator=generator) * torch.tensor([60.0, 60.0, 12.0]) - torch.tensor([6.0, 6.0, 3.0])
    index[0, 0], index[1, 1] = torch.tensor([1e9, -1e9, 0.0]), torch.tensor([48.0, 48.0, 6.0])
    table = reader.table(log_probability)
    levels = [
        F.pad(level[..., :side, :side], (PAD,) * 6) for level, side in zip(pyramid, (49, 25, 13, 7, 4), strict=True)
    ]
    torch.testing.assert_close(table, TABLE_SCALE * torch.cat([level.flatten(1) for level in levels], dim=1))
    read = reader(table, index).view(2, 40, 5, 27)
    around = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)
    for level, volume in enumerate(pyramid):
        block = 2**level
        centre = torch.cat([(index[..., :2] - (block - 1) / 2) / block, index[..., 2:]], dim=-1)
        expected = read_volume(volume, (centre[:, :, None] + around).flatten(1, 2)).view(2, 40, 27)
        assert torch.allclose(read[:, :, level], 0.2 * expected, atol=1e-3)
    assert (read[0, 0] == 0).all() and read[1, 1].max() > 0


def test_the_grid_to_draw_from_is_the_density() -> None:
    config = DefaultConfig(ground_height=32, ground_width=64)
    model = MatchFlow(config)
    log_probability = torch.log_softmax(3 * torch.randn(7 * 49 * 49, generator=torch.Generator().manual_seed(0)), 0)
    latent = Latent(log_mass=floored(log_probability.view(1, 7, 49, 49)))
    grid = model.pose_grid(latent)
    yaw, y, x = (axis.flatten() for axis in np.meshgrid(grid.yaw, grid.y, grid.x, indexing="ij"))
    density = model.log_density(latent, torch.from_numpy(np.column_stack([x, y, yaw])).float()[None])
    assert np.allclose(grid.log_probability.ravel(), density[0].numpy(), atol=1e-2)
    assert grid.size == pytest.approx([0.05, 0.05, math.radians(4.0)]) and grid.log_probability.std() > 1.0


def test_the_network_answers_in_the_promised_shapes() -> None:
    config = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
    model = MatchFlow(config).eval()
    ground = torch.randint(0, 255, (2, 3, 32, 64), dtype=torch.uint8)
    satellite = torch.randint(0, 255, (2, 3, 128, 128), dtype=torch.uint8)
    lift = torch.rand(2, *config.lift_shape, 2) * 2 - 1
    with torch.inference_mode():
        latent = model.encode(ground, satellite, lift)
        flow = model.flow(latent, torch.rand(2, 6, 3))
        density = model.log_density(latent, torch.zeros(2, 6, 3))
    assert flow.log_distance.shape == flow.variance.shape == flow.kappa.shape == density.shape == (2, 6)
    assert flow.direction.norm(dim=-1) == pytest.approx(torch.ones(2, 6))
    assert flow.yaw_step is not None and flow.yaw_step.shape == (2, 6)
    assert latent.volume.exp().sum((1, 2, 3)) * 1e-8 == pytest.approx(torch.ones(2), abs=1e-3)
    assert latent.match_logit is not None and latent.match_logit.shape == (2,)


def test_a_patch_that_does_not_reach_beyond_the_search_area_is_refused() -> None:
    with pytest.raises(InputError, match="satellite patch of 64 m is too small"):
        MatchVolume(DefaultConfig(satellite_px=64, satellite_resolution=1.0))


def test_more_agreement_is_more_evidence_of_a_match() -> None:
    ground, satellite = features([4.5, 12.5, 20.5], [3.5, -14.5, 15.5], 0.0, 2, 3)
    spectrum = VOLUME.spectrum(satellite)
    (_, agreeing, _), (_, disagreeing, _) = VOLUME(9 * ground, spectrum), VOLUME(-9 * ground, spectrum)
    assert agreeing > disagreeing


def test_turning_also_knows_cells_behind_the_camera() -> None:
    volume = MatchVolume(DefaultConfig(channels=2, bev_back_m=8.0))
    ground = torch.rand(1, 2, 40, 40, generator=torch.Generator().manual_seed(2))
    turned = volume.templates(ground, torch.tensor([math.radians(CONFIG.yaw_step_deg)]))
    assert torch.allclose(turned[0, :-1], volume.templates(ground)[0, 1:], atol=1e-4)


@torch.inference_mode()
def test_headings_out_of_reach_cost_nothing_and_have_no_probability() -> None:
    ground, satellite = features([4.5, 12.5, 20.5], [3.5, -14.5, 15.5], 0.0, 2, 3)
    spectrum, turn = VOLUME.spectrum(satellite), torch.tensor([0.01])
    near, _, _ = VOLUME(9 * ground, spectrum, turn, yaw_reach=math.radians(5.0))
    everywhere, _, _ = VOLUME(9 * ground, spectrum, turn)
    assert near.shape == everywhere.shape
    assert (near[:, [0, -1]] == -math.inf).all()
    assert near.exp().sum() == pytest.approx(1.0, abs=1e-4)
    assert torch.allclose(near[:, 1:-1] - near[0, 3, 0, 0], everywhere[:, 1:-1] - everywhere[0, 3, 0, 0], atol=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize(("yaw_reach_deg", "searched"), [(0.0, 1), (3.0, 3), (6.0, 5), (12.0, 7)])
def test_the_odds_of_a_match_do_not_depend_on_how_many_headings_are_searched(
    yaw_reach_deg: float, searched: int
) -> None:
    volume = MatchVolume(CONFIG)
    volume.evidence_scale.fill_(math.log(2.0))
    volume.evidence_bias.fill_(-3.0)
    generator = torch.Generator().manual_seed(3)
    ground = torch.randn(2, 2, 40, 32, generator=generator)
    spectrum = volume.spectrum(torch.randn(2, 2, 104, 104, generator=generator))
    all_headings, odds, _ = volume(ground, spectrum)
    _, of_few, _ = volume(ground, spectrum, yaw_reach=math.radians(yaw_reach_deg))
    # They only lack what the other headings hold: times their share of the probability, to the power of the scale.
    left_out = (7 - searched) // 2
    share = all_headings[:, left_out : 7 - left_out].exp().sum((1, 2, 3))
    assert torch.allclose(of_few, odds + 2.0 * share.log(), atol=1e-3)
