"""`python -m geoflow_ros.replay` from end to end, with a localiser that knows the drive."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tracking_support as sim
from circle_drive import DRIVE, write_circle_drive
from paths import REPOSITORY
from replaying import complaint, replayed
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_typestore

from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import Mount
from geoflow_ros.datasets.bag_drive import DescribedCamera, DriveDescription
from geoflow_ros.errors import InputError
from geoflow_ros.replay import __main__ as replay
from geoflow_ros.replay.arguments import replay_config

pytestmark = pytest.mark.usefixtures("knowing")


def test_figures_trajectories_rows_and_pictures(folder: Path, tmp_path: Path) -> None:
    figures = replayed(folder, tmp_path)
    assert figures["frames"] == 50
    assert figures["states"] == {"INITIALISING": 50 - figures["fused"]["poses"], "LOCALISED": figures["fused"]["poses"],
                                 "DEGRADED": 0, "LOST": 0}  # fmt: skip
    assert figures["fused"]["mean_error_m"] < figures["single_frame"]["mean_error_m"] < 1.0
    assert {"median_error_m", "p95_error_m", "yaw_mean_deg"} <= figures["fused"].keys()
    assert figures["warnings"].keys() <= {"camera_info"}  # none but what the first image lacks
    assert figures["nees_mean"] == figures["fused"]["nees_mean"]
    assert (figures["confident_wrong"]["count"], figures["confident_wrong"]["of"]) == (0, figures["fused"]["poses"])
    fused, rows = read_tum(tmp_path / "fused.tum"), list(csv.DictReader((tmp_path / "frames.csv").open()))
    assert len(fused.stamps) == figures["fused"]["poses"]
    errors = [math.dist(pose[:2], DRIVE.pose(stamp - 1_700_000_000)[:2])
              for stamp, pose in zip(fused.stamps, fused.poses, strict=True)]  # fmt: skip
    assert np.mean(errors) == pytest.approx(figures["fused"]["mean_error_m"], abs=1e-3)
    assert [row["state"] for row in rows].count("LOCALISED") == len(fused.stamps)
    assert rows[0]["fused_east"] == "" and float(rows[-1]["fused_error_m"]) == pytest.approx(errors[-1], abs=1e-3)
    assert len(read_tum(tmp_path / "single_frame.tum").stamps) == figures["single_frame"]["poses"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert shown["error"][-1] == pytest.approx(errors[-1], abs=1e-3) and len(shown["along"]) == 50
    assert shown["ground"] and shown["fixes"] and shown["prior"]["east"][-1] is not None
    assert {each["moment"] for each in shown["snapshots"]} == set(range(50))
    assert dict(shown["tables"]["Parameters"])["camera.height"] == str(Mount().height)
    for name in ("trajectory", "timeline"):
        assert cv2.imread(str(tmp_path / f"{name}.png")).std() > 5.0


def test_fixes_are_left_out_for_a_span_and_frames_alone_are_optional(
    folder: Path, tmp_path: Path, knowing: sim.KnowingLocalizer
) -> None:
    figures = replayed(folder, tmp_path, "--no-fix-from", "2", "--no-fix-to", "4", "--fused-only")
    assert figures["single_frame"] == {"poses": 0}
    assert figures["fused"]["poses"] > 30 and figures["fused"]["mean_error_m"] < 0.6
    assert len(knowing.priors) == 49  # the camera_info comes after the first image
    with_single = replayed(folder, tmp_path, "--no-fix-from", "2")
    assert 20 <= with_single["single_frame"]["poses"] <= 31  # a fix is good for one second


def test_images_that_are_stamped_late_are_of_their_exposure(tmp_path: Path) -> None:
    late = write_circle_drive(tmp_path / "late", 0.4)
    told = replayed(late, tmp_path / "told", "--fused-only", "-p", "camera.delay:=0.4")
    untold = replayed(late, tmp_path / "untold", "--fused-only")
    assert untold["image_delay"] == {}  # a few seconds at one speed do not show it
    assert told["fused"]["mean_error_m"] < 0.6 and told["fused"]["poses"] > 40
    assert untold["fused"]["mean_error_m"] == pytest.approx(0.4 * DRIVE.speed, abs=0.8)
    described = json.loads((late / "drive.json").read_text())
    (late / "drive.json").write_text(json.dumps({**described, "delay": 0.4}))
    assert replayed(late, tmp_path / "described", "--fused-only")["fused"] == told["fused"]


def test_a_wrong_start_is_where_it_was_asked_for(folder: Path, tmp_path: Path, knowing: sim.KnowingLocalizer) -> None:
    figures = replayed(folder, tmp_path, "--initial-offset-m", "30", "--initial-offset-deg", "90", "--fused-only")
    first = knowing.priors[0]
    # heading north at (100, 0): left of it is west, a quarter turn from it is west, too
    assert (first.east, first.north) == pytest.approx((70.0, 0.0), abs=3.0)  # but for a first fix that pulls
    assert abs(first.yaw) == pytest.approx(math.pi, abs=0.05)
    assert figures["fused"]["max_error_m"] < 2.0 and figures["first_pose_s"] < 4.0


def test_a_seed_makes_it_repeatable(folder: Path, tmp_path: Path) -> None:
    one, two = (replayed(folder, tmp_path, "--seed", "3", "--fused-only")["fused"] for _ in range(2))
    assert one == two


def test_options_overrule_the_parameter_file_and_that_the_description(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(
        "/**:\n  ros__parameters:\n    tiles: else.mbtiles\n    use_sim_time: true\n"
        "    camera: {from_tf: true, height: 2.0}\n    tracker: {max_std: 0.1, belief: {particles: 99}}\n"
    )
    described = DriveDescription(Mount(forward=1.5), datum=sim.DATUM)
    config = replay_config(described, params, ["tracker.max_std:=3"], None, "area.mbtiles", None)
    assert (config.camera.forward, config.camera.height) == (1.5, 2.0)
    assert (config.tracker.max_std, config.tracker.belief.particles) == (3.0, 99)
    assert config.datum.datum == sim.DATUM and config.tiles == "area.mbtiles"
    params.write_text("tracker: {max_std: 0.1}\n")
    with pytest.raises(InputError, match="not a ROS parameter file"):
        replay_config(described, params, [], None, "area.mbtiles", None)


def test_bad_input_is_one_sentence(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "out.json")]
    tiles, truth = ["--tiles", str(folder / "tiles.mbtiles")], ["--truth", str(folder / "truth.tum")]
    bag = str(folder / "drive")
    assert "cannot be opened as a ROS 2 bag" in complaint(
        capsys, str(tmp_path), *tiles, *rest, "--drive", str(folder / "drive.json")
    )
    assert "no.mbtiles" in complaint(capsys, bag, "--tiles", str(tmp_path / "no.mbtiles"), *rest)
    assert "nowhere cannot be opened as a ROS 2 bag: it does not exist" in complaint(
        capsys, str(tmp_path / "nowhere"), *tiles, *rest
    )  # not that a mount is not stated
    assert "give --truth" in complaint(capsys, bag, *tiles, *rest, "--initial-offset-m", "30")
    assert "expected ROLE:=NAME" in complaint(capsys, bag, *tiles, *rest, "--topic", "/fix")
    assert "topic /gps cannot be played as fix" in complaint(capsys, bag, *tiles, *rest, "--topic", "fix:=/gps")
    assert "did you mean tracker.max_std" in complaint(capsys, bag, *tiles, *rest, "-p", "tracker.max_stdd:=1.0")
    moved = ["-p", "datum.latitude:=50.0"]
    assert "has the datum" in complaint(capsys, bag, *tiles, *truth, *rest, *moved)
    file = tmp_path / "file"
    file.write_text("")
    assert "cannot be written" in complaint(
        capsys, bag, *tiles, "--out", str(file / "x"), "--json", str(tmp_path / "j")
    )
    assert "does not describe a drive" in complaint(capsys, bag, *tiles, *rest, "--drive", str(file))


def test_a_bag_alone_needs_its_mount(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bag").mkdir()
    for file in (folder / "drive").iterdir():
        (tmp_path / "bag" / file.name).symlink_to(file)
    out = ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "out.json")]
    alone = [str(tmp_path / "bag"), "--tiles", str(folder / "tiles.mbtiles"), *out]
    assert "not set: camera.forward, camera.left, camera.height" in complaint(capsys, *alone)
    mount = [part for name, value in asdict(Mount()).items() for part in ("-p", f"camera.{name}:={value}")]
    # The first fix becomes the datum, of which this localiser knows nothing: not one pose, but all the files.
    assert replay.main([*alone, *mount]) == 2
    _, wrote, sentence = capsys.readouterr().err.splitlines()
    assert "gave no pose in 50 frames: 46 x image and satellite imagery match" in sentence
    assert wrote == f"wrote {tmp_path / 'out.json'} and {tmp_path / 'out' / 'report.html'}: open it in a browser"
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["fused"] == {"poses": 0} and figures["error_over_5m"]["of"] == 0
    assert (tmp_path / "out" / "frames.csv").read_text().count("\n") == 51


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        (lambda stamp: stamp - 3600.0, "the truth from 1699996400.000 to 1699996404.900 with a pose every 0.1"),
        (lambda stamp: 1e6 * stamp, "expected seconds of the same clock"),
        (lambda stamp: 30.0 * stamp - 29 * 1_700_000_000 + 1.55, "with a pose every 3: .* at most 1 s apart"),
    ],
    ids=["summer time", "microseconds", "too far apart"],
)
def test_a_truth_that_says_nothing_of_the_frames_is_a_failure(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], clock: Callable[[float], float], told: str
) -> None:
    lines = [line.split() for line in (folder / "truth.tum").read_text().splitlines()[1:]]
    moved = [" ".join([f"{clock(float(stamp)):.3f}", *rest]) for stamp, *rest in lines]
    truth = tmp_path / "truth.tum"
    truth.write_text("\n".join([(folder / "truth.tum").read_text().splitlines()[0], *moved]))
    out = ["--out", str(tmp_path), "--json", str(tmp_path / "out.json"), "--tiles", str(folder / "tiles.mbtiles")]
    sentence = complaint(capsys, str(folder / "drive"), *out, "--truth", str(truth))
    assert "can be judged: the frames are from 1700000000.000 to 1700000004.900 s" in sentence
    assert re.search(told, sentence)


def copy_cutting_messages(source: Path, target: Path, every: int) -> int:
    """Copy a bag whose sensors have every so many messages cut after 30 bytes; how many these are."""
    types = get_typestore(Stores.ROS2_HUMBLE)
    with AnyReader([source], default_typestore=types) as reader, Writer(target, version=8) as writer:
        topics = {
            each.topic: writer.add_connection(each.topic, each.msgtype, typestore=types) for each in reader.connections
        }
        cut = 0
        for index, (connection, stamp, data) in enumerate(reader.messages()):
            chosen = index % every == 0 and connection.topic in ("/imu", "/odom", "/fix")
            cut += chosen
            writer.write(topics[connection.topic], stamp, data[:30] if chosen else data)
        return cut


def copied(folder: Path, tmp_path: Path) -> Path:
    """The drive folder, without its bag."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("tiles.mbtiles", "truth.tum", "drive.json"):
        (copy / name).symlink_to(folder / name)
    return copy


