"""What users have: text files of editors on Windows, a mark in front; images of more than 8 bits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from geoflow_ros.bags.trajectory import datum_of, read_tum
from geoflow_ros.datasets.dataset_files import numbered_lines, read_image, read_overhead
from geoflow_ros.datasets.orthophotos.library import read_orthophotos
from geoflow_ros.errors import InputError
from geoflow_ros.tiles.tracks import read_track

MARK = b"\xef\xbb\xbf"


def test_a_list_of_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(MARK + b"a 1\r\n\r\nb 2\r\n")
    assert numbered_lines(tmp_path / "list.txt") == [(1, "a 1"), (3, "b 2")]


def test_a_table_of_orthophotos(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((200, 200, 3), np.uint8))
    for table in (b"path,metres_per_px\r\na.png,0.3\r\n", b"Path;Metres_per_px\r\na.png;0,3\r\n;\r\n"):
        (tmp_path / "orthophotos.csv").write_bytes(MARK + table)
        assert [photo.metres_per_px for photo in read_orthophotos(tmp_path)] == [0.3]


def test_a_trajectory_and_its_datum(tmp_path: Path) -> None:
    path = tmp_path / "a.tum"
    path.write_bytes(MARK + b"# datum 47.4 8.5 400.0\r\n0 0 0 0 0 0 0 1\r\n1 300 400 0 0 0 0 1\r\n")
    assert read_tum(path).poses[1].tolist() == [300.0, 400.0, 0.0]
    datum = datum_of(path)
    assert datum is not None and (datum.latitude, datum.longitude, datum.altitude) == (47.4, 8.5, 400.0)
    assert read_track(path)[0][0].tolist() == pytest.approx([8.5, 47.4])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_of_16_bits_is_refused_not_black(tmp_path: Path, suffix: str, channels: int) -> None:
    """12 bits of an aerial camera in 16: read as 8, its white is 15 of 255."""
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), np.full((20, 30, channels), 4095, np.uint16))
    with pytest.raises(InputError, match="holds uint16 values: convert to 8 bits, as with gdal_translate -ot Byte"):
        read_image(path)
    cv2.imwrite(str(path), np.full((20, 30, channels), 255, np.uint8))
    assert read_image(path).shape == (20, 30, 3) and read_image(path).min() == 255


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_photograph_is_turned_as_its_exif_data_say(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :, 0] = 250  # red at the top of the sensor, which is the right of the picture
    turned_image(tmp_path / f"ü {suffix}", pixels, 6)
    read = read_image(tmp_path / f"ü {suffix}")
    assert read.shape == (60, 40, 3) and read[:, 22:, 0].min() > 200 and read[:, :18, 0].max() < 50


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_transparent_overhead_image_that_is_to_be_turned_is_refused(tmp_path: Path, orientation: int) -> None:
    """Its alpha would be that of another place."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 4), dtype=np.uint8)
    turned_image(tmp_path / "a.png", pixels, orientation)
    with pytest.raises(InputError, match=r"a\.png is transparent, and its EXIF data say to turn it: store it"):
        read_overhead(tmp_path / "a.png")
    turned_image(tmp_path / "a.png", pixels, 1)
    assert (read_overhead(tmp_path / "a.png")[..., 3] == np.where(pixels[..., 3] < 128, 0, 255)).all()


def test_an_enormous_image_is_not_called_damaged(tmp_path: Path) -> None:
    """Its header and a first row are all that is written of it."""
    header = struct.pack(">II5B", 40_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(120_001))), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(InputError, match="more pixels than are read: cut or shrink it"):
        read_image(tmp_path / "huge.png")


def turned_image(path: Path, pixels: np.ndarray, orientation: int) -> None:
    """Write an image with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(pixels).save(path, exif=exif.tobytes())
