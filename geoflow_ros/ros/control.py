"""What a user can tell the running node: where it is, where the map begins, to search anew, to pause."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from geoflow_ros.errors import InputError
from geoflow_ros.ros.endpoints import is_installed, service, subscription
from geoflow_ros.ros.inputs.initialpose import prior_of, taken_at
from geoflow_ros.ros.interfaces import SERVICES, named
from geoflow_ros.ros.pipeline import Pipeline


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
        if is_installed(named(SERVICES, "~/set_datum").type):
            self._services.append(service(node, "~/set_datum", self._set_datum))

    def close(self) -> None:
        """Serve no more."""
        self._node.destroy_subscription(self._initialpose)
        for each in self._services:
            self._node.destroy_service(each)

    def _set_datum(self, request: Any, response: Any) -> Any:
        """The datum of a robot_localization/SetDatum, whose response says nothing."""
        position = request.geo_pose.position
        result = self._begin_map_at(position.latitude, position.longitude, position.altitude)
        if not result.successful:
            self._node.get_logger().error(f"set_datum refused: {result.reason}")
        return response

    def _begin_map_at(self, latitude: float, longitude: float, altitude: float) -> SetParametersResult:
        """By the parameters, so that they say what holds."""
        values = {"datum.latitude": latitude, "datum.longitude": longitude, "datum.altitude": altitude}
        return self._node.set_parameters_atomically([Parameter(name, value=value) for name, value in values.items()])

    def _on_initialpose(self, message: PoseWithCovarianceStamped) -> None:
        logger = self._node.get_logger()
        try:
            if self._pipeline.session.frame is None:
                raise InputError(
                    f"where {self._map_frame} begins is not known yet: set datum.latitude and datum.longitude, or wait "
                    "for fixes"
                )
            prior = prior_of(message, self._map_frame)
            taken_ns, warning = taken_at(message, self._node.get_clock().now().nanoseconds, self._pipeline.newest_image)
        except InputError as error:
            logger.error(f"initialpose refused: {error}")
            return
        if warning:
            logger.warning(f"initialpose: {warning}")
        self._pipeline.session.initialise(taken_ns, prior)
        logger.info(f"initialpose: {prior.east:.1f} m east, {prior.north:.1f} m north")

    def _relocalise(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.session.relocalise()
        return _done(response, "searching anew around the next fix")

    def _pause(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.stop("PAUSED", "call ~/resume to go on")
        return _done(response, "no image is answered until ~/resume")

    def _resume(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.open("resumed, no image received since")
        return _done(response, "images are answered")

    def _set_datum_here(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        fix = self._pipeline.session.nearest_fix(self._node.get_clock().now().nanoseconds)
        if fix is None:
            response.success, response.message = False, "no GNSS fix received yet: nothing says where here is"
            return response
        altitude = fix.altitude if np.isfinite(fix.altitude) else 0.0
        result = self._begin_map_at(fix.latitude, fix.longitude, altitude)
        if not result.successful:
            response.success, response.message = False, result.reason
            return response
        return _done(response, f"the map begins at {fix.latitude:.8f} {fix.longitude:.8f} {altitude:.2f}")


def _done(response: Trigger.Response, message: str) -> Trigger.Response:
    response.success, response.message = True, message
    return response
