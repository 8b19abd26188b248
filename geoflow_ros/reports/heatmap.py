"""Pictures of results: the heatmap of one estimate, a case with its truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.metrics import chi_square
from geoflow_ros.planar import rotate
from geoflow_ros.reports.lettering import BLACK, TEXT_SCALE, WHITE, write_credit, write_text
from geoflow_ros.satellite.patch import SatellitePatch

ELLIPSE = 0.9  # the probability within what is drawn of a covariance
HEATMAP_PX = 720
DECADES = 4  # of probability below the highest that the heatmap shows
GREEN, CYAN = (80, 255, 80), (90, 220, 255)
MAGENTA = (255, 80, 255)
ORANGE = (250, 140, 40)  # of the density's colours
GROUND = (("hypotheses", WHITE), ("density", ORANGE))
SHIFT = 4  # OpenCV draws at 1/16 px
HALO = 2  # extra line width of the dark rim that keeps marks readable on any ground
LEGIBLE_PX = 480  # side of a picture whose letters are of the usual size: larger ones are shown smaller than they are


def ellipse_axes(covariance: NDArray[np.float64]) -> tuple[float, float, float]:
    """Major and minor half axis (m) and direction of the major one (rad) of the 90 % ellipse of a (2, 2) covariance."""
    values, vectors = np.linalg.eigh(covariance)
    minor, major = np.sqrt(np.maximum(values, 0.0) * chi_square(ELLIPSE, 2))
    return float(major), float(minor), math.atan2(vectors[1, 1], vectors[0, 1])


def draw_heatmap(estimate: PoseEstimate, prior: PosePrior, size_px: int = HEATMAP_PX) -> NDArray[np.uint8]:
    """North-up RGB picture (size_px, size_px, 3): imagery under the density, hypotheses, prior and estimate.

    Prior and estimate carry their 90 % ellipses; all is of base_link.
    """
    canvas = _canvas(estimate, 0.0, size_px)
    canvas.pose((prior.east, prior.north), prior.yaw, prior.covariance[:2, :2], CYAN)
    canvas.pose((estimate.east, estimate.north), estimate.yaw, estimate.covariance[:2, :2], GREEN)
    canvas.scale_bar(10.0)
    canvas.north_arrow()
    canvas.legend((("prior, 90 %", CYAN), ("estimate, 90 %", GREEN), *GROUND))
    write_credit(canvas.image, estimate.patch.credit)
    return canvas.image


def draw_case(estimate: PoseEstimate, truth: tuple[float, float, float], size_px: int) -> NDArray[np.uint8]:
    """The same of an estimate whose truth is known, with the camera's true heading up."""
    canvas = _canvas(estimate, truth[2] - math.pi / 2, size_px)
    canvas.pose((estimate.east, estimate.north), estimate.yaw, estimate.covariance[:2, :2], GREEN)
    canvas.arrow(truth[:2], truth[2], 4.0, MAGENTA, 3)
    canvas.scale_bar(10.0)
    canvas.legend((("truth", MAGENTA), ("estimate, 90 %", GREEN), *GROUND))
    write_credit(canvas.image, estimate.patch.credit)
    return canvas.image


def _canvas(estimate: PoseEstimate, view_yaw: float, size_px: int) -> _Canvas:
    """Imagery under the density and the hypotheses; view_yaw: direction of the picture's +u."""
    patch = estimate.patch
    view_m = min(estimate.density_size_m * 1.1, patch.size_m)
    view = SatellitePatch(np.zeros((size_px, size_px, 3), np.uint8), patch.center, view_m / size_px, view_yaw)
    canvas = _Canvas(view, _overlay(resampled(patch.image, patch.size_m, patch, view), estimate, view))
    for east, north, yaw in estimate.hypotheses[np.argsort(estimate.weights)]:
        canvas.arrow((east, north), yaw, 1.2, WHITE, 1)
    return canvas


def resampled(image: NDArray[Any], size_m: float, patch: SatellitePatch, view: SatellitePatch) -> NDArray[Any]:
    """An image that covers the central `size_m` square of a patch, seen in another patch's pixels."""
    corners = np.array([[0, 0], [view.size_px, 0], [0, view.size_px]], dtype=np.float32)
    there = (patch.to_pixel(view.to_enu(corners)) - patch.size_px / 2) * patch.resolution / size_m * image.shape[0]
    there += image.shape[0] / 2
    # OpenCV's pixel (0, 0) is the centre of the first pixel, ours its corner
    affine = cv2.getAffineTransform(corners - 0.5, (there - 0.5).astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, affine, (view.size_px, view.size_px), flags=flags))


