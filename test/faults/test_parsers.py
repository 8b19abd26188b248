"""Hostile values to every parser: a value or one sentence, never another exception. `make fuzz` tries many more."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from parsers import CHECKPOINT, PARSERS
from paths import REPOSITORY

from geoflow_ros.configuration import configured
from geoflow_ros.encoded_images import unzipped
from geoflow_ros.errors import InputError
from geoflow_ros.model.released import read_state
from geoflow_ros.model.weights import parse_info

EXAMPLES = 25
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_gives_a_value_or_one_sentence(name: str) -> None:
    def survives(value: object) -> None:
        PARSERS[name].survives(value)

    QUICK(given(PARSERS[name].values)(survives))()


@pytest.mark.parametrize("content", [b"X", b"(", b"\x80\x02}q\x00X", b"PK\x03\x04"])
def test_a_checkpoint_of_a_few_bytes_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "theirs.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"theirs.pt is not a readable PyTorch file"):
        read_state(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("channels", 10**9), ("channels", True), ("ground_height", -1), ("lift_heights_m", [0.0] * 10**4), ("name", [])],
)
def test_an_absurd_model_config_is_refused_before_anything_is_allocated(key: str, value: object) -> None:
    document = json.loads(CHECKPOINT.with_suffix(".json").read_bytes())
    document["config"][key] = value
    with pytest.raises(InputError, match=rf"model config .*{key if key != 'name' else 'unknown'}"):
        parse_info(json.dumps(document).encode(), Path("net.json"))


def test_the_name_of_an_unknown_parameter_adds_no_line_to_the_log() -> None:
    with pytest.raises(InputError) as refused:
        configured({"tiles": "a", "speed\nFATAL": 1})
    assert "\n" not in str(refused.value) and r"speed\nFATAL" in str(refused.value)


def png_bomb(side: int) -> bytes:
    """A valid black PNG of a bit a pixel: a few kB that decode to side x side."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


OPEN_BOMB = """
import sys
from pathlib import Path
from types import SimpleNamespace
from geoflow_ros.bags.messages import compressed_to_rgb
from geoflow_ros.datasets.dataset_files import read_image
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_images import decode_tile
path = Path(sys.argv[1])
message = SimpleNamespace(format="png", data=path.read_bytes())
for read, value in ((compressed_to_rgb, message), (decode_tile, message.data), (read_image, path)):
    try:
        read(value)
    except InputError as error:
        print(error)
"""


def test_an_image_that_claims_hundreds_of_megapixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """In a process of its own, because OpenCV reads its limit when it is loaded."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png_bomb(16_000))  # 32 kB that decode to 768 MB
    command = [sys.executable, "-c", OPEN_BOMB, str(path)]
    told = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    message, tile, file = told
    assert "cannot be decoded" in message and "not a readable" in tile and "more pixels than are read" in file


def test_a_gzip_bomb_is_left_as_it_is() -> None:
    packer = zlib.compressobj(1, wbits=31)
    bomb = packer.compress(bytes(100 << 20)) + packer.flush()
    assert unzipped(bomb) is bomb
