"""A session whose sensors are late, pause, leap in time, or go by another clock than the images."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.tracking import history
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.evidence.corrections import MOST, Corrections
from geoflow_ros.tracking.motion import BodyVelocity, YawRate
from geoflow_ros.tracking.mount.nodding import Tilt
from geoflow_ros.tracking.prior import Fix, Heading
from geoflow_ros.tracking.sensors.heading_check import PlacedFix
from geoflow_ros.tracking.sensors.odometry_segments import MOST_READINGS, Reading
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.sensors.travel_check import Place
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
Message = tuple[str, Any]


def new_session(localizer: Any = None) -> Session:
    knowing = localizer or sim.KnowingLocalizer(DRIVE)
    session = Session(SessionConfig(datum=HERE), lambda frame: knowing, 0, sim.CAMERA)
    session.on_camera_info(sim.camera_info())
    return session


def driven(start: float, end: float, seed: int = 1) -> list[Message]:
    return list(sim.messages(DRIVE, start, end, np.random.default_rng(seed)))


def seconds_of(message: Any) -> float:
    return (message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - sim.START_NS) * 1e-9


def arriving(messages: Iterable[Message], late: dict[str, float]) -> list[Message]:
    """The same messages in the order in which they come when those of a role are late (s)."""
    return sorted(messages, key=lambda item: seconds_of(item[1]) + late.get(item[0], 0.0))


class StopAndGo(sim.Drive):
    """The circle at 0 to 16 m/s, every 12 s."""

    def pose(self, seconds: float) -> tuple[float, float, float]:
        return super().pose(seconds - 12 / math.tau * math.sin(math.tau * seconds / 12))

    def speed_at(self, seconds: float) -> float:
        return self.speed * (1 - math.cos(math.tau * seconds / 12))


def stamped(messages: Iterable[Message], change: Callable[[str, float], float]) -> list[Message]:
    """The same, each stamped at what `change` makes of its role and time (s)."""
    changed = []
    for role, message in messages:
        message.header = sim.header(sim.stamp(change(role, seconds_of(message))))
        changed.append((role, message))
    return changed


def off(answer: Answer, pose: Any) -> float:
    """Distance (m) of a pose from where the vehicle was at an answer's stamp."""
    east, north, _ = DRIVE.pose((answer.stamp_ns - sim.START_NS) * 1e-9)
    return math.hypot(pose.east - east, pose.north - north)


