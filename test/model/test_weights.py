"""Checkpoints on disk: round trip, and refusal of everything damaged or foreign."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from geoflow_ros.errors import InputError
from geoflow_ros.model import weights
from geoflow_ros.model.config import DefaultConfig, PaperConfig
from geoflow_ros.model.geoflow import GeoFlow

SMALL = PaperConfig(ground_height=32, ground_width=96, satellite_px=64)


@pytest.fixture(scope="module")
def model() -> GeoFlow:
    torch.manual_seed(0)
    return GeoFlow(SMALL)


@pytest.fixture
def saved(model: GeoFlow, tmp_path: Path) -> Path:
    weights.save(model, tmp_path / "net", {"origin": "a test"})
    return tmp_path / "net"


def edit(saved: Path, **changes: object) -> None:
    """Change entries of the JSON file."""
    info = saved.with_suffix(".json")
    info.write_text(json.dumps({**json.loads(info.read_text()), **changes}))


@pytest.mark.parametrize("suffix", ["", ".safetensors", ".json"])
def test_round_trip_by_any_name_of_the_pair(model: GeoFlow, saved: Path, suffix: str) -> None:
    loaded = weights.load(saved.with_name(saved.name + suffix))
    assert isinstance(loaded, GeoFlow) and loaded.config == SMALL and not loaded.training
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(entry, state[name]) for name, entry in model.state_dict().items())


def test_both_configs_and_channels_last_weights_come_back(tmp_path: Path) -> None:
    model = weights.build(DefaultConfig()).to(memory_format=torch.channels_last)
    weights.save(model, tmp_path / "net.v2")
    loaded = weights.load(tmp_path / "net.v2")
    assert loaded.config == DefaultConfig()
    assert all(torch.equal(entry, loaded.state_dict()[name]) for name, entry in model.state_dict().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.v2.json", "net.v2.safetensors"]


def test_the_json_file_says_what_the_weights_are(model: GeoFlow, saved: Path) -> None:
    values = json.loads(saved.with_suffix(".json").read_text())
    assert values["sha256"] == hashlib.sha256(saved.with_suffix(".safetensors").read_bytes()).hexdigest()
    assert values["parameters"] == 7_377_493 and values["format"] == 1
    assert values["config"]["name"] == "paper" and values["config"]["satellite_px"] == 64
    assert values["card"] == {"origin": "a test"}


def test_a_full_disk_leaves_the_old_checkpoint(model: GeoFlow, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in saved.parent.iterdir()}
    synced: list[int] = []

    def full_at_the_second_file(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full_at_the_second_file)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        weights.save(GeoFlow(SMALL), saved)
    assert {path.name: path.read_bytes() for path in saved.parent.iterdir()} == before


def test_damaged_weights_are_refused(saved: Path) -> None:
    file = saved.with_suffix(".safetensors")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=r"net.safetensors has sha256 .* damaged or belongs to another"):
        weights.load(saved)


def test_a_foreign_weights_file_is_refused_even_with_the_right_sum(saved: Path) -> None:
    saved.with_suffix(".safetensors").write_bytes(b"no weights")
    edit(saved, sha256=hashlib.sha256(b"no weights").hexdigest())
    with pytest.raises(InputError, match=r"net.safetensors is not a safetensors file"):
        weights.load(saved)


def test_weights_of_another_network_are_refused_with_the_keys(saved: Path) -> None:
    config = json.loads(saved.with_suffix(".json").read_text())["config"]
    edit(saved, config={**config, "orientation_head": True})
    with pytest.raises(
        InputError, match=r"the network 'paper': missing keys: 6 \(head.orientation.0.weight, .*, \.\.\.\)$"
    ):
        weights.load(saved)
    edit(saved, config={**config, "channels": 64})
    with pytest.raises(InputError, match=r"misshapen keys: \d+ \(satellite_projection.weight, "):
        weights.load(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "has format 99, this version reads 1"),
        ({"config": {"name": "other"}}, "model config 'other' is unknown"),
        ({"config": {"name": "paper", "depth": 3}}, "unknown keys depth"),
        ({"config": {"name": "paper", "channels": -4}}, "has channels -4, expected the like of 128"),
        ({"config": {"name": "paper", "channels": "many"}}, "has channels many, expected the like of 128"),
        ({"config": [1]}, "does not describe a checkpoint"),
        ({"parameters": "many"}, "does not describe a checkpoint"),
    ],
)
def test_a_bad_description_is_refused(saved: Path, changes: dict[str, object], message: str) -> None:
    edit(saved, **changes)
    with pytest.raises(InputError, match=message):
        weights.load(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"3", b"{}"])
def test_what_is_no_description_is_refused(saved: Path, content: bytes) -> None:
    saved.with_suffix(".json").write_bytes(content)
    with pytest.raises(InputError, match=r"net.json does not describe a checkpoint"):
        weights.load(saved)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_lone_half_is_refused(saved: Path, suffix: str) -> None:
    saved.with_suffix(suffix).unlink()
    with pytest.raises(InputError, match=rf"net{suffix} cannot be read \(No such file or directory\)"):
        weights.load(saved)
