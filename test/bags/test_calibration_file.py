"""A calibration from a file says what the same camera_info would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from drive_folder import camera_info

from geoflow_ros.bags.calibration import camera_model, rectified_model
from geoflow_ros.bags.calibration_file import read_calibration
from geoflow_ros.camera import Mount, Projection
from geoflow_ros.errors import InputError

MOUNT = Mount(1.0, 0.2, 1.5)


def info() -> Any:
    message = camera_info(0, 640)
    message.height, message.distortion_model = 480, "rational_polynomial"
    message.d = [-0.3, 0.1, 0.001, -0.002, 0.02, 0.1, 0.05, 0.01]
    message.k = [500.25, 0.0, 321.5, 0.0, 502.0, 239.0, 0.0, 0.0, 1.0]
    message.p = [480.0, 0.0, 322.0, 0.0, 0.0, 481.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def calibrated() -> dict[str, Any]:
    """As `cameracalibrator` writes ost.yaml."""
    message = info()

    def matrix(rows: int, values: Any) -> dict[str, Any]:
        return {"rows": rows, "cols": len(values) // rows, "data": [float(each) for each in values]}

    return {
        "image_width": 640, "image_height": 480, "camera_name": "narrow_stereo",
        "camera_matrix": matrix(3, message.k), "distortion_model": message.distortion_model,
        "distortion_coefficients": matrix(1, message.d), "rectification_matrix": matrix(3, [0.0] * 9),
        "projection_matrix": matrix(3, message.p),
    }  # fmt: skip


def echoed(**other: Any) -> dict[str, Any]:
    """As `ros2 topic echo --once /camera_info` prints it."""
    message = info()
    return {
        "header": {"stamp": {"sec": 1, "nanosec": 2}, "frame_id": "camera"}, "height": 480, "width": 640,
        "distortion_model": message.distortion_model, "d": message.d, "k": message.k, "r": [0.0] * 9, "p": message.p,
        "binning_x": 0, "binning_y": 0,
        "roi": {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False},
        **other,
    }  # fmt: skip


def written(folder: Path, document: Any, end: str = "") -> Path:
    path = folder / "ost.yaml"
    path.write_text(yaml.safe_dump(document) + end, encoding="utf-8")
    return path


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize(("document", "end"), [(calibrated(), ""), (echoed(), "---\n")])
def test_both_files_say_what_camera_info_does(tmp_path: Path, document: Any, end: str, rectified: bool) -> None:
    expected = (rectified_model if rectified else camera_model)(info(), MOUNT)
    assert read_calibration(written(tmp_path, document, end), rectified, MOUNT) == expected


def test_binning_and_region_of_an_echoed_message_count(tmp_path: Path) -> None:
    roi = {"x_offset": 40, "y_offset": 80, "height": 320, "width": 480}
    camera = read_calibration(written(tmp_path, echoed(binning_x=2, binning_y=2, roi=roi)), False)
    assert (camera.width, camera.height, camera.fx, camera.cx) == (240, 160, 250.125, 141.0)


def test_a_file_of_before_there_were_distortion_models_is_plumb_bob(tmp_path: Path) -> None:
    """As camera_calibration_parsers reads it."""
    document = calibrated() | {"distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.3, 0.1, 0.0, 0.0, 0.0]}}
    del document["distortion_model"]
    camera = read_calibration(written(tmp_path, document), False)
    assert (camera.projection, camera.distortion) == (Projection.PLUMB_BOB, (-0.3, 0.1, 0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"camera_matrix": {"data": [1.0, 2.0]}}, "camera_matrix has 2 numbers, expected 9"),
        ({"distortion_model": "kannala"}, "distortion model 'kannala'"),
        ({"distortion_coefficients": {"data": ["a"]}}, "could not convert"),
        ({"image_width": 1920, "image_height": 1440}, "says 1920 x 1440"),
        ({"projection_matrix": None}, "is no calibration"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=rf"ost\.yaml.*{said}"):
        read_calibration(written(tmp_path, calibrated() | change), False)


@pytest.mark.parametrize("text", ["", "[1, 2]", "cam0: {intrinsics: [1, 2, 3, 4]}", "\x00", "a: [", None])
def test_what_is_no_calibration_is_told_what_is_one(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "cam.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"cam\.yaml is no calibration .*expected the file of camera_calibration"):
        read_calibration(path, False)
