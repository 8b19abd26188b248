import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from paths import REPOSITORY
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.budget import FEWEST_HYPOTHESES
from geoflow_ros.localization.encoded_patches import Snapping, pose_of
from geoflow_ros.localization.inputs import OUT_OF_VIEW, ground_image, image_tensor, lift_grid
from geoflow_ros.localization.localizer import Localizer, load_model, locate
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection, UniformPosePrior, position_std
from geoflow_ros.model.config import DefaultConfig, PaperConfig
from geoflow_ros.model.interface import Latent, PoseGrid
from geoflow_ros.planar import rotate
from geoflow_ros.satellite.patch import SatellitePatch

SHIPPED = REPOSITORY / "models" / "default"
MOUNT = Mount(forward=1.5, left=0.4, height=1.6, yaw=0.2)
CAMERA = CameraModel(320, 120, 150.0, 150.0, 160.0, 60.0, MOUNT)
IMAGE = np.random.default_rng(0).integers(0, 255, (120, 320, 3), dtype=np.uint8)
PRIOR = PosePrior(100.0, -50.0, 0.7, np.diag([64.0, 64.0, 0.01]))


class Satellite:
    """Imagery everywhere but for a fraction."""

    def __init__(self, missing: float = 0.0) -> None:
        self.missing = missing

    def aside(self, latitude: float, longitude: float) -> str:
        return "the tiles lie 2.0 km away"

    def patch(
        self, frame: LocalFrame, center: tuple[float, float], yaw: float, size_px: int, resolution: float
    ) -> SatellitePatch:
        return SatellitePatch(np.zeros((size_px, size_px, 3), np.uint8), center, resolution, yaw, self.missing)


def lever_arm(yaw: float) -> NDArray[np.float64]:
    """East, north (m) from base_link to the camera."""
    return rotate(yaw, (MOUNT.forward, MOUNT.left))


def patch_of(prior: PosePrior, config: LocalizerConfig) -> tuple[NDArray[np.float64], float]:
    """Centre and heading of the patch that the camera of this prior of base_link is looked for in."""
    place = np.array([prior.east, prior.north]) + lever_arm(prior.yaw)
    of_camera = PosePrior(*place, prior.yaw + MOUNT.yaw, prior.covariance)
    snapping = Snapping(config.patch_grid_m, math.radians(config.patch_heading_deg), 20.0)
    pose = pose_of(snapping.key(of_camera))
    return np.array([pose.x, pose.y]), pose.yaw


def localizer(model: PerfectModel, missing: float = 0.0, config: LocalizerConfig | None = None) -> Localizer:
    frame = LocalFrame(Datum(48.0, 11.0))
    return Localizer(model, Satellite(missing), frame, config or LocalizerConfig())  # type: ignore[arg-type]


def test_the_pose_of_base_link_is_found_through_patch_and_mount() -> None:
    # The camera stands 5 m along the patch and 3 m to its right, turned 0.05 rad left of the prior.
    center, heading = patch_of(PRIOR, LocalizerConfig())
    ahead, right = np.array([math.cos(heading), math.sin(heading)]), np.array([math.sin(heading), -math.cos(heading)])
    yaw = PRIOR.yaw + 0.05
    base = center + 5 * ahead + 3 * right - lever_arm(yaw)
    estimate = localizer(PerfectModel((5 / 20, 3 / 20, 0.05))).localize(IMAGE, CAMERA, PRIOR, seed=1)
    assert isinstance(estimate, PoseEstimate)
    assert [estimate.east, estimate.north] == pytest.approx(base, abs=0.05)
    assert estimate.yaw == pytest.approx(yaw, abs=1e-3)
    assert estimate.hypotheses.mean(0) == pytest.approx([*base, yaw], abs=0.2)
    assert estimate.weights.sum() == pytest.approx(1.0)
    assert estimate.density.sum() == pytest.approx(1.0, abs=1e-4)


class PerfectDensity(PerfectModel):
    """A perfect model that also knows a density: a Gaussian of 1 m and 0.02 rad around the truth."""

    def log_density(self, latent: Latent, hypotheses: Tensor) -> Tensor:
        offset = (hypotheses - self.truth) / torch.tensor([1 / 20, 1 / 20, 0.02])
        return -0.5 * offset.square().sum(-1)

    def pose_grid(self, latent: Latent) -> PoseGrid:
        x, yaw = np.linspace(-1.2, 1.2, 49), np.linspace(-0.2, 0.2, 21)
        poses = np.stack(np.meshgrid(yaw, x, x, indexing="ij")[::-1], axis=-1)
        seen = self.log_density(latent, torch.from_numpy(poses.reshape(1, -1, 3)))
        return PoseGrid(seen.numpy().reshape(21, 49, 49), x, x, yaw, np.array([0.05, 0.05, 0.02]))


