"""Sand that the wind has laid over the edges of the streets."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.road_network import Network, Street
from geoflow_ros.town.site import HEIGHT, Site
from geoflow_ros.town.textures import Texture

ABOVE_ALL = HEIGHT.cover + 0.004
CORNERS = 14
SAND = np.array([0.74, 0.59, 0.41])


def add_drifts(rng: np.random.Generator, network: Network, site: Site) -> None:
    """As many drifts a metre of street as the site's style says, along both kerbs."""
    for street in network.streets:
        for _ in range(rng.poisson(site.style.drifts * street.path.length)):
            outline = _outline(rng, street)
            site.mesh.fan(outline, ABOVE_ALL + rng.uniform(0.0, 0.002), Texture.SAND, rng.uniform(0.8, 1.1) * SAND)


def _outline(rng: np.random.Generator, street: Street) -> NDArray[np.float64]:
    """Corners (CORNERS, 2) of a drift, longer along the street than across it."""
    s, side = rng.uniform(0.0, street.path.length), rng.choice([-1.0, 1.0])
    angle = np.linspace(0.0, 2.0 * math.pi, CORNERS, endpoint=False)
    dents = rng.uniform(0.7, 1.1, CORNERS)
    along = s + rng.uniform(1.5, 6.0) * dents * np.cos(angle)
    across = side * street.profile.road / 2 + rng.uniform(0.4, 1.6) * dents * np.sin(angle)
    return np.asarray(street.path.at(along, across))
