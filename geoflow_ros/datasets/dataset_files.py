"""Reading dataset trees: images, and everything wrong with a tree reported at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.encoded_images import JPEG, JPEG_END, PNG, PNG_END, is_whole
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_images import EMPTY, HALF_OPAQUE

TAIL_BYTES = 4096
"""Where the end of an image is looked for first; where it is not there, the whole file is read."""
PHOTOGRAPHS = (".jpg", ".jpeg", ".png")
"""What their names end in."""
EXAMPLES = 3
"""How many offenders of a kind a message names; the rest is only counted."""


class Findings:
    """What is wrong with a dataset, collected by kind, so that one message reports all of it."""

    def __init__(self) -> None:
        self._examples: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, kind: str, example: str) -> None:
        """Note one offender, for example ("missing or empty file", "raw_data/...")."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    def require_file(self, root: Path, relative: str) -> None:
        """Note a file that is not there or has no content."""
        path = root / relative
        if not path.is_file() or path.stat().st_size == 0:
            self.add("missing or empty file", relative)

    def require_image(self, root: Path, relative: str) -> None:
        """Note an image that is not there, has no content or, if it is a JPEG or a PNG, was cut off."""
        path = root / relative
        if not path.is_file() or path.stat().st_size == 0:
            self.require_file(root, relative)
        elif not _is_whole(path):
            self.add("truncated image", relative)

    @contextmanager
    def noting(self, kind: str) -> Iterator[None]:
        """Note an InputError raised inside instead of letting it end the check."""
        try:
            yield
        except InputError as error:
            self.add(kind, str(error))

    def raise_if_any(self, dataset: str, root: Path, remedy: str) -> None:
        """InputError with every kind, its count and its first examples; nothing where nothing was noted."""
        if not self._counts:
            return
        parts = []
        for kind, count in self._counts.items():
            named = ", ".join(self._examples[kind])
            more = ", ..." if count > EXAMPLES else ""
            parts.append(f"{count} x {kind} ({named}{more})")
        raise InputError(f"{dataset} at {root} cannot be used: {'; '.join(parts)}: {remedy}")


def photographs_in(folder: Path) -> list[Path]:
    """All photographs below a folder, in the order of their names; none is an InputError."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PHOTOGRAPHS)
    if not files:
        raise InputError(f"no photograph in {folder}: expected {', '.join(PHOTOGRAPHS)}")
    return files


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The non-blank lines of a text file, stripped, with their numbers from 1; an unreadable file is an InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected a text file") from error
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def read_lines(path: Path) -> list[str]:
    """As `numbered_lines`, without the numbers."""
    return [line for _, line in numbered_lines(path)]


def read_image(path: Path, remedy: str = "copy it again from the dataset") -> NDArray[np.uint8]:
    """The image (H, W, 3) uint8 RGB of a file; a damaged or truncated one is an InputError ending in `remedy`.

    So is one of more than 8 bits, which would be black: of 16 bits aerial images rarely use more than the lower 12.
    """
    try:
        bgr = _decoded(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:  # a header that claims more than OPENCV_IO_MAX_IMAGE_PIXELS
        raise InputError(
            f"{path} says that it has more pixels than are read: cut or shrink it, or raise OPENCV_IO_MAX_IMAGE_PIXELS"
        ) from error
    if bgr is None or not _is_whole(path):
        raise InputError(f"{path} cannot be decoded as an image, it is missing, damaged or cut off: {remedy}")
    if bgr.dtype != np.uint8:
        raise InputError(f"{path} holds {bgr.dtype} values: convert to 8 bits, as with gdal_translate -ot Byte -scale")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_overhead(path: Path) -> NDArray[np.uint8]:
    """As `read_image`; one that is transparent somewhere, as mosaics are beside their imagery, is RGBA (H, W, 4).

    Pixels that are less than half opaque are EMPTY, as those of tiles; the others are wholly opaque.
    """
    image = read_image(path)
    whole = _decoded(path, cv2.IMREAD_UNCHANGED)
    if whole is None or whole.ndim < 3 or whole.shape[2] < 4 or (whole[..., 3] >= HALF_OPAQUE).all():
        return image
    if not np.array_equal(image, whole[..., 2::-1]):  # OpenCV does as EXIF says, but not where it keeps alpha
        raise InputError(f"{path} is transparent, and its EXIF data say to turn it: store it the way it is shown")
    rgba = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    rgba[whole[..., 3] < HALF_OPAQUE] = EMPTY
    return rgba


def _decoded(path: Path, flags: int) -> NDArray[Any] | None:
    """As OpenCV's `imread`, which in version 5 cannot read TIFFs that EXIF data say to turn."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    return cv2.imdecode(data, flags) if data.size else None


def _is_whole(path: Path) -> bool:
    """As `is_whole`, without reading all of a large file that is."""
    with path.open("rb") as file:
        start = file.read(max(len(JPEG), len(PNG)))
        end = next((end for mark, end in ((JPEG, JPEG_END), (PNG, PNG_END)) if start.startswith(mark)), None)
        if end is None:
            return True
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return end in file.read() or is_whole(path.read_bytes())
