"""Where fixes and velocities are measured, by the static transforms of the bag that is played."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.bags.static_transforms import StaticTransforms
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.tracking.sensors.sensor_frames import Lookup, SensorMount, sensor_at

INSTEAD = "state prior.antenna_* and odometry.* in place of sensors_from_tf"


def sensors_in(bag: Path, config: NodeConfig) -> Lookup | None:
    """Looks up frames in the bag; None where the parameters say where they are. A bag cut short tells what it has."""
    if not config.sensors_from_tf:
        return None
    with open_bag(bag) as reader:
        transforms = StaticTransforms(reader)

    @lru_cache(maxsize=64)  # asked for every message
    def at(frame_id: str) -> SensorMount:
        return sensor_at(transforms.pose(frame_id, config.base_frame, INSTEAD), frame_id)

    return at
