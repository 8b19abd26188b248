"""From an image to an answer that is still wanted: a session, a worker, and what makes them start anew."""

from __future__ import annotations

import math
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from geoflow_ros.bags.messages import compressed_for, stamp_ns
from geoflow_ros.camera import CameraModel
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError, described
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.ros import conversions
from geoflow_ros.ros.diagnostics import ERROR, SILENCE_S, Diagnostics
from geoflow_ros.ros.inputs.arrival import arrived_now
from geoflow_ros.ros.inputs.camera_mounts import CameraMounts
from geoflow_ros.ros.inputs.initialpose import SeenImage
from geoflow_ros.ros.inputs.sensor_lookup import SensorLookup
from geoflow_ros.ros.inputs.transforms import Transforms
from geoflow_ros.ros.inputs.twins import Twins
from geoflow_ros.ros.loaded import Loaded
from geoflow_ros.ros.publishing.announcer import CEASED, HANGS, Announcer
from geoflow_ros.ros.publishing.mount_announcer import MountAnnouncer
from geoflow_ros.ros.worker import NewestWorker
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.frame_localizer import FrameLocalizer
from geoflow_ros.tracking.history import JUMP_NS
from geoflow_ros.tracking.rig.panorama_views import Panoramas, ViewImage
from geoflow_ros.tracking.session import Session

if TYPE_CHECKING:
    from geoflow_ros.tiles.live.live_tiles import LiveTiles

STOP_TIMEOUT_S = 0.5
HUNG_S = 10.0  # without an answer: slow computers take some seconds, for a frame or for patches of a new place
OUTCOMES = ("answered", "without an answer")

ImageMessage: TypeAlias = "Image | CompressedImage"
SessionImage: TypeAlias = "ImageMessage | ViewImage"
NewSession = Callable[..., Session]


