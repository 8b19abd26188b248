"""Values that a parser has to survive: damaged files of a kind, random tables, any JSON, any message."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from geoflow_ros.bags.encodings import ENCODINGS

MEMORY = Path("/dev/shm")  # hundreds of thousands of files are written, each read once
SCRATCH = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
"""Removed when the process ends."""

UINT32 = st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))
NUMBERS = st.one_of(st.floats(), st.floats(-400.0, 400.0), st.sampled_from([0.0, 1.0, -1.0]))
HUGE_NUMBERS = ("1e999", "-1e999", "9" * 30, "9" * 400, "9" * 5000)
WORDS = st.one_of(
    st.text(max_size=6), st.integers().map(str), NUMBERS.map(repr), st.sampled_from([*HUGE_NUMBERS, "\0"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)

FRAGMENTS = st.sampled_from(
    [
        *HUGE_NUMBERS,
        *(
            "NaN",
            "-Infinity",
            ".nan",
            ".inf",
            r'"\u0000"',
            r'"\ud800"',
            '{"a": 1, "a": 2}',
            '{"a": 1, "b": 2, "a": {}}',
        ),
        *("[" * depth + "]" * depth for depth in (60, 70, 900, 20_000)),
        *('{"a": ' * depth + "1" + "}" * depth for depth in (60, 70, 900, 20_000)),
    ]
)
"""Of JSON and YAML, that most writers would not write."""
YAML_FRAGMENTS = FRAGMENTS | st.sampled_from(
    [
        "&a [*a]",
        "&a {a: *a}",
        "2001-99-99",
        "!!timestamp x",
        "!!int ''",
        "!!binary '*'",
        "!!python/name:os.system",
        "{[]: 1}",
    ]
)
SHORT_FRAGMENTS = YAML_FRAGMENTS.filter(lambda fragment: len(fragment) < 1000)
"""Without those that nest by the thousand, for which YAML takes long before it refuses them."""
PLACE = "<a fragment>"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of files, given their content."""

    def parse(content: bytes) -> object:
        path = Path(SCRATCH.name) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return parse


