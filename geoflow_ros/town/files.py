"""Small pieces that all exports share."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError


def new_folder(path: Path) -> Path:
    """The folder, created; an InputError if there is something in it already."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path} exists and is not an empty folder: give a new one")
    path.mkdir(parents=True, exist_ok=True)
    return path


def encoded(image: NDArray[np.uint8], suffix: str, quality: int = 90) -> bytes:
    """The RGB image (H, W, 3) as the bytes of a .jpg or .png file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    return bytes(cv2.imencode(suffix, image[..., ::-1], options)[1])


def write_image(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB image (H, W, 3); the format follows the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(image, path.suffix))


def write_lines(path: Path, lines: list[str]) -> None:
    """Write a text file, one line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
