"""Several cameras: what each brings, and what is said of one that brings nothing."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.cameras import CameraSetup, View
from geoflow_ros.tracking.clocks.rig_clocks import RigClocks
from geoflow_ros.tracking.motion import Motion
from geoflow_ros.tracking.prior import HeadingConfig
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import BeliefConfig, TrackState

DRIVE = sim.Drive()
YAWS = {"front": 0.0, "left": math.pi / 2, "rear": math.pi, "right": -math.pi / 2}
TRUTH = np.array([10.0, 20.0, 0.5])
FRONT, REAR = View("front"), View("rear", PlanarPose(yaw=math.pi))
AHEAD_M = Motion(PlanarPose(1.0), distance=1.0)


class EachItsOwn(sim.KnowingLocalizer):
    """Whose errors are the same for one camera's image, but others for another camera's."""

    def localize(self, image: Any, camera: CameraModel, prior: PosePrior, seed: int) -> PoseEstimate | Rejection:
        outcome = super().localize(image, camera, prior, seed)
        if isinstance(outcome, Rejection):
            return outcome
        milliseconds = int(image[1, 0].astype(int) @ [65536, 256, 1])
        rng = np.random.default_rng([milliseconds, round(10 + camera.mount.yaw)])
        error = rng.normal(0.0, 1.0, 3) * (self.sigma, self.sigma, self.sigma_yaw)
        return sim.estimate(np.array(self.drive.pose(milliseconds / 1000)) + error, self.sigma, self.sigma_yaw)


def driven(
    late_s: dict[str, float],
    seconds: float = 3.0,
    covered: set[str] = frozenset(),
    clock_s: float = 0.0,
    of_left: Any = sim.camera_info(),  # noqa: B008 - read only
    yaws: dict[str, float] = YAWS,
    heading: str = "imu",
    delay: float = 0.0,
    covered_from_s: float = 0.0,
) -> list[Answer]:
    """Answers to a drive. late_s: when each camera takes its images after the first; nan: never.

    clock_s: how far the clock of the camera `left` is ahead. of_left: its camera_info, None if it has none. heading:
    source of it. delay: of `left`, as its driver's stamps are corrected by.
    """
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    setups = {name: CameraSetup(Mount(yaw=yaws[name]), delay=delay if name == "left" else 0.0) for name in late_s}
    config = SessionConfig(HeadingConfig(heading), datum=here)
    session = Session(config, lambda frame: EachItsOwn(DRIVE), 0, setups)
    answers = []
    for name in late_s:
        info = of_left if name == "left" else sim.camera_info()
        if info is not None:
            session.on_camera_info(info, name)
    for role, message in sim.messages(DRIVE, 0.0, seconds, np.random.default_rng(1)):
        if role != "image":
            getattr(session, f"on_{role}")(message)
            continue
        taken_s = sim.seconds_of(message)
        for name, late in late_s.items():
            if not math.isnan(late):
                image = sim.image(taken_s + late, name in covered and taken_s >= covered_from_s)
                image.header = sim.header(sim.stamp(taken_s + late + (clock_s if name == "left" else 0.0)))
                image.data += name.encode()  # or all would show one picture
                answers.append(session.process(session.exposed(image, name), name))
    return answers


def test_a_camera_of_a_rig_that_stamps_late_is_corrected_and_its_clock_not_doubted() -> None:
    """By more than what clocks of a rig may differ: what is known is no other clock."""
    answers = driven({"front": 0.0, "left": -0.9}, clock_s=0.9, delay=0.9)[30:]
    assert {each.track.state for each in answers} == {TrackState.LOCALISED}
    assert not any(each.warnings for each in answers)
    left = [each for each in answers if each.camera == "left"]
    assert all(isinstance(each.single, PoseEstimate) for each in left)
    assert {each.stamp_ns % 10**8 for each in left} == {0} and left[-1].stamp_ns == answers[-2].stamp_ns - 900_000_000
    assert max(map(error_m, left)) < 1.0


def error_m(answer: Answer) -> float:
    assert answer.track.pose is not None
    east, north, _ = DRIVE.pose((answer.stamp_ns - sim.START_NS) * 1e-9)
    return math.hypot(answer.track.pose.east - east, answer.track.pose.north - north)


def belief() -> Belief:
    prior = PosePrior(*TRUTH, np.diag([4.0, 4.0, 0.01]))
    return Belief.of_prior(BeliefConfig(particles=4000, outlier_depth=18.0), prior, 0, np.random.default_rng(0))


def variance(seen: Belief) -> float:
    return float(seen.pose()[1][0, 0])


def test_views_of_two_cameras_from_one_spot_both_count_and_two_of_one_camera_do_not() -> None:
    """Equal Gaussians of variance 1 on a prior of 4: 1 / (1/4 + n); two cameras count as 2 / (1 + 1 / 2) = 4 / 3."""
    frame = sim.estimate(TRUTH, 1.0, 0.1)
    twice, both, stereo = belief(), belief(), belief()
    for view in (FRONT, FRONT):
        twice.see(frame, view=view)
    for view in (FRONT, REAR):
        both.see(frame, view=view)
    for view in (FRONT, View("right eye", PlanarPose(0.0, -0.5))):
        stereo.see(frame, view=view)
    assert variance(twice) == pytest.approx(1 / 1.25, rel=0.15)
    assert variance(both) == pytest.approx(1 / (0.25 + 4 / 3), rel=0.15)
    assert variance(stereo) == pytest.approx(1 / (0.25 + 1.5 / 1.5), rel=0.15)  # half a metre apart, half of it is new


def test_a_late_image_counts_by_its_own_cameras_way() -> None:
    """The rear camera's first image, taken where the front one's was, is new; its second one there is not."""
    seen = belief()
    seen.advance(10**8, AHEAD_M, 0.0)
    frame = sim.estimate(np.array([10.0 + math.cos(0.5), 20.0 + math.sin(0.5), 0.5]), 1.0, 0.1)
    seen.see(frame, view=FRONT)
    before, back = variance(seen), AHEAD_M.inverse()
    at_start = sim.estimate(TRUTH, 1.0, 0.1)
    seen.see(at_start, back, REAR)
    after = variance(seen)
    assert after < 0.8 * before
    seen.see(at_start, back, REAR)
    assert variance(seen) == after


def test_a_rig_whose_images_come_out_of_order_is_surer_than_one_camera_and_right() -> None:
    one = driven({"front": 0.0})[-1]
    four = driven({"front": 0.0, "left": 0.03, "rear": 0.02, "right": 0.0})
    assert four[-1].track.state is TrackState.LOCALISED and four[-1].camera == "right"
    assert one.track.pose is not None and four[-1].track.pose is not None
    assert np.trace(four[-1].track.pose.covariance) < 0.85 * np.trace(one.track.pose.covariance)
    assert np.mean([error_m(each) for each in four[-20:]]) < 0.3


@pytest.mark.parametrize("covered", [{"front"}, {"left", "rear", "right"}])
def test_covered_cameras_are_named_and_the_others_go_on(covered: set[str]) -> None:
    answers = driven(dict.fromkeys(YAWS, 0.0), covered=covered)
    last = answers[-4:]
    assert {each.track.state for each in last} == {TrackState.LOCALISED}
    for camera in covered:
        assert f"camera {camera}: image has no contrast" in last[0].track.reason
    assert len(last[0].warnings) == len(covered)
    assert max(map(error_m, last)) < 1.0


def test_a_rig_of_covered_cameras_has_no_pose() -> None:
    answers = driven(dict.fromkeys(YAWS, 0.0), 2.5, set(YAWS))
    assert answers[-1].track.pose is None and "camera right: image has no contrast" in answers[-1].track.reason


def test_what_is_said_of_a_rig_that_sees_nothing_is_the_same_whichever_camera_is_answered() -> None:
    answers = driven(dict.fromkeys(YAWS, 0.0), 5.0, set(YAWS), covered_from_s=2.0)
    for state in (TrackState.DEGRADED, TrackState.LOST):
        said = [each.track.reason for each in answers if each.track.state is state and len(each.warnings) == len(YAWS)]
        assert len(said) > 4 and len(set(said)) == 1, set(said)
        assert all(said[0].count(f"camera {name}: image has no contrast") == 1 for name in YAWS)


@pytest.mark.parametrize(
    ("yaws", "metres"),
    [
        ({"front": 0.0}, 10.0),
        ({"front": 0.0, "left": 0.1}, 10.0),  # a stereo pair looks one way
        ({"front": 0.0, "rear": math.pi}, 5.0),
        (YAWS, 2.5),
    ],
)
def test_a_guessed_heading_is_proven_the_sooner_the_more_sides_are_seen(yaws: dict[str, float], metres: float) -> None:
    answers = driven(dict.fromkeys(yaws, 0.0), 4.0, yaws=yaws, heading="course")
    began = next(each.stamp_ns for each in answers if "guessed heading" in each.track.reason)
    first = next(each for each in answers if each.track.pose is not None)
    assert metres - 2.0 <= DRIVE.speed * (first.stamp_ns - began) * 1e-9 <= metres + 3.0
    assert error_m(first) < 1.5


def test_a_silent_camera_is_named() -> None:
    answers = driven({"front": 0.0, "left": math.nan})
    assert answers[-1].track.state is TrackState.LOCALISED
    assert answers[-1].warnings == {"camera left": "camera left: no image received yet"}


def unusable(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(sim.camera_info()), **fields})


@pytest.mark.parametrize(
    ("of_left", "told"),
    [
        (None, "no camera_info received yet"),
        (unusable(k=[0.0] * 9), "camera_info is not filled"),
        (unusable(distortion_model="thin_prism", d=[0.1] * 4), "distortion model 'thin_prism': expected one of"),
        (unusable(k=[float("nan"), 0.0, 8.0, 0.0, 20.0, 6.0, 0.0, 0.0, 1.0]), "are not finite: calibrate the camera"),
    ],
)
def test_a_camera_without_usable_calibration_is_named_and_the_others_go_on(of_left: Any, told: str) -> None:
    answers = driven(dict.fromkeys(YAWS, 0.0), of_left=of_left)
    by_camera = {each.camera: each for each in answers[-4:]}
    assert list(by_camera["right"].warnings) == ["camera left"]
    assert by_camera["right"].warnings["camera left"].startswith("camera left: ")
    assert told in by_camera["right"].warnings["camera left"]
    assert {by_camera[name].track.state for name in ("front", "rear", "right")} == {TrackState.LOCALISED}
    assert isinstance(by_camera["left"].single, Rejection) and error_m(by_camera["right"]) < 1.0


@pytest.mark.parametrize("clock_s", [1.0, -2.0])
def test_a_camera_whose_clock_is_off_is_named_and_the_others_go_on(clock_s: float) -> None:
    answers = driven(dict.fromkeys(YAWS, 0.0), clock_s=clock_s)
    by_camera = {each.camera: each for each in answers[-4:]}
    side = "ahead of" if clock_s > 0.0 else "behind"
    told = f"camera left: its images are stamped {abs(clock_s):.1f} s {side} the other cameras and sensors"
    assert by_camera["left"].track.pose is None and told in by_camera["left"].track.reason
    assert by_camera["right"].track.state is TrackState.LOCALISED and told in by_camera["right"].track.reason
    assert error_m(by_camera["right"]) < 1.0


def test_a_bag_that_loops_is_no_other_clock() -> None:
    """All cameras leap back, one after the other: the first is doubted, those after it are believed."""
    clocks = RigClocks()
    told = [clocks.image(name, taken) for taken in (50 * 10**9, 10**9) for name in ("front", "left", "rear")]
    assert [bool(each) for each in told[3:]] == [True, False, False]


def test_one_picture_on_two_cameras_counts_once() -> None:
    """Both listen to one topic: the one that was named first is believed."""
    setups = {name: CameraSetup(Mount()) for name in ("front", "left")}
    here = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    session = Session(SessionConfig(datum=here), lambda frame: EachItsOwn(DRIVE), 0, setups)
    for name in setups:
        session.on_camera_info(sim.camera_info(), name)
    east, north, yaw = DRIVE.pose(0.0)
    session.on_fix(sim.fix(0.0, east, north))
    session.on_imu(sim.imu(0.0, yaw))
    answers = {name: session.process(sim.image(0.0), name) for name in setups}
    assert isinstance(answers["front"].single, PoseEstimate)
    assert "camera left: it shows the very picture of camera front" in answers["left"].track.reason
