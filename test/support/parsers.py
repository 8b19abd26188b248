"""Every reader of what others wrote, with hostile values for it: they give a value or an InputError of one sentence."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import hostile_values as hostile
import torch
import tracking_support as sim
import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from paths import REPOSITORY

from geoflow_ros.bags.messages import compressed_for, compressed_to_rgb, to_rgb
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.topics import parse_topics
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.configuration import NodeConfig, SavedPoseConfig, configured
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.datasets.dataset_files import Findings, read_image
from geoflow_ros.datasets.kitti import parse_list, read_camera, read_pose
from geoflow_ros.datasets.photographs.photo_views import read_views
from geoflow_ros.datasets.town_views import towns_to_render
from geoflow_ros.datasets.vigor import parse_rows
from geoflow_ros.errors import InputError
from geoflow_ros.kitti2bag.kitti_raw import read_matrix, read_stamps
from geoflow_ros.model import released, weights
from geoflow_ros.options import options_of
from geoflow_ros.replay.arguments import replay_config
from geoflow_ros.ros.publishing.mount_keeper import MountKeeper
from geoflow_ros.ros.publishing.saved_pose import PoseKeeper
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import ImageryOffset, TileStore, decode_tile
from geoflow_ros.tiles.providers import tile_source
from geoflow_ros.tiles.tracks import read_track
from geoflow_ros.tracking.mount.estimate import CAMERA as CAMERA_NAME
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.train.state import read_state, write_state
from geoflow_ros.train.train_config import TrainConfig, read_config

CAMERA = CameraModel(32, 32, 20.0, 20.0, 16.0, 16.0)
TILE = hostile.picture(".png")
GPX = b'<gpx><trk><trkseg><trkpt lat="49.0" lon="8.4"/><trkpt lat="49.1" lon="8.5"/></trkseg></trk></gpx>'
GEOJSON = {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[8.4, 49.0], [8.5, 49.1]]}}
CHECKPOINT = REPOSITORY / "models" / "default.safetensors"
PAIRS_HEADER = (
    "place,image,overhead,metres_per_px,camera_x_px,camera_y_px,heading_deg,camera_height_m,label_error_m,hfov_deg\n"
)


@dataclass(frozen=True)
class Parser:
    """What is read, and values for it."""

    values: SearchStrategy[Any]
    parse: Callable[[Any], object]

    def survives(self, value: Any) -> str:
        """What is read, or the one sentence by which it is refused; fails otherwise."""
        try:
            return type(self.parse(value)).__name__
        except InputError as error:
            sentence = str(error)
        assert sentence.strip() and "\n" not in sentence.encode().decode(), repr(sentence)
        return sentence


def _session() -> Session:
    datum = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)
    return Session(SessionConfig(datum=datum), lambda frame: sim.KnowingLocalizer(sim.Drive()), 0, sim.CAMERA)


def _heard(method: str) -> Callable[[Any], object]:
    """A session that hears a message twice, between good ones, and then answers an image."""

    def hear(message: Any) -> object:
        session = _session()
        session.on_camera_info(sim.camera_info())
        session.on_fix(sim.fix(0.0, *sim.Drive().pose(0.0)[:2]))
        for _ in range(2):
            getattr(session, method)(message)
        return session.process(sim.image(0.1))

    return hear


def _answered(image: Any) -> object:
    session = _session()
    session.on_camera_info(sim.camera_info())
    return session.process(image)


def _look_at(path: Path) -> object:
    """Everything that is asked of a tile store."""
    store: TileStore = open_store(path)
    zoom = store.zooms[-1]
    asked = (store.name, store.attribution, store.imagery_offset, store.format, store.tile_px, store.bounds)
    return asked, store.count(zoom), store.tile(zoom, 0, 0), store.places(zoom)


def _folder_store(content: bytes) -> object:
    folder = Path(hostile.SCRATCH.name) / "folder"
    (folder / "1" / "0").mkdir(parents=True, exist_ok=True)
    (folder / "1" / "0" / "0.png").write_bytes(TILE)
    (folder / "metadata.json").write_bytes(content)
    return _look_at(folder)


def _rendered_town(path: Path) -> object:
    return towns_to_render(path.parents[1], [7], 1)


def _play(path: Path) -> object:
    folder = path.parent / "bag"
    folder.mkdir(exist_ok=True)
    path.replace(folder / "drive.mcap")
    (folder / "metadata.yaml").write_bytes((REPOSITORY / "demo/drive/metadata.yaml").read_bytes())
    with open_bag(folder) as reader:
        return sum(1 for _ in read_messages(reader, reader.connections, Damage()))


def _weights(path: Path) -> object:
    """The weights file is damaged, and its sum in the JSON file is that of the damaged file."""
    info = json.loads(CHECKPOINT.with_suffix(".json").read_bytes())
    info["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(info))
    return weights.load(path)


def _saved_run() -> bytes:
    path = Path(hostile.SCRATCH.name) / "run.pt"
    state: dict[str, Any] = dict.fromkeys(("model_config", "optimiser", "config"), {})
    write_state(path, state | {"model": {"a": torch.zeros(3)}, "average": {}, "step": 1, "best": 0.5})
    return path.read_bytes()


def _saved_pose(path: Path) -> object:
    return PoseKeeper(SavedPoseConfig(str(path)), "/localize").recall(SAVED_POSE["stamp_ns"])


def _saved_mount(path: Path) -> object:
    keeper = MountKeeper(SavedPoseConfig(str(path.with_name("pose.json"))), "node")
    return keeper.recall(CAMERA_NAME, MountPrior().of(Mount()))


def _released_file() -> bytes:
    buffer = io.BytesIO()
    torch.save({"model": {"a": torch.zeros(3)}}, buffer)
    return buffer.getvalue()


def _yaml(keys: list[str]) -> SearchStrategy[bytes]:
    values = st.dictionaries(st.sampled_from(keys) | st.text(max_size=5), hostile.JSON, max_size=4)
    return values.map(lambda each: yaml.safe_dump(each).encode()) | _fragment_of(keys, ()) | st.binary(max_size=40)


def _ros_yaml(keys: list[str]) -> SearchStrategy[bytes]:
    values = st.dictionaries(st.sampled_from(keys), hostile.JSON, max_size=4)
    written = values.map(lambda each: yaml.safe_dump({"/**": {"ros__parameters": each}}).encode())
    return written | _fragment_of(keys, ("/**", "ros__parameters")) | _yaml(keys)


def _fragment_of(keys: list[str], inside: tuple[str, ...]) -> SearchStrategy[bytes]:
    """A document of which a key, or what it is inside, has a fragment for its value."""

    def document(way: tuple[str, ...]) -> str:
        return reduce(lambda inner, name: f"{{{json.dumps(name)}: {inner}}}", reversed(way), json.dumps(hostile.PLACE))

    ways = st.sampled_from(keys).map(lambda key: (*inside, key)) | st.integers(0, len(inside)).map(lambda n: inside[:n])
    return hostile.with_fragments(ways.map(document), hostile.YAML_FRAGMENTS)


def _parameter_file(path: Path) -> object:
    return replay_config(None, path, [], None, "tiles.mbtiles", None)


NAMES = [each.name for each in options_of(NodeConfig)]
MOUNT_ESTIMATE = MountEstimate(Mount())
SAVED_POSE: dict[str, Any] = {
    "stamp_ns": 1,
    "datum": asdict(sim.DATUM),
    "east": 0.0,
    "north": 0.0,
    "yaw": 0.0,
    "covariance": [1.0] * 9,
}
TOWN_VIEW = {"0": {"width": 32, "height": 32, "fx": 9.0, "fy": 9.0, "cx": 9.0, "cy": 9.0, "mount": {"height": 1.0}}}
DRIVE = json.loads((REPOSITORY / "demo" / "drive.json").read_text())
CELLS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 30), st.text(max_size=5), st.just(TILE))
TEXTS = st.sampled_from(["name", "bounds", "format", "scheme", "imagery_offset", "-1,-1,1,1", "xyz", "pbf"])
STORES = st.builds(
    hostile.mbtiles,
    st.lists(st.tuples(TEXTS | CELLS, TEXTS | CELLS), max_size=4),
    st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS | st.binary(max_size=20)), max_size=3),
)
GOOD_STORE = hostile.mbtiles([("name", "x"), ("bounds", "-1,-1,1,1")], [(1, 0, 0, TILE), (1, 0, 1, TILE)])
GOOD_ARCHIVE = hostile.pmtiles(b'{"name": "x"}')
TEMPLATE_PARTS = (
    *("https://", "http://", "host", "[", "]", ":", "@", "?key="),
    *("/{z}", "/{x}", "/{y}", "{-y}", "{quadkey}", "{s}"),
)
TEMPLATES = st.lists(st.sampled_from(TEMPLATE_PARTS) | st.text(max_size=4), max_size=8).map("".join)
in_file, damaged = hostile.in_file, hostile.damaged

PARSERS: Mapping[str, Parser] = {
    "raw image": Parser(hostile.RAW_IMAGES, to_rgb),
    "encoded image": Parser(hostile.ENCODED_IMAGES, compressed_to_rgb),
    "encoded image, reduced": Parser(hostile.ENCODED_IMAGES, lambda each: compressed_for(each, CAMERA, (8, 8))),
    "image to a session": Parser(hostile.RAW_IMAGES, _answered),
    "camera_info": Parser(hostile.CAMERA_INFOS, _heard("on_camera_info")),
    "fix": Parser(hostile.FIXES, _heard("on_fix")),
    "imu": Parser(hostile.IMUS, _heard("on_imu")),
    "odom": Parser(hostile.ODOMETRIES, _heard("on_odom")),
    "twist": Parser(hostile.VELOCITIES, _heard("on_twist")),
    "tile": Parser(hostile.ENCODED_IMAGES.map(lambda each: each.data), decode_tile),
    "image file": Parser(hostile.ENCODED_IMAGES.map(lambda each: each.data), in_file("image.png", read_image)),
    "TUM": Parser(hostile.table(8) | damaged(b"# datum 49 8 0\n1 2 3 0 0 0 0 1\n"), in_file("a.tum", read_tum)),
    "TUM track": Parser(damaged(b"# datum 49 8 0\n1 2 3 0 0 0 0 1\n"), in_file("b.tum", read_track)),
    "GPX track": Parser(damaged(GPX), in_file("a.gpx", read_track)),
    "GeoJSON track": Parser(hostile.changed(GEOJSON), in_file("a.geojson", read_track)),
    "pairs.csv": Parser(
        hostile.table(10, ",").map(lambda rows: PAIRS_HEADER.encode() + rows) | st.binary(max_size=60),
        in_file("pairs.csv", lambda path: read_views(path.parent)),
    ),
    "VIGOR rows": Parser(hostile.table(13), in_file("rows", lambda path: parse_rows(path, "Chicago", Findings()))),
    "KITTI list": Parser(
        hostile.table(4) | damaged(b"2011_09_26/2011_09_26_drive_0001_sync/0000000001.png 0.1 0.2 0.3"),
        in_file("list", lambda path: parse_list(path, True, Findings())),
    ),
    "KITTI camera": Parser(
        damaged(b"P_rect_02: 1 0 1 0 0 1 1 0 0 0 1 0\nS_rect_02: 2 2\n")
        | hostile.table(12).map(lambda rows: b"S_rect_02: 9 9\nP_rect_02: " + rows)
        | hostile.table(2).map(lambda rows: b"P_rect_02: 1 0 1 0 0 1 1 0 0 0 1 0\nS_rect_02: " + rows),
        in_file("calib", read_camera),
    ),
    "KITTI matrix": Parser(
        hostile.table(3).map(lambda rows: b"T: " + rows), in_file("rigid", partial(read_matrix, name="T", shape=(3,)))
    ),
    "KITTI stamps": Parser(damaged(b"2011-09-26 13:02:25.964389445\n"), in_file("timestamps.txt", read_stamps)),
    "OXTS": Parser(hostile.table(30), in_file("oxts", read_pose)),
    "tile offset": Parser(
        hostile.changed({"east_m": 1.0, "north_m": 2.0, "std_m": 0.5}),
        lambda each: ImageryOffset.parse(each.decode("utf-8", "replace"), Path("a.mbtiles")),
    ),
    "folder of tiles": Parser(hostile.changed({"attribution": "x", "imagery_offset": "{}"}), _folder_store),
    "views.json": Parser(hostile.changed(TOWN_VIEW), in_file("000007/views.json", _rendered_town)),
    "value of -p": Parser(
        hostile.with_fragments(st.just(json.dumps(hostile.PLACE)), hostile.SHORT_FRAGMENTS),
        lambda each: replay_config(
            None, None, [f"camera.height:={each.decode('utf-8', 'replace')}"], None, "tiles.mbtiles", None
        ),
    ),
    "MBTiles rows": Parser(STORES, in_file("rows.mbtiles", _look_at)),
    "MBTiles file": Parser(damaged(GOOD_STORE), in_file("file.mbtiles", _look_at)),
    "PMTiles file": Parser(damaged(GOOD_ARCHIVE), in_file("file.pmtiles", _look_at)),
    "PMTiles metadata": Parser(
        hostile.changed({"name": "x", "attribution": "y", "imagery_offset": "{}"}).map(hostile.pmtiles),
        in_file("stated.pmtiles", _look_at),
    ),
    "provider template": Parser(TEMPLATES, tile_source),
    "topics": Parser(st.lists(TEMPLATES), parse_topics),
    "node parameters": Parser(
        st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), hostile.JSON, max_size=5).map(
            lambda values: {"tiles": "a", "camera.height": 1.0, **values}
        ),
        configured,
    ),
    "parameter file": Parser(_ros_yaml(NAMES), in_file("params.yaml", _parameter_file)),
    "training config": Parser(
        _yaml([each.name for each in options_of(TrainConfig)]), in_file("run.yaml", lambda path: read_config(path, {}))
    ),
    "drive.json": Parser(hostile.changed(DRIVE), in_file("drive.json", read_description)),
    "checkpoint JSON": Parser(
        hostile.changed(json.loads(CHECKPOINT.with_suffix(".json").read_bytes())),
        in_file("info.json", lambda path: weights.parse_info(path.read_bytes(), path)),
    ),
    "checkpoint weights": Parser(damaged(CHECKPOINT.read_bytes()[:4096]), in_file("weights.safetensors", _weights)),
    "released checkpoint": Parser(damaged(_released_file()), in_file("released.pt", released.read_state)),
    "saved run": Parser(damaged(_saved_run()), in_file("last.pt", read_state)),
    "saved pose": Parser(hostile.changed(SAVED_POSE), in_file("pose.json", _saved_pose)),
    "saved mount": Parser(
        hostile.changed({CAMERA_NAME: MOUNT_ESTIMATE.to_json()}), in_file("pose.mount.json", _saved_mount)
    ),
    "bag": Parser(damaged((REPOSITORY / "demo/drive/drive.mcap").read_bytes()[:200_000]), in_file("drive", _play)),
}
