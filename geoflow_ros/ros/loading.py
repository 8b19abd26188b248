"""What the node reads from files when it is configured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer import Localizer, load_model
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.resources import install_hint
from geoflow_ros.ros.loaded import Loaded
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import TileStore

if TYPE_CHECKING:
    from geoflow_ros.tiles.live.live_tiles import LiveTiles


def load_localizer(config: NodeConfig) -> Loaded:
    """Weights and tiles of a configuration; an InputError names the file that cannot be read."""
    if config.threads:
        torch.set_num_threads(config.threads)
    store = open_store(config.tiles)
    model = load_model(config.checkpoint_path, config.runtime)
    live = _live_tiles(config, store) if config.live.source else None
    satellite = SatelliteMap(store if live is None else live.store)
    return Loaded(_Localizers(model, satellite), lambda: satellite.corrupt, live)


def _live_tiles(config: NodeConfig, store: TileStore) -> LiveTiles:
    try:
        from geoflow_ros.tiles.live.live_tiles import LiveTiles
    except ImportError as error:
        raise InputError(f"live.source needs more ({error}): {install_hint('tiles')}") from None
    return LiveTiles(Path(config.tiles), store, config.live)


class _Localizers:
    """Makes the localiser of a map frame; with other thresholds in the same frame it keeps the encoded patches."""

    def __init__(self, model: LocalizationModel, satellite: SatelliteMap) -> None:
        self._model, self._satellite = model, satellite
        self._newest: Localizer | None = None

    def __call__(self, frame: LocalFrame, thresholds: LocalizerConfig) -> Localizer:
        newest = self._newest
        if newest is None or newest.frame.datum != frame.datum:
            self._newest = Localizer(self._model, self._satellite, frame, thresholds, waits=False)
        else:
            self._newest = newest.with_config(thresholds)
        return self._newest
