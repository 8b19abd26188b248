"""What a session hears: sensor messages become measurements, or the reason why one was of no use. Needs no ROS."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from geoflow_ros.bags.messages import stamp_ns, stamped_earlier
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PoseWithCovariance, Rejection, position_std
from geoflow_ros.tracking import measurements
from geoflow_ros.tracking.cameras import ONE, Cameras, CameraSetup, of_camera
from geoflow_ros.tracking.clocks.arrivals import Arrival, Arrivals
from geoflow_ros.tracking.clocks.clocks import Clocks
from geoflow_ros.tracking.clocks.rig_clocks import RigClocks
from geoflow_ros.tracking.clocks.stamp_delays import StampDelay, StampDelays
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.mount.nodding import Nodding, imu_tilt
from geoflow_ros.tracking.prior import Fix, Heading, HeadingConfig, PriorBuffer, PriorConfig
from geoflow_ros.tracking.sensors.fix_check import FixCheck, RepeatCheck, check_distance
from geoflow_ros.tracking.sensors.heading_check import HeadingCheck, PlacedFix
from geoflow_ros.tracking.sensors.image_check import FrameIds
from geoflow_ros.tracking.sensors.sensor_frames import Lookup, SensorFrames, SensorMount
from geoflow_ros.tracking.sensors.travel_check import Place
from geoflow_ros.tracking.sensors.velocity_inputs import VelocityInputs
from geoflow_ros.tracking.settings import DatumConfig, OdometryConfig
from geoflow_ros.tracking.track import Track, TrackerConfig, TrackState


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Everything a session can be told but its cameras."""

    heading: HeadingConfig = field(default_factory=HeadingConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    datum: DatumConfig = field(default_factory=DatumConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    odometry: OdometryConfig = field(default_factory=OdometryConfig)
    base_frame: str = "base_link"


class SensorInputs:
    """Messages in (duck-typed: rclpy's or rosbags'), the newest measurements kept; thread-safe.

    No `on_` method raises for what a message holds: the reason is kept, and reported by `refused` and by the answers
    that it leaves without a pose.
    """

    def __init__(self, config: SessionConfig, cameras: Mapping[str, CameraSetup]) -> None:
        """cameras: by name; one without a mount is not answered before `set_mount`."""
        self._config = config
        self._motions = MotionBuffer()
        self._nodding = Nodding(self._motions)
        self._sensors = PriorBuffer(config.prior, config.heading, config.datum.datum, self._motions)
        self._frames = SensorFrames(config.base_frame, config.odometry)
        self._cameras = Cameras(cameras)
        self._delays = StampDelays(cameras, self._motions)
        self._frame_ids: defaultdict[str, FrameIds] = defaultdict(FrameIds)
        self._refused: dict[str, str] = {}
        self._lock = threading.RLock()
        self._compare_anew()

    def exposed(self, image_message: Any, camera: str = ONE) -> Any:
        """An image message as it comes in, stamped when the image was exposed: what all other methods expect."""
        with self._lock:
            self._frame_ids[camera].add(image_message.header.frame_id)
        return stamped_earlier(image_message, self._cameras.delay(camera))

    def on_camera_info(self, message: Any, camera: str = ONE) -> None:
        """A sensor_msgs/CameraInfo of a camera; one that is unlike the last takes its place."""
        self._take(of_camera(camera, "camera_info"), lambda: self._cameras[camera].set_info(message))

    def on_fix(self, message: Any) -> None:
        """A sensor_msgs/NavSatFix, of the antenna. Without a datum, the first confirmed is it."""
        self._take("fix", lambda: self._add_fix(message))
        self._came("fix", message)

    def on_imu(self, message: Any) -> None:
        """A sensor_msgs/Imu: how the body nods, the rate of turn where no odometry tells it, perhaps a heading."""
        heading = self._config.heading
        if heading.source == "imu":
            self._take("heading", lambda: self._add_heading(measurements.imu_heading(message, heading.sigma)))
        self._take("imu", lambda: self._velocities.add_imu(message))
        if tilt := imu_tilt(message):
            self._nodding.add(tilt)
        self._came("imu", message)

    def on_odom(self, message: Any) -> None:
        """A nav_msgs/Odometry: its twist moves the hypotheses; its yaw is a heading if heading.source is odom."""
        self._take("odom", lambda: self._velocities.add_odometry(message))
        heading = self._config.heading
        if heading.source == "odom":
            self._take("heading", lambda: self._add_heading(measurements.odometry_heading(message, heading.sigma)))
        self._came("odom", message)

    def on_twist(self, message: Any) -> None:
        """A geometry_msgs/TwistStamped in base_link, for vehicles without odometry: speed and rate of turn."""
        self._take("twist", lambda: self._velocities.add_twist(message))
        self._came("twist", message)

    def admits(self, kind: str, message: Any, arrival: Arrival) -> bool:
        """Whether a sensor's message, which has just come, may have been measured when its stamp says."""
        with self._lock:
            self._arrived(arrival)
            if refusal := self._arrivals.sensor(kind, stamp_ns(message.header.stamp), arrival):
                self._refused[kind] = refusal
            return not refusal

    def locate_sensors_by(self, lookup: Lookup | None) -> None:
        """Ask this where the frames of fixes and velocities are, instead of the parameters; None: by those."""
        self._frames.lookup = lookup

    def set_mount(
        self, mount: Mount | None, reason: str = "the camera's mount is not known", camera: str = ONE
    ) -> None:
        """Where a camera sits from now on; None withholds its answers with this reason (no transform yet)."""
        with self._lock:
            self._cameras[camera].set_mount(mount, reason)

    @property
    def frame(self) -> LocalFrame | None:
        """The map frame: of the datum, else from the first good fix on."""
        return self._sensors.frame if self._sensors.has_frame else None

    def camera(self, name: str = ONE) -> CameraModel | Rejection:
        """A camera with its mount, or what is missing."""
        return self._cameras[name].camera

    @property
    def stamp_delays(self) -> Mapping[str, StampDelay]:
        """By how much images of each camera are stamped late, of which that is known."""
        with self._lock:
            return self._delays.estimates

    @property
    def refused(self) -> Mapping[str, str]:
        """Why the newest message of a kind (camera_info, fix, heading, ...) was of no use; empty if all were."""
        with self._lock:
            return dict(self._refused)

    @property
    def warnings(self) -> Mapping[str, str]:
        """What is wrong with a sensor as the others see it, by its name."""
        with self._lock:
            sensors = {**self._warnings, **self._velocities.warnings, **self._arrivals.warnings}
            return {**sensors, **self._cameras.warnings}

    def nearest_fix(self, stamp_ns: int) -> Fix | None:
        """The fix nearest in time."""
        return self._sensors.nearest_fix(stamp_ns)

    def _compare_anew(self) -> None:
        """Forget what sensors said of each other: time jumped."""
        self._fixes, self._repeats = FixCheck(), RepeatCheck()
        self._delays.restart()
        self._clocks = Clocks()
        self._arrivals = Arrivals()
        self._rig_clocks = RigClocks()
        self._velocities = VelocityInputs(self._motions, self._frames)
        self._headings = HeadingCheck(self._config.heading.source, self._config.heading.offset)
        self._warnings: dict[str, str] = {}

    def _add_fix(self, message: Any) -> None:
        prior = self._config.prior
        antenna = self._frames.find(message.header.frame_id) or SensorMount(
            prior.antenna_forward, prior.antenna_left, prior.antenna_up
        )
        fix = measurements.to_fix(message, prior.fix_sigma, antenna)
        self._repeats.check(fix, self._motions)
        self._fixes.check(fix, self._sensors.has_frame)
        if self._sensors.has_frame:
            self._say("datum", check_distance(fix, self._sensors.frame))
        self._sensors.add_fix(fix)
        place = self._sensors.frame.to_enu(fix.latitude, fix.longitude)[:2]
        self._headings.add_fix(PlacedFix(fix.stamp_ns, place, fix.covariance, fix.antenna), self._motions)
        self._velocities.compare("fixes", Place(fix.stamp_ns, place, position_std(fix.covariance), lever=fix.antenna))
        self._judge_heading()

    def _add_heading(self, heading: Heading) -> None:
        self._headings.add(replace(heading, yaw=heading.yaw + self._config.heading.offset))
        if self._headings.complaint:
            raise InputError(self._headings.complaint)
        self._sensors.add_heading(heading)

    def _compare(self, stamp_ns: int, fused: PoseWithCovariance, single: PoseWithCovariance) -> None:
        """A frame confirms that base_link is here, and says this by itself."""
        self._headings.compare(stamp_ns, fused.yaw, float(fused.covariance[2, 2]))
        self._judge_heading()
        self._compare_way(stamp_ns, single)

    def _hear_delay(self, camera: str, stamp_ns: int, outcome: PoseEstimate | Rejection, track: Track) -> None:
        """Learn from what came of a frame how late it was stamped, where odometry and track are not in doubt."""
        is_sure = track.state is TrackState.LOCALISED and not self._velocities.doubt
        self._delays.hear(camera, stamp_ns, outcome, track.pose if is_sure else None)
        for name, sentence in self._delays.sentences.items():
            self._say(f"image stamps {name}".strip(), sentence)

    def _late(self, stamp_ns: int, pose: PoseWithCovariance) -> str:
        """Why a pose is further off than it says, as stamps are; empty if it is not."""
        if late := self._delays.doubt(stamp_ns, pose):
            return late
        for name, seconds in self._arrivals.leading.items():
            if self._delays.leads_astray(seconds, stamp_ns, pose):
                return self._arrivals.drifts.sentences[name]
        return ""

    def _compare_way(self, stamp_ns: int, single: PoseWithCovariance) -> None:
        """A frame says by itself that base_link is here."""
        place = np.array([single.east, single.north])
        self._velocities.compare("frames", Place(stamp_ns, place, position_std(single.covariance), single.yaw))

    def _outvoted(self, fixes_are_refused: bool) -> str:
        """Why frames are to be doubted, empty if they are not: one kind of sensors may be wrong, hardly two at once."""
        against = {
            f"the heading from {self._config.heading.source}": bool(self._headings.complaint),
            "odometry": self._velocities.contradicts_frames,
            "fixes": fixes_are_refused,
        }
        named = [name for name, contradicts in against.items() if contradicts]
        if len(named) < 2:
            return ""
        return f"{' and '.join(named)} contradict where frames put the vehicle: is the imagery that of this place?"

    def _judge_heading(self) -> None:
        self._say("heading", self._headings.complaint)
        clockwise = self._headings.is_clockwise
        if clockwise is not None and self._config.heading.source == "imu":
            self._velocities.judge_imu(clockwise)

    def _came(self, kind: str, message: Any) -> None:
        """Note the stamp of a sensor's message."""
        with self._lock:
            self._clocks.sensor(kind, stamp_ns(message.header.stamp))
            self._rig_clocks.sensor(kind, stamp_ns(message.header.stamp))

    def _arrived(self, arrival: Arrival) -> None:
        """Something came, be it of use or not."""
        if self._arrivals.ends_silence(arrival):
            self._rig_clocks.pause()

    def _useless(self, stamp_ns: int, camera: str) -> Rejection | None:
        """Why an image is of no use, if so; that of a camera which is at fault says nothing of anyone's clock."""
        stray = self._stray(stamp_ns, camera) or self._indistinct(stamp_ns, camera)
        return stray or self._image_came(stamp_ns, camera)

    def _stray(self, stamp_ns: int, camera: str) -> Rejection | None:
        """Why an image is of no use and nothing is to be learnt of its stamp, if that is another clock's."""
        source, stamp_ns = self._cameras.source(camera), self._cameras.driver_ns(camera, stamp_ns)
        sentence = self._rig_clocks.image(source, stamp_ns) if self._cameras.is_rig else ""
        sentence = sentence or self._arrivals.refusal(source, stamp_ns)
        return self._faulty(camera, sentence) if sentence else None

    def _image_came(self, stamp_ns: int, camera: str) -> Rejection | None:
        """Compare the stamp of an image with those of the sensors; why it cannot be used, if it alone has leapt."""
        stamp_ns = self._cameras.driver_ns(camera, stamp_ns)
        self._cameras.heard(camera, stamp_ns)
        leap = self._clocks.image(stamp_ns)
        self._say("clock", self._clocks.complaint)
        return None if leap is None else Rejection(leap)

    def _indistinct(self, stamp_ns: int, camera: str) -> Rejection | None:
        """Why an image cannot be used that may be of another camera, or whose stamp is that of those before it."""
        return self._faulty(camera, self._mixed(camera) or self._cameras.standstill(camera, stamp_ns))

    def _mixed(self, camera: str) -> str:
        """Why an image may be of another camera; empty if it is not."""
        return self._frame_ids[self._cameras.source(camera)].complaint

    def _faulty(self, camera: str, sentence: str) -> Rejection | None:
        """An image of no use for this fault of the camera, if any."""
        self._cameras.blind(camera, sentence)
        return Rejection(of_camera(camera, sentence), is_blind=True) if sentence else None

    def _take(self, kind: str, take: Callable[[], None]) -> None:
        """Run `take`; keep the reason if the message turns out to be of no use."""
        with self._lock:
            try:
                take()
            except InputError as error:
                self._refused[kind] = str(error)
                if kind in ("fix", "heading"):
                    self._sensors.refuse(kind, str(error))
            else:
                self._refused.pop(kind, None)

    def _say(self, sensor: str, sentence: str) -> None:
        """Warn from now on; an empty sentence ends it."""
        if sentence:
            self._warnings[sensor] = sentence
        else:
            self._warnings.pop(sensor, None)
