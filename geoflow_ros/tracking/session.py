"""A drive as it comes in, message by message: what the node and the replay both feed. Needs no ROS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import compressed_for, stamp_ns, to_rgb
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.tracking import measurements
from geoflow_ros.tracking.camera_input import CameraInput
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.prior import BodyVelocity, Fix, HeadingConfig, PriorBuffer, PriorConfig
from geoflow_ros.tracking.search import Origin, Proposal, bounded
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.tracker import Track, Tracker, TrackerConfig, TrackState


class FrameLocalizer(Protocol):
    """What a session needs of a `Localizer`."""

    @property
    def image_size(self) -> tuple[int, int]:
        """As `Localizer.image_size`."""

    def warm(self, prior: PosePrior, mount: Mount) -> bool:
        """As `Localizer.warm`."""

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        """As `Localizer.localize`."""


LocalizerIn = Callable[[LocalFrame], FrameLocalizer]
"""Makes the localiser of a map frame."""
Decode = Callable[[Any, CameraModel, tuple[int, int]], tuple[NDArray[np.uint8], CameraModel]]
"""RGB (H, W, 3) and its camera, from an image message, raw or compressed, its camera, and the size (width, height, px)
that will be read: the image may come smaller than it is, but not than that. InputError if it cannot be read."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Everything a session can be told. rectified: read P of camera_info instead of K and D."""

    heading: HeadingConfig = field(default_factory=HeadingConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    datum: DatumConfig = field(default_factory=DatumConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    rectified: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of an image. stamp_ns: its stamp. track: the fused pose at that stamp and the state.

    single: what the frame alone said, started at `prior`. prior: where was searched, None if nowhere.
    """

    stamp_ns: int
    track: Track
    single: PoseEstimate | Rejection
    prior: PosePrior | None


def decode_image(message: Any, camera: CameraModel, needed: tuple[int, int]) -> tuple[NDArray[np.uint8], CameraModel]:
    """`Decode` of a sensor_msgs/CompressedImage or an 8-bit sensor_msgs/Image."""
    return (to_rgb(message), camera) if hasattr(message, "encoding") else compressed_for(message, camera, needed)


class Session:
    """Messages in (duck-typed: rclpy's or rosbags'), fused poses out; the same for the node and the replay.

    Thread-safe: `process` may run in a worker while the other methods are called; none waits for the network.
    No `on_` method raises for what a message holds: the reason is kept, and told by `refused` and by the answers
    that it leaves without a pose. Equal messages in equal order with an equal seed give equal answers.
    """

    def __init__(
        self,
        config: SessionConfig,
        localizer_in: LocalizerIn,
        seed: int,
        mount: Mount | None = None,
        decode: Decode = decode_image,
    ) -> None:
        """mount: of the camera on base_link; without one, no image is answered before `set_mount`.

        decode: of image messages; the default reads what needs no cv_bridge.
        """
        self._config = config
        self._localizer_in = localizer_in
        self._localizer: FrameLocalizer | None = None
        self._last: _Task | None = None
        self._seed = seed
        self._decode = decode
        self._sensors = PriorBuffer(config.prior, config.heading, config.datum.datum)
        self._motions = MotionBuffer()
        self._tracker = Tracker(config.tracker, seed, self._sensors, self._motions)
        self._eye = CameraInput(mount, config.rectified)
        self._refused: dict[str, str] = {}
        self._generation = 0  # of the track: an answer to a frame of an older one is not for it
        self._lock = threading.RLock()

    def on_camera_info(self, message: Any) -> None:
        """A sensor_msgs/CameraInfo; one that is unlike the last takes its place."""
        self._take("camera_info", lambda: self._eye.set_info(message))

    def on_fix(self, message: Any) -> None:
        """A sensor_msgs/NavSatFix, taken as base_link's position. Without a datum, the first good one becomes it."""
        sigma = self._config.prior.fix_sigma
        self._take("fix", lambda: self._sensors.add_fix(measurements.to_fix(message, sigma)))

    def on_imu(self, message: Any) -> None:
        """A sensor_msgs/Imu: a heading if heading.source is imu, and the rate of turn where no odometry tells it."""
        heading = self._config.heading
        if heading.source == "imu":
            self._take("heading", lambda: self._sensors.add_heading(measurements.imu_heading(message, heading.sigma)))
        self._take("imu", lambda: self._motions.add_rate(measurements.imu_yaw_rate(message)))

    def on_odom(self, message: Any) -> None:
        """A nav_msgs/Odometry: its twist moves the hypotheses; its yaw is a heading if heading.source is odom."""
        self._take("odom", lambda: self._add_velocity(measurements.odometry_velocity(message)))
        heading = self._config.heading
        if heading.source == "odom":
            self._take(
                "heading", lambda: self._sensors.add_heading(measurements.odometry_heading(message, heading.sigma))
            )

    def on_twist(self, message: Any) -> None:
        """A geometry_msgs/TwistStamped in base_link, for vehicles without odometry: speed and rate of turn."""
        self._take("twist", lambda: self._add_velocity(measurements.twist_velocity(message)))

    def process(self, image_message: Any) -> Answer:
        """The answer to a sensor_msgs/Image or CompressedImage at its stamp; call it from one thread at a time.

        Stamps that go back a little are late frames and applied at their stamp; a jump back of more than a second
        (a looping bag, a restarted simulation) starts anew.
        """
        taken_ns = stamp_ns(image_message.header.stamp)
        with self._lock:
            generation, tracker = self._generation, self._tracker
            tracker.advance(taken_ns, self._config.prior.speed_sigma)
            task = self._task(lambda: tracker.propose(taken_ns))
        outcome = task if isinstance(task, Rejection) else self._localize(image_message, task)
        with self._lock:
            if generation != self._generation:
                return Answer(taken_ns, tracker.track(taken_ns), Rejection("the track was started anew"), None)
            proposal = None if isinstance(task, Rejection) else task.proposal
            tracker.see(taken_ns, outcome, proposal.origin if proposal else None)
            return Answer(taken_ns, tracker.track(taken_ns), outcome, proposal.prior if proposal else None)

    def single_frame(self, image_message: Any) -> Answer:
        """What a frame says alone, looked for where GNSS and the heading source say; the track is left as it is."""
        taken_ns = stamp_ns(image_message.header.stamp)
        with self._lock:
            prior = self._sensors.at(taken_ns)
            proposal = prior if isinstance(prior, Rejection) else Proposal(bounded(prior), Origin.SENSORS)
            task = self._task(lambda: proposal)
        single = task if isinstance(task, Rejection) else self._localize(image_message, task)
        if isinstance(single, Rejection):
            return Answer(taken_ns, Track(TrackState.LOST, single.reason, None), single, None)
        searched = None if isinstance(task, Rejection) else task.proposal.prior
        return Answer(taken_ns, Track(TrackState.LOCALISED, "by this image alone", single), single, searched)

    def warm(self) -> bool:
        """Use the time between two images for what the next may need; False when there is nothing (more) to do."""
        last = self._last
        return last is not None and last.localizer.warm(last.proposal.prior, last.camera.mount)

    def set_mount(self, mount: Mount | None, reason: str = "the camera's mount is not known") -> None:
        """Where the camera sits from now on; None withholds answers with this reason (no transform yet)."""
        with self._lock:
            self._eye.set_mount(mount, reason)

    def set_datum(self, datum: Datum) -> None:
        """Begin the map frame here; the track starts anew, in the new frame."""
        with self._lock:
            self._sensors.set_datum(datum)
            self._localizer = None
            self._forget("the datum was set")

    def set_config(self, config: SessionConfig) -> None:
        """Other thresholds from the next message on; the datum in it is not looked at, nor the belief's particles."""
        with self._lock:
            self._config = config
            self._sensors.configure(config.prior, config.heading)
            self._tracker.config = config.tracker

    def set_localizer(self, localizer_in: LocalizerIn) -> None:
        """Another localiser from the next frame on (thresholds or tiles changed); the track goes on."""
        with self._lock:
            self._localizer_in, self._localizer = localizer_in, None

    def initialise(self, stamp_ns: int, pose: PosePrior) -> None:
        """Believe that base_link was here at this stamp (`initialpose`, a saved pose); frames must confirm it."""
        with self._lock:
            self._generation += 1
            self._tracker.initialise(stamp_ns, pose)

    def relocalise(self) -> None:
        """Forget the track and find the vehicle from GNSS again; measurements are kept."""
        with self._lock:
            self._forget("localising anew, as was asked for")

    def reset(self, reason: str) -> None:
        """Forget the track and every measurement (time jumped); calibration, mount and map frame stay.

        The answers until the next pose carry the reason.
        """
        with self._lock:
            self._sensors.clear()
            self._motions.clear()
            self._forget(reason)

    @property
    def frame(self) -> LocalFrame | None:
        """The map frame: of the datum, else from the first good fix on."""
        return self._sensors.frame if self._sensors.has_frame else None

    @property
    def camera(self) -> CameraModel | Rejection:
        """The camera with its mount, or what is missing."""
        return self._eye.camera

    @property
    def refused(self) -> Mapping[str, str]:
        """Why the newest message of a kind (camera_info, fix, heading, ...) was of no use; empty if all were."""
        with self._lock:
            return dict(self._refused)

    def nearest_fix(self, stamp_ns: int) -> Fix | None:
        """The fix nearest in time."""
        return self._sensors.nearest_fix(stamp_ns)

    def _task(self, propose: Callable[[], Proposal | Rejection]) -> _Task | Rejection:
        """What to hand to the localiser, or what is missing."""
        camera = self._eye.camera
        if isinstance(camera, Rejection):
            return camera
        proposal = propose()
        if isinstance(proposal, Rejection):
            return proposal
        if not self._sensors.has_frame:
            return Rejection("the map frame is not known: set the datum, or wait for a GNSS fix")
        if self._localizer is None:
            self._localizer = self._localizer_in(self._sensors.frame)
        return _Task(camera, proposal, self._localizer)

    def _localize(self, message: Any, task: _Task) -> PoseEstimate | Rejection:
        self._last = task
        try:
            image, camera = self._decode(message, task.camera, task.localizer.image_size)
            return task.localizer.localize(image, camera, task.proposal.prior, self._seed)
        except InputError as error:
            return Rejection(str(error))

    def _forget(self, reason: str) -> None:
        self._generation += 1
        self._tracker.forget(reason)

    def _add_velocity(self, velocity: BodyVelocity) -> None:
        self._motions.add_velocity(velocity)
        self._sensors.add_velocity(velocity)

    def _take(self, kind: str, take: Callable[[], None]) -> None:
        """Run `take`; keep the reason if the message turns out to be of no use."""
        reason = None
        try:
            take()
        except InputError as error:
            reason = str(error)
        with self._lock:
            if reason is None:
                self._refused.pop(kind, None)
                return
            self._refused[kind] = reason
        if kind in ("fix", "heading"):
            self._sensors.refuse(kind, reason)


@dataclass(frozen=True, slots=True)
class _Task:
    """A frame's way through the localiser."""

    camera: CameraModel
    proposal: Proposal
    localizer: FrameLocalizer