@pytest.mark.parametrize("late_s", [0.05, 0.3, 0.9])
def test_every_fix_is_weighed_once_at_its_own_stamp_however_late(
    late_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    weighed: list[int] = []
    weigh_fix = Belief.weigh_fix

    def spy(belief: Belief, place: Any, covariance: Any, stamp_ns: int, lag: Any) -> float:
        weighed.append(stamp_ns)
        return weigh_fix(belief, place, covariance, stamp_ns, lag)

    monkeypatch.setattr(Belief, "weigh_fix", spy)
    messages = driven(0.0, 8.0)
    sim.feed(new_session(), arriving(messages, {"fix": late_s}))
    told = [sim.stamp(seconds_of(message)) for role, message in messages if role == "fix"]
    assert len(set(weighed)) == len(weighed)
    assert set(told[10:-5]) <= set(weighed) <= set(told)


@pytest.mark.parametrize("late", [{"odom": 0.4}, {"odom": 0.9, "imu": 0.9, "fix": 0.9}])
def test_late_odometry_and_headings_still_track(late: dict[str, float]) -> None:
    answers = sim.feed(new_session(), arriving(driven(0.0, 12.0), late))
    assert answers[-1].track.state is TrackState.LOCALISED
    poses = [off(answer, answer.track.pose) for answer in answers[40:] if answer.track.pose is not None]
    assert len(poses) > 70 and np.mean(poses) < 0.6


def test_late_sensors_give_the_same_answers_again() -> None:
    messages = arriving(driven(0.0, 5.0), {"fix": 0.4, "odom": 0.25, "imu": 0.6})
    one, two = (sim.feed(new_session(), messages)[-1].track.pose for _ in range(2))
    assert one is not None and two is not None
    assert (one.east, one.north, one.yaw) == (two.east, two.north, two.yaw)


@pytest.mark.parametrize("gap_s", [7.0, 25.0])
def test_odometry_bridges_a_camera_outage(gap_s: float) -> None:
    session = new_session()
    sim.feed(session, driven(0.0, 6.0))
    until = 6.0 + gap_s
    without = [item for item in driven(6.0, until + 2.0, seed=2) if item[0] != "fix"]
    answers = sim.feed(session, [item for item in without if item[0] != "image" or seconds_of(item[1]) >= until])
    # this odometry tells 1 % more metres and 0.002 rad/s more turn than there were; the outage begins 0.01 rad off
    drift = 8.0 * gap_s * (0.01 + 0.002 * gap_s / 2 + 0.01)
    assert answers[0].prior is not None and off(answers[0], answers[0].prior) < drift + 0.2
    assert [answer.track.state for answer in answers[-5:]] == [TrackState.LOCALISED] * 5


@pytest.mark.parametrize("gap_s", [10.0, 3000.0])
def test_time_that_jumps_forward_for_all_starts_anew(gap_s: float) -> None:
    session = new_session()
    sim.feed(session, driven(0.0, 4.0))
    answers = sim.feed(session, driven(4.0 + gap_s, 8.0 + gap_s, seed=2))
    assert answers[0].track.pose is None
    assert f"time jumped forward by {gap_s + 0.1:.1f} s without odometry" in answers[0].track.reason
    assert "time jumped" not in answers[-1].track.reason
    assert answers[-1].track.state is TrackState.LOCALISED


@pytest.mark.parametrize("wrong", [-sim.START_NS * 1e-9, 1e8])
@pytest.mark.parametrize("role", ["image", "odom", "fix", "imu"])
def test_one_wrong_stamp_costs_no_track(role: str, wrong: float) -> None:
    session = new_session()
    sim.feed(session, driven(0.0, 4.0))
    messages = driven(4.0, 6.0, seed=2)
    index = next(index for index, item in enumerate(messages) if item[0] == role)
    messages[index : index + 1] = stamped([messages[index]], lambda *_: wrong)
    answers = sim.feed(session, messages)
    others = [answer for answer in answers if answer.stamp_ns != sim.stamp(wrong)]
    assert {answer.track.state for answer in others} == {TrackState.LOCALISED}
    assert max(off(answer, answer.track.pose) for answer in others) < 1.5
    if role == "image":
        single = answers[0].single
        assert isinstance(single, Rejection) and "its stamp is not believed" in single.reason
        assert answers[0].track.pose is None


def test_images_by_a_clock_of_their_own_are_named() -> None:
    session = new_session()
    ahead = stamped(driven(0.0, 2.0), lambda role, seconds: seconds + 7300.0 * (role == "image"))
    answer = sim.feed(session, ahead)[-1]
    told = "images are stamped 2.0 h ahead of every sensor (fix, imu, odom): their clocks must agree"
    assert session.warnings["clock"] == told
    assert told in answer.track.reason


@pytest.mark.parametrize("apart_s", [-sim.START_NS * 1e-9, -20.0, 2 * 86400.0])
def test_an_initial_pose_by_another_clock_is_taken_as_of_the_first_image(apart_s: float) -> None:
    session = new_session()
    east, north, yaw = DRIVE.pose(0.0)
    session.initialise(sim.stamp(apart_s), PosePrior(east + 9.0, north, yaw, np.diag([4.0, 4.0, 0.01])))
    answers = sim.feed(session, driven(0.0, 4.0))
    side = "before" if apart_s < 0.0 else "after"
    assert f"{abs(apart_s):.1f} s {side} the first image" in answers[0].track.reason
    assert answers[0].prior is not None and answers[0].prior.east == pytest.approx(
        east + 9.0, abs=2.0
    )  # a fix was weighed
    assert answers[-1].track.state is TrackState.LOCALISED


@pytest.mark.parametrize("late_s", [-0.2, 0.3, 0.9])
def test_fixes_by_another_clock_are_made_up_for_or_refused(late_s: float) -> None:
    drive = StopAndGo()
    session = new_session(sim.KnowingLocalizer(drive))
    answers = sim.feed(session, stop_and_go(drive, 40.0, late_s))
    assert session.fixes.clock_offset.seconds == pytest.approx(late_s, abs=0.06)
    assert answers[-1].track.state is TrackState.LOCALISED
    if late_s <= 0.5:
        assert session.fixes.clock_offset.compensated_s == session.fixes.clock_offset.seconds
        assert session.warnings == {}
    else:
        assert session.warnings["fix clock"].startswith("fixes lie 0.9 s behind their stamps, more than the 0.5 s")


def test_fixes_that_no_clock_explains_contradict_a_pose_that_stays_behind() -> None:
    """A camera that repeats its last image: frames confirm that the vehicle stands, fixes and odometry go on."""

    class Standing(sim.KnowingLocalizer):
        def localize(self, image: Any, camera: Any, prior: PosePrior, seed: int) -> Any:
            if int(image[1, 0].astype(int) @ [65536, 256, 1]) > 6000:
                image = np.frombuffer(sim.image(6.0).data, np.uint8).reshape(image.shape)
            return super().localize(image, camera, prior, seed)

    answers = sim.feed(new_session(Standing(DRIVE)), driven(0.0, 20.0))
    last = answers[-1].track
    assert last.state is TrackState.DEGRADED
    assert last.reason.startswith("GNSS fixes are 1")  # of metres, three digits


def stop_and_go(drive: StopAndGo, until: float, late_s: float) -> list[Message]:
    """With good fixes, whose stamps are late."""
    messages: list[Message] = []
    for role, message in sim.messages(drive, 0.0, until, np.random.default_rng(1)):
        seconds = seconds_of(message)
        speed = drive.speed_at(seconds)
        others = {
            "fix": lambda at=seconds: sim.fix(at + late_s, *drive.pose(at)[:2], sigma=0.3),
            "odom": lambda at=seconds, speed=speed: sim.odom(at, speed, speed / drive.radius),
        }
        messages.append((role, others[role]() if role in others else message))
    return messages


@pytest.mark.parametrize("back_s", [0.0, 0.5], ids=["still", "back and still"])
def test_stamps_that_stand_still_take_no_more_and_more_memory(back_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of drivers that use a simulation's clock where there is none."""
    monkeypatch.setattr(history, "MOST", 100)
    session, kept = new_session(), []
    sim.feed(session, driven(0.0, 1.0))
    for message in range(2 * MOST_READINGS):
        session.on_odom(sim.odom(1.0 - back_s, 8.0, 0.08))
        session.on_imu(sim.imu(1.0 - back_s, 1.0, 0.08))
        session.on_fix(sim.fix(1.0 - back_s, 100.0, 0.0))
        if message % MOST_READINGS == MOST_READINGS - 1:
            kept.append(sum(type(each) in (Reading, BodyVelocity, YawRate, Tilt, Heading, Fix, PlacedFix, Place)
                            for each in gc.get_objects()))  # fmt: skip
    assert kept[1] < kept[0] + 50


def test_images_whose_stamps_stand_still_take_no_more_and_more_memory() -> None:
    corrections, belief = Corrections(), (np.zeros(3), np.eye(3))
    for _ in range(3 * MOST):
        corrections.add(sim.START_NS, belief, belief, 1.0)
    assert len(corrections._recent) == MOST