def test_the_likelihood_of_base_link_poses_falls_off_around_the_estimate() -> None:
    estimate = localizer(PerfectDensity((5 / 20, 3 / 20, 0.05))).localize(IMAGE, CAMERA, PRIOR, seed=1)
    assert isinstance(estimate, PoseEstimate) and estimate.log_likelihood is not None
    pose = np.array([estimate.east, estimate.north, estimate.yaw])
    # 2 m away in any direction is two sigma; a turn about the camera moves base_link with it.
    turned = pose + [0, 0, 0.04]
    turned[:2] += lever_arm(pose[2]) - lever_arm(turned[2])
    poses = np.array([pose, pose + [2, 0, 0], pose + [0, -2, 0], pose + [0, 0, 2 * math.pi], turned])
    searched = 49 * 49 * 21 * 1.0 * 1.0 * 0.02  # m^2 rad, over which knowing nothing is spread
    best = math.log(searched / ((2 * math.pi) ** 1.5 * 1.0 * 1.0 * 0.02))
    assert estimate.log_likelihood(poses) - best == pytest.approx([0.0, -2.0, -2.0, 0.0, -2.0], abs=0.1)


@pytest.mark.parametrize("yaw", [0.7, -2.4])
def test_the_density_peaks_at_the_estimate(yaw: float) -> None:
    """Not at the camera, which is 1.55 m away from base_link, whose pose the estimate is."""
    prior = replace(PRIOR, yaw=yaw)
    estimate = localizer(PerfectModel((0.5, -0.25, 0.0))).localize(IMAGE, CAMERA, prior, seed=1)
    assert isinstance(estimate, PoseEstimate)
    patch, density = estimate.patch, estimate.density
    cell_px = estimate.density_size_m / len(density) / patch.resolution
    row, column = np.unravel_index(density.argmax(), density.shape)
    peak = patch.to_enu((np.array([column, row]) + 0.5 - len(density) / 2) * cell_px + patch.size_px / 2)
    assert np.hypot(*(peak - (estimate.east, estimate.north))) < cell_px * patch.resolution


def test_the_same_seed_gives_the_same_answer_and_another_does_not() -> None:
    def localise(seed: int) -> NDArray[np.float64]:
        one_step = localizer(PerfectModel((0.1, 0.1, 0.0)), config=LocalizerConfig(steps=1))
        estimate = one_step.localize(IMAGE, CAMERA, PRIOR, seed)
        assert isinstance(estimate, PoseEstimate)
        return estimate.hypotheses

    assert np.array_equal(localise(3), localise(3))
    assert not np.array_equal(localise(3), localise(4))


