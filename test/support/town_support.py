"""Hand-made towns of a few coloured marks, and whether this machine can draw them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.town.canvas import open_context
from geoflow_ros.town.look import Look
from geoflow_ros.town.mesh import MeshBuilder
from geoflow_ros.town.props import Placements
from geoflow_ros.town.road_network import Network
from geoflow_ros.town.textures import Texture
from geoflow_ros.town.world import Town

PLAIN_LOOK = Look(noise=0.0, blur=0.0, vignette=0.0, haze=0.0, cloud=1.0, sun=0.0, sky=1.0, parked=0.0, traffic=0.0)


def _why_not_drawable() -> str:
    try:
        open_context().release()
    except InputError as error:
        return str(error)
    return ""


draws = pytest.mark.skipif(bool(_why_not_drawable()), reason=_why_not_drawable() or "drawable")


@lru_cache(maxsize=2)
def generated_town(seed: int) -> Town:
    """A generated town, made once for all tests."""
    return Town.generate(seed)


def marked_town(marks: list[tuple[float, float, float]], size: float = 0.4) -> Town:
    """Grey ground and red cubes of `size` m centred on the marks (east, north, up)."""
    mesh = MeshBuilder()
    mesh.ground(400.0 * np.array([[[-1, -1], [1, -1], [1, 1], [-1, 1]]]), 0.0, Texture.PLAIN, (0.4, 0.4, 0.4))
    for east, north, up in marks:
        corner = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2 + (east, north)
        mesh.box(corner, up - size / 2, up + size / 2, Texture.PLAIN, (1.0, 0.0, 0.0))
        bottom = np.column_stack([corner[::-1], np.full(4, up - size / 2)])
        mesh.add(bottom[None], Texture.PLAIN, (1.0, 0.0, 0.0))
    network = Network(np.zeros((0, 2)), np.zeros(0), (), ())
    return Town(0, Datum(48.0, 11.0), network, mesh.build(), Placements().build(), np.empty((0, 3)), np.empty((0, 3)))


def red_center(image: np.ndarray) -> tuple[float, float]:
    """Continuous pixel (u, v) of the middle of what is red."""
    rgb = image.astype(float)
    red = (rgb[..., 0] - rgb[..., 1:].max(axis=-1)).clip(0.0)
    assert red.sum() > 0.0, "nothing red in the image"
    v, u = np.mgrid[0 : image.shape[0], 0 : image.shape[1]] + 0.5
    return float((u * red).sum() / red.sum()), float((v * red).sum() / red.sum())
