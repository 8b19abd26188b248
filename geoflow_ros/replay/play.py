"""Plays a bag through a session in the order it was recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.topics import roles_of, topics_in, unknown_motion
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, PoseWithCovariance, Rejection
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.rig.panorama_views import Panoramas, PanoramaView
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.track import Track

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader


SHOWN = 70
"""Characters of the state beside the progress."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is played otherwise than it was recorded.

    topics: by role. start: where to start from, told the stamp (ns) of the first image; None: from nowhere. Fixes from
    `no_fix_from_s` to `no_fix_to_s` after the first image are left out. single_frame: whether frames are localised
    alone, too. cameras: names of those of a rig. views: of those whose images are panoramas. uncalibrated: the cameras
    that need no camera_info. stamps_ns: of the images that are played, None: of all. note: what the progress is of.
    needed: roles without which there is nothing to play, beside image and camera_info.
    """

    topics: Mapping[str, str]
    start: Callable[[int], PosePrior] | None = None
    no_fix_from_s: float = math.inf
    no_fix_to_s: float = math.inf
    single_frame: bool = False
    cameras: tuple[str, ...] = ()
    views: tuple[PanoramaView, ...] = ()
    uncalibrated: frozenset[str] = frozenset()
    stamps_ns: Set[int] | None = None
    note: str = "replay"
    needed: tuple[str, ...] = ("fix",)


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What came of a frame: fused; alone (None: no pose, or not asked for); seconds the fused answer took.

    prior: where was looked for the fused answer, None if nowhere.
    """

    stamp_ns: int
    track: Track
    single: PoseWithCovariance | None
    seconds: float
    prior: PosePrior | None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What was wrong with a sensor: with how many frames it was said, and the last sentence."""

    frames: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Played:
    """A whole drive: its frames, the fixes (latitude, longitude) that the session took, complaints by sensor.

    roles: of the topics that were played.
    """

    frames: list[FrameResult]
    fixes: list[tuple[float, float]]
    complaints: dict[str, Complaint]
    roles: dict[str, str]

    @property
    def topics(self) -> dict[str, str]:
        """Topics by role."""
        return {role: topic for topic, role in self.roles.items()}


Watch = Callable[[int, Any, Answer], None]
"""Is shown every frame, while there still is all of it: its index, its image message, the fused answer."""


def play(bag: Path, session: Session, script: Script, *watchers: Watch) -> Played:
    """Feed every message of a bag to a session."""
    player, damage = _Player(session, script, watchers), Damage()
    with open_bag(bag) as reader:
        topics, roles = topics_in(reader), _roles(reader, script)
        connections = [each for each in reader.connections if each.topic in roles]
        total = sum(each.msgcount for each in connections)
        messages = read_messages(reader, connections, damage)
        with tqdm(messages, total=total, unit="message", desc=script.note, disable=None) as progress:
            for connection, _, message in progress:
                player.take(roles[connection.topic], message)
                progress.set_postfix_str(player.state, refresh=False)
    if not player.frames:
        unread = f" that can be read ({damage})" if str(damage) else ""
        raise InputError(
            f"{bag} has no image on the topics {', '.join(roles)}{unread}: record it again, or name another topic"
        )
    if hint := unknown_motion(topics, roles, _images_hz(player.frames)):
        player.complaints["motion"] = Complaint(len(player.frames), hint)
    if str(damage):
        player.complaints["bag"] = Complaint(len(player.frames), str(damage))
    return Played(player.frames, player.fixes, player.complaints, roles)


def roles_in(bag: Path, script: Script) -> dict[str, str]:
    """The role of each topic of a bag that would be played: an InputError before anything takes time."""
    with open_bag(bag) as reader:
        return _roles(reader, script)


def _roles(reader: AnyReader, script: Script) -> dict[str, str]:
    return roles_of(topics_in(reader), script.topics, script.cameras, script.uncalibrated, script.needed)


class _Player:
    """Hands messages to a session and keeps the answers."""

    def __init__(self, session: Session, script: Script, watchers: Sequence[Watch]) -> None:
        self.frames: list[FrameResult] = []
        self.fixes: list[tuple[float, float]] = []
        self.complaints: dict[str, Complaint] = {}
        self._session = session
        self._script = script
        self._watchers = watchers
        self._first_ns: int | None = None
        self._panoramas = Panoramas(script.views)
        self._takers: dict[str, Callable[[Any], None]] = {
            **{role: partial(self._images, camera=name) for name, role in _of_cameras(script.cameras, "image")},
            **{
                role: partial(session.on_camera_info, camera=name)
                for name, role in _of_cameras(script.cameras, "camera_info")
            },
            "fix": self._fix,
            "imu": session.on_imu,
            "odom": session.on_odom,
            "twist": session.on_twist,
        }

    @property
    def state(self) -> str:
        """What has become of the last frame, as far as a line has room for it."""
        track = self.frames[-1].track if self.frames else None
        return "" if track is None else f"{track.state.value}: {track.reason}"[:SHOWN]

    def take(self, role: str, message: Any) -> None:
        """A message in its role."""
        self._takers[role](message)

    def _fix(self, message: Any) -> None:
        since_s = (stamp_ns(message.header.stamp) - (self._first_ns or 0)) * 1e-9
        if self._first_ns is not None and self._script.no_fix_from_s <= since_s < self._script.no_fix_to_s:
            return
        self._session.on_fix(message)
        if "fix" not in self._session.refused:
            self.fixes.append((float(message.latitude), float(message.longitude)))

    def _images(self, message: Any, camera: str) -> None:
        message = self._session.exposed(message, camera)
        if self._script.stamps_ns is not None and stamp_ns(message.header.stamp) not in self._script.stamps_ns:
            return
        for name, image in self._panoramas.images(camera, message).items():
            self._image(image, name)

    def _image(self, message: Any, camera: str) -> None:
        if self._first_ns is None:
            self._first_ns = stamp_ns(message.header.stamp)
            if self._script.start is not None:
                self._session.initialise(self._first_ns, self._script.start(self._first_ns))
        before = perf_counter()
        answer = self._session.process(message, camera)
        seconds = perf_counter() - before
        while self._session.learn_mounts():
            pass
        for watch in self._watchers:
            watch(len(self.frames), message, answer)
        alone = self._session.single_frame(message, camera).single if self._script.single_frame else None
        single = _slim(alone) if isinstance(alone, PoseEstimate) else None
        self.frames.append(FrameResult(answer.stamp_ns, answer.track, single, seconds, answer.prior))
        for sensor, sentence in {**self._session.refused, **self._unseen(answer), **answer.warnings}.items():
            before_it = self.complaints.get(sensor, Complaint(0, ""))
            self.complaints[sensor] = Complaint(before_it.frames + 1, sentence)

    def _unseen(self, answer: Answer) -> dict[str, str]:
        """Why an image of a calibrated camera shows nothing; of a rig, warnings say so."""
        single, name = answer.single, answer.camera
        if name or not isinstance(single, Rejection) or isinstance(self._session.camera(name), Rejection):
            return {}
        return {"image": single.reason} if single.is_blind else {}


def _images_hz(frames: Sequence[FrameResult]) -> float:
    """How many come a second; inf of one alone."""
    seconds = (max(each.stamp_ns for each in frames) - min(each.stamp_ns for each in frames)) * 1e-9
    return (len(frames) - 1) / seconds if seconds else math.inf


def _of_cameras(cameras: Sequence[str], kind: str) -> list[tuple[str, str]]:
    """Each camera's name and role of this kind."""
    return [(name, f"{name}/{kind}") for name in cameras] or [(ONE, kind)]


def _slim(estimate: PoseEstimate) -> PoseWithCovariance:
    """Without the imagery, of which a drive has gigabytes."""
    return PoseWithCovariance(estimate.east, estimate.north, estimate.yaw, estimate.covariance)