def damaged(whole: bytes) -> SearchStrategy[bytes]:
    """A file with some bytes overwritten, cut off or repeated; sometimes nothing but noise."""
    place = st.integers(0, len(whole) - 1)
    overwritten = st.lists(st.tuples(place, st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)
    edited = overwritten.map(lambda edits: _overwritten(whole, edits))
    cut = place.map(lambda end: whole[:end])
    repeated = st.tuples(place, place).map(lambda ends: whole[: max(ends)] + whole[min(ends) :])
    return st.one_of(edited, edited, cut, repeated, st.binary(max_size=64))


def _overwritten(whole: bytes, edits: list[tuple[int, bytes]]) -> bytes:
    data = bytearray(whole)
    for place, content in edits:
        data[place : place + len(content)] = content
    return bytes(data)


def table(columns: int, separator: str = " ") -> SearchStrategy[bytes]:
    """Lines of numbers and words, most of them of so many columns."""
    row = st.lists(st.one_of(NUMBERS.map(repr), WORDS), min_size=columns, max_size=columns) | st.lists(WORDS)
    return st.lists(row.map(separator.join), max_size=4).map(lambda lines: "\n".join(lines).encode())


def changed(document: Mapping[str, Any]) -> SearchStrategy[bytes]:
    """JSON of a document in which one value, at any depth, is another; sometimes any JSON."""
    way = st.sampled_from([*_ways(document)])
    edited = st.tuples(way, JSON).map(lambda edit: json.dumps(_replaced(document, *edit)).encode())
    other = JSON.map(lambda value: json.dumps(value).encode())
    whole = st.just(BYTE_ORDER_MARK + json.dumps(document).encode())
    with_place = way.map(lambda each: json.dumps(_replaced(document, each, PLACE)))
    return st.one_of(edited, edited, with_fragments(with_place, FRAGMENTS), other, whole, st.binary(max_size=40))


def with_fragments(texts: SearchStrategy[str], fragments: SearchStrategy[str]) -> SearchStrategy[bytes]:
    """Texts in which "<a fragment>", the quotes included, is a fragment."""
    pairs = st.tuples(texts, fragments)
    return pairs.map(lambda pair: pair[0].replace(json.dumps(PLACE), pair[1]).encode("utf-8", "surrogatepass"))


def _ways(document: Any, way: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = (
        [each for key, value in document.items() for each in _ways(value, (*way, key))]
        if isinstance(document, Mapping)
        else []
    )
    return [way, *inner]


def _replaced(document: Any, way: tuple[str, ...], value: Any) -> Any:
    return {**document, way[0]: _replaced(document[way[0]], way[1:], value)} if way else value


def picture(suffix: str) -> bytes:
    """An encoded noisy image of 32 x 32 pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def mbtiles(metadata: list[tuple[Any, Any]], tiles: list[tuple[Any, ...]]) -> bytes:
    """The file with these rows, of whatever type."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE metadata (name, value)")
    connection.execute("CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)")
    connection.executemany("INSERT INTO metadata VALUES (?, ?)", metadata)
    connection.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", tiles)
    connection.commit()
    content: bytes = connection.serialize()
    return content


def pmtiles(metadata: bytes) -> bytes:
    """An archive of one tile with such metadata."""
    from pmtiles.tile import Compression, TileType, deserialize_header, serialize_header, zxy_to_tileid
    from pmtiles.writer import Writer

    file = io.BytesIO()
    writer = Writer(file)
    writer.write_tile(zxy_to_tileid(1, 0, 0), picture(".png"))
    box = {"min_lon_e7": -(10**9), "min_lat_e7": -(10**8), "max_lon_e7": 10**9, "max_lat_e7": 10**8}
    writer.finalize({"tile_type": TileType.PNG, "tile_compression": Compression.NONE, **box}, {})
    whole, header = file.getvalue(), deserialize_header(file.getvalue()[:127])
    zipped = gzip.compress(metadata, mtime=0)
    header |= {"metadata_offset": len(whole), "metadata_length": len(zipped)}
    return bytes(serialize_header(header)) + whole[127:] + zipped


def message(**fields: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """A message with a header; its fields are drawn."""
    stamp = st.builds(SimpleNamespace, sec=st.integers(-(2**31), 2**31 - 1), nanosec=UINT32)
    header = st.builds(SimpleNamespace, stamp=stamp, frame_id=st.text(max_size=4))
    return st.builds(SimpleNamespace, header=header, **fields)


VECTORS = st.builds(SimpleNamespace, x=NUMBERS, y=NUMBERS, z=NUMBERS)
TURNS = st.one_of(
    st.builds(SimpleNamespace, x=NUMBERS, y=NUMBERS, z=NUMBERS, w=NUMBERS),
    st.just(SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)),
)
TWISTS = st.builds(SimpleNamespace, linear=VECTORS, angular=VECTORS)
NINE, THIRTY_SIX = (st.lists(NUMBERS, min_size=n, max_size=n) | NUMBERS.map(lambda x, n=n: [x] * n) for n in (9, 36))

RAW_IMAGES = message(
    encoding=st.sampled_from([*ENCODINGS]) | st.text(max_size=5),
    width=UINT32,
    height=UINT32,
    step=UINT32,
    is_bigendian=st.integers(0, 1),
    data=st.binary(max_size=300),
)
ENCODED_IMAGES = message(
    format=st.text(max_size=5),
    data=st.one_of(damaged(picture(".jpg")), damaged(picture(".png")), damaged(picture(".webp"))),
)
CAMERA_INFOS = message(
    width=UINT32,
    height=UINT32,
    distortion_model=st.sampled_from(["plumb_bob", "rational_polynomial", "equidistant", ""]) | st.text(max_size=4),
    d=st.lists(NUMBERS, max_size=14),
    k=NINE,
    p=st.lists(NUMBERS, min_size=12, max_size=12),
    binning_x=UINT32,
    binning_y=UINT32,
    roi=st.builds(SimpleNamespace, x_offset=UINT32, y_offset=UINT32, width=UINT32, height=UINT32),
)
FIXES = message(
    latitude=NUMBERS,
    longitude=NUMBERS,
    altitude=NUMBERS,
    status=st.builds(SimpleNamespace, status=st.integers(-128, 127)),
    position_covariance=NINE,
    position_covariance_type=st.integers(0, 255),
)
IMUS = message(
    orientation=TURNS, orientation_covariance=NINE, angular_velocity=VECTORS, angular_velocity_covariance=NINE
)
ODOMETRIES = message(
    child_frame_id=st.text(max_size=4),
    pose=st.builds(
        SimpleNamespace, pose=st.builds(SimpleNamespace, position=VECTORS, orientation=TURNS), covariance=THIRTY_SIX
    ),
    twist=st.builds(SimpleNamespace, twist=TWISTS, covariance=THIRTY_SIX),
)
VELOCITIES = message(twist=TWISTS)
