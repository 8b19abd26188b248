"""Encodings that drivers publish, each written here pixel by pixel."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from geoflow_ros.bags.encodings import ENCODINGS
from geoflow_ros.bags.messages import compressed_for, compressed_to_rgb, to_rgb
from geoflow_ros.camera import CameraModel
from geoflow_ros.errors import InputError

HEIGHT, WIDTH = 16, 24


def scene() -> NDArray[np.uint8]:
    """Four quarters of plain colours, RGB: red, green, blue, and a grey that tells the order of none."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:8, :12], image[:8, 12:], image[8:, :12], image[8:, 12:] = (230, 20, 10), (10, 220, 30), (20, 30, 210), 120
    return image


def message(encoding: str, values: NDArray[np.generic], padding: int = 0, big: int = 0) -> SimpleNamespace:
    """A message whose rows are those of `values` (rows, ...) with something behind them."""
    rows = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(">" if big else "<")))
    data = np.pad(rows.view(np.uint8).reshape(len(rows), -1), ((0, 0), (0, padding)), constant_values=255)
    return SimpleNamespace(
        height=HEIGHT, width=WIDTH, encoding=encoding, is_bigendian=big, step=data.shape[1], data=data.tobytes()
    )


def mosaic(rgb: NDArray[np.uint8], pattern: str) -> NDArray[np.uint8]:
    """What a sensor with a colour filter sees; pattern: of the first two pixels of the first two rows."""
    values = np.zeros(rgb.shape[:2], np.uint8)
    for position, colour in enumerate(pattern):
        rows, columns = slice(position // 2, None, 2), slice(position % 2, None, 2)
        values[rows, columns] = rgb[rows, columns, "rgb".index(colour)]
    return values


def luminance_and_colours(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Y, U, V of ITU-R BT.601 in the range of video, as cameras send it."""
    matrix = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
    return np.rint(rgb @ matrix.T + (16, 128, 128))


def packed(rgb: NDArray[np.uint8], order: str) -> NDArray[np.uint8]:
    """Two bytes a pixel, two pixels sharing their colours; order: of the four bytes, such as yuyv."""
    y, u, v = np.moveaxis(luminance_and_colours(rgb), -1, 0)
    planes = {"u": u[:, ::2], "v": v[:, ::2]}
    lumas = [y[:, ::2], y[:, 1::2]]
    return np.stack([lumas.pop(0) if each == "y" else planes[each] for each in order], -1).astype(np.uint8)


def planar(rgb: NDArray[np.uint8], order: str) -> NDArray[np.uint8]:
    """A plane of luminance above one of colours for every two by two pixels."""
    y, u, v = np.moveaxis(luminance_and_colours(rgb), -1, 0)
    colours = np.stack([{"u": u, "v": v}[each][::2, ::2] for each in order], -1).reshape(HEIGHT // 2, WIDTH)
    return np.vstack([y, colours]).astype(np.uint8)


def inner(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The middles of the quarters, away from where they meet."""
    return image[np.ix_([3, 4, 11, 12], [4, 5, 6, 17, 18, 19])].astype(int)


def grey() -> NDArray[np.uint8]:
    return np.linspace(5, 255, HEIGHT * WIDTH).astype(np.uint8).reshape(HEIGHT, WIDTH)


def compressed(values: NDArray[np.generic], suffix: str, format: str) -> SimpleNamespace:
    """As image_transport writes it; of colours, BGR."""
    return SimpleNamespace(format=format, data=cv2.imencode(suffix, values)[1].tobytes())


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_colour_filters_that_were_compressed_as_they_are(pattern: str, deep: bool) -> None:
    values = mosaic(scene(), pattern)
    values = values.astype(np.uint16) * 16 if deep else values  # of twelve bits
    given = compressed(values, ".png", f"bayer_{pattern}{16 if deep else 8}; png compressed ")
    assert np.abs(inner(compressed_to_rgb(given)) - inner(scene())).max() <= 2


def test_a_colour_filter_is_read_at_full_size_whatever_is_needed() -> None:
    large = np.kron(mosaic(scene(), "rggb").reshape(8, 2, 12, 2).swapaxes(1, 2), np.ones((4, 4, 1, 1), np.uint8))
    values = large.swapaxes(1, 2).reshape(4 * HEIGHT, 4 * WIDTH)
    camera = CameraModel(4 * WIDTH, 4 * HEIGHT, 40.0, 40.0, 2.0 * WIDTH, 2.0 * HEIGHT)
    image, of = compressed_for(compressed(values, ".jpg", "bayer_rggb8; jpeg compressed "), camera, (WIDTH, HEIGHT))
    assert of is camera
    red = image[16, 24].astype(int)
    assert red[0] > 150 and red[0] > red[1:].max() + 100


@pytest.mark.parametrize("format", ["bayer_rggb8; jpeg compressed bgr8", "bayer_rggb8", "jpeg"])
def test_colours_that_were_converted_before_stay(format: str) -> None:
    given = compressed(scene()[:, :, ::-1], ".png", format)
    assert np.array_equal(compressed_to_rgb(given), scene())


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_png_of_sixteen_bits_is_as_bright_as_the_raw_image(bits: int) -> None:
    values = (grey().astype(np.uint16) << (bits - 8)) + 1
    expected = to_rgb(message("mono16", values))
    assert expected.max() == 255
    assert np.array_equal(compressed_to_rgb(compressed(values, ".png", "mono16; png compressed ")), expected)
    colours = values[:, :, None] // np.array([1, 2, 4], np.uint16)
    raw, sent = message("bgr16", colours), compressed(colours, ".png", "bgr16; png compressed bgr16")
    assert np.array_equal(compressed_to_rgb(sent), to_rgb(raw))


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_colour_filters(pattern: str, deep: bool, padding: int) -> None:
    values = mosaic(scene(), pattern)
    given = message(f"bayer_{pattern}{16 if deep else 8}", values.astype(np.uint16) * 257 if deep else values, padding)
    assert np.abs(inner(to_rgb(given)) - inner(scene())).max() <= 1


@pytest.mark.parametrize(
    ("encoding", "values"),
    [
        ("yuv422", packed(scene(), "uyvy")),
        ("uyvy", packed(scene(), "uyvy")),
        ("yuv422_yuy2", packed(scene(), "yuyv")),
        ("yuyv", packed(scene(), "yuyv")),
        ("nv21", planar(scene(), "vu")),
        ("nv12", planar(scene(), "uv")),
    ],
)
@pytest.mark.parametrize("padding", [0, 8])
def test_video(encoding: str, values: NDArray[np.uint8], padding: int) -> None:
    assert np.abs(inner(to_rgb(message(encoding, values, padding))) - inner(scene())).max() <= 3


@pytest.mark.parametrize(("encoding", "order"), [("8UC3", [2, 1, 0]), ("bgr16", [2, 1, 0]), ("rgb16", [0, 1, 2])])
def test_colours_in_their_order(encoding: str, order: list[int]) -> None:
    values = scene()[..., order]
    given = message(encoding, values if encoding == "8UC3" else values.astype(np.uint16) << 8)
    assert np.array_equal(to_rgb(given), scene())


@pytest.mark.parametrize(("encoding", "order"), [("8UC4", [2, 1, 0]), ("bgra16", [2, 1, 0]), ("rgba16", [0, 1, 2])])
def test_alpha_is_left_out(encoding: str, order: list[int]) -> None:
    values = np.dstack([scene()[..., order], np.full((HEIGHT, WIDTH), 255, np.uint8)])
    given = message(encoding, values if encoding == "8UC4" else values.astype(np.uint16) << 8)
    assert np.array_equal(to_rgb(given), scene())


@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("big", [0, 1])
def test_sixteen_bits_of_which_a_camera_uses_some(encoding: str, bits: int, big: int) -> None:
    seen = to_rgb(message(encoding, grey().astype(np.uint16) << (bits - 8), 6, big))
    assert np.array_equal(seen, np.repeat(grey()[..., None], 3, axis=2))


def test_8uc1_is_grey() -> None:
    assert np.array_equal(to_rgb(message("8UC1", grey()))[..., 1], grey())


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_too_little_data_is_one_sentence(encoding: str) -> None:
    given = message(encoding, np.zeros((HEIGHT, WIDTH * ENCODINGS[encoding].pixel_bytes), np.uint8))
    given.data = given.data[:-1]
    with pytest.raises(InputError, match=f"{encoding} is truncated: "):
        to_rgb(given)


@pytest.mark.parametrize(("encoding", "width", "height"), [("uyvy", 5, 2), ("nv12", 5, 4), ("nv21", 4, 3)])
def test_what_cannot_be_halved_is_refused_before_opencv_sees_it(
    monkeypatch: pytest.MonkeyPatch, encoding: str, width: int, height: int
) -> None:
    """OpenCV 4.5, as Ubuntu 22.04 has it, converts such an image, and reads on behind its end."""
    monkeypatch.setattr(cv2, "cvtColor", None)
    step = width * ENCODINGS[encoding].pixel_bytes
    given = SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=0, step=step, data=bytes(2 * height * step)
    )
    with pytest.raises(InputError, match=f"{width} x {height} {encoding} cannot be converted to RGB"):
        to_rgb(given)


@pytest.mark.parametrize(("encoding", "width", "height"), [("uyvy", 4, 3), ("nv12", 4, 2), ("mono8", 3, 3)])
def test_sizes_that_need_no_halving_are_taken(encoding: str, width: int, height: int) -> None:
    step = width * ENCODINGS[encoding].pixel_bytes
    given = SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=0, step=step, data=bytes(2 * height * step)
    )
    assert to_rgb(given).shape == (height, width, 3)


def test_what_cannot_be_halved_is_refused() -> None:
    given = SimpleNamespace(height=3, width=3, encoding="yuyv", is_bigendian=0, step=6, data=bytes(18))
    with pytest.raises(InputError, match="3 x 3 yuyv cannot be converted to RGB: expected an even width"):
        to_rgb(given)
    offered = (
        "is not read: let the driver publish one of rgb8, rgba8, mono8, .*, nv12, the same of 16 bits, or compressed"
    )
    with pytest.raises(InputError, match=offered):
        to_rgb(SimpleNamespace(height=3, width=3, encoding="h264", step=6, data=b""))


def test_opencv_is_not_shown_a_jpeg_without_its_end() -> None:
    from geoflow_ros.bags.messages import compressed_to_rgb

    data = cv2.imencode(".jpg", scene())[1].tobytes()
    assert compressed_to_rgb(SimpleNamespace(format="jpeg", data=data + b"\0" * 9)).shape == scene().shape
    with pytest.raises(InputError, match="cannot be decoded: expected a whole JPEG"):
        compressed_to_rgb(SimpleNamespace(format="jpeg", data=data[:-30]))
