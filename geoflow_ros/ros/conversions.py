"""Messages -> values and values -> messages; a message that cannot be used is an InputError with the reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped, Quaternion
from numpy.typing import NDArray
from sensor_msgs.msg import Image, NavSatFix, NavSatStatus, PointCloud2, PointField
from std_msgs.msg import Header

from geoflow_ros.bags import messages
from geoflow_ros.bags.encodings import ENCODINGS, READABLE
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PoseWithCovariance
from geoflow_ros.tracking.measurements import UNMEASURED_VARIANCE
from geoflow_ros.tracking.mount.estimate import MountEstimate
from geoflow_ros.tracking.prior import Fix
from geoflow_ros.tracking.rig.panorama_views import ViewImage

CLOUD_COLUMNS = ("x", "y", "z", "yaw", "weight")


def to_rgb(message: Image | ViewImage) -> NDArray[np.uint8]:
    """RGB (H, W, 3), without a copy where the message is that already; unknown encodings are left to cv_bridge."""
    return messages.to_rgb(message) if message.encoding in ENCODINGS else _by_cv_bridge(message)


def pose_message(pose: PoseWithCovariance, header: Header) -> PoseWithCovarianceStamped:
    """The pose; z is 0, and z, roll and pitch carry `UNMEASURED_VARIANCE`."""
    message = PoseWithCovarianceStamped(header=header)
    position = message.pose.pose.position
    position.x, position.y = pose.east, pose.north
    message.pose.pose.orientation = yaw_quaternion(pose.yaw)
    covariance = UNMEASURED_VARIANCE * np.eye(6)
    measured = [0, 1, 5]
    covariance[np.ix_(measured, measured)] = pose.covariance
    message.pose.covariance = covariance.ravel().tolist()
    return message


def mount_message(estimate: MountEstimate, base_height: float, header: Header) -> PoseWithCovarianceStamped:
    """A camera's forward, left, up axes in base_link, which is `base_height` (m) above the ground.

    The place is as stated, without doubt, but for its height.
    """
    mount, message = estimate.mount, PoseWithCovarianceStamped(header=header)
    position = message.pose.pose.position
    position.x, position.y, position.z = mount.forward, mount.left, mount.height - base_height
    x, y, z, w = messages.tilted_quaternion(mount.yaw, mount.pitch, mount.roll)
    message.pose.pose.orientation = Quaternion(x=x, y=y, z=z, w=w)
    message.pose.covariance = _mount_covariance(estimate).ravel().tolist()
    return message


def _mount_covariance(estimate: MountEstimate) -> NDArray[np.float64]:
    """(6, 6) of x, y, z and rotations about base_link's axes, from that of roll, pitch, yaw and height."""
    yaw, pitch = estimate.mount.yaw, estimate.mount.pitch
    jacobian = np.zeros((6, 4))
    jacobian[2, 3] = 1.0
    jacobian[3:, 0] = math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), -math.sin(pitch)
    jacobian[3:, 1] = -math.sin(yaw), math.cos(yaw), 0.0
    jacobian[5, 2] = 1.0
    return np.asarray(jacobian @ estimate.covariance @ jacobian.T)


def yaw_quaternion(yaw: float) -> Quaternion:
    """Rotation about up."""
    x, y, z, w = messages.yaw_quaternion(yaw)
    return Quaternion(x=x, y=y, z=z, w=w)


def fix_message(pose: PoseWithCovariance, frame: LocalFrame, source: Fix, header: Header) -> NavSatFix:
    """The pose in WGS84; height and its variance are the receiver's, for the camera does not see them."""
    latitude, longitude, _ = frame.to_geodetic([pose.east, pose.north])
    covariance = np.zeros((3, 3))
    covariance[:2, :2], covariance[2, 2] = pose.covariance[:2, :2], source.vertical_variance
    message = NavSatFix(header=header, latitude=float(latitude), longitude=float(longitude), altitude=source.altitude)
    message.status.status = NavSatStatus.STATUS_FIX
    message.position_covariance = covariance.ravel().tolist()
    message.position_covariance_type = NavSatFix.COVARIANCE_TYPE_KNOWN
    return message


def image_message(rgb: NDArray[np.uint8], header: Header) -> Image:
    """An rgb8 message of an RGB (H, W, 3) image."""
    height, width, _ = rgb.shape
    # bytes: assigning an array or a list makes rclpy check every element
    return Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width, data=rgb.tobytes())


def _by_cv_bridge(message: Image) -> NDArray[np.uint8]:
    try:
        from cv_bridge import CvBridge
    except ImportError as error:
        raise InputError(
            f"image encoding {message.encoding!r} needs cv_bridge, which cannot be loaded ({error}): install it (and "
            f"numpy<2 if that is of NumPy), or let the driver publish {READABLE}"
        ) from None
    bridge: Any = CvBridge()
    try:
        return np.asarray(bridge.imgmsg_to_cv2(message, "rgb8"), dtype=np.uint8)
    except Exception as error:  # cv_bridge raises its own, OpenCV's and KeyError for an unknown name
        raise InputError(f"image encoding {message.encoding!r} cannot be read by cv_bridge: {error}") from error


def hypotheses_message(estimate: PoseEstimate, header: Header) -> PointCloud2:
    """A point a hypothesis: position on the ground, yaw (rad) and weight as float32 fields."""
    size = 4 * len(CLOUD_COLUMNS)
    fields = [
        PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
        for index, name in enumerate(CLOUD_COLUMNS)
    ]
    east, north, yaw = estimate.hypotheses.T
    points = np.stack([east, north, np.zeros_like(east), yaw, estimate.weights], axis=1).astype("<f4")
    return PointCloud2(
        header=header, height=1, width=len(points), fields=fields, is_bigendian=False, point_step=size,
        row_step=size * len(points), data=points.tobytes(), is_dense=True,
    )  # fmt: skip


def hypotheses_of(message: PointCloud2) -> NDArray[np.float64]:
    """East, north, yaw (H, 3) of a cloud as the node publishes its hypotheses: float32 fields x, y and yaw."""
    at = {field.name: field.offset // 4 for field in message.fields}
    points = np.frombuffer(bytes(message.data), "<f4").reshape(-1, message.point_step // 4)
    return np.asarray(points[:, [at["x"], at["y"], at["yaw"]]], dtype=np.float64)