@pytest.mark.parametrize(
    ("model", "missing", "image", "prior", "sentence"),
    [
        (PerfectModel((0, 0, 0)), 0.5, IMAGE, PRIOR, "no satellite imagery for 50%"),
        (PerfectModel((0, 0, 0)), 0.0, IMAGE[:-1], PRIOR, "320 x 119 but the camera's calibration is for 320 x 120"),
        (PerfectModel((0, 0, 0)), 0.0, np.full_like(IMAGE, 7), PRIOR, "no contrast"),
        (PerfectModel((0, 0, 0), certain=False), 0.0, IMAGE, PRIOR, "more than max_std_m"),
        (PerfectModel((0, 0, 0), match_logit=-1.0), 0.0, IMAGE, PRIOR, "match with probability 0.27 only"),
        (PerfectModel((3, 0, 0)), 0.0, IMAGE, PRIOR, "from the prior, outside the 28 m searched"),
        (PerfectModel((0, 0, 0)), 0.0, IMAGE, PosePrior(0, 0, 0, np.diag([900.0, 1, 0.01])), "uncertain by 30 m"),
        (PerfectModel((0, 0, 0)), 0.0, IMAGE, PosePrior(0, 0, 0, np.diag([9.0, 9, 1.0])), "uncertain by 57 deg"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    model: PerfectModel, missing: float, image: NDArray[np.uint8], prior: PosePrior, sentence: str
) -> None:
    answer = localizer(model, missing).localize(image, CAMERA, prior, seed=0)
    assert isinstance(answer, Rejection)
    assert sentence in answer.reason


def test_where_there_is_no_imagery_can_be_looked_up_on_a_map() -> None:
    answer = localizer(PerfectModel((0, 0, 0)), 1.0).localize(IMAGE, CAMERA, PRIOR, seed=0)
    latitude, longitude, _ = LocalFrame(Datum(48.0, 11.0)).to_geodetic(np.array([100.0, -50.0]) + lever_arm(0.7))
    assert isinstance(answer, Rejection)
    place = f"latitude {latitude:.5f}, longitude {longitude:.5f}"
    assert answer.reason.endswith(f"around {place}: the tiles lie 2.0 km away")


@pytest.mark.parametrize(
    ("grey", "is_refused"), [(5, True), (7, False)]
)  # of the rows that are looked at: std 2.5, 3.5
def test_contrast_beside_the_pixels_looked_at_first_is_seen(grey: int, is_refused: bool) -> None:
    image = np.zeros_like(IMAGE)
    image[:, 2::4] = image[:, 3::4] = grey
    answer = localizer(PerfectModel((0, 0, 0))).localize(image, CAMERA, PRIOR, seed=0)
    assert (isinstance(answer, Rejection) and answer.is_blind) == is_refused


def test_a_uniform_prior_covers_the_search_area() -> None:
    patch = SatellitePatch(np.zeros((416, 416, 3), np.uint8), (0.0, 0.0), 0.25)
    prior = UniformPosePrior(0.0, 0.0, 0.0, 20.0, 0.17)
    config = LocalizerConfig(hypotheses=500, steps=1)
    estimate = locate(PerfectModel((0.9, -0.9, 0.1)), IMAGE, CAMERA, patch, prior, config, seed=0)
    assert [estimate.east, estimate.north] == pytest.approx([18.0, 18.0], abs=0.1)


def test_the_ground_plane_reads_the_pixel_the_camera_sees_it_at() -> None:
    grid = lift_grid(CAMERA, DefaultConfig())
    assert grid is not None and grid.shape == (1, *DefaultConfig().lift_shape, 2)
    # Cell 10.5 m ahead, 4.5 m to the left at the ground: row 15 of 40 from the left, column 10.
    u, v = 160 - 150 * 4.5 / 10.5, 60 + 150 * 1.6 / 10.5
    assert grid[0, 0, 15, 10].tolist() == pytest.approx([u / 160 - 1, v / 60 - 1], abs=1e-5)
    assert (grid[0, 0, 0, 0] == OUT_OF_VIEW).all()


def test_every_cell_reads_where_the_camera_projects_it() -> None:
    tilted = replace(CAMERA, mount=replace(MOUNT, roll=0.05, pitch=-0.1))
    grid, points = lift_grid(tilted, DefaultConfig()), DefaultConfig().lifted_points
    assert grid is not None
    uv, inside = tilted.project(points)
    expected = np.where(inside[..., None], uv / (320, 120) * 2.0 - 1.0, OUT_OF_VIEW).astype(np.float32)
    np.testing.assert_array_equal(grid[0].numpy(), expected)
    assert 0.2 < inside.mean() < 0.8


def test_the_papers_network_is_given_no_geometry() -> None:
    assert lift_grid(CAMERA, PaperConfig()) is None


def test_the_ground_image_has_the_networks_size() -> None:
    assert ground_image(IMAGE, DefaultConfig()).shape == (128, 512, 3)
    assert image_tensor(IMAGE).shape == (1, 3, 120, 320)
    assert torch.equal(image_tensor(IMAGE)[0, :, 5, 7], torch.from_numpy(IMAGE[5, 7]))


def test_a_frame_may_take_fewer_hypotheses_and_steps_to_be_in_time() -> None:
    estimate = localizer(PerfectModel((0, 0, 0)), config=LocalizerConfig(max_latency_ms=1e-3)).localize(
        IMAGE, CAMERA, PRIOR, seed=1
    )
    assert isinstance(estimate, PoseEstimate)
    assert len(estimate.hypotheses) == FEWEST_HYPOTHESES


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(InputError, match="runtime 'fpga' is unknown: expected one of auto, torch"):
        load_model(SHIPPED, "fpga")


def test_the_largest_standard_deviation_is_that_of_the_worst_direction() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    covariance = np.eye(3)
    covariance[:2, :2] = turn @ np.diag([9.0, 4.0]) @ turn.T
    assert position_std(covariance) == pytest.approx(3.0)
    assert math.isnan(position_std(np.full((3, 3), np.nan)))
