import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from geoflow_ros.camera import CameraModel, Mount, Projection, _rectification_maps
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose

LEVEL = CameraModel(640, 480, 500.0, 400.0, 320.0, 240.0, Mount(height=1.5))


def test_a_point_on_the_ground_by_hand() -> None:
    # 10 m ahead, 2 m left, 1.5 m below the lens: u = 320 - 500 * 0.2, v = 240 + 400 * 0.15.
    uv, inside = LEVEL.project(np.array([10.0, 2.0, 0.0]))
    assert uv == pytest.approx([220.0, 300.0])
    assert inside


def test_behind_and_beside_are_not_in_the_image() -> None:
    _, inside = LEVEL.project(np.array([[-10.0, 0.0, 1.0], [1.0, 5.0, 1.5], [5.0, 0.0, 1.5]]))
    assert inside.tolist() == [False, False, True]


def test_a_camera_that_looks_down_sees_the_ground_ahead_at_its_centre() -> None:
    camera = CameraModel(640, 480, 500.0, 400.0, 320.0, 240.0, Mount(height=2.0, pitch=math.atan2(2.0, 8.0)))
    assert camera.project(np.array([8.0, 0.0, 0.0]))[0] == pytest.approx([320.0, 240.0])


def test_positive_roll_lowers_the_right_side() -> None:
    # Rolled to the right (REP-103: about forward), a level point on the right appears higher in the image.
    camera = CameraModel(640, 480, 500.0, 500.0, 320.0, 240.0, Mount(height=1.5, roll=math.radians(10)))
    (_, v), _ = camera.project(np.array([10.0, -3.0, 1.5]))
    assert v == pytest.approx(240.0 - 500.0 * 3.0 * math.sin(math.radians(10)) / 10.0)


def test_resizing_moves_every_pixel_in_proportion() -> None:
    points = np.array([[5.0, 1.0, 0.3], [20.0, -4.0, 2.0]])
    small = LEVEL.resized(320, 120)
    assert small.project(points)[0] == pytest.approx(LEVEL.project(points)[0] * [0.5, 0.25])


def test_a_panorama_by_hand() -> None:
    camera = CameraModel.panorama(360, 180, Mount(height=2.0))
    points = np.array([[5.0, 0.0, 2.0], [0.0, 5.0, 2.0], [0.0, -5.0, 2.0], [0.0, 1e-9, 0.0]])
    uv, inside = camera.project(points)
    assert uv[:, 0][:3] == pytest.approx([180.0, 90.0, 270.0])  # left of forward is left in the image
    assert uv[:, 1] == pytest.approx([90.0, 90.0, 90.0, 180.0])
    assert inside.all()


@pytest.mark.parametrize(
    ("projection", "distortion"),
    [
        (Projection.PLUMB_BOB, (-0.3, 0.1, 0.001, -0.001, 0.0)),
        (Projection.RATIONAL, (-0.2, 0.05, 0.0, 0.0, 0.01, 0.1, 0.0, 0.0)),
        (Projection.EQUIDISTANT, (0.02, -0.01, 0.0, 0.0)),
    ],
)
def test_rectification_puts_a_point_where_the_pinhole_sees_it(
    projection: Projection, distortion: tuple[float, ...]
) -> None:
    camera = CameraModel(640, 480, 400.0, 400.0, 320.0, 240.0, Mount(), projection, distortion)
    optical = np.array([[[0.35, 0.2, 1.0]]])
    project = cv2.fisheye.projectPoints if projection is Projection.EQUIDISTANT else cv2.projectPoints
    (u, v) = project(optical, np.zeros(3), np.zeros(3), camera.matrix, np.array(distortion))[0].ravel()
    column, row = np.meshgrid(np.arange(640), np.arange(480))
    spot = 255.0 * np.exp(-((column - u) ** 2 + (row - v) ** 2) / 18.0)
    rectified = camera.rectify(np.repeat(spot[..., None], 3, axis=2).astype(np.uint8))[..., 0].astype(float)
    centre = [(rectified * each).sum() / rectified.sum() + 0.5 for each in (column, row)]  # from the image's corner
    assert centre == pytest.approx([320 + 400 * 0.35, 240 + 400 * 0.2], abs=0.1)
    assert not any(camera.rectified().distortion)


def test_an_image_without_distortion_is_not_touched() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    assert LEVEL.rectify(image) is image


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width": 0}, "is empty"),
        ({"fx": float("nan")}, "not finite"),
        ({"fx": 0.0}, "not positive"),
        ({"mount": None}, "outside 0.1 to 20 m"),
    ],
)
def test_an_impossible_camera_is_refused(change: dict[str, float], sentence: str) -> None:
    values = {"width": 640, "height": 480, "fx": 500.0, "fy": 400.0, "cx": 320.0, "cy": 240.0} | change
    with pytest.raises(InputError, match=sentence):
        if "mount" in values:
            values["mount"] = Mount(height=-1.0)  # type: ignore[assignment]
        CameraModel(**values)  # type: ignore[arg-type]


def test_the_mount_turns_with_the_vehicle() -> None:
    mount = Mount(forward=2.0, left=0.5, yaw=0.3)
    heading_north = PlanarPose(10.0, 20.0, math.pi / 2)  # left is west
    assert (heading_north @ mount.planar).array() == pytest.approx([9.5, 22.0, math.pi / 2 + 0.3])


@pytest.mark.parametrize("projection", [Projection.PLUMB_BOB, Projection.EQUIDISTANT])
def test_a_camera_that_nods_is_rectified_by_the_same_maps(projection: Projection) -> None:
    """They take longer to make than the rest of a frame."""
    camera = CameraModel(64, 48, 40.0, 40.0, 32.0, 24.0, projection=projection, distortion=(-0.2, 0.05, 0.0, 0.0))
    image = np.zeros((48, 64, 3), np.uint8)
    before = _rectification_maps.cache_info().misses
    for tick in range(20):
        replace(camera, mount=Mount(pitch=0.001 * tick, height=1.5 + 0.01 * tick)).rectify(image)
    assert _rectification_maps.cache_info().misses == before + 1
