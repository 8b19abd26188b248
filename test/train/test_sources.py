"""Every source as training sees it: what is learnt from, what is held out, what is wrong."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drive_folder import write_drive
from kitti_tree import blob, write_tree
from training_support import TINY, write_towns
from vigor_tree import write_city

from geoflow_ros.datasets.drives import GAP_M, hold_out, hold_out_ends
from geoflow_ros.datasets.sample import Joined, LocalizationDataset, Sample, Subset
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.train.batches import BatchPlan, batches
from geoflow_ros.train.sources import open_data
from geoflow_ros.train.train_config import TrainConfig

DATE = "2011_09_26"


class Numbers:
    """Samples that only know their index, of a length."""

    def __init__(self, length: int, name: str = "", positions: np.ndarray | None = None) -> None:
        self._length, self.name, self.positions = length, name, positions

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        return f"{self.name}{index}"  # type: ignore[return-value]


def keys(samples: LocalizationDataset) -> set[str]:
    return {samples[index].key for index in range(len(samples))}


def config_of(source: str, root: Path, **changes: object) -> TrainConfig:
    return dataclasses.replace(TrainConfig(), source=source, data_root=str(root), **changes)  # type: ignore[arg-type]


def fast_drive(root: Path) -> Path:
    """A drive at 150 m/s: its frames, a tenth of a second apart, are 15 m from each other."""
    write_drive(root)
    lines = (root / "truth.tum").read_text().splitlines()
    rows = [line.split() for line in lines[1:]]
    moved = [[row[0], row[1], str(25 + 15 * i), *row[3:]] for i, row in enumerate(rows)]
    (root / "truth.tum").write_text("\n".join(" ".join(row) for row in moved) + "\n")
    return root


def test_a_subset_goes_on_in_later_epochs() -> None:
    subset = Subset(Numbers(10), [7, 3])
    assert [str(subset[i]) for i in range(5)] == ["7", "3", "17", "13", "27"]


def test_joined_datasets_go_on_in_later_epochs() -> None:
    joined = Joined([Numbers(2, "a"), Numbers(1, "b")])
    assert len(joined) == 3
    assert [str(joined[i]) for i in range(6)] == ["a0", "a1", "b0", "a2", "a3", "b1"]


def test_the_end_of_a_drive_is_held_out_with_no_neighbour_left_in() -> None:
    # 2 m between frames; frames 3 and 4 are on an earlier round through the end of the drive.
    positions = np.column_stack([2.0 * np.arange(50), np.zeros(50)])
    positions[3:5] = (95.0, 3.0)
    training, validation = hold_out(Numbers(50, "", positions), 0.1)  # type: ignore[arg-type]
    assert [str(validation[i]) for i in range(len(validation))] == ["45", "46", "47", "48", "49"]
    left = [int(str(training[i])) for i in range(len(training))]
    assert left == [0, 1, 2, *range(5, 41)]
    assert 90.0 - 2.0 * max(left) >= GAP_M


class Route(Numbers):
    """A drive along its own east, on a map of its own."""

    def __init__(self, name: str, datum: Datum, east: np.ndarray) -> None:
        super().__init__(len(east), name, np.column_stack([east, np.zeros(len(east))]))
        self._frame = LocalFrame(datum)

    @property
    def geodetic(self) -> np.ndarray:
        return np.stack(self._frame.to_geodetic(self.positions)[:2], axis=-1)

    def on_map(self, geodetic: np.ndarray) -> np.ndarray:
        return self._frame.to_enu(geodetic[:, 0], geodetic[:, 1])[:, :2]


def test_no_drive_is_trained_on_where_another_one_is_validated() -> None:
    """Two drives along one street, the other way round and with datums 100 m apart: each begins where one ends."""
    latitude, longitude, _ = LocalFrame(Datum(48.0, 11.0)).to_geodetic(np.array([100.0, 0.0]))
    there = Route("there", Datum(48.0, 11.0), 5.0 * np.arange(40))
    back = Route("back", Datum(float(latitude), float(longitude)), 95.0 - 5.0 * np.arange(40))
    (training, validation), (other_training, other_validation) = hold_out_ends([there, back], 0.1)  # type: ignore[list-item]
    assert [str(validation[i]) for i in range(4)] == ["there36", "there37", "there38", "there39"]
    assert str(other_validation[0]) == "back36"  # 95 - 180 + 100 = 15 m east of the first datum, where `there` has 3
    for part in (training, other_training):
        left = [int(str(part[i]).strip("therback")) for i in range(len(part))]
        assert left == list(range(5, 35))


def test_a_drive_that_stays_in_one_place_has_nothing_to_hold_out() -> None:
    with pytest.raises(InputError, match="yard passes within 10 m of the 1 frames that are held out everywhere"):
        hold_out(Numbers(5, "yard", np.zeros((5, 2))), 0.1)  # type: ignore[arg-type]


def test_towns(tmp_path: Path) -> None:
    write_towns(tmp_path, [0, 1, 9000], 2)
    data = open_data(config_of("town", tmp_path, train_towns=2, validation_towns=1, views_per_town=2), TINY)
    assert keys(data.training) == {
        f"{town}/{view}_ground" for town in ("000000", "000001") for view in ("0000", "0001")
    }
    assert keys(data.validation) == {"009000/0000_ground", "009000/0001_ground"}
    assert str(data) == "4 samples to train on, 2 to validate on"


def test_varied_towns_are_trained_on_beside_the_others_or_alone(tmp_path: Path) -> None:
    write_towns(tmp_path, [0, 9000, 30_000, 30_001], 1)
    both = {"varied_towns": 2, "validation_towns": 1, "views_per_town": 1}
    data = open_data(config_of("town", tmp_path, train_towns=1, **both), TINY)
    assert keys(data.training) == {f"{town}/0000_ground" for town in ("000000", "030000", "030001")}
    assert keys(data.validation) == {"009000/0000_ground"}
    alone = open_data(config_of("town", tmp_path, train_towns=0, **both), TINY)
    assert keys(alone.training) == {"030000/0000_ground", "030001/0000_ground"}
    with pytest.raises(InputError, match="train_towns 0 and varied_towns 0 leave nothing to train on"):
        open_data(config_of("town", tmp_path, train_towns=0, varied_towns=0), TINY)


def test_views_of_orthophotos_are_the_stated_share_of_the_training(tmp_path: Path) -> None:
    write_towns(tmp_path / "towns", [0, 9000], 3)
    (tmp_path / "overhead").mkdir()
    cv2.imwrite(str(tmp_path / "overhead/photo.png"), np.random.default_rng(0).integers(0, 255, (150, 150, 3)))
    plain = config_of("town", tmp_path / "towns", train_towns=1, validation_towns=1, views_per_town=3)
    mixed = dataclasses.replace(plain, orthophoto_images=str(tmp_path), orthophoto_share=0.4)
    data = open_data(mixed, TINY)
    names = [data.training[index].key for index in range(10)]
    assert names == [f"000000/{view:04d}_ground" for view in range(3)] + ["photo.png"] * 2 + names[:5]
    assert keys(data.validation) == keys(open_data(plain, TINY).validation)
    assert data.training[3].patch.image.shape == (96, 96, 3) and data.training[3].patch.resolution == 1.0
    assert not np.array_equal(data.training[3].ground, data.training[8].ground)  # drawn anew in the next epoch


def test_kitti(tmp_path: Path) -> None:
    drives = [f"{DATE}/{DATE}_drive_{number:04d}_sync" for number in (1, 2)]
    write_tree(tmp_path, 0.0, blob(640, 640), drives=drives)
    data = open_data(config_of("kitti", tmp_path, validation_share=0.5), TINY)
    assert (len(data.training), len(data.validation)) == (1, 1)
    assert keys(data.training) | keys(data.validation) == {f"{drive}/0000000000.png" for drive in drives}
    assert data.training[0].patch.image.shape == (96, 96, 3) and data.training[0].patch.resolution == 1.0
    plan = BatchPlan(size=2, seed=0, hypotheses=4, yaw_range=0.2)
    batch = next(batches(data.training, TINY, range(1), plan, workers=0))
    assert len(set(batch.truth[:, 0].tolist())) == 2  # the same frame, in two epochs


@pytest.mark.parametrize("rotation", [0.0, 180.0])
def test_vigor(tmp_path: Path, rotation: float) -> None:
    for city in ("NewYork", "Seattle"):
        write_city(tmp_path, city, "pano_label_balanced.txt", count=5)
    data = open_data(config_of("vigor", tmp_path, area="cross", rotation_range_deg=rotation), TINY)
    assert (len(data.training), len(data.validation)) == (8, 2)
    assert not keys(data.training) & keys(data.validation)
    turns = [abs(data.training[i].truth[2] - data.training[i].patch.yaw) for i in range(8)]
    assert max(turns) == pytest.approx(0.0) if rotation == 0.0 else max(turns) > 1.0


def test_drives(tmp_path: Path) -> None:
    fast_drive(tmp_path / "one")
    alone = open_data(config_of("bag", tmp_path / "one", validation_share=0.3), TINY)
    assert (len(alone.training), len(alone.validation)) == (2, 1)
    plan = BatchPlan(size=2, seed=0, hypotheses=4, yaw_range=0.2)
    here, loaded = (list(batches(alone.training, TINY, range(2), plan, workers)) for workers in (0, 1))
    for ours, theirs in zip(here, loaded, strict=True):  # the loader process reads the bag on its own
        assert ours.keys == theirs.keys and torch.equal(ours.ground, theirs.ground)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    both = open_data(config_of("bag", tmp_path, validation_share=0.3), TINY)
    assert (len(both.training), len(both.validation)) == (4, 2)
    named = open_data(config_of("bag", tmp_path, validation_drive="two"), TINY)
    assert (len(named.training), len(named.validation)) == (3, 3)
    with pytest.raises(InputError, match="validation_drive 'three' is not one of several drives .* one, two"):
        open_data(config_of("bag", tmp_path, validation_drive="three"), TINY)


def test_every_bad_drive_is_told_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "drive.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match="2 x unusable drive .*3 x missing or empty file"):
        open_data(config_of("bag", tmp_path), TINY)


@pytest.mark.parametrize("source", ["kitti", "vigor", "bag"])
def test_a_root_without_data_is_one_sentence(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError, match="nowhere is not a folder: give the root of the .* data with --data.root"):
        open_data(config_of(source, tmp_path / "nowhere"), TINY)
    with pytest.raises(InputError, match="missing|holds no drive.json"):
        open_data(config_of(source, tmp_path), TINY)
