"""Generated towns beside the drives: in their looks, at places of their own, and half of what a step learns from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_drive import straight, write_grey_tiles, write_made_drive
from training_support import NOISE, tiny_network, write_towns

from geoflow_ros.adapt import head_training, rehearsal
from geoflow_ros.adapt.__main__ import build_parser, main
from geoflow_ros.adapt.cached_samples import CachedSample, Label, cached
from geoflow_ros.adapt.head_training import recipe, train_heads
from geoflow_ros.adapt.rehearsal import town_samples
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive, open_unlabelled
from geoflow_ros.datasets.sample import Place, Sample
from geoflow_ros.datasets.town_views import TownSamples
from geoflow_ros.errors import InputError
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.train.batches import Batch


def network() -> MatchFlow:
    """One that has learnt nothing."""
    model = tiny_network()
    assert isinstance(model, MatchFlow)
    return model


def colour(image: np.ndarray) -> float:
    """How far the channels of an image lie apart."""
    return float(np.ptp(image.astype(np.float64), axis=2).mean())


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> UnlabelledDrive:
    """Of grey imagery."""
    folder = tmp_path_factory.mktemp("rehearsal")
    bag = write_made_drive(folder / "a", straight(200.0))
    tiles = write_grey_tiles(folder / "tiles.mbtiles", (-100.0, -100.0), (250.0, 300.0))
    return open_unlabelled(bag, build_parser().parse_args([str(bag), "--tiles", str(tiles), "--out", "unused"]))


def test_towns_are_seen_in_the_look_of_the_drive_and_lie_elsewhere(
    drive: UnlabelledDrive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "VIEWS", 3)
    monkeypatch.setattr(rehearsal, "RESTYLED", 1.0)
    write_towns(tmp_path, [0, 30000], 3, places=True)
    seen: list[Sample] = []

    def watched(sample: Sample, place: Place, model: MatchFlow, rng: np.random.Generator) -> CachedSample:
        seen.append(sample)
        return cached(sample, place, model, rng)

    monkeypatch.setattr(rehearsal, "cached", watched)
    model = network()
    labels = [Label(node, pose, np.eye(3)) for node, pose in enumerate(drive.nodes.start[:9, :3])]
    samples = town_samples([(drive, labels), (drive, [])], model, tmp_path, 2, seed=0)
    assert [sample.place.region for sample in samples] == ["000000"] * 3 + ["030000"] * 3
    rendered = TownSamples(tmp_path, [0, 30000], 3, seen[0].patch.image.shape[0], 1.0)
    for index, sample in enumerate(seen):
        assert (sample.truth, sample.patch.center) == (rendered[index].truth, rendered[index].patch.center)
    as_drive, as_rendered = (
        np.mean([colour(each[index].patch.image) for index in range(6)]) for each in (seen, rendered)
    )
    assert as_drive < 0.7 * as_rendered
    again = town_samples([(drive, labels)], model, tmp_path, 2, seed=0)
    assert all(torch.equal(one.batch.ground, other.batch.ground) for one, other in zip(samples, again, strict=True))


def test_where_nothing_can_be_rendered_it_is_said_before_drives_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> None:
        raise InputError("the generated town needs moderngl and EGL: install them")

    monkeypatch.setattr(rehearsal, "open_context", absent)
    bag = write_made_drive(tmp_path / "a", straight(330.0))
    tiles = write_grey_tiles(tmp_path / "tiles.mbtiles", (-100.0, -100.0), (300.0, 400.0))
    assert main([str(bag), "--tiles", str(tiles), "--out", str(tmp_path / "mine")]) == 2
    told = capsys.readouterr().err
    assert told.endswith("needs moderngl and EGL: install them; or learn from the drives alone, with --towns 0\n")
    rehearsal.check_renderable(tmp_path, 0)


def test_a_step_has_as_many_of_the_towns_as_of_the_drives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, ...]] = []
    take = head_training._Run.take

    def watched(run: head_training._Run, batch: Batch) -> object:
        taken.append(batch.keys)
        assert batch.elsewhere is not None and batch.elsewhere.tolist() == [True] * len(batch.keys)
        return take(run, batch)

    monkeypatch.setattr(head_training._Run, "take", watched)
    model = network()
    kinds = [_samples(model, "drive", 6), _samples(model, "town", 4)]
    train_heads(model, kinds, replace(recipe(3, seed=0), batch=4), tmp_path / "state.pt")
    assert [[key[0] for key in keys] for keys in taken] == [["d", "d", "t", "t"]] * 3
    assert {key for keys in taken for key in keys[:2]} == {f"drive{index}" for index in range(6)}


def _samples(model: MatchFlow, kind: str, count: int) -> list[CachedSample]:
    rng = np.random.default_rng(0)
    named = [(replace(NOISE.training[index], key=f"{kind}{index}"), index) for index in range(count)]
    return [cached(sample, Place(kind, 80.0 * index, 0.0), model, rng) for sample, index in named]
