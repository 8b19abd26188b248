"""Which seeds are towns of which region."""

from __future__ import annotations

from geoflow_ros.town.style import DESERT, DESERT_SEEDS, TEMPERATE, Style
from geoflow_ros.town.varied import VARIED_SEEDS, varied_style


def style_of(seed: int) -> Style:
    """The style of the town of a seed."""
    if seed in VARIED_SEEDS:
        return varied_style(seed)
    return DESERT if seed in DESERT_SEEDS else TEMPERATE