def test_images_that_cannot_be_decoded_are_counted(folder: Path, tmp_path: Path) -> None:
    copy, types = copied(folder, tmp_path), get_typestore(Stores.ROS2_HUMBLE)
    with AnyReader([folder / "drive"], default_typestore=types) as reader, Writer(copy / "drive", version=8) as writer:
        topics = {
            each.topic: writer.add_connection(each.topic, each.msgtype, typestore=types) for each in reader.connections
        }
        for connection, stamp, data in reader.messages():
            message: Any = reader.deserialize(data, connection.msgtype)
            if connection.topic == "/image/compressed" and stamp // 10**8 % 10 == 5:
                message.data = message.data[:30]
            writer.write(topics[connection.topic], stamp, types.serialize_cdr(message, connection.msgtype))
    told = replayed(copy, tmp_path, "--fused-only")["warnings"]["image"]
    assert told["frames"] == 5 and "30 bytes) cannot be decoded" in told["sentence"]


def test_what_cannot_be_read_of_a_bag_is_told(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    cut = copy_cutting_messages(folder / "drive", copy / "drive", every=20)
    figures = replayed(copy, tmp_path, "--fused-only")
    assert cut > 10 and figures["warnings"]["bag"]["frames"] == figures["frames"] == 50
    assert figures["warnings"]["bag"]["sentence"].startswith(
        f"{cut} messages cannot be decoded and are left out (/imu "
    )
    assert figures["fused"]["poses"] > 30


def test_a_rig_is_played_whole_or_in_part() -> None:
    """The shipped parameter file names no camera: that leaves the drive's own."""
    cameras = {name: DescribedCamera(Mount(yaw=yaw)) for name, yaw in (("front", 0.0), ("left", 1.5))}
    described = DriveDescription(Mount(), datum=sim.DATUM, cameras=cameras)

    def mounts(params: Path | None, *assignments: str) -> dict[str, float]:
        config = replay_config(described, params, assignments, None, "area", None)
        return {name: each.mount.yaw for name, each in config.camera_setups.items() if each.mount is not None}

    assert mounts(REPOSITORY / "config" / "localize.yaml") == {"front": 0.0, "left": 1.5}
    assert mounts(None, "cameras:=[left]") == {"left": 1.5}
    assert mounts(None, "camera.left.from_tf:=true") == {"front": 0.0, "left": 1.5}
    assert mounts(None, "cameras:=[]") == {"": 0.0}


def test_each_camera_of_a_rig_is_as_late_as_its_description_or_all_say() -> None:
    cameras = {"front": DescribedCamera(Mount()), "left": DescribedCamera(Mount(), delay=0.1)}
    described = DriveDescription(Mount(), datum=sim.DATUM, cameras=cameras)

    def delays(*assignments: str) -> list[float]:
        setups = replay_config(described, None, assignments, None, "area", None).camera_setups
        return [setups[name].delay for name in ("front", "left")]

    assert delays() == [0.0, 0.1]
    assert delays("camera.delay:=0.2") == [0.2, 0.1]
    assert delays("camera.left.delay:=0.3") == [0.0, 0.3]
    with pytest.raises(InputError, match=r"camera.delay.* 2"):
        replay_config(described, None, ["cameras:=[]", "camera.delay:=2"], None, "area", None)
