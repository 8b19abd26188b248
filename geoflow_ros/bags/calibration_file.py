"""A camera's calibration from a file, for bags and drivers without camera_info."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from geoflow_ros.bags.calibration import camera_model, rectified_model
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.structured_text import parse_yaml

MATRICES = {"camera_matrix": 9, "projection_matrix": 12}
EXPECTED = (
    "expected the file of camera_calibration (image_width, image_height, distortion_model and the data of "
    "camera_matrix, distortion_coefficients, projection_matrix), or a camera_info as ros2 topic echo prints it"
)


def read_calibration(path: Path, rectified: bool, mount: Mount = Mount()) -> CameraModel:  # noqa: B008 - frozen
    """The camera; rectified: P and no distortion instead of K and D. An InputError says what is wrong with the file.

    Source of the file's form: camera_calibration_parsers, `parse_yml.cpp`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        message = _message(parse_yaml(text.rstrip().removesuffix("---")))  # with which echo ends each message
        return (rectified_model if rectified else camera_model)(message, mount)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no calibration ({type(error).__name__}: {error}): {EXPECTED}") from error


def _message(document: Mapping[str, Any]) -> SimpleNamespace:
    """What is read of a sensor_msgs/CameraInfo."""
    if "camera_matrix" not in document:
        return _echoed(document)
    k, p = (_numbers(document[name]["data"], count, name) for name, count in MATRICES.items())
    return SimpleNamespace(
        width=int(document["image_width"]),
        height=int(document["image_height"]),
        distortion_model=str(document.get("distortion_model", "plumb_bob")),  # which older files do not say
        d=_numbers(document["distortion_coefficients"]["data"], None, "distortion_coefficients"),
        k=k,
        p=p,
        binning_x=0,
        binning_y=0,
        roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    )


def _echoed(document: Mapping[str, Any]) -> SimpleNamespace:
    sizes = {name: int(document[name]) for name in ("width", "height", "binning_x", "binning_y")}
    window = {name: int(document["roi"][name]) for name in ("x_offset", "y_offset", "width", "height")}
    return SimpleNamespace(
        **sizes,
        distortion_model=str(document["distortion_model"]),
        d=_numbers(document["d"], None, "d"),
        k=_numbers(document["k"], 9, "k"),
        p=_numbers(document["p"], 12, "p"),
        roi=SimpleNamespace(**window),
    )


def _numbers(values: Sequence[Any], count: int | None, name: str) -> list[float]:
    """The values as numbers; a ValueError if there are not so many."""
    numbers = [float(value) for value in values]
    if count is not None and len(numbers) != count:
        raise ValueError(f"{name} has {len(numbers)} numbers, expected {count}")
    return numbers