def _overlay(ground: NDArray[Any], estimate: PoseEstimate, view: SatellitePatch) -> NDArray[np.uint8]:
    """The dimmed imagery under the density, opaque where that is high.

    The colour is logarithmic: a good fit is a cell or two wide, and what else came close would not show beside it.
    """
    relative = estimate.density / max(float(estimate.density.max()), 1e-12)
    level = 1.0 + np.log10(np.maximum(relative, 10.0**-DECADES)) / DECADES
    level = np.clip(resampled(level.astype(np.float32), estimate.density_size_m, estimate.patch, view), 0.0, 1.0)
    colour = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    alpha = 0.8 * level[:, :, None]
    return np.asarray((1 - alpha) * 0.8 * ground + alpha * colour, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Draws in metres of the `map` frame on a picture with a patch's geometry."""

    view: SatellitePatch
    image: NDArray[np.uint8]

    def pose(self, en: ArrayLike, yaw: float, covariance: NDArray[np.float64], colour: tuple[int, int, int]) -> None:
        major, minor, direction = ellipse_axes(covariance)
        angle = np.linspace(0, 2 * math.pi, 73)
        upright = np.stack([major * np.cos(angle), minor * np.sin(angle)], axis=-1)
        ring = rotate(direction, upright) + np.asarray(en)
        for ink, extra in ((BLACK, HALO), (colour, 0)):
            cv2.polylines(self.image, [self._fixed(ring)], True, ink, 2 + extra, cv2.LINE_AA, SHIFT)
        self.arrow(en, yaw, 4.0, colour, 3)

    def arrow(self, en: ArrayLike, yaw: float, length_m: float, colour: tuple[int, int, int], width: int) -> None:
        start = np.asarray(en, dtype=np.float64)
        tip = start + rotate(yaw, (length_m, 0.0))
        start_px, tip_px = self._fixed(np.stack([start, tip]))
        for ink, extra in ((BLACK, min(HALO, width)), (colour, 0)):
            cv2.line(self.image, start_px, tip_px, ink, width + extra, cv2.LINE_AA, SHIFT)
            cv2.circle(self.image, start_px, (width + 1 + extra // 2) << SHIFT, ink, -1, cv2.LINE_AA, SHIFT)

    def scale_bar(self, length_m: float) -> None:
        length_px, left, bottom = round(length_m / self.view.resolution), self._px(20), self.view.size_px - self._px(20)
        for ink, extra in ((BLACK, HALO), (WHITE, 0)):
            cv2.line(self.image, (left, bottom), (left + length_px, bottom), ink, self._px(3) + extra, cv2.LINE_AA)
        self._text(f"{length_m:g} m", (left, bottom - self._px(10)), WHITE)

    def north_arrow(self) -> None:
        right, top, bottom = self.view.size_px - self._px(30), self._px(35), self._px(75)
        for ink, extra in ((BLACK, HALO), (WHITE, 0)):
            width = self._px(2) + extra
            cv2.arrowedLine(self.image, (right, bottom), (right, top), ink, width, cv2.LINE_AA, tipLength=0.3)
        self._text("N", (right - self._px(6), self._px(26)), WHITE)

    def legend(self, entries: tuple[tuple[str, tuple[int, int, int]], ...]) -> None:
        for row, (name, colour) in enumerate(entries):
            self._text(name, (self._px(20), self._px(30 + 24 * row)), colour)

    def _text(self, text: str, origin: tuple[int, int], colour: tuple[int, int, int]) -> None:
        write_text(self.image, text, origin, colour, TEXT_SCALE * self._enlarged)

    @property
    def _enlarged(self) -> float:
        """How much larger letters are than in a small picture."""
        return max(1.0, self.view.size_px / LEGIBLE_PX)

    def _px(self, length: float) -> int:
        """Pixels of what goes with the letters."""
        return round(length * self._enlarged)

    def _fixed(self, en: NDArray[np.float64]) -> NDArray[np.int32]:
        """Pixels in OpenCV's fixed point, whose origin is the centre of the first pixel."""
        return np.round((self.view.to_pixel(en) - 0.5) * (1 << SHIFT)).astype(np.int32)
