"""The tracker on a simulated drive: how good, how honest, when lost, and back again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.geodesy import Datum
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.prior import HeadingConfig
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackerConfig, TrackState

DRIVE = sim.Drive()
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
Change = Callable[[str, Any], Any]


def new_session(
    source: str = "imu",
    localizer: sim.KnowingLocalizer | None = None,
    seed: int = 0,
    imagery_sigma: float = 0.0,
) -> Session:
    tracker = TrackerConfig(imagery_sigma=imagery_sigma)
    config = SessionConfig(heading=HeadingConfig(source=source), datum=HERE, tracker=tracker)  # type: ignore[arg-type]
    knowing = localizer or sim.KnowingLocalizer(DRIVE)
    session = Session(config, lambda frame: knowing, seed, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    return session


def drive(session: Session, start: float, end: float, fixes: bool = True, seed: int = 1) -> list[Answer]:
    return sim.feed(session, sim.messages(DRIVE, start, end, np.random.default_rng(seed), fixes))


def covered(messages: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The same with a hand before the lens."""
    cover = {"image": lambda message: sim.image(seconds_of(message), covered=True)}
    return [(role, cover.get(role, lambda message: message)(message)) for role, message in messages]


def seconds_of(message: Any) -> float:
    return (message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - sim.START_NS) * 1e-9


def errors(answers: list[Answer]) -> np.ndarray:
    """Distance to the truth (m) of every answer with a pose."""
    distances = []
    for answer in answers:
        if answer.track.pose is not None:
            east, north, _ = DRIVE.pose((answer.stamp_ns - sim.START_NS) * 1e-9)
            distances.append(math.hypot(answer.track.pose.east - east, answer.track.pose.north - north))
    return np.array(distances)


def states(answers: list[Answer]) -> list[TrackState]:
    return [answer.track.state for answer in answers]


def test_a_drive_is_tracked_better_than_frame_by_frame_and_says_how_well() -> None:
    answers = drive(new_session(), 0.0, 40.0)
    assert set(states(answers)) == {TrackState.INITIALISING, TrackState.LOCALISED}
    assert states(answers).index(TrackState.LOCALISED) <= 15  # 1.5 s
    off = errors(answers)
    assert off.mean() < 0.63 / 2  # a frame alone is 0.5 m off on each axis: 0.63 m on average
    assert np.percentile(off, 95) < 0.7
    nees, yaw_off = [], []
    for answer in answers[100:]:
        pose, truth = answer.track.pose, DRIVE.pose((answer.stamp_ns - sim.START_NS) * 1e-9)
        assert pose is not None
        offset = np.array([pose.east - truth[0], pose.north - truth[1]])
        nees.append(offset @ np.linalg.solve(pose.covariance[:2, :2], offset))
        yaw_off.append(abs(wrap_angle(pose.yaw - truth[2])))
    assert 0.3 < np.mean(nees) < 2.0  # of a track that takes its frames to err alike, which these do not
    assert np.mean(yaw_off) < 0.01


def test_a_minute_without_fixes_is_bridged() -> None:
    session = new_session()
    drive(session, 0.0, 5.0)
    answers = drive(session, 5.0, 65.0, fixes=False)
    assert set(states(answers)) == {TrackState.LOCALISED}
    assert errors(answers).mean() < 0.4


def test_a_covered_lens_is_noticed_and_the_pose_withheld_then_found_again() -> None:
    session = new_session()
    drive(session, 0.0, 4.0)
    answers = sim.feed(session, covered(sim.messages(DRIVE, 4.0, 8.0, np.random.default_rng(2))))
    lost = states(answers).index(TrackState.LOST)
    assert 10 <= lost <= 30  # at 10 Hz: not at once, but within 3 s
    assert TrackState.DEGRADED in states(answers)[:lost]
    assert all(answer.track.pose is None for answer in answers[lost:])
    assert "lens" in answers[-1].track.reason
    again = drive(session, 8.0, 12.0)
    assert states(again)[10] is TrackState.LOCALISED  # a second after it is seen through again
    assert errors(again).max() < 1.5


