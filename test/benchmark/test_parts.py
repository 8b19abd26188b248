"""What the benchmark is made of: clocks, readings of the machine, the drive, generated tile stores, comparisons."""

from __future__ import annotations

import math
import mmap
import os
import resource
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="rosbags is not installed")

from geoflow_ros.bags.messages import compressed_to_rgb
from geoflow_ros.benchmark import tilestores
from geoflow_ros.benchmark.comparison import compare_runtimes
from geoflow_ros.benchmark.drive import PRIOR_SIGMA_M, images_at_rate, load_drive
from geoflow_ros.benchmark.machine import cpu_seconds, peak_resident_mb, resident_mb, this_machine
from geoflow_ros.benchmark.stages import Stopwatch
from geoflow_ros.benchmark.sweeps import sweep_image_sizes, watch_memory
from geoflow_ros.benchmark.timing import Contender, Speed, interleaved, quantiles, speed
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import Rejection
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.planar import PlanarPose
from geoflow_ros.resources import share_file
from geoflow_ros.satellite.stores import open_store


def test_quantiles_of_known_times() -> None:
    taken = quantiles(range(1, 102))  # 1 to 101 ms
    assert (taken.p50, taken.p95, taken.max) == (51.0, 96.0, 101.0)
    with pytest.raises(InputError, match="at least one frame"):
        quantiles([])


def test_speed_is_that_of_the_median_turn() -> None:
    turns = np.array([[10.0, 10.0], [5.0, 15.0], [400.0, 400.0], [4.0, 6.0], [20.0, 30.0]])
    assert speed(turns) == Speed(fps=100.0, latency_ms_p50=12.5, latency_ms_p95=400.0)


def test_contenders_take_turns_frame_after_frame() -> None:
    done: list[tuple[str, int]] = []

    def contender(name: str, burst: int) -> Contender:
        return Contender(name, lambda index: done.append((name, index)), burst)

    times = interleaved([contender("a", 2), contender("b", 1)], rounds=2)
    warm_up, first, second = done[:3], done[3:6], done[6:]
    assert warm_up == first == [("a", 0), ("a", 1), ("b", 0)]
    assert second == [("a", 2), ("a", 3), ("b", 1)]
    assert (times["a"].shape, times["b"].shape) == ((2, 2), (2, 1))


def test_stopwatch_keeps_stages_apart() -> None:
    watch = Stopwatch()
    for stage, seconds in (("long", 0.02), ("short", 0.0), ("long", 0.02)):
        with watch(stage):
            time.sleep(seconds)
    taken = watch.quantiles()
    assert list(taken) == ["long", "short"]
    assert taken["long"].p50 >= 20.0 > taken["short"].max


def test_readings_of_a_process_agree_with_the_operating_systems() -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    assert peak_resident_mb() == pytest.approx(usage.ru_maxrss / 1024, rel=0.02)
    assert 0 < resident_mb(os.getpid()) <= peak_resident_mb()
    assert cpu_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.1)
    with pytest.raises(InputError, match="needs Linux"):
        resident_mb(2**30)


def test_machine_names_its_libraries() -> None:
    machine = this_machine()
    assert machine.libraries["numpy"] == np.__version__
    assert machine.cores >= 1 and machine.memory_gb > 0 and machine.processor


def test_shipped_drive_is_read_whole() -> None:
    drive = load_drive(share_file("demo"), 10.0)
    assert len(drive.frames) == 250
    assert drive.at(250) is drive.at(0)
    rows = np.loadtxt(share_file("demo/truth.tum"))
    assert [frame.truth.x for frame in drive.frames] == pytest.approx(rows[:, 1], abs=1e-3)
    image = compressed_to_rgb(drive.at(0).message)
    assert image.shape == (drive.camera.height, drive.camera.width, 3)
    off = np.array(
        [np.subtract((each.prior.east, each.prior.north), (each.truth.x, each.truth.y)) for each in drive.frames]
    )
    assert 0.3 * PRIOR_SIGMA_M < np.sqrt((off**2).mean()) < 3 * PRIOR_SIGMA_M
    assert np.abs(np.diff(off, axis=0)).max() < PRIOR_SIGMA_M / 2  # it wanders, it does not jump
    again, other = (load_drive(share_file("demo"), 10.0, limit=3, seed=seed) for seed in (0, 1))
    assert len(again.frames) == 3
    assert again.at(0).prior.east == drive.at(0).prior.east != other.at(0).prior.east


