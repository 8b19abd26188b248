"""Formats and ends of encoded images."""

from __future__ import annotations

import gzip
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from geoflow_ros.encoded_images import format_of, is_whole, unzipped

NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


def encoded(suffix: str) -> bytes:
    return cv2.imencode(suffix, NOISE)[1].tobytes()


def jpeg_with_preview() -> bytes:
    """A JPEG whose header holds a whole JPEG of its own, as cameras write them."""
    preview, photo = io.BytesIO(), io.BytesIO()
    Image.fromarray(NOISE[:16, :16]).save(preview, "JPEG")
    Image.fromarray(NOISE).save(photo, "JPEG")
    segment = b"Exif\0\0" + preview.getvalue()
    return photo.getvalue()[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + photo.getvalue()[2:]


def test_formats_are_told_by_content() -> None:
    assert [format_of(encoded(suffix)) for suffix in (".png", ".jpg", ".webp")] == ["png", "jpg", "webp"]
    assert format_of(b"\0\0\0\x1cftypavif\0\0\0\0") == "avif"
    assert format_of(b"<html>") is format_of(b"") is None


@pytest.mark.parametrize("tail", [b"", b"\0" * 5000, b"appended by a cache, 12:00"])
@pytest.mark.parametrize("data", [encoded(".png"), encoded(".jpg"), jpeg_with_preview()], ids=["png", "jpg", "exif"])
def test_whatever_follows_the_end_is_no_harm_but_a_missing_end_is_seen(data: bytes, tail: bytes) -> None:
    assert is_whole(data + tail)
    assert not is_whole(data[:-12])
    assert not is_whole(data[: len(data) * 2 // 3] + b"\0" * 100)


def test_gzip_is_taken_off_unless_it_is_damaged() -> None:
    packed = gzip.compress(encoded(".png"))
    assert unzipped(packed) == encoded(".png")
    assert unzipped(encoded(".jpg")) == encoded(".jpg")
    assert unzipped(packed[:40]) == packed[:40]