def test_imagery_of_another_place_is_never_localised() -> None:
    elsewhere = sim.KnowingLocalizer(sim.Drive(radius=500.0))
    answers = drive(new_session(localizer=elsewhere), 0.0, 6.0)
    assert TrackState.LOCALISED not in states(answers)
    assert states(answers)[30:] == [TrackState.LOST] * 30
    assert all(answer.track.pose is None for answer in answers)


def test_a_wrong_initial_pose_is_overcome() -> None:
    session = new_session()
    east, north, yaw = DRIVE.pose(0.0)
    wrong = PosePrior(east - 30.0, north, yaw + math.pi / 2, np.diag([4.0, 4.0, 0.01]))
    session.initialise(sim.stamp(0.0), wrong)
    answers = drive(session, 0.0, 15.0)
    assert answers[0].prior is not None and answers[0].prior.east == pytest.approx(east - 30.0, abs=0.5)
    assert errors(answers).max() < 2.0
    assert states(answers)[-1] is TrackState.LOCALISED


@pytest.mark.parametrize("source", ["odom", "course"])
def test_an_unknown_heading_is_found_within_seconds_of_driving(source: str) -> None:
    session = new_session(source)
    # odom's yaw is no heading here: it is refused
    messages = [(role, message) for role, message in sim.messages(DRIVE, 0.0, 8.0, np.random.default_rng(3))]
    for role, message in messages:
        if role == "odom":
            message.pose.covariance[35] = math.nan
    answers = sim.feed(session, messages)
    assert states(answers)[-1] is TrackState.LOCALISED
    assert errors(answers).max() < 2.0


def test_a_guessed_heading_is_not_believed_before_ten_metres() -> None:
    # Imagery of another place has fitted for six metres of a real drive.
    session = new_session()  # without the messages of its source of headings
    messages = sim.messages(DRIVE, 0.0, 8.0, np.random.default_rng(3))
    answers = sim.feed(session, [(role, message) for role, message in messages if role != "imu"])
    began = next(answer.stamp_ns for answer in answers if "guessed heading" in answer.track.reason)
    first = next(answer.stamp_ns for answer in answers if answer.track.pose is not None)
    assert 9.0 <= DRIVE.speed * (first - began) * 1e-9 <= 20.0


def test_standing_with_an_unknown_heading_it_does_not_pretend() -> None:
    still = sim.Drive(speed=0.0)
    session = new_session("course", sim.KnowingLocalizer(still))
    answers = sim.feed(session, sim.messages(still, 0.0, 6.0, np.random.default_rng(3)))
    assert all(answer.track.pose is None for answer in answers)
    assert "confirm" in answers[-1].track.reason


def test_standing_still_gains_no_confidence() -> None:
    still = sim.Drive(speed=0.0)
    session = new_session(localizer=sim.KnowingLocalizer(still))
    answers = sim.feed(session, sim.messages(still, 0.0, 12.0, np.random.default_rng(3)))
    stds = [math.sqrt(answer.track.pose.covariance[0, 0]) for answer in answers if answer.track.pose is not None]
    assert stds[-1] > 0.7 * stds[0]


def test_a_gnss_jump_of_a_hundred_metres_is_gated_and_told() -> None:
    session = new_session()
    drive(session, 0.0, 4.0)
    jumped = []
    for role, message in sim.messages(DRIVE, 4.0, 20.0, np.random.default_rng(4)):
        if role == "fix":
            east, north, _ = DRIVE.pose(seconds_of(message))
            message = sim.fix(seconds_of(message), east + 100.0, north)
        jumped.append((role, message))
    answers = sim.feed(session, jumped)
    assert errors(answers).max() < 1.5
    assert states(answers)[0] is TrackState.LOCALISED
    assert states(answers)[-1] is TrackState.DEGRADED
    assert "GNSS fixes are" in answers[-1].track.reason
    assert states(drive(session, 20.0, 22.0))[-1] is TrackState.LOCALISED


