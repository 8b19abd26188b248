"""What a user can tell the running node: where it is, where the map begins, to search anew, to pause."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.node import Node
from std_srvs.srv import Trigger

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.ros.endpoints import service, subscription
from geoflow_ros.ros.pipeline import Pipeline

try:
    from robot_localization.srv import SetDatum
except ImportError:
    SetDatum = None


class Control:
    """Services and `initialpose`, while the node is active."""

    def __init__(self, node: Node, map_frame: str, pipeline: Pipeline) -> None:
        self._node = node
        self._map_frame = map_frame
        self._pipeline = pipeline
        self._initialpose = subscription(node, "initialpose", self._on_initialpose, "reliable")
        self._services = [
            service(node, "~/relocalise", self._relocalise),
            service(node, "~/pause", self._pause),
            service(node, "~/resume", self._resume),
            service(node, "~/set_datum_here", self._set_datum_here),
        ]
        if SetDatum is not None:
            self._services.append(node.create_service(SetDatum, "~/set_datum", self.set_datum))

    def close(self) -> None:
        """Serve no more."""
        self._node.destroy_subscription(self._initialpose)
        for each in self._services:
            self._node.destroy_service(each)

    def set_datum(self, request: Any, response: Any) -> Any:
        """The datum of a robot_localization/SetDatum, whose response says nothing."""
        position = request.geo_pose.position
        try:
            self._pipeline.begin_map_at(Datum(position.latitude, position.longitude, position.altitude))
        except InputError as error:
            self._node.get_logger().error(f"set_datum refused: {error}")
        return response

    def _on_initialpose(self, message: PoseWithCovarianceStamped) -> None:
        try:
            prior = initial_prior(message, self._map_frame)
        except InputError as error:
            self._node.get_logger().error(f"initialpose refused: {error}")
            return
        # by convention, a stamp of zero means now
        taken_ns = stamp_ns(message.header.stamp) or self._node.get_clock().now().nanoseconds
        self._pipeline.session.initialise(taken_ns, prior)
        self._node.get_logger().info(f"initialpose: {prior.east:.1f} m east, {prior.north:.1f} m north")

    def _relocalise(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.session.relocalise()
        return _done(response, "searching anew around the next fix")

    def _pause(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.stop()
        self._pipeline.announcer.state("PAUSED", "call ~/resume to go on")
        return _done(response, "no image is answered until ~/resume")

    def _resume(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.open()
        return _done(response, "images are answered")

    def _set_datum_here(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        fix = self._pipeline.session.nearest_fix(self._node.get_clock().now().nanoseconds)
        if fix is None:
            response.success, response.message = False, "no GNSS fix received yet: nothing says where here is"
            return response
        altitude = fix.altitude if np.isfinite(fix.altitude) else 0.0
        self._pipeline.begin_map_at(Datum(fix.latitude, fix.longitude, altitude))
        return _done(response, f"the map begins at {fix.latitude:.8f} {fix.longitude:.8f} {altitude:.2f}")


def initial_prior(message: PoseWithCovarianceStamped, map_frame: str) -> PosePrior:
    """Where `initialpose` says base_link is; an InputError says what is wrong with it."""
    if message.header.frame_id != map_frame:
        raise InputError(f"its frame is {message.header.frame_id!r}, expected {map_frame!r}: set RViz's fixed frame")
    position, q = message.pose.pose.position, message.pose.pose.orientation
    covariance = np.reshape(message.pose.covariance, (6, 6))[np.ix_([0, 1, 5], [0, 1, 5])]
    return PosePrior(position.x, position.y, quaternion_yaw(q.x, q.y, q.z, q.w), covariance)


def _done(response: Trigger.Response, message: str) -> Trigger.Response:
    response.success, response.message = True, message
    return response
