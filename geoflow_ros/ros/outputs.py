"""The topics the node publishes its estimates on."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.node import Node
from sensor_msgs.msg import Image, NavSatFix, PointCloud2, PointField
from std_msgs.msg import Header

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.pose import PoseEstimate, PosePrior
from geoflow_ros.report import draw_heatmap
from geoflow_ros.ros import conversions
from geoflow_ros.tracking.prior import Fix

try:
    from sensor_msgs_py import point_cloud2
except ImportError:
    point_cloud2 = None

CLOUD_COLUMNS = ("x", "y", "z", "yaw", "weight")


class Outputs:
    """Publishers of `pose`, `pose_fix`, `hypotheses` and `heatmap`, all reliable, all with the image's stamp."""

    def __init__(self, node: Node, map_frame: str, base_frame: str) -> None:
        self._map_frame = map_frame
        self._base_frame = base_frame
        self._pose = node.create_publisher(PoseWithCovarianceStamped, "pose", 10)
        self._fix = node.create_publisher(NavSatFix, "pose_fix", 10)
        self._hypotheses = node.create_publisher(PointCloud2, "hypotheses", 10)
        self._heatmap = node.create_publisher(Image, "heatmap", 1)
        self.missing: dict[str, str] = {}
        if point_cloud2 is None:
            self.missing["hypotheses"] = "not published: sensor_msgs_py is not installed, every other topic works"
            node.get_logger().warning(f"hypotheses: {self.missing['hypotheses']}")

    def publish(self, estimate: PoseEstimate, stamp: Time, frame: LocalFrame, fix: Fix | None) -> None:
        """Publish the pose, the pose in WGS84 at the height of `fix`, and the hypotheses."""
        in_map = Header(stamp=stamp, frame_id=self._map_frame)
        self._pose.publish(conversions.pose_message(estimate, in_map))
        if fix is not None:
            in_base = Header(stamp=stamp, frame_id=self._base_frame)
            self._fix.publish(conversions.fix_message(estimate, frame, fix, in_base))
        if point_cloud2 is not None and self._hypotheses.get_subscription_count():
            self._hypotheses.publish(hypotheses_message(estimate, in_map))

    def publish_heatmap(self, estimate: PoseEstimate, prior: PosePrior, stamp: Time) -> None:
        """Draw and publish the heatmap if someone looks at it."""
        if self._heatmap.get_subscription_count():
            header = Header(stamp=stamp, frame_id=self._map_frame)
            self._heatmap.publish(conversions.image_message(draw_heatmap(estimate, prior), header))


def hypotheses_message(estimate: PoseEstimate, header: Header) -> PointCloud2:
    """A point a hypothesis: position on the ground, yaw (rad) and weight as float32 fields."""
    fields = [
        PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
        for index, name in enumerate(CLOUD_COLUMNS)
    ]
    east, north, yaw = estimate.hypotheses.T
    points = np.stack([east, north, np.zeros_like(east), yaw, estimate.weights], axis=1).astype(np.float32)
    return point_cloud2.create_cloud(header, fields, points)