def test_a_faster_camera_sees_an_image_until_the_next() -> None:
    assert images_at_rate([0, 100, 200], 20e6) == [(0, 0), (50, 0), (100, 1), (150, 1), (200, 2)]
    assert images_at_rate([0, 100, 200], 5e6) == [(0, 0), (200, 2)]
    slow, fast = (load_drive(share_file("demo"), rate, limit=limit) for rate, limit in ((10.0, 3), (30.0, 7)))
    assert [frame.truth for frame in fast.frames[::3]] == [frame.truth for frame in slow.frames]
    assert fast.at(2).message is fast.at(1).message is fast.at(0).message
    moved = [math.hypot(b.prior.east - a.prior.east, b.prior.north - a.prior.north) for a, b in pairwise(fast.frames)]
    assert min(moved) > 0.0 and max(moved) < 1.0


def test_generated_store_is_whole_and_counts_its_tiles(tmp_path: Path) -> None:
    path = tmp_path / "generated.mbtiles"
    tilestores.write_store(path, 3)
    store = open_store(path)
    assert (store.count(tilestores.ZOOM), store.tile_px) == (9, 256)
    x, y = tilestores.CENTER.x, tilestores.CENTER.y
    present = [(dx, dy) for dx in range(-2, 3) for dy in range(-2, 3) if store.tile(tilestores.ZOOM, x + dx, y + dy)]
    assert present == [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]


def test_tile_store_rows_are_of_whole_squares() -> None:
    rows = tilestores.sweep_tile_stores([80, 121], patches=10)
    assert [row.count for row in rows] == [81, 121]
    assert all(0 < row.patch_ms_p50 <= row.patch_ms_p95 <= row.patch_ms_max for row in rows)


class FakePath:
    """Answers `error` m east of the truth, refusing some frames."""

    def __init__(self, error: float, refused: tuple[int, ...] = ()) -> None:
        self.drive = SimpleNamespace(at=lambda index: SimpleNamespace(truth=PlanarPose(float(index), 5.0)))
        self._error, self._refused = error, refused

    def __call__(self, index: int) -> Any:
        if index in self._refused:
            return Rejection("refused")
        return SimpleNamespace(east=index + self._error * (1 + index % 2), north=5.0)


def test_errors_are_compared_on_frames_that_both_answer() -> None:
    # errors 1, 2, 1, 2, ... against half of that; the frames 0 and 2 count for neither in the comparison
    paths: dict[str, Any] = {"exact": FakePath(1.0), "half": FakePath(0.5, refused=(0, 2))}
    rows = compare_runtimes(paths, "exact", frames=4)
    assert (rows["exact"].mean_error_m, rows["exact"].error_ratio, rows["exact"].answered) == (1.5, 1.0, 1.0)
    assert (rows["half"].mean_error_m, rows["half"].error_ratio, rows["half"].answered) == (1.0, 0.5, 0.5)
    none: dict[str, Any] = {"none": FakePath(1.0, (0, 1))}
    assert compare_runtimes(none, "none", frames=2)["none"].error_ratio is None


def test_a_leak_shows() -> None:
    kept: list[mmap.mmap] = []

    def leaking(_: int) -> None:
        kept.append(mmap.mmap(-1, 4 << 20))  # new pages, where malloc might hand out old ones
        kept[-1].write(b"x" * (4 << 20))

    rows = watch_memory(leaking, 10)
    assert [row.frames for row in rows] == list(range(11))
    assert rows[-1].resident_mb - rows[0].resident_mb == pytest.approx(40.0, abs=8.0)


def test_large_images_are_decoded_at_a_reduced_size() -> None:
    drive = load_drive(share_file("demo"), 10.0, limit=1)
    rows = sweep_image_sizes(drive, DefaultConfig(), [(640, 192), (1280, 384)], rounds=1)
    assert [(row.width, row.height, row.decoded_width) for row in rows] == [(640, 192, 640), (1280, 384, 640)]
