"""Where fixes and velocities are measured, from TF."""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import Transform
from rclpy.node import Node
from rclpy.time import Time

from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs.mount import rotation_matrix
from geoflow_ros.tracking.sensors.sensor_frames import SensorMount

try:
    import tf2_ros
except ImportError:
    tf2_ros = None

STEEPEST = math.radians(30.0)  # of a sensor's z axis: beyond, its yaw is not that of a level frame


class SensorLookup:
    """Looks up the frames of sensors, which do not move on the vehicle: the newest transform is as good as any."""

    def __init__(self, node: Node, base_frame: str) -> None:
        if tf2_ros is None:
            raise InputError(
                "sensors_from_tf needs tf2_ros, which is not installed: install it, or give prior.antenna_forward, "
                "prior.antenna_left, prior.antenna_up and odometry.* instead"
            )
        self._base_frame = base_frame
        # without the node: as TfMount
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def at(self, frame_id: str) -> SensorMount:
        """Where a frame is; InputError as long as TF does not tell."""
        try:
            found = self._buffer.lookup_transform(self._base_frame, frame_id, Time())
        except tf2_ros.TransformException as error:
            raise InputError(f"no transform from {frame_id} to {self._base_frame}: {error}") from error
        return sensor_mount(found.transform, frame_id)

    def close(self) -> None:
        """Listen no more."""
        self._listener.unregister()


def sensor_mount(transform: Transform, frame_id: str) -> SensorMount:
    """The mount of a frame whose pose in the base frame this is; InputError if it does not stand upright."""
    axes, place = rotation_matrix(transform.rotation), transform.translation
    tilt = math.acos(float(np.clip(axes[2, 2], -1.0, 1.0)))
    if tilt > STEEPEST:
        raise InputError(
            f"frame {frame_id} is tilted by {math.degrees(tilt):.0f} deg in the base frame: velocities in the plane "
            "and a rate of turn about up cannot be told from it"
        )
    return SensorMount(place.x, place.y, place.z, math.atan2(float(axes[1, 0]), float(axes[0, 0])))
