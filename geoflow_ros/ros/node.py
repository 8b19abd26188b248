"""The node `localize`: images, fixes and a heading in; poses with covariance, or the reason for none, out."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import rclpy
import torch
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, NavSatFix

from geoflow_ros.camera import CameraModel
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localizer import Localizer, load_model
from geoflow_ros.messages import compressed_to_rgb, stamp_ns
from geoflow_ros.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.ros import conversions
from geoflow_ros.ros.diagnostics import Diagnostics
from geoflow_ros.ros.outputs import Outputs
from geoflow_ros.ros.parameters import NodeConfig, declare
from geoflow_ros.ros.worker import NewestWorker
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tracking.prior import PriorBuffer

WARNING_PERIOD_S = 5.0
STOP_POLL_S = 0.1
STOP_TIMEOUT_S = 0.8


class FrameLocalizer(Protocol):
    """What the node needs of a `Localizer`."""

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        """As `Localizer.localize`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that can be missing, read: makes the localiser once the map frame is known; names corrupt tiles."""

    localizer_in: Callable[[LocalFrame], FrameLocalizer]
    corrupt_tiles: Callable[[], Sequence[str]]


Load = Callable[[NodeConfig], Loaded]


def load_localizer(config: NodeConfig) -> Loaded:
    """Weights and tiles of a configuration."""
    if config.threads:
        torch.set_num_threads(config.threads)
    satellite = SatelliteMap(open_store(config.tiles))
    model = load_model(config.checkpoint_path)
    return Loaded(lambda frame: Localizer(model, satellite, frame, config.localizer), lambda: satellite.corrupt)


class LocalizeNode(Node):  # type: ignore[misc] # rclpy is untyped on older distributions
    """Wires topics to the prior, the worker and the localiser; subscriptions only store, the worker computes."""

    def __init__(self, load: Load = load_localizer) -> None:
        super().__init__("localize", automatically_declare_parameters_from_overrides=True)
        self._config = declare(self)
        self._loaded = load(self._config)
        self._localizer: FrameLocalizer | None = None
        self._camera: CameraModel | Rejection = Rejection("no camera_info received yet")
        self._camera_info: CameraInfo | None = None
        self._last_image: Image | CompressedImage | None = None
        self._patch_missing = 0.0
        self._prior = PriorBuffer(self._config.prior, self._config.heading, self._config.datum.datum)
        self._outputs = Outputs(self, self._config.map_frame, self._config.base_frame)
        self._worker: NewestWorker[Image | CompressedImage] = NewestWorker(self._process)
        self._diagnostics = Diagnostics(self, self._facts)
        self._create_subscriptions()

    def _create_subscriptions(self) -> None:
        reliability = ReliabilityPolicy[self._config.image_reliability.upper()]
        newest = QoSProfile(depth=1, reliability=reliability)
        if self._config.image_transport != "compressed":
            self.create_subscription(Image, "image", self._on_image, newest)
        if self._config.image_transport != "raw":
            self.create_subscription(CompressedImage, "image/compressed", self._on_image, newest)
        # small messages of any publisher: best effort hears reliable publishers too
        sensor = qos_profile_sensor_data
        self.create_subscription(CameraInfo, "camera_info", self._on_camera_info, sensor)
        self.create_subscription(NavSatFix, "fix", self._on_fix, sensor)
        self.create_subscription(Odometry, "odom", self._on_odom, sensor)
        if self._config.heading.source == "imu":
            self.create_subscription(Imu, "imu", self._on_imu, sensor)

    def stop(self) -> None:
        """End the worker; a frame in work is finished if that is quick."""
        self._worker.stop(STOP_TIMEOUT_S)

    def _on_image(self, message: Image | CompressedImage) -> None:
        last = self._last_image
        if last is not None and type(last) is not type(message) and last.header.stamp == message.header.stamp:
            return  # image_transport offers the same frame raw and compressed
        self._last_image = message
        self._worker.offer(message)

    def _on_camera_info(self, message: CameraInfo) -> None:
        last, self._camera_info = self._camera_info, message
        if last is not None and _calibration(last) == _calibration(message):
            return
        try:
            mount, rectified = self._config.camera.mount, self._config.camera.rectified
            self._camera = conversions.camera_model(message, mount, rectified)
        except InputError as error:
            self._camera = Rejection(str(error))

    def _on_fix(self, message: NavSatFix) -> None:
        try:
            self._prior.add_fix(conversions.to_fix(message, self._config.prior.fix_sigma))
        except InputError as error:
            self._prior.refuse("fix", str(error))

    def _on_imu(self, message: Imu) -> None:
        try:
            self._prior.add_heading(conversions.imu_heading(message, self._config.heading.sigma))
        except InputError as error:
            self._prior.refuse("heading", str(error))

    def _on_odom(self, message: Odometry) -> None:
        try:
            self._prior.add_velocity(conversions.odometry_velocity(message))
            if self._config.heading.source == "odom":
                self._prior.add_heading(conversions.odometry_heading(message, self._config.heading.sigma))
        except InputError as error:
            self._prior.refuse("heading", str(error))

    def _process(self, message: Image | CompressedImage) -> None:
        """In the worker: publish a pose for the image, or say why there is none. Never raises."""
        try:
            self._answer(message)
        except InputError as error:
            self._withhold(str(error))
        except Exception as error:  # the node must outlive whatever a frame does
            self.get_logger().debug(traceback.format_exc())
            self._withhold(f"internal error, {type(error).__name__}: {error}", is_fault=True)

    def _answer(self, message: Image | CompressedImage) -> None:
        outcome = self._localize(message)
        if isinstance(outcome, Rejection):
            self._withhold(outcome.reason)
            return
        estimate, prior = outcome
        taken_ns = stamp_ns(message.header.stamp)
        self._patch_missing = estimate.patch.missing
        self._outputs.publish(estimate, message.header.stamp, self._prior.frame, self._prior.nearest_fix(taken_ns))
        self._diagnostics.answered((self.get_clock().now().nanoseconds - taken_ns) * 1e-9)
        self._outputs.publish_heatmap(estimate, prior, message.header.stamp)

    def _localize(self, message: Image | CompressedImage) -> tuple[PoseEstimate, PosePrior] | Rejection:
        camera = self._camera
        if isinstance(camera, Rejection):
            return camera
        prior = self._prior.at(stamp_ns(message.header.stamp))
        if isinstance(prior, Rejection):
            return prior
        is_raw = isinstance(message, Image)
        image = conversions.to_rgb(message) if is_raw else compressed_to_rgb(message)
        if self._localizer is None:
            self._localizer = self._loaded.localizer_in(self._prior.frame)
        estimate = self._localizer.localize(image, camera, prior, self._config.seed)
        return estimate if isinstance(estimate, Rejection) else (estimate, prior)

    def _withhold(self, reason: str, is_fault: bool = False) -> None:
        self.get_logger().warning(f"no pose: {reason}", throttle_duration_sec=WARNING_PERIOD_S)
        self._diagnostics.withheld(reason, is_fault)

    def _facts(self) -> Mapping[str, str]:
        values = {
            "dropped (overtaken by a newer image)": str(self._worker.dropped),
            "patch without imagery": f"{self._patch_missing:.0%}",
            **self._outputs.missing,
        }
        if corrupt := self._loaded.corrupt_tiles():
            values["corrupt tiles"] = f"{len(corrupt)}, the last: {corrupt[-1]}"
        now_ns = self.get_clock().now().nanoseconds
        if (fix := self._prior.nearest_fix(now_ns)) is not None:
            values["age of the last fix [s]"] = f"{(now_ns - fix.stamp_ns) * 1e-9:.2f}"
        if self._prior.has_frame:
            datum = self._prior.frame.datum
            values["datum"] = f"{datum.latitude:.8f} {datum.longitude:.8f} {datum.altitude:.2f}"
        return values


def serve(ros_arguments: Sequence[str], load: Load = load_localizer) -> None:
    """Run the node until SIGINT, SIGTERM or the end of the ROS context; bad parameters and files are an InputError."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        # rclpy's own handlers can leave a process hanging on SIGTERM
        rclpy.init(args=list(ros_arguments), signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        raise InputError(f"ROS does not understand the arguments: {str(error).splitlines()[0]}") from error
    executor = SingleThreadedExecutor()
    try:
        node = LocalizeNode(load)
        executor.add_node(node)
        node.get_logger().info("ready")
        while not stopped.is_set() and rclpy.ok():
            executor.spin_once(timeout_sec=STOP_POLL_S)
        node.stop()
    finally:
        executor.shutdown(timeout_sec=STOP_TIMEOUT_S)
        rclpy.try_shutdown()


def _calibration(message: CameraInfo) -> tuple[object, ...]:
    """What of a camera_info says something about the camera."""
    return message.width, message.height, message.distortion_model, *message.d, *message.k, *message.p
