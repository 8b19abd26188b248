import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from town_support import draws

from geoflow_ros.datasets import town_views as town_module
from geoflow_ros.datasets.augment import mirror
from geoflow_ros.datasets.select import Selection, open_dataset
from geoflow_ros.datasets.town_views import (
    GROUND_SIZE,
    ORTHOPHOTO_PX,
    TEST_SEEDS,
    TRAIN_SEEDS,
    VALIDATION_SEEDS,
    TownSamples,
    random_camera,
    render_town,
)
from geoflow_ros.errors import InputError
from geoflow_ros.town.height_codes import SKY, UNKNOWN


def marked_views(root: Path) -> None:
    """A town of one view, as `render_town` leaves it, its orthophoto black but for a dot under the camera."""
    folder = root / "000005"
    folder.mkdir()
    orthophoto = np.zeros((ORTHOPHOTO_PX, ORTHOPHOTO_PX, 3), np.uint8)
    cv2.circle(orthophoto, (ORTHOPHOTO_PX // 2, ORTHOPHOTO_PX // 2), 5, (255, 255, 255), -1)
    cv2.imwrite(str(folder / "0000_ortho.jpg"), orthophoto)
    cv2.imwrite(str(folder / "0000_ground.jpg"), np.zeros((*GROUND_SIZE[::-1], 3), np.uint8))
    camera = town_module._camera_to_dict(random_camera(np.random.default_rng(0)))
    (folder / "views.json").write_text(json.dumps([camera]))


def test_the_label_is_where_the_camera_is_in_the_crop(tmp_path: Path) -> None:
    marked_views(tmp_path)
    samples = TownSamples(tmp_path, [5], 1, size_px=300, resolution=0.4)
    for index in range(5):
        sample = samples[index]
        brightness = sample.patch.image[..., 0].astype(float)
        columns, rows = (brightness.sum(axis) @ (np.arange(300) + 0.5) / brightness.sum() for axis in (0, 1))
        # The dot's centre is half an orthophoto pixel past the middle.
        assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx([columns, rows], abs=0.6)


def with_heights(root: Path) -> None:
    """The town of `marked_views` with heights: 7 m under the dot, 3 m in one corner of the camera's view."""
    folder = root / "000005"
    above = np.zeros((ORTHOPHOTO_PX // 2, ORTHOPHOTO_PX // 2), np.uint8)
    cv2.circle(above, (ORTHOPHOTO_PX // 4, ORTHOPHOTO_PX // 4), 6, 70, -1)
    ground = np.zeros((80, 320), np.uint8)
    ground[:40, :160] = 30
    cv2.imwrite(str(folder / "0000_ortho_heights.png"), above)
    cv2.imwrite(str(folder / "0000_ground_heights.png"), ground)
    views = json.loads((folder / "views.json").read_text())
    (folder / "views.json").write_text(json.dumps([{**views[0], "heights": True}]))


def test_the_heights_of_a_sample_lie_where_its_pixels_do(tmp_path: Path) -> None:
    marked_views(tmp_path)
    with_heights(tmp_path)
    samples = TownSamples(tmp_path, [5], 1, size_px=400, resolution=0.4, with_heights=True)
    for index in range(5):
        for sample in (samples[index], mirror(samples[index])):
            heights = sample.patch_heights
            assert heights is not None and heights.shape == (100, 100)
            rows, columns = np.nonzero(heights == 70)
            middle = 4.0 * np.array([columns.mean() + 0.5, rows.mean() + 0.5])
            assert sample.patch.to_pixel(sample.truth[:2]) == pytest.approx(middle, abs=1.5)
            # Nobody knows how high is what lies outside the orthophoto.
            assert (heights == UNKNOWN).mean() == pytest.approx(sample.patch.missing, abs=0.01)
            assert set(np.unique(heights)) <= {0, 70, UNKNOWN}
    below, mirrored = samples[0].ground_heights, mirror(samples[0]).ground_heights
    assert below is not None and (below[:40, :160] == 30).all() and below.sum() == 30 * 40 * 160
    assert mirrored is not None and (mirrored[:40, 160:] == 30).all() and mirrored.sum() == below.sum()
    assert TownSamples(tmp_path, [5], 1, size_px=400, resolution=0.4)[0].ground_heights is None


def test_towns_of_before_heights_were_kept_have_none(tmp_path: Path) -> None:
    marked_views(tmp_path)
    sample = TownSamples(tmp_path, [5], 1, size_px=400, resolution=0.4, with_heights=True)[0]
    assert sample.ground_heights is None and sample.patch_heights is None


def test_heights_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    marked_views(tmp_path)
    with_heights(tmp_path)
    file = tmp_path / "000005" / "0000_ortho_heights.png"
    file.write_bytes(b"not a picture")
    with pytest.raises(InputError, match="0000_ortho_heights.png cannot be decoded.*render the town again"):
        TownSamples(tmp_path, [5], 1, size_px=100, resolution=1.0, with_heights=True)[0]
    file.unlink()
    with pytest.raises(InputError, match=r"1 x missing or empty file \(000005/0000_ortho_heights.png\)"):
        TownSamples(tmp_path, [5], 1, size_px=100, resolution=1.0, with_heights=True)


def test_every_epoch_has_priors_of_its_own_and_every_index_its_own_sample(tmp_path: Path) -> None:
    marked_views(tmp_path)
    samples = TownSamples(tmp_path, [5], 1, size_px=100, resolution=1.0)
    assert samples[0].patch.center == samples[0].patch.center != samples[1].patch.center
    assert samples[0].patch.yaw != samples[1].patch.yaw
    assert all(abs(offset) <= 20.0 for index in range(20) for offset in samples[index].patch.center)


def test_training_validation_and_test_towns_are_different() -> None:
    assert TRAIN_SEEDS[-1] < VALIDATION_SEEDS[0] and VALIDATION_SEEDS[-1] < TEST_SEEDS[0] == 10_000


@pytest.mark.parametrize("split, first", [("test", 10_000), ("other", 20_000), ("varied", 39_000), ("val", 9_000)])
def test_a_split_is_a_region_of_seeds(split: str, first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town_module, "TownSamples", lambda root, seeds, per_town, **shape: list(seeds))
    assert open_dataset(Selection("town", tmp_path, split, 300, 0.4, False, count=60)) == [first, first + 1]


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    marked_views(tmp_path)
    picture = tmp_path / "000005" / "0000_ground.jpg"
    whole = picture.read_bytes()
    picture.write_bytes(b"not a picture")
    with pytest.raises(InputError, match="0000_ground.jpg cannot be decoded as an image.*render the town again"):
        TownSamples(tmp_path, [5], 1, size_px=100, resolution=1.0)[0]
    picture.write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"1 x truncated image \(000005/0000_ground.jpg\)"):
        TownSamples(tmp_path, [5], 1, size_px=100, resolution=1.0)


@pytest.mark.parametrize("content", ["[" * 10**5, "[{}]", "7", '[{"mount": {"height": NaN}}]'])
def test_a_damaged_list_of_views_is_named(tmp_path: Path, content: str) -> None:
    marked_views(tmp_path)
    (tmp_path / "000005" / "views.json").write_text(content)
    with pytest.raises(InputError, match=r"000005/views.json does not list views .*: delete its folder"):
        TownSamples(tmp_path, [5], 1, size_px=100, resolution=1.0)


@draws
def test_a_town_that_is_not_there_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = TownSamples(tmp_path, [10_050], 2, size_px=416, resolution=0.25)
    assert len(samples) == 2
    sample = samples[1]
    assert sample.ground.shape == (*GROUND_SIZE[::-1], 3) and sample.ground.std() > 10
    assert sample.patch.image.shape == (416, 416, 3) and sample.patch.image.std() > 5 and sample.patch.missing == 0.0
    below, above = (cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in samples.views[1].heights or ())
    assert below.shape == (80, 320) and above.shape == (328, 328)
    assert (below[-8:] == 0).mean() > 0.8 and 0.1 < (above > 20).mean() < 0.9 and above.max() < SKY
    monkeypatch.setattr(town_module, "render_town", None)  # a second rendering would fail
    assert len(TownSamples(tmp_path, [10_050], 2, size_px=416, resolution=0.25)) == 2


@draws
def test_the_same_seed_renders_the_same_views(tmp_path: Path) -> None:
    from geoflow_ros.town.render import Renderer

    renderer = Renderer()
    for name in ("once", "again"):
        render_town(tmp_path / name, 10_051, 1, renderer)
    files = sorted(file.name for file in (tmp_path / "once").iterdir())
    pictures = [f"0000_{name}" for name in ("ground.jpg", "ground_heights.png", "ortho.jpg", "ortho_heights.png")]
    assert files == [*pictures, "views.json"]
    assert all((tmp_path / "once" / each).read_bytes() == (tmp_path / "again" / each).read_bytes() for each in files)
