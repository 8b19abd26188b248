"""Compressed images: colours, decoding at a reduced size, and the camera that belongs to it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.bags import messages
from geoflow_ros.camera import CameraModel, Mount, Projection
from geoflow_ros.errors import InputError

CAMERA = CameraModel(1280, 720, 700.0, 710.0, 633.0, 352.0, Mount(height=1.5, pitch=0.05))
MARKER = np.array([12.0, 3.0, 0.4])  # forward, left, up (m) in the level camera frame
RED = (255, 0, 0)


def compressed(rgb: NDArray[np.uint8], suffix: str = ".jpg") -> SimpleNamespace:
    """A message as rclpy and rosbags give it; only these fields are read."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 98] if suffix == ".jpg" else []
    data = cv2.imencode(suffix, rgb[:, :, ::-1], options)[1].tobytes()
    return SimpleNamespace(format=suffix[1:], data=np.frombuffer(data, np.uint8))


def marked(width: int, height: int, u: float, v: float, sigma: float = 6.0) -> NDArray[np.uint8]:
    """A dark image with a bright blob around a continuous pixel."""
    column, row = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    blob = 20 + 220 * np.exp(-((column - u) ** 2 + (row - v) ** 2) / (2 * sigma**2))
    return np.repeat(blob.astype(np.uint8)[:, :, None], 3, axis=2)


def brightest(rgb: NDArray[np.uint8]) -> tuple[float, float]:
    """Continuous pixel of the blob's centroid."""
    weight = np.clip(rgb[:, :, 0].astype(float) - 60.0, 0.0, None)
    v, u = np.indices(weight.shape) + 0.5
    return float((u * weight).sum() / weight.sum()), float((v * weight).sum() / weight.sum())


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("needed", [(640, 160), (640, 400)], ids=["half", "full"])
def test_red_stays_red(suffix: str, needed: tuple[int, int]) -> None:
    image, _ = messages.compressed_for(compressed(np.full((720, 1280, 3), RED, np.uint8), suffix), CAMERA, needed)
    assert np.abs(image.astype(int) - RED).max() <= 3


def test_a_decoder_without_rgb_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    message = compressed(np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8))
    expected = messages.compressed_to_rgb(message)
    monkeypatch.setattr(messages, "DECODES_TO_RGB", False)
    monkeypatch.setattr(messages, "FULL_SIZE", cv2.IMREAD_COLOR)
    assert np.array_equal(messages.compressed_to_rgb(message), expected)


@pytest.mark.parametrize(
    ("needed", "suffix", "size"),
    [
        ((640, 160), ".jpg", (640, 360)),
        ((640, 360), ".jpg", (640, 360)),
        ((641, 160), ".jpg", (1280, 720)),
        ((640, 361), ".jpg", (1280, 720)),
        ((320, 180), ".jpg", (320, 180)),
        ((100, 90), ".jpg", (160, 90)),
        ((640, 160), ".png", (1280, 720)),  # a PNG has to be decoded whole anyway
    ],
)
def test_no_smaller_than_needed(needed: tuple[int, int], suffix: str, size: tuple[int, int]) -> None:
    image, camera = messages.compressed_for(compressed(marked(1280, 720, 9.0, 9.0), suffix), CAMERA, needed)
    assert (image.shape[1], image.shape[0]) == (camera.width, camera.height) == size


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1281, 719), (1243, 375)])
@pytest.mark.parametrize("camera_yaw_offset", [-0.3, 0.0, 0.25])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_marker_is_where_the_camera_of_the_smaller_image_sees_it(
    width: int, height: int, camera_yaw_offset: float, factor: int
) -> None:
    camera = CameraModel(width, height, 700.0, 710.0, 633.0, height / 2 - 7.3, CAMERA.mount)
    point = MARKER + [0.0, 12.0 * math.tan(camera_yaw_offset), 0.0]
    (u, v), _ = camera.project(point)
    message = compressed(marked(width, height, u, v, sigma=12.0))
    image, smaller = messages.compressed_for(message, camera, (width // factor, height // factor))
    assert smaller.width == -(-width // factor)
    seen, inside = smaller.project(point)
    assert inside
    assert brightest(image) == pytest.approx(seen, abs=0.05)


@pytest.mark.parametrize(
    ("projection", "distortion"),
    [(Projection.PLUMB_BOB, (-0.3, 0.1, 0.001, -0.001)), (Projection.EQUIDISTANT, (0.02, -0.01, 0.0, 0.0))],
)
def test_rectifying_the_half_image_puts_a_marker_where_the_whole_one_has_it(
    projection: Projection, distortion: tuple[float, ...]
) -> None:
    camera = CameraModel(1280, 720, 700.0, 710.0, 633.0, 352.0, CAMERA.mount, projection, distortion)
    message = compressed(marked(1280, 720, 300.0, 200.0))
    whole = brightest(camera.rectify(messages.compressed_to_rgb(message)))
    image, half = messages.compressed_for(message, camera, (640, 160))
    assert brightest(half.rectify(image)) == pytest.approx((whole[0] / 2, whole[1] / 2), abs=0.1)


def test_a_panorama_is_reduced_only_if_it_stays_whole() -> None:
    point = np.array([-3.0, 2.0, 1.0])
    panorama = CameraModel.panorama(2048, 1024)
    half = messages.reduced(panorama, 2)
    assert half is not None
    assert half.project(point)[0] == pytest.approx(panorama.project(point)[0] / 2)
    assert messages.reduced(CameraModel.panorama(2047, 1024), 2) is None


def test_an_image_of_another_size_is_not_passed_off_as_the_cameras() -> None:
    image, camera = messages.compressed_for(compressed(marked(1920, 1080, 9.0, 9.0)), CAMERA, (640, 160))
    assert image.shape == (1080, 1920, 3)
    assert camera is CAMERA


@pytest.mark.parametrize("data", [b"", b"\xff\xd8nonsense", b"<html>"])
def test_what_is_no_image_is_one_sentence(data: bytes) -> None:
    message = SimpleNamespace(format="jpeg", data=data)
    with pytest.raises(InputError, match="cannot be decoded: expected a whole JPEG or PNG"):
        messages.compressed_for(message, CAMERA, (640, 160))


def test_a_message_stamped_earlier_is_another_one() -> None:
    data = np.zeros(3, np.uint8)
    message = SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=7, nanosec=100_000_000), frame_id="a"), data=data
    )
    earlier = messages.stamped_earlier(message, 0.25)
    assert (earlier.header.stamp.sec, earlier.header.stamp.nanosec) == (6, 850_000_000)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (7, 100_000_000)
    assert earlier.data is data and earlier.header.frame_id == "a"
    assert messages.stamp_ns(messages.stamped_earlier(message, -0.25).header.stamp) == 7_350_000_000
    assert messages.stamp_ns(messages.stamped_earlier(message, 8.0).header.stamp) == 0
    assert messages.stamped_earlier(message, 0.0) is message
