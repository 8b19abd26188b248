"""The tutorial's commands as they stand: run on the shipped drive, or checked where they need a robot."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import launch_stand_in
import mercantile
import pytest
from paths import REPOSITORY
from tile_server import TileServer, serving

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("rasterio", reason="rasterio is not installed")

from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer

from geoflow_ros.ros.interfaces import SERVICES, TOPICS
from geoflow_ros.satellite.stores import open_store

TEXT = (REPOSITORY / "docs" / "TUTORIAL.md").read_text(encoding="utf-8")
DEMO = REPOSITORY / "demo"
SECONDS = 3.0
"""Of the shipped drive: enough to be localised, calibrated and drawn."""
SERVER = "https://tiles.example.org/{z}/{x}/{y}.jpg"
NEEDS_MORE = {
    "view": "a node",
    "adapt": "minutes of driving and of computing",
    "align": "a good GNSS, half a minute long",
}
"""Commands of the package that are only given their arguments, and what they need to run."""


def blocks(language: str) -> list[str]:
    """What the document sets off, in a language, or as commands without one."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == language]


def commands() -> list[list[str]]:
    """The words of every command, without comments."""
    lines = [line for block in blocks("") for line in block.replace("\\\n", " ").splitlines()]
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def packaged() -> list[list[str]]:
    """Name and arguments of the package's own commands."""
    return [words[3:] for words in commands() if words[:3] == ["ros2", "run", "geoflow_ros"]]


def needs_more(words: list[str]) -> bool:
    return words[0] in NEEDS_MORE or words[:2] == ["tiles", "align"] or "models/mine.safetensors" in words


@pytest.fixture(scope="module")
def server() -> Iterator[TileServer]:
    """The tiles of the shipped drive, as a server has them."""
    store = open_store(DEMO / "tiles.mbtiles")
    there = {(zoom, x, y): store.tile(zoom, x, y) for zoom in store.zooms for x, y in store.places(zoom)}
    with serving({tile: data for tile, data in there.items() if data is not None}) as tiles:
        yield tiles


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's: with robot.yaml as the document shows it, and the beginning of the shipped drive."""
    made = tmp_path_factory.mktemp("my_city")
    (shown,) = blocks("yaml")
    (made / "robot.yaml").write_text(f"{shown}    runtime: torch\n")  # nothing is compiled
    with (
        AnyReader([DEMO / "drive"]) as reader,
        Writer(made / "first_drive", version=9, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        written = {
            each.id: writer.add_connection(each.topic, each.msgtype, typestore=reader.typestore)
            for each in reader.connections
        }
        for connection, recorded_ns, data in reader.messages():
            if recorded_ns - reader.start_time < SECONDS * 1e9:
                writer.write(written[connection.id], recorded_ns, data)
    return made


def test_what_can_run_here_runs(
    folder: Path, server: TileServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    run = [words for words in packaged() if not needs_more(words)]
    assert len(run) == 9
    for name, *arguments in run:
        shown = [each.replace("$SHARE", str(REPOSITORY)).replace(SERVER, server.template) for each in arguments]
        status = importlib.import_module(f"geoflow_ros.{name}.__main__").main(shown)
        assert status == 0, f"{shlex.join([name, *shown])}\n{capsys.readouterr().err}"
    fetched, imported = open_store(folder / "fetched.mbtiles"), open_store(folder / "area.mbtiles")
    box = (-46.6732, -23.5222, -46.6693, -23.5191)
    finest = {(tile.x, tile.y) for tile in mercantile.tiles(*box, zooms=[19])}
    assert set(fetched.places(19)) == finest & set(imported.places(19)) and fetched.attribution == "(C) Example 2025"
    figures = json.loads((folder / "replay" / "replay.json").read_text())
    assert figures["frames"] == 10 * SECONDS and figures["states"]["LOCALISED"] > figures["frames"] / 2
    mentioned = ("replay/report.html", "mount/mount.png", "mount/mount.yaml", "coverage.png", "patch.png")
    assert [each for each in mentioned if each in TEXT and not (folder / each).stat().st_size] == []
    assert all(f"`{each}`" in TEXT for each in mentioned[:3])


@pytest.mark.parametrize("words", [each for each in packaged() if needs_more(each)], ids=lambda words: str(words[0]))
def test_what_needs_more_is_given_arguments_that_it_has(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    name, *arguments = words
    module, given = importlib.import_module(f"geoflow_ros.{name}.__main__"), list[Any]()
    monkeypatch.setattr(module.cli, "run", lambda parser, main, argv: given.append(parser.parse_args(argv)))
    module.main(arguments)
    assert len(given) == 1


def test_launch_files_have_the_arguments(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(folder)
    launched = [words for words in commands() if words[:2] == ["ros2", "launch"]]
    assert len(launched) == 2
    for _, _, package, file, *arguments in launched:
        module = launch_stand_in.load(monkeypatch, file)
        declared = {
            each.args[0]: each.kwargs["default_value"]
            for each in launch_stand_in.entities(module, "DeclareLaunchArgument")
        }
        given = dict(each.split(":=") for each in arguments)
        assert package == "geoflow_ros" and given.keys() <= declared.keys()
        (node,) = module.start_node(launch_stand_in.Context(**(declared | given)))
        assert node.kwargs["parameters"][0] == "robot.yaml" and node.kwargs["parameters"][1]["tiles"] == "area.mbtiles"


def test_topics_and_services_are_the_nodes() -> None:
    named = {each.name.replace("~", "/localize") for each in (*TOPICS, *SERVICES)}
    told = [words for words in commands() if words[1:2] in (["topic"], ["service"])]
    asked = [next(word for word in words[3:] if word.startswith("/")) for words in told]
    asked += [words[-1] for words in commands() if "rqt_image_view" in words]
    assert len(asked) == 4 and {each for each in asked if each not in named and each.lstrip("/") not in named} == set()


def test_every_command_is_of_a_kind_that_is_tried() -> None:
    kinds = [["ros2", "run", "geoflow_ros"], ["ros2", "launch", "geoflow_ros"], ["ros2", "service", "call"]]
    others = [words for words in commands() if words[:3] not in kinds and words[:2] != ["ros2", "topic"]]
    assert [" ".join(words[:3]) for words in others] == [
        "mkdir my_city &&", "SHARE=$(ros2 pkg prefix", "ros2 bag record", "cp -r $SHARE/demo/drive",
        "ros2 run rqt_image_view", "ssh -L 8090:localhost:8090",
    ]  # fmt: skip
