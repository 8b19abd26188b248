"""camera_info as sensor_msgs/CameraInfo defines it: binning, region of interest, and sizes that disagree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from geoflow_ros.bags.calibration import camera_model, content, rectified_model
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError

WHOLE = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)


def info(roi: Any = WHOLE, binning: tuple[int, int] = (0, 0), size: tuple[int, int] = (1280, 960)) -> Any:
    k = [900.0, 0.0, 650.0, 0.0, 910.0, 470.0, 0.0, 0.0, 1.0]
    p = [800.0, 0.0, 640.0, 0.0, 0.0, 810.0, 480.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    return SimpleNamespace(
        width=size[0], height=size[1], distortion_model="plumb_bob", d=[-0.1, 0.02, 0.0, 0.0, 0.0], k=k, p=p,
        binning_x=binning[0], binning_y=binning[1], roi=roi,
    )  # fmt: skip


def numbers(camera: CameraModel) -> tuple[float, ...]:
    return camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy


def test_the_whole_sensor_is_as_calibrated() -> None:
    assert numbers(camera_model(info(), Mount())) == (1280, 960, 900.0, 910.0, 650.5, 470.5)
    assert numbers(camera_model(info(binning=(1, 1)), Mount())) == (1280, 960, 900.0, 910.0, 650.5, 470.5)


def test_binning_divides_and_the_region_is_in_pixels_of_the_whole_sensor() -> None:
    roi = SimpleNamespace(x_offset=200, y_offset=120, width=800, height=600)
    # 800 x 600 in blocks of 4 x 2; (650.5 - 200) / 4, (470.5 - 120) / 2: from a corner, not from a pixel's centre
    camera = camera_model(info(roi, (4, 2)), Mount())
    assert numbers(camera) == (200, 300, 225.0, 455.0, 112.625, 175.25)
    assert camera.distortion == (-0.1, 0.02, 0.0, 0.0, 0.0)
    assert numbers(rectified_model(info(roi, (4, 2)), Mount())) == (200, 300, 200.0, 405.0, 110.125, 180.25)


@pytest.mark.parametrize("size", [(640, 480), (960, 720), (2560, 1920), (640, 960)])
def test_a_size_that_is_not_that_of_k_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=rf"camera_info says {size[0]} x {size[1]}.*of about 1300 x 940"):
        camera_model(info(size=size), Mount())


@pytest.mark.parametrize(
    ("empty", "model", "found"),
    [
        ({"width": 0, "height": 0}, camera_model, "0 x 0, K with fx=900, fy=910"),
        ({"k": [0.0] * 9}, camera_model, "1280 x 960, K with fx=0, fy=0"),
        ({"p": [0.0] * 12}, rectified_model, "1280 x 960, P with fx=0, fy=0"),
    ],
)
def test_a_driver_without_a_calibration_is_told_as_such(empty: dict[str, Any], model: Any, found: str) -> None:
    message = SimpleNamespace(**{**vars(info()), **empty})
    with pytest.raises(
        InputError, match=rf"not filled, .*\({found}\): calibrate the camera, or .* camera\.calibration$"
    ):
        model(message, Mount())


def test_a_crop_told_in_k_is_no_other_size() -> None:
    message = info(size=(1280, 500))
    message.k[5] = 40.0  # the sky was cut off, and K says so
    assert camera_model(message, Mount()).cy == 40.5


def test_a_region_outside_the_sensor_is_refused() -> None:
    with pytest.raises(InputError, match=r"region of interest of 800 x 600 at \(600, 0\), outside its 1280 x 960"):
        camera_model(info(SimpleNamespace(x_offset=600, y_offset=0, width=800, height=600)), Mount())


def test_another_region_is_another_calibration() -> None:
    assert content(info()) == content(info())
    assert content(info()) != content(info(binning=(2, 2)))
    assert content(info()) != content(info(SimpleNamespace(x_offset=0, y_offset=8, width=0, height=0)))