class Pipeline:
    """Exists between configuration and clean-up, answers images while it is open; thread-safe.

    Every reset begins an epoch: an image of an earlier one is not answered any more, even if the network is at work
    on it.
    """

    def __init__(
        self, node: Node, config: NodeConfig, loaded: Loaded, diagnostics: Diagnostics, new_session: NewSession
    ) -> None:
        """An InputError says what the configuration needs and is not installed."""
        self._node = node
        self._config = config
        self._loaded = loaded
        self._panoramas = Panoramas(config.views, _decode)
        with ExitStack() as parts:  # of which none stays on the graph if another cannot be made
            parts.callback(self._close_live)
            self.session = new_session(config.session, self._localizer_in, config.seed, config.camera_setups, _decode)
            self._make_parts(parts, node, config, diagnostics)
            self._parts = parts.pop_all()
        self._epoch = 0
        self._received = self._forgotten = 0
        self._is_open = self._learns_first = False
        self._gate = threading.Lock()
        self._last_ns: dict[str, int] = {}
        self._twins = Twins()
        self._outcomes: dict[str, Counter[str]] = {name: Counter() for name in config.camera_setups}
        self.newest_image: SeenImage | None = None
        self._worker: NewestWorker[tuple[int, str, SessionImage]] = NewestWorker(
            self._process, self._idle, self.session.worth, self._patience_s
        )

    def _make_parts(self, parts: ExitStack, node: Node, config: NodeConfig, diagnostics: Diagnostics) -> None:
        """What has to be closed, and what needs it."""
        self._transforms = Transforms(node)
        parts.callback(self._transforms.close)
        self._mounts = CameraMounts(self._transforms, config)
        if config.sensors_from_tf:
            self.session.locate_sensors_by(SensorLookup(self._transforms, config.base_frame).at)
        self.announcer = Announcer(node, config, diagnostics)
        parts.callback(self.announcer.close)
        self._found_mounts = MountAnnouncer(node, config, self.session, _decode)
        parts.callback(self._found_mounts.close)

    def _close_live(self) -> None:
        if self._loaded.live is not None:
            self._loaded.live.close()

    def close(self) -> None:
        """End the worker, if it does so in time, and take the topics back."""
        self._stop()
        self._worker.stop(STOP_TIMEOUT_S)
        self._parts.close()

    def open(self, reason: str) -> None:
        """Answer images from now on; reason: the state's until one is."""
        if not self._is_open:
            self._is_open = True
            self.announcer.opened(reason)

    def stop(self, state: str, reason: str) -> None:
        """Answer no image, not even one in work, and be in this state whatever begins anew meanwhile."""
        self._stop()
        self.announcer.closed(state, reason)

    def _stop(self) -> None:
        with self._gate:
            self._is_open = False
            self._epoch += 1
            self._forgotten += self._worker.clear()

    def reset(self, reason: str, datum: Datum | None = None) -> None:
        """Start anew: time jumped, or was not watched, or the map begins at this datum from now on."""
        with self._gate:  # between the new frame and the new epoch no answer in the old frame may come through
            self._epoch += 1
            if datum is not None:
                self.session.set_datum(datum)
            self.session.reset(reason)
            self.announcer.forget()
            self._forgotten += self._worker.clear()
        self._last_ns = {}
        self._twins.clear()
        self._transforms.clear()
        if self._is_open:
            self.announcer.initialising(reason)

    def configure(self, config: NodeConfig) -> None:
        """Other thresholds, another datum; an InputError for none, where there is one."""
        if config.datum.datum is None and self._config.datum.datum is not None:
            raise InputError("datum.latitude and datum.longitude are nan, but the map has begun: give another place")
        before, self._config = self._config, config
        self.session.set_config(config.session)
        if config.localizer != before.localizer:
            self.session.set_localizer(self._localizer_in)
        if config.datum != before.datum and config.datum.datum is not None:
            self.begin_map_at(config.datum.datum)

    def begin_map_at(self, datum: Datum) -> None:
        """Another origin of the map frame: the poses before it belong to another map."""
        self.reset(f"the map begins at {datum.latitude:.8f} {datum.longitude:.8f}", datum)

    def offer(self, message: ImageMessage, camera: str = ONE) -> None:
        """The newest image of a camera, stamped as its driver does."""
        if self._twins.has_come(camera, message):
            return
        message = self.session.exposed(message, camera)
        taken_ns, arrival = stamp_ns(message.header.stamp), arrived_now(self._node)
        last_ns, self._last_ns[camera] = self._last_ns.get(camera, taken_ns), taken_ns
        self.newest_image = SeenImage(taken_ns, arrival.now_ns)
        if not self._is_open:
            return
        self.session.image_arrived(message, arrival, camera)
        if taken_ns < last_ns - JUMP_NS:
            self._leap_back()
        for name, image in self._panoramas.images(camera, message).items():
            self._received += 1
            self._worker.offer((self._epoch, name, image), name)

    def on_odom(self, message: Odometry) -> None:
        """Odometry, for the session and for the transform."""
        self.session.on_odom(message)
        self.announcer.on_odom(message)

    def take(self, kind: str, on_message: Callable[[Any], None], message: Any) -> None:
        """A sensor's message, if its stamp may be true."""
        if self.session.admits(kind, message, arrived_now(self._node)):
            on_message(message)

    @property
    def is_waiting(self) -> bool:
        """Whether it would answer, and not one image has come."""
        return self._is_open and self.newest_image is None

    @property
    def silence(self) -> str:
        """Why images are answered no more, empty if they are. By the node's clock, as a simulation may stand still."""
        if not self._is_open or self.newest_image is None:
            return ""
        lost_after_s = self._config.tracker.lost_after
        if self._worker.in_vain_s > max(HUNG_S, lost_after_s):
            return HANGS
        silent_s = (arrived_now(self._node).now_ns - self.newest_image.arrived_ns) * 1e-9
        return CEASED if silent_s > max(SILENCE_S, lost_after_s) else ""

    @property
    def facts(self) -> dict[str, str]:
        """What the diagnostics show of it."""
        dropped, stale = self._worker.dropped, self._worker.stale
        values = {
            "received": str(self._received),
            "dropped (overtaken by a newer image)": str(dropped.total()),
            "dropped (waited longer than localizer.max_latency_ms)": str(stale.total()),
            "forgotten (of before a reset)": str(self._forgotten),
            **self.announcer.facts,
            **self._found_mounts.facts,
        }
        for name, outcomes in self._outcomes.items():
            if name:
                counts = [f"{what} {outcomes[what]}" for what in OUTCOMES]
                values[f"camera {name}"] = ", ".join([*counts, f"dropped {dropped[name] + stale[name]}"])
        if complaint := self._worker.idle_complaint:
            values["work between images"] = complaint
        if self._loaded.live is not None:
            values["live tiles"] = self._loaded.live.fact
        if corrupt := self._loaded.corrupt_tiles():
            values["corrupt tiles"] = f"{len(corrupt)}, the last: {corrupt[-1]}"
        return values

    def _leap_back(self) -> None:
        """Image stamps went back: the session sees that itself, and may know measurements of the new time already."""
        with self._gate:
            self._epoch += 1
        self.announcer.forget()

    @property
    def warnings(self) -> list[str]:
        """What is wrong with how cameras are mounted, and what is not published."""
        return [*self._mounts.warnings, *self.announcer.warnings]

    def _process(self, item: tuple[int, str, SessionImage]) -> None:
        """In the worker: publish what an image came to. Never raises."""
        try:
            self._answer(*item)
        except Exception as error:  # the node must outlive whatever a frame does
            self._node.get_logger().debug(traceback.format_exc())
            with self._gate:
                if item[0] == self._epoch:
                    self.announcer.withhold(ERROR, f"internal error, {described(error)}")

    def _idle(self, is_hurried: bool) -> bool:
        """In the worker between images: prepare for the next; is_hurried: it waits already.

        Where one always waits the two take turns: patches alone would leave no mount ever learnt.
        """
        if not self._is_open:
            return False
        self._learns_first = is_hurried and not self._learns_first
        if self._learns_first:
            return self.session.learn_mounts() or self.session.warm(is_hurried)
        return self.session.warm(is_hurried) or self.session.learn_mounts()

    def _patience_s(self) -> float:
        """How long an image may wait."""
        return self._config.localizer.max_latency_ms / 1e3 or math.inf

    def _answer(self, epoch: int, camera: str, message: SessionImage) -> None:
        header, session = message.header, self.session
        try:
            stated = self._mounts.at(self._panoramas.source(camera), header.frame_id, header.stamp)
            session.set_mount(self._panoramas.mount(camera, stated), camera=camera)
        except InputError as error:
            session.set_mount(None, str(error), camera=camera)
        self._found_mounts.recall()
        answer = session.process(message, camera) if self._config.fusion else session.single_frame(message, camera)
        self._outcomes[camera]["answered" if isinstance(answer.single, PoseEstimate) else "without an answer"] += 1
        with self._gate:
            if epoch != self._epoch:
                self._forgotten += 1
                return
            self.announcer.announce(answer, header.stamp)
        if self._loaded.live is not None:
            _look_ahead(self._loaded.live, answer)
        if isinstance(answer.single, PoseEstimate) and answer.prior is not None:
            self.announcer.draw(answer, header.stamp)
        self._found_mounts.announce(message, answer)

    def _localizer_in(self, frame: LocalFrame) -> FrameLocalizer:
        return self._loaded.localizer_in(frame, self._config.localizer)


def _look_ahead(live: LiveTiles, answer: Answer) -> None:
    """Tell who fetches tiles where the vehicle is, by its pose or by where it was looked for."""
    place = answer.prior if answer.track.pose is None else answer.track.pose
    if answer.frame is not None and place is not None:
        live.look_ahead(place.planar, answer.frame)


def _decode(
    message: SessionImage, camera: CameraModel, needed: tuple[int, int]
) -> tuple[NDArray[np.uint8], CameraModel]:
    """As the session's own, but other encodings by cv_bridge."""
    if isinstance(message, CompressedImage):
        return compressed_for(message, camera, needed)
    return conversions.to_rgb(message), camera
