"""What is made of an answer: topics, transform, saved pose, diagnostics."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from nav_msgs.msg import Odometry
from rclpy.node import Node

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PoseWithCovariance
from geoflow_ros.ros.diagnostics import ERROR, OK, WARN, Diagnostics
from geoflow_ros.ros.publishing.map_to_odom import MapToOdom
from geoflow_ros.ros.publishing.outputs import Outputs
from geoflow_ros.ros.publishing.saved_pose import PoseKeeper
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.track import TrackState

WARNING_PERIOD_S = 5.0
LEVELS = {
    TrackState.INITIALISING: WARN,
    TrackState.LOCALISED: OK,
    TrackState.DEGRADED: WARN,
    TrackState.LOST: ERROR,
}
CEASED = "images have ceased"
HANGS = "no image is answered any more: the network has been at work on one for long, does it hang?"
FOLLOWED = (TrackState.LOCALISED.value, TrackState.DEGRADED.value)


class Announcer:
    """Publishes answers; thread-safe as far as its parts are."""

    def __init__(self, node: Node, config: NodeConfig, diagnostics: Diagnostics) -> None:
        self._node = node
        self._diagnostics = diagnostics
        self._keeper = PoseKeeper(config.saved_pose, node.get_fully_qualified_name())
        self._transform = _transform(node, config)
        self._outputs = Outputs(node, config.map_frame, config.base_frame)
        self._patch_missing = 0.0

    def close(self) -> None:
        """Take the topics back."""
        self._outputs.close()
        if self._transform is not None:
            self._transform.close()

    def forget(self) -> None:
        """Time jumped: nothing that was seen before belongs to what comes."""
        if self._transform is not None:
            self._transform.clear()

    def on_odom(self, message: Odometry) -> None:
        """The other half of the transform."""
        if self._transform is not None:
            self._transform.on_odom(message)

    def announce(self, answer: Answer, stamp: Time) -> None:
        """Publish all that an answer holds."""
        if isinstance(answer.single, PoseEstimate):
            self._outputs.publish_single(answer.single, stamp)
            self._patch_missing = answer.single.patch.missing
        track, pose, frame = answer.track, answer.track.pose, answer.frame
        sentence = f"{track.state.value}: {track.reason}" if track.reason else track.state.value
        self._outputs.publish_state(track.state.value, track.reason)
        if pose is None or frame is None:
            self.withhold(max(LEVELS[track.state], WARN), sentence)
            return
        self._outputs.publish_pose(pose, stamp, frame, answer.fix)
        now_ns = self._node.get_clock().now().nanoseconds
        latency_s = (now_ns - answer.stamp_ns) * 1e-9 if now_ns else None
        level = max(LEVELS[track.state], WARN if answer.warnings else OK)
        self._diagnostics.answered(level, sentence, latency_s)
        if self._transform is not None:
            self._transform.on_pose(answer.stamp_ns, pose.planar)
        if track.state is TrackState.LOCALISED:
            self._keep(answer.stamp_ns, frame, pose)

    def draw(self, answer: Answer, stamp: Time) -> None:
        """The heatmap, if someone looks at it; slow."""
        self._outputs.publish_heatmap(answer, stamp)

    def opened(self, reason: str) -> None:
        """Images are answered from now on."""
        self._diagnostics.expect_images(True)
        self.initialising(reason)

    def initialising(self, reason: str) -> None:
        """It starts anew, as no answer reports yet."""
        self._state(TrackState.INITIALISING.value, reason)

    def closed(self, name: str, reason: str) -> None:
        """No image is answered from now on, and none is missed."""
        self._diagnostics.expect_images(False)
        self._state(name, reason)

    def silent(self, reason: str) -> None:
        """No image is answered any more: a latched state must not say for ever that the vehicle is localised.

        Nor that no image has come, where the very first is never done.
        """
        if self._outputs.state_name in FOLLOWED:
            self._outputs.publish_state(TrackState.LOST.value, reason)
            self._diagnostics.enter(ERROR, f"{TrackState.LOST.value}: {reason}")
        elif reason is HANGS and self._outputs.state_name == TrackState.INITIALISING.value:
            self.initialising(reason)

    def _state(self, name: str, reason: str) -> None:
        self._outputs.publish_state(name, reason)
        self._diagnostics.enter(WARN, f"{name}: {reason}")

    def withhold(self, level: bytes, reason: str) -> None:
        """No pose, and why."""
        self._node.get_logger().warning(f"no pose of an image: {reason}", throttle_duration_sec=WARNING_PERIOD_S)
        self._diagnostics.withheld(level, reason)

    def restore(self, session: Session) -> None:
        """Begin where the vehicle was, if that is known and fresh."""
        now_ns = self._node.get_clock().now().nanoseconds
        try:
            saved = self._keeper.recall(now_ns)
        except InputError as error:
            self._node.get_logger().warning(str(error))
            return
        if saved is None:
            return
        if session.frame is None:
            session.set_datum(saved.datum)
        session.initialise(now_ns, saved.prior_in(session.frame or LocalFrame(saved.datum)))
        age_s = (now_ns - saved.stamp_ns) * 1e-9
        self._node.get_logger().info(f"starting from the pose saved {age_s:.0f} s ago")

    @property
    def facts(self) -> dict[str, str]:
        """What the diagnostics show of it."""
        facts = {"patch without imagery": f"{self._patch_missing:.0%}"}
        if self._transform is not None and self._transform.missing:
            facts["map to odom"] = self._transform.missing
        return facts

    @property
    def warnings(self) -> list[str]:
        """What is not published although poses are."""
        return [] if self._transform is None else self._transform.warnings

    def _keep(self, stamp_ns: int, frame: LocalFrame, pose: PoseWithCovariance) -> None:
        try:
            self._keeper.keep(stamp_ns, frame.datum, pose)
        except InputError as error:
            self._node.get_logger().warning(str(error), throttle_duration_sec=60.0)


def _transform(node: Node, config: NodeConfig) -> MapToOdom | None:
    if not config.publish_tf:
        return None
    return MapToOdom(node, config.map_frame, config.base_frame, config.transform_tolerance)
