"""A drive as it comes in, message by message: what the node and the replay both feed. Needs no ROS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection, position_std
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE, CameraSetup, View, of_camera
from geoflow_ros.tracking.clocks.arrivals import Arrival
from geoflow_ros.tracking.frame_localizer import FrameLocalizer, FrameTask, LocalizerIn
from geoflow_ros.tracking.mount.asked_frame import AskedFrame
from geoflow_ros.tracking.mount.estimate import MountEstimate
from geoflow_ros.tracking.mount.rig_mounts import CameraMounts
from geoflow_ros.tracking.search import Origin, Proposal, bounded
from geoflow_ros.tracking.sensors.fixes import FixFusion
from geoflow_ros.tracking.sensors.image_check import ImageChecks
from geoflow_ros.tracking.sensors.image_decoding import Decode, decode_image
from geoflow_ros.tracking.sensors.sensor_inputs import SensorInputs, SessionConfig
from geoflow_ros.tracking.track import Track, TrackState
from geoflow_ros.tracking.tracker import Tracker


class Session(SensorInputs):
    """Messages in, fused poses out; the same for the node and the replay.

    Thread-safe: `process` may run in a worker while the other methods are called; none waits for the network.
    Equal messages in equal order with an equal seed give equal answers.
    """

    def __init__(
        self,
        config: SessionConfig,
        localizer_in: LocalizerIn,
        seed: int,
        cameras: Mapping[str, CameraSetup],
        decode: Decode = decode_image,
    ) -> None:
        """cameras: as `SensorInputs`. decode: of image messages; the default reads what needs no cv_bridge."""
        super().__init__(config, cameras)
        self._localizer_in = localizer_in
        self._localizer: FrameLocalizer | None = None
        self._tasks: dict[str, FrameTask] = {}  # the last of each camera
        self._seed, self._decode = seed, decode
        self._images = ImageChecks(cameras)
        self._mounts = CameraMounts({name: each.prior for name, each in cameras.items()})
        self._tracker = Tracker(config.tracker, seed, self._sensors, self._motions)
        self._track = self._tracker.track(0)  # the newest
        self._tracker.yaw_std = self._mounts.yaw_std
        self._generation = 0  # of the track: an answer to a frame of an older one is not for it

    def process(self, image_message: Any, camera: str = ONE) -> Answer:
        """The answer to a sensor_msgs/Image or CompressedImage at its stamp; call it from one thread at a time.

        camera: the name of that which took it; images of several may come in any order.
        Stamps that go back a little are late frames and applied at their stamp; a jump back of more than a second
        (a looping bag, a restarted simulation) starts anew, and so does one forward that odometry does not bridge.
        """
        taken_ns = stamp_ns(image_message.header.stamp)
        with self._lock:
            if useless := self._useless(taken_ns, camera):
                is_said = useless.reason in self.warnings.values()
                track = self._track.without(useless, self._clocks.now_ns, self._config.tracker.lost_after, is_said)
                return self._answer(camera, taken_ns, track, useless, useless)
            generation = self._generation
            if self._velocities.take_change():
                self._tracker.change_odometry()
            self._tracker.advance(taken_ns, self._config.prior.speed_sigma)
            task = self._task(camera, lambda: self._tracker.propose(taken_ns))
        outcome = self._localize(camera, image_message, task)
        with self._lock:
            if generation != self._generation:
                outcome = task = Rejection("the track was started anew")
            else:
                origin = task.proposal.origin if isinstance(task, FrameTask) else None
                mount = task.camera.mount.planar if isinstance(task, FrameTask) else PlanarPose()
                outcome = self._mounts.steadied(camera, mount.yaw, taken_ns, outcome, self._motions)
                self._tracker.see(taken_ns, outcome, origin, View(camera, mount))
                self._learn_yaw(camera)
            self._tracker.mount_covariance = self._mounts.place_covariance  # also where there is no time to learn them
            self._say("fix clock", self._tracker.fixes.refusal)
            track = self._tracker.track(taken_ns)
            self._hear_delay(camera, taken_ns, outcome, track)
            track = self._track = self._doubted(taken_ns, track)
            if isinstance(outcome, PoseEstimate) and isinstance(task, FrameTask):
                self._learn(taken_ns, track, outcome, task.proposal.origin)
            return self._answer(camera, taken_ns, track, outcome, task)

    def image_arrived(self, message: Any, arrival: Arrival, camera: str = ONE) -> None:
        """An image has come, to be processed in its turn or dropped; if every clock was set, the track starts anew."""
        with self._lock:
            self._arrived(arrival)
            taken_ns = stamp_ns(message.header.stamp)
            if step := self._arrivals.image(camera, self._cameras.driver_ns(camera, taken_ns), arrival):
                here = self._tracker.here()
                self.reset(step)
                self._tracker.leap(step, taken_ns, here)

    def single_frame(self, image_message: Any, camera: str = ONE) -> Answer:
        """What a frame says alone, looked for where GNSS and the heading source say; the track is left as it is."""
        taken_ns = stamp_ns(image_message.header.stamp)
        with self._lock:
            self._image_came(taken_ns, camera)
            useless = self._stray(taken_ns, camera) or self._faulty(camera, self._mixed(camera))
            task = useless or self._task(camera, lambda: self._at_sensors(taken_ns))
        outcome = useless or self._localize(camera, image_message, task)
        if isinstance(outcome, Rejection):
            track = Track(TrackState.LOST, outcome.reason, None)
        else:
            track = Track(TrackState.LOCALISED, "by this image alone", outcome)
        with self._lock:
            return self._answer(camera, taken_ns, track, outcome, task)

    def worth(self, camera: str) -> float:
        """What the next image of a camera promises, relative to those of the others."""
        return self._cameras.worth(camera)

    def warm(self, is_hurried: bool = False) -> bool:
        """Use the time between two images for what the next may need; False when there is nothing (more) to do.

        What each camera needs where it is now comes first; is_hurried: images wait, do no more than that.
        """
        needs = [(task.localizer, task.proposal.prior, task.camera.mount) for task in [*self._tasks.values()]]
        hurries = (True,) if is_hurried else (True, False)
        return any(localizer.warm(prior, mount, hurry) for hurry in hurries for localizer, prior, mount in needs)

    def learn_mounts(self) -> bool:
        """Use the time between two images to read one through another mount; False when there is nothing to learn."""
        if not (goes_on := self._mounts.hear()):
            with self._lock:
                shift = self._mounts.learn()
                self._tracker.yaw_std = self._mounts.yaw_std
                self._tracker.correct(shift)
        return goes_on

    def set_datum(self, datum: Datum) -> None:
        """Begin the map frame here; the track starts anew, in the new frame."""
        with self._lock:
            self._sensors.set_datum(datum)
            self._localizer = None
            self._forget("the datum was set")

    def set_config(self, config: SessionConfig) -> None:
        """Other thresholds from the next message on; the datum in it is not looked at."""
        with self._lock:
            self._config = config
            self._sensors.configure(config.prior, config.heading)
            self._tracker.configure(config.tracker)

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
            self._nodding.clear()
            self._cameras.forget_images()
            self._compare_anew()
            self._forget(reason)

    @property
    def mount_estimates(self) -> Mapping[str, MountEstimate]:
        """What is believed of each camera's mount, by its name; none before a mount is stated."""
        with self._lock:
            return self._mounts.estimates(self._cameras.mounts)

    @property
    def worlds(self) -> Mapping[str, CameraMask]:
        """What of its images shows the world, of each camera that seems to see a part of the vehicle unmasked."""
        return self._images.worlds

    def recall_mounts(self, kept: Mapping[str, MountEstimate]) -> None:
        """Believe of the cameras' mounts what was learnt before a restart, by the camera's name."""
        with self._lock:
            self._mounts.recall(kept)
            self._tracker.recall_yaw(self._mounts.yaw_std)

    @property
    def fixes(self) -> FixFusion:
        """What has become of the fixes: how their clock and their places differ from those of the images."""
        return self._tracker.fixes

    def _doubted(self, taken_ns: int, track: Track) -> Track:
        """What is known, not called LOCALISED while odometry, a wrong calibration or late stamps may lead elsewhere."""
        if track.state is not TrackState.LOCALISED or track.pose is None:
            return track
        doubt = self._velocities.doubt or self._outvoted(self._tracker.fixes.are_refused(taken_ns))
        doubt = doubt or self._mounts.doubt or self._late(taken_ns, track.pose)
        return replace(track, state=TrackState.DEGRADED, reason=doubt) if doubt else track

    def _learn(self, taken_ns: int, track: Track, single: PoseEstimate, origin: Origin) -> None:
        """Compare sensors with where a frame is; odometry that lies must not keep the track from ever beginning."""
        if track.state is TrackState.LOCALISED and track.pose is not None:
            self._compare(taken_ns, track.pose, single)
        elif origin is not Origin.GUESS:
            self._compare_way(taken_ns, single)

    def _came(self, kind: str, message: Any) -> None:
        """Note the stamp, and follow odometry while no image comes."""
        with self._lock:
            super()._came(kind, message)
            self._tracker.carry(self._config.prior.speed_sigma)

    def _at_sensors(self, stamp_ns: int) -> Proposal | Rejection:
        prior = self._sensors.at(stamp_ns)
        return prior if isinstance(prior, Rejection) else Proposal(bounded(prior), Origin.SENSORS)

    def _task(self, name: str, propose: Callable[[], Proposal | Rejection]) -> FrameTask | Rejection:
        """What to hand to the localiser of an image of this camera, or what is missing."""
        if isinstance(camera := self.camera(name), Rejection):
            return camera
        proposal = propose()
        if isinstance(proposal, Rejection):
            return proposal
        if not self._sensors.has_frame:
            return Rejection("the map frame is not known: set the datum, or wait for a GNSS fix")
        if self._localizer is None:
            self._localizer = self._localizer_in(self._sensors.frame)
        return FrameTask(camera, proposal, self._localizer)

    def _localize(self, camera: str, message: Any, task: FrameTask | Rejection) -> PoseEstimate | Rejection:
        """What the image says alone, or why nothing; takes as long as the network does."""
        outcome = task if isinstance(task, Rejection) else self._outcome(camera, message, task)
        blind = outcome if isinstance(outcome, Rejection) and outcome.is_blind else None
        with self._lock:
            self._cameras.blind(camera, "" if blind is None else blind.reason)
            std = position_std(outcome.covariance) if isinstance(outcome, PoseEstimate) else None
            self._cameras.learn_worth(camera, std)
        return outcome if blind is None else replace(blind, reason=of_camera(camera, blind.reason))

    def _outcome(self, camera: str, message: Any, task: FrameTask) -> PoseEstimate | Rejection:
        self._tasks[camera], taken_ns = task, stamp_ns(message.header.stamp)
        try:
            image, model = self._decode(message, task.camera, task.localizer.image_size)
        except InputError as error:
            return Rejection(str(error), is_blind=True)
        repeated = self._images.complaint(camera, message, self._motions)
        self._images.look(camera, image, model.mask, taken_ns, self._motions)
        if repeated and image.min() < image.max():  # a blank one has a reason of its own
            return Rejection(repeated, is_blind=True)
        try:
            model = replace(model, mount=self._mounts.mount(camera, model.mount, tilt := self._nodding.at(taken_ns)))
            outcome = task.localizer.localize(image, model, task.proposal.prior, self._seed)
            if task.proposal.origin is not Origin.GUESS:
                asked = AskedFrame(task.localizer, image, model, task.proposal.prior)
                with self._lock:
                    self._mounts.ask(camera, task.camera.mount, tilt, taken_ns, self._motions, asked)
            return self._mounts.fitting(camera, outcome)
        except InputError as error:
            return Rejection(str(error))

    def _learn_yaw(self, camera: str) -> None:
        """Learn what driving says of the camera's yaw, and say what is wrong with the mount, or in the camera's way."""
        if squint := self._tracker.take_squint(camera, self._mounts[camera].yaw_alike):
            self._mounts[camera].turn(*squint)
            self._tracker.yaw_std = self._mounts.yaw_std
        self._say(f"mount {camera}".strip(), self._mounts.sentence(camera))
        self._say(f"focal length {camera}".strip(), self._mounts.focal_complaint(camera))
        self._say(f"own vehicle {camera}".strip(), of_camera(camera, self._images.own_vehicle(camera)))

    def _answer(
        self, camera: str, taken_ns: int, track: Track, single: PoseEstimate | Rejection, task: FrameTask | Rejection
    ) -> Answer:
        prior = task.proposal.prior if isinstance(task, FrameTask) else None
        warnings = self.warnings
        track = track.beside(warnings.values())
        fix = self._sensors.nearest_fix(taken_ns)
        return Answer(taken_ns, track, single, prior, self.frame, fix, warnings, camera, self._tracker.together())

    def _forget(self, reason: str) -> None:
        self._generation += 1
        self._mounts.forget_images()
        self._tracker.forget(reason)
        self._track = self._tracker.track(0)
