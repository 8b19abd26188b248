import shutil
from pathlib import Path

import pytest
import torch
from read_only import read_only
from torch import nn

from geoflow_ros.model.inference import artefacts
from geoflow_ros.model.inference.artefacts import SOURCES, artefact, cache_folder, fingerprint, forget


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "geoflow_ros"


def write(folder: Path) -> None:
    (folder / "network").write_text("exported")


def test_the_cache_is_where_the_user_wants_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "geoflow_ros"


def test_an_artefact_is_written_once(cache: Path) -> None:
    with artefact("net-1", write) as folder:
        assert folder == cache / "net-1" and (folder / "network").read_text() == "exported"
    with artefact("net-1", lambda folder: pytest.fail("it is there")) as folder:
        assert (folder / "network").exists()
    assert [path.name for path in cache.iterdir()] == ["net-1"]
    forget("net-1")
    assert list(cache.iterdir()) == []
    forget("net-1")


def test_nothing_is_left_of_an_export_that_fails(cache: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), artefact("net-1", fail):
        pass
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with artefact("net-1", write) as folder:
        assert (folder / "network").read_text() == "exported"
    assert not folder.exists() and cache.is_file()


def test_a_user_without_a_home_has_a_passing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    with artefact("net-1", write) as folder:
        assert (folder / "network").read_text() == "exported"
    assert not folder.exists()
    forget("net-1")


def test_a_cache_in_another_users_home_is_done_without(cache: Path) -> None:
    cache.mkdir()
    with read_only(cache.parent, 0):
        with artefact("net-1", write) as folder:
            assert (folder / "network").read_text() == "exported"
        assert not folder.exists()
    assert list(cache.iterdir()) == []


def test_another_process_may_be_faster(cache: Path) -> None:
    def overtaken(folder: Path) -> None:
        write(folder)
        (cache / "net-1").mkdir()
        write(cache / "net-1")

    with artefact("net-1", overtaken) as folder:
        assert (folder / "network").read_text() == "exported"
    assert [path.name for path in cache.iterdir()] == ["net-1"]


def test_the_fingerprint_is_of_weights_structure_and_facts() -> None:
    torch.manual_seed(0)
    network, same, other = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    same.load_state_dict(network.state_dict())
    marks = [
        fingerprint(network, "bf16"),
        fingerprint(other, "bf16"),
        fingerprint(network, "f32"),
        fingerprint(nn.Sequential(network), "bf16"),
    ]
    assert fingerprint(same, "bf16") == marks[0] and len(set(marks)) == 4


def test_the_fingerprint_is_of_the_source_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, copy = nn.Linear(2, 2), tmp_path / "model"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    marks = [fingerprint(network)]
    monkeypatch.setattr(artefacts, "SOURCES", copy)
    assert fingerprint(network) == marks[0]  # wherever the package is installed
    for module in ("volume.py", "inference/prepare.py"):  # functions that networks call, not where their classes are
        (copy / module).write_text((copy / module).read_text().replace("+", "-", 1))
        marks.append(fingerprint(network))
    (copy / "volume.py").rename(copy / "volumes.py")
    marks.append(fingerprint(network))
    assert len(set(marks)) == 4
