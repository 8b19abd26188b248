"""Words on RGB pictures."""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np
from numpy.typing import NDArray

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
CREDIT_SCALE, TEXT_SCALE = 0.38, 0.6
MARGIN_PX = 6

Colour = tuple[int, int, int]


def write_text(
    image: NDArray[np.uint8], text: str, origin: tuple[int, int], colour: Colour, scale: float = TEXT_SCALE
) -> None:
    """Write into an RGB picture; origin: u, v (px) of the lower left corner."""
    u, v = origin
    rim = [(du, dv, BLACK) for du in (-1, 0, 1) for dv in (-1, 0, 1)]  # thicker letters would be wider, too
    for du, dv, ink in (*rim, (0, 0, colour)):
        cv2.putText(image, text, (u + du, v + dv), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)


def write_credit(image: NDArray[np.uint8], credit: str) -> None:
    """Write whose imagery a picture shows into its lower right corner, as small as it takes to fit."""
    text = printable(credit)
    if not text:
        return
    room = image.shape[1] - 2 * MARGIN_PX
    scale = min(CREDIT_SCALE, CREDIT_SCALE * room / _width(text, CREDIT_SCALE))
    write_text(
        image, text, (image.shape[1] - MARGIN_PX - _width(text, scale), image.shape[0] - MARGIN_PX), WHITE, scale
    )


def printable(text: str) -> str:
    """A text in the letters that OpenCV can draw."""
    plain = unicodedata.normalize("NFKD", text.replace("\N{COPYRIGHT SIGN}", "(C)"))
    return plain.encode("ascii", "ignore").decode()


def _width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0])
