"""The mounts of a vehicle's cameras by name, each learnt by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import Mount
from geoflow_ros.localization.pose import PoseEstimate, Rejection
from geoflow_ros.tracking.cameras import of_camera
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.mount.asked_frame import Asked
from geoflow_ros.tracking.mount.elsewhere import Elsewhere, ElsewhereCheck, elsewhere
from geoflow_ros.tracking.mount.estimate import CAMERA, MountEstimate, MountPrior
from geoflow_ros.tracking.mount.flips import Flip
from geoflow_ros.tracking.mount.focal_length_check import FACTORS, FocalLengthCheck
from geoflow_ros.tracking.mount.inquiry import Inquiry
from geoflow_ros.tracking.mount.nodding import nodded
from geoflow_ros.tracking.mount.self_calibration import MATCHED, MountCalibration
from geoflow_ros.tracking.mount.view_jitter import ViewJitter, smeared

Tilted = tuple[float, float]
"""Roll and pitch (rad) of the body against the road."""


class CameraMounts:
    """One calibration a camera, and what all of them together leave open of the vehicle's pose."""

    def __init__(self, priors: Mapping[str, MountPrior]) -> None:
        self._calibrations = {name: MountCalibration(prior) for name, prior in priors.items()}
        self._focal_lengths = {name: FocalLengthCheck() for name in priors}
        self._inquiries: dict[str, Inquiry] = {}
        self._of_focal_length: dict[str, Inquiry] = {}
        self._stated: dict[str, Mount] = {}
        self._elsewhere = {name: ElsewhereCheck() for name in priors}
        self._of_place: dict[str, tuple[Inquiry, Sequence[Elsewhere]]] = {}
        self._jitters = {name: ViewJitter() for name in priors}

    def __getitem__(self, name: str) -> MountCalibration:
        return self._calibrations[name]

    def mount(self, camera: str, stated: Mount, tilt: Tilted) -> Mount:
        """How the camera is believed to be mounted on a body tilted so."""
        return nodded(self._calibrations[camera].mount(stated), *tilt)

    def steadied(
        self, camera: str, view_yaw: float, stamp_ns: int, outcome: PoseEstimate | Rejection, motions: MotionBuffer
    ) -> PoseEstimate | Rejection:
        """What came of a frame, as uncertain along the view as the frames so far jump about there."""
        jitter, said = self._jitters[camera], outcome.withheld if isinstance(outcome, Rejection) else outcome
        if said is not None:
            jitter.hear(stamp_ns, said, view_yaw, motions)
        if isinstance(outcome, PoseEstimate):
            self._calibrations[camera].hear_heading(float(outcome.covariance[2, 2]))
        return smeared(outcome, jitter.std, view_yaw)

    def ask(self, camera: str, stated: Mount, tilt: Tilted, stamp_ns: int, motions: MotionBuffer, frame: Asked) -> None:
        """Have an image weigh mounts and focal lengths, where due and no earlier one is at it: `hear` its answers."""
        self._stated[camera] = stated
        if any(camera in asked for asked in (self._inquiries, self._of_focal_length, self._of_place)):
            return
        if self._focal_lengths[camera].is_due(stamp_ns, motions):
            believed = [self.mount(camera, stated, tilt), nodded(stated, *tilt)]
            answers = (frame.scaled(believed, factor) for factor in FACTORS)
            self._of_focal_length[camera] = Inquiry(chain.from_iterable(answers))
        if mounts := self._calibrations[camera].ask(stated, stamp_ns, motions):
            tilted = [nodded(mount, *tilt) for mount in mounts]
            flipped = (frame.flipped(tilted[:1], flip) for flip in self._calibrations[camera].flips)
            self._inquiries[camera] = Inquiry(chain(frame.flipped(tilted, Flip.NONE), chain.from_iterable(flipped)))
            if self._is_suspect(camera):
                places = elsewhere(camera, self._stated)
                looks = [nodded(each, *tilt) for each in (stated, *(place.mount for place in places))]
                self._of_place[camera] = Inquiry(chain.from_iterable(map(frame.mounted, looks))), places

    def hear(self) -> bool:
        """Compute one more answer of any image; False when all have said all."""
        of_place = [inquiry for inquiry, _ in self._of_place.values()]
        return any(each.go_on() for each in [*self._inquiries.values(), *self._of_focal_length.values(), *of_place])

    def learn(self) -> NDArray[np.float64]:
        """Take the answers of the images that have said all.

        As `MountCalibration.learn`, of the place that all cameras show together.
        """
        shifts = dict.fromkeys(self._calibrations, np.zeros(2))
        inquiries, of_focal_length, of_place = self._inquiries, self._of_focal_length, self._of_place
        self.forget_images()  # whatever becomes of them
        for name, (inquiry, places) in of_place.items():
            self._elsewhere[name].learn(inquiry.heard, places, MATCHED)
        for name, inquiry in inquiries.items():
            if self._elsewhere[name].sentence:
                self._calibrations[name].forget()  # what it learnt was of a mount that is none
            else:
                shifts[name] = self._calibrations[name].learn(inquiry.heard, self._jitters[name].std)
        for name, inquiry in of_focal_length.items():
            self._focal_lengths[name].learn(inquiry.heard)
        for name, calibration in self._calibrations.items():
            calibration.others_fit = any(each.fits for other, each in self._calibrations.items() if other != name)
        return self._of_all([*shifts.values()])

    def forget_images(self) -> None:
        """Ask none that is being asked any further."""
        self._inquiries, self._of_focal_length, self._of_place = {}, {}, {}

    def _is_suspect(self, camera: str) -> bool:
        """Whether a camera's frames are asked how it may look in fact: if they fit nowhere near, and others' do."""
        calibration = self._calibrations[camera]
        return calibration.others_fit and bool(calibration.flips or self._elsewhere[camera].sentence)

    def fitting(self, camera: str, outcome: PoseEstimate | Rejection) -> PoseEstimate | Rejection:
        """What came of a frame, none of a camera that is known to show something else than is stated."""
        misfit = self._misfit(camera)
        return Rejection(misfit, is_blind=True) if misfit else outcome

    def _misfit(self, camera: str) -> str:
        """Why a camera's frames must not lead while those of others fit; empty if they may."""
        calibration = self._calibrations[camera]
        return (calibration.flipped or self._elsewhere[camera].sentence) if calibration.others_fit else ""

    def sentence(self, camera: str) -> str:
        """What is wrong with a camera's mount; empty if nothing is known to be."""
        return of_camera(camera, self._misfit(camera) or self._calibrations[camera].sentence)

    @property
    def doubt(self) -> str:
        """Why what cameras show may lie: a calibration that frames contradict; empty if nothing is known."""
        return next(filter(None, map(self.focal_complaint, self._focal_lengths)), "")

    def focal_complaint(self, camera: str) -> str:
        """What is wrong with a camera's focal length; empty if nothing is known to be."""
        return of_camera(camera, self._focal_lengths[camera].sentence)

    def estimates(self, stated: Mapping[str, Mount | None]) -> Mapping[str, MountEstimate]:
        """What is believed of each mount that is stated."""
        known = {name: mount for name, mount in stated.items() if mount is not None}
        believed = {name: self._calibrations[name].estimate(mount) for name, mount in known.items()}
        return {
            name or CAMERA: replace(each, suspicion=self._misfit(name) or each.suspicion)
            for name, each in believed.items()
        }

    def recall(self, kept: Mapping[str, MountEstimate]) -> None:
        """Go on from what was learnt before, of the cameras named."""
        for name, calibration in self._calibrations.items():
            if (name or CAMERA) in kept:
                calibration.recall(kept[name or CAMERA])

    @property
    def yaw_std(self) -> Mapping[str, float]:
        """Of the cameras whose yaw is not known exactly (rad)."""
        return {name: each.yaw_std for name, each in self._calibrations.items() if each.yaw_std > 0.0}

    @property
    def place_covariance(self) -> NDArray[np.float64]:
        """(2, 2) of the place, forward and left, that comes from the mounts: the mean of the cameras'."""
        return self._of_all([each.place_covariance for each in self._calibrations.values()])

    def _of_all(self, of_each: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The mean of the cameras' values.

        Cameras count by the frames that fitted: one that sees nothing known has no part in the place.
        """
        frames = np.array([each.frames for each in self._calibrations.values()], dtype=np.float64)
        weights = frames if frames.any() else np.ones(len(frames))
        return np.asarray(np.average(of_each, axis=0, weights=weights))
