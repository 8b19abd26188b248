"""What a session makes of messages, good and bad."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.prior import Fix, HeadingConfig, PriorConfig
from geoflow_ros.tracking.sensors.sensor_frames import SensorMount
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig, OdometryConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
AT_START = DRIVE.pose(0.0)


def new_session(localizer: Any = None, datum: DatumConfig = HERE, **options: Any) -> Session:
    knowing = localizer or sim.KnowingLocalizer(DRIVE)
    return Session(SessionConfig(datum=datum, **options), lambda frame: knowing, 0, sim.CAMERA)


def ready(session: Session) -> Session:
    """With everything a first frame needs."""
    session.on_camera_info(sim.camera_info())
    session.on_fix(sim.fix(0.0, AT_START[0] + 3.0, AT_START[1]))
    session.on_imu(sim.imu(0.0, AT_START[2]))
    return session


def reason(session: Session, seconds: float = 0.0) -> str:
    single = session.process(sim.image(seconds)).single
    assert isinstance(single, Rejection), "a frame was answered"
    return single.reason


def test_what_is_missing_is_said_one_after_the_other() -> None:
    session = Session(SessionConfig(datum=HERE), lambda frame: sim.KnowingLocalizer(DRIVE), 0, {ONE: CameraSetup()})
    assert reason(session, 0.0).startswith("no camera_info received yet: remap it to its topic, or give a file")
    session.on_camera_info(sim.camera_info())
    assert reason(session, 0.1) == "the camera's mount is not known"
    session.set_mount(None, "no transform from base_link to camera")
    assert reason(session, 0.2) == "no transform from base_link to camera"
    session.set_mount(Mount())
    assert reason(session, 0.3) == "no GNSS fix received yet"
    session.on_fix(sim.fix(0.4, *AT_START[:2]))
    session.on_imu(sim.imu(0.4, AT_START[2]))
    answer = session.process(sim.image(0.4))
    assert isinstance(answer.single, PoseEstimate)
    assert (answer.track.state, answer.track.pose) == (TrackState.INITIALISING, None)


def test_the_first_prior_is_what_gnss_and_heading_say() -> None:
    answer = ready(new_session()).process(sim.image(0.0))
    assert answer.prior is not None
    assert (answer.prior.east, answer.prior.north) == pytest.approx((AT_START[0] + 3.0, AT_START[1]), abs=1e-3)
    assert answer.prior.yaw == pytest.approx(AT_START[2])


def test_without_a_datum_the_first_confirmed_fix_becomes_it_and_no_fix_never_does() -> None:
    session = new_session(datum=DatumConfig())
    bad = sim.fix(0.0, 10.0, 20.0)
    bad.status.status = -1
    session.on_fix(bad)
    assert session.frame is None
    assert session.refused == {"fix": "the receiver reports NO_FIX"}
    session.on_camera_info(sim.camera_info())
    for tick in range(2):
        session.on_fix(sim.fix(0.1 + 0.2 * tick, 15.0, 20.0))
        assert session.frame is None and f"so far {tick + 1}" in reason(session)
    session.on_fix(sim.fix(0.5, 10.0, 20.0))
    assert session.frame is not None
    assert session.frame.to_enu(sim.DATUM.latitude, sim.DATUM.longitude)[:2] == pytest.approx([-10.0, -20.0], abs=0.01)
    assert session.refused == {}


def test_a_datum_far_away_is_said_with_every_answer() -> None:
    session = ready(new_session(datum=DatumConfig(sim.DATUM.latitude + 0.4, sim.DATUM.longitude, 0.0)))
    assert "44 km from the datum" in session.warnings["datum"]
    assert session.process(sim.image(0.0)).track.reason.endswith(session.warnings["datum"])
    session.set_datum(sim.DATUM)
    session.on_fix(sim.fix(0.2, *AT_START[:2]))
    assert session.warnings == {}


def test_nan_is_refused_with_its_reason_and_good_messages_recover() -> None:
    session = ready(new_session())
    session.on_imu(sim.imu(0.1, math.nan, rate=math.nan))
    session.on_odom(sim.odom(0.1, math.nan, 0.0))
    session.on_fix(spoilt_fix())
    assert set(session.refused) == {"heading", "imu", "odom", "fix"}
    assert "not a unit quaternion" in session.refused["heading"]
    session.on_imu(sim.imu(0.2, AT_START[2]))
    session.on_odom(sim.odom(0.2, 8.0, 0.0))
    session.on_fix(sim.fix(0.2, *AT_START[:2]))
    assert session.refused == {}


def spoilt_fix() -> Any:
    fix = sim.fix(0.1, 0.0, 0.0)
    fix.latitude = math.nan
    return fix


def test_odometry_that_leaps_is_refused() -> None:
    session = ready(new_session())
    session.on_odom(sim.odom(0.1, 300.0, 0.0))
    assert "300" in session.refused["odom"]


def test_a_calibration_that_changes_takes_the_place_of_the_old_one() -> None:
    session = new_session()
    session.on_camera_info(sim.camera_info(20.0))
    before = session.camera()
    session.on_camera_info(sim.camera_info(20.0))
    assert session.camera() is before
    session.on_camera_info(sim.camera_info(25.0))
    assert isinstance(session.camera(), CameraModel) and session.camera().fx == 25.0
    session.on_camera_info(sim.camera_info(-25.0))
    assert isinstance(session.camera(), Rejection) and "focal length" in session.camera().reason
    assert "focal length" in session.refused["camera_info"]


def test_rectified_images_read_p() -> None:
    cameras = {ONE: CameraSetup(Mount(), rectified=True)}
    session = Session(SessionConfig(datum=HERE), lambda frame: sim.KnowingLocalizer(DRIVE), 0, cameras)
    session.on_camera_info(sim.camera_info(20.0))
    assert isinstance(session.camera(), CameraModel) and session.camera().fx == 40.0


def test_an_image_that_cannot_be_read_is_a_reason() -> None:
    session = ready(new_session())
    image = sim.image(0.0)
    image.encoding = "32FC3"
    single = session.process(image).single
    assert isinstance(single, Rejection) and "32FC3" in single.reason


def test_the_frame_alone_is_looked_for_at_gnss_and_changes_nothing() -> None:
    localizer = sim.KnowingLocalizer(DRIVE)
    session = ready(new_session(localizer))
    before = session.process(sim.image(0.0)).track
    alone = session.single_frame(sim.image(0.0)).single
    assert isinstance(alone, PoseEstimate)
    assert localizer.priors[-1].east == pytest.approx(AT_START[0] + 3.0, abs=1e-3)
    after = session.process(sim.image(0.1)).track
    assert (before.state, after.state) == (TrackState.INITIALISING, TrackState.INITIALISING)


def test_a_twist_moves_as_odometry_does() -> None:
    session = ready(new_session())
    for tick in range(11):
        header = sim.header(sim.stamp(tick / 10), "base_link")
        session.on_twist(SimpleNamespace(header=header, twist=sim.twist(8.0, 0.08)))
    east, north, yaw = AT_START
    session.initialise(sim.stamp(0.0), PosePrior(east, north, yaw, np.diag([0.01, 0.01, 1e-4])))
    answer = session.process(sim.image(1.0))
    expected = DRIVE.pose(1.0)
    assert answer.prior is not None
    assert (answer.prior.east, answer.prior.north) == pytest.approx(expected[:2], abs=0.2)
    assert abs(wrap_angle(answer.prior.yaw - expected[2])) < 0.02


@pytest.mark.parametrize(
    ("frame", "expected"), [("map", "expected 'base_link'"), ("robot/base_footprint", ""), ("", ""), ("os_lidar", "")]
)
def test_a_velocity_in_another_frame_is_refused_by_name_or_transformed(frame: str, expected: str) -> None:
    lidar = OdometryConfig("os_lidar", forward=2.0, left=0.5, yaw=math.pi / 2)
    session = ready(new_session(odometry=lidar))
    # a frame 2 m ahead and 0.5 m to the left, that looks to the left, of a vehicle that drives at 8 m/s and turns
    seen = (0.08 * 2.0, -8.0 + 0.08 * 0.5) if frame == "os_lidar" else (8.0, 0.0)
    for tick in range(11):
        message = sim.odom(tick / 10, seen[0], 0.08)
        message.twist.twist.linear.y, message.child_frame_id = seen[1], frame
        session.on_odom(message)
    assert (expected in session.warnings["odom"]) if expected else ("odom" not in session.warnings)
    assert (f"child_frame_id of odom is {frame!r}" in session.refused.get("odom", "")) == bool(expected)
    east, north, yaw = AT_START
    session.initialise(sim.stamp(0.0), PosePrior(east, north, yaw, np.diag([0.01, 0.01, 1e-4])))
    prior = session.process(sim.image(1.0)).prior
    assert prior is not None
    there, within = (AT_START, 4.0) if expected else (DRIVE.pose(1.0), 0.2)  # unknown motion spreads the particles
    assert (prior.east, prior.north) == pytest.approx(there[:2], abs=within)


def test_an_antenna_is_told_by_parameters_or_for_its_frame() -> None:
    for session, lever in ((new_session(prior=PriorConfig(antenna_forward=2.0, antenna_left=-1.0)), (2.0, -1.0)),
                           (new_session(), (0.5, 1.5))):  # fmt: skip
        if lever[0] == 0.5:
            session.locate_sensors_by({"camera": SensorMount(0.5, 1.5, up=3.0)}.__getitem__)
        fix = session_fix(session, AT_START[0], AT_START[1])
        assert fix.antenna == lever
        prior = session.process(sim.image(0.0)).prior
        assert prior is not None
        # heading north: forward is north, left is west
        assert (prior.east, prior.north) == pytest.approx((AT_START[0] + lever[1], AT_START[1] - lever[0]), abs=1e-3)
    assert fix.altitude == 97.0


def session_fix(session: Session, east: float, north: float) -> Fix:
    """The fix that a session has kept of a message, with all else that a frame needs."""
    session.on_camera_info(sim.camera_info())
    session.on_imu(sim.imu(0.0, AT_START[2]))
    session.on_fix(sim.fix(0.0, east, north))
    kept = session.nearest_fix(sim.stamp(0.0))
    assert kept is not None
    return kept


def test_heading_of_odometry_is_used_only_when_it_is_the_source() -> None:
    session = new_session(heading=HeadingConfig(source="odom"))
    session.on_camera_info(sim.camera_info())
    session.on_fix(sim.fix(0.0, *AT_START[:2]))
    session.on_imu(sim.imu(0.0, 0.0))
    session.on_odom(sim.odom(0.0, 8.0, 0.0, yaw=AT_START[2]))
    answer = session.process(sim.image(0.0))
    assert answer.prior is not None and answer.prior.yaw == pytest.approx(AT_START[2])


def test_a_reset_while_a_frame_is_in_work_leaves_no_trace_of_it() -> None:
    class Resetting(sim.KnowingLocalizer):
        def localize(self, *arguments: Any) -> PoseEstimate | Rejection:
            session.reset("time jumped")
            return super().localize(*arguments)

    session = ready(new_session(Resetting(DRIVE)))
    answer = session.process(sim.image(0.0))
    assert isinstance(answer.single, Rejection) and answer.prior is None
    assert (answer.track.pose, answer.track.reason) == (None, "time jumped")
    assert session.nearest_fix(sim.stamp(0.0)) is None
    assert session.frame is not None


def test_relocalising_keeps_the_measurements() -> None:
    session = ready(new_session())
    session.process(sim.image(0.0))
    session.relocalise()
    answer = session.process(sim.image(0.1))
    assert answer.prior is not None and answer.prior.east == pytest.approx(AT_START[0] + 3.0, abs=0.1)


def test_idle_time_prepares_where_the_last_frame_was_looked_for() -> None:
    localizer = sim.KnowingLocalizer(DRIVE)
    session = ready(new_session(localizer))
    assert not session.warm() and localizer.warmed == []
    session.process(sim.image(0.0))
    assert [session.warm(is_hurried=True) for _ in range(2)] == [True, False]
    assert [session.warm() for _ in range(3)] == [True, True, False]
    assert localizer.warmed == [localizer.priors[-1]] * 3


def test_a_new_localiser_and_new_thresholds_take_over() -> None:
    first, second = sim.KnowingLocalizer(DRIVE), sim.KnowingLocalizer(DRIVE)
    session = ready(new_session(first))
    session.process(sim.image(0.0))
    session.set_localizer(lambda frame: second)
    session.set_config(SessionConfig(datum=HERE, heading=HeadingConfig(offset=0.5)))
    session.relocalise()
    answer = session.process(sim.image(0.1))
    assert (len(first.priors), len(second.priors)) == (1, 1)
    assert answer.prior is not None and answer.prior.yaw == pytest.approx(wrap_angle(AT_START[2] + 0.5))


def test_a_localiser_that_refuses_its_input_is_a_reason() -> None:
    class Refusing:
        image_size = (16, 8)

        def localize(self, *arguments: Any) -> PoseEstimate | Rejection:
            raise InputError("tile 1/2/3 is corrupt")

    assert reason(ready(new_session(Refusing()))) == "tile 1/2/3 is corrupt"