def test_late_and_disordered_frames_are_applied_at_their_stamps() -> None:
    ordered, disordered = new_session(), new_session()
    drive(ordered, 0.0, 4.0)
    drive(disordered, 0.0, 4.0)
    rest = list(sim.messages(DRIVE, 4.0, 12.0, np.random.default_rng(5)))
    images = [item for item in rest if item[0] == "image"]
    others = [item for item in rest if item[0] != "image"]
    swapped = [image for pair in zip(images[1::2], images[::2], strict=True) for image in pair]
    # everything else up to 0.5 s before its image, as if the camera's driver were slow
    late = sorted([*others, *swapped], key=lambda item: seconds_of(item[1]) + 0.5 * (item[0] == "image"))
    late_swapped = [item if item[0] != "image" else swapped.pop(0) for item in late]
    in_order, out_of_order = sim.feed(ordered, rest), sim.feed(disordered, late_swapped)
    assert len(in_order) == len(out_of_order)
    assert errors(out_of_order).mean() < 1.5 * errors(in_order).mean() + 0.05
    assert set(states(out_of_order)) == {TrackState.LOCALISED}


def test_a_looping_bag_starts_anew_with_the_same_answers() -> None:
    session = new_session()
    first = drive(session, 0.0, 6.0)
    second = drive(session, 0.0, 6.0)
    assert second[0].track.pose is None and "time jumped back by 5.9 s" not in second[-1].track.reason
    for a, b in zip(first[20:], second[20:], strict=True):
        assert a.track.pose is not None and b.track.pose is not None
        assert (a.track.pose.east, a.track.pose.north) == pytest.approx(
            (b.track.pose.east, b.track.pose.north), abs=0.3
        )


def test_the_same_messages_and_seed_give_the_same_answers() -> None:
    one, two, other = (drive(new_session(seed=seed), 0.0, 3.0)[-1].track.pose for seed in (5, 5, 6))
    assert one is not None and two is not None and other is not None
    assert (one.east, one.north, one.yaw) == (two.east, two.north, two.yaw)
    assert one.east != other.east


def test_how_far_the_imagery_may_be_off_is_told_and_leaves_poses_where_frames_fit() -> None:
    exact, loose = (drive(new_session(imagery_sigma=sigma), 0.0, 3.0) for sigma in (0.0, 4.0))
    assert states(loose) == states(exact)
    one, other = exact[-1].track.pose, loose[-1].track.pose
    assert one is not None and other is not None
    # fixes count less by it: frames are surer than they in any case
    assert (other.east, other.north, other.yaw) == pytest.approx((one.east, one.north, one.yaw), abs=0.1)
    assert other.covariance - one.covariance == pytest.approx(np.diag([16.0, 16.0, 0.0]), abs=0.05)


def test_without_odometry_images_still_track() -> None:
    session = new_session()
    messages = [item for item in sim.messages(DRIVE, 0.0, 15.0, np.random.default_rng(6)) if item[0] != "odom"]
    answers = sim.feed(session, messages)
    assert states(answers)[-1] is TrackState.LOCALISED
    assert errors(answers).mean() < 0.8


def test_a_new_datum_moves_the_frame_and_starts_anew() -> None:
    session = new_session()
    drive(session, 0.0, 3.0)
    latitude, longitude, _ = sim.FRAME.to_geodetic([100.0, 0.0])
    session.set_datum(Datum(float(latitude), float(longitude)))
    answer = drive(session, 3.0, 3.1)[0]
    assert answer.track.pose is None
    assert answer.prior is not None and answer.prior.east == pytest.approx(DRIVE.pose(3.0)[0] - 100.0, abs=25.0)
