"""Encodings of sensor_msgs/Image, turned into 8-bit RGB with OpenCV alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pixels lie in a message.

    channels: of values a pixel, each of `depth` bytes. conversion: OpenCV's, to RGB; None where it is that, the fourth
    channel being alpha. rows: of data to a row of pixels, more than 1 where the colours lie below the luminance.
    """

    channels: int
    conversion: int | None
    depth: int = 1
    rows: Fraction = Fraction(1)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a row for every pixel."""
        return self.channels * self.depth

    def fits(self, width: int, height: int) -> bool:
        """Whether an image has this size: where pixels share their colours by two, or four, it is even."""
        shares_across, shares_down = self.channels == 2 or self.rows > 1, self.rows > 1
        return not (shares_across and width % 2 or shares_down and height % 2)


def _at_both_depths(channels: int, conversion: int | None, *names: str) -> dict[str, Encoding]:
    """Encodings whose names end in the bits of a value."""
    return {
        name.format(8 * depth): Encoding(channels, conversion, depth) for name in names for depth in (1, 2)
    }  # fmt: skip


ENCODINGS: Mapping[str, Encoding] = {
    **_at_both_depths(3, None, "rgb{}"),
    **_at_both_depths(4, None, "rgba{}"),
    **_at_both_depths(1, cv2.COLOR_GRAY2RGB, "mono{}", "{}UC1"),
    **_at_both_depths(3, cv2.COLOR_BGR2RGB, "bgr{}", "{}UC3"),
    **_at_both_depths(4, cv2.COLOR_BGRA2RGB, "bgra{}", "{}UC4"),
    # OpenCV names a pattern by the second and third pixel of its second row.
    **_at_both_depths(1, cv2.COLOR_BayerBG2RGB, "bayer_rggb{}"),
    **_at_both_depths(1, cv2.COLOR_BayerRG2RGB, "bayer_bggr{}"),
    **_at_both_depths(1, cv2.COLOR_BayerGR2RGB, "bayer_gbrg{}"),
    **_at_both_depths(1, cv2.COLOR_BayerGB2RGB, "bayer_grbg{}"),
    **dict.fromkeys(("yuv422", "uyvy"), Encoding(2, cv2.COLOR_YUV2RGB_UYVY)),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), Encoding(2, cv2.COLOR_YUV2RGB_YUY2)),
    "nv21": Encoding(1, cv2.COLOR_YUV2RGB_NV21, rows=Fraction(3, 2)),
    "nv12": Encoding(1, cv2.COLOR_YUV2RGB_NV12, rows=Fraction(3, 2)),
}
"""By the names of sensor_msgs/image_encodings.h; those without a colour in their name are taken as OpenCV's BGR."""

READABLE = (
    f"one of {', '.join(name for name, each in ENCODINGS.items() if each.depth == 1 and name.islower())}, the same of "
    "16 bits, or compressed images (JPEG, PNG)"
)
"""What a sentence about an encoding that is not read offers."""


BAYER = "bayer_"
"""How the names of encodings begin whose pixels have one colour each."""


def mosaic_of(compressed_format: str) -> Encoding | None:
    """The mosaic that a sensor_msgs/CompressedImage of this format holds as it is, grey; None if it holds none.

    image_transport writes `bayer_rggb8; jpeg compressed `, and behind it the colours of those that it converted before.
    """
    name, _, how = compressed_format.partition(";")
    is_mosaic = name.strip().startswith(BAYER) and how.strip().endswith("compressed")
    return ENCODINGS.get(name.strip()) if is_mosaic else None


def rgb_of(values: Pixels, encoding: Encoding) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of values (rows, W, channels); a view of them where they are RGB already."""
    values = eight_bits(values)
    if encoding.conversion is None:
        return np.asarray(values[:, :, :3], dtype=np.uint8)
    return np.asarray(cv2.cvtColor(values, encoding.conversion), dtype=np.uint8)


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The upper eight of 16 bits that the image uses: cameras of 10 to 14 bits leave the highest ones empty."""
    if values.dtype != np.uint8:
        values = values >> max(int(values.max()).bit_length() - 8, 0)
    return np.asarray(values, dtype=np.uint8)
