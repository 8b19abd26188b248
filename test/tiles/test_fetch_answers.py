"""python -m geoflow_ros.tiles fetch, from servers that fail, are slow, or do not have what is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from fetching import COUNT, A, B, C, D, E, F, fetch, stored
from textured_tiles import LEFT, TOP, ZOOM, tiles
from tile_server import Bad, TileServer, serving


def test_bad_answers_are_tried_again_and_everything_arrives(server: TileServer, tmp_path: Path, capsys) -> None:
    server.bad = {
        A: Bad(429, {"Retry-After": "1"}, times=1),
        B: Bad(500, times=1),
        C: Bad(cut_to=300, times=1),
        D: Bad(body=server.tiles[D][:400], times=1),
        E: Bad(seconds=3.0, times=1),
        F: Bad(503, {"Retry-After": "soon"}, times=1),
    }
    assert fetch(server, tmp_path / "area.mbtiles", "--timeout-s", "0.7") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["fetched"], facts["failed"]) == (COUNT, []) and stored(tmp_path / "area.mbtiles") == server.tiles
    assert {key: server.asked[key] for key in server.bad} == dict.fromkeys(server.bad, 2)


def test_all_connections_are_silent_while_the_server_asks_for_a_pause(server: TileServer, tmp_path: Path) -> None:
    server.bad = {A: Bad(429, {"Retry-After": "2"}, times=1)}
    assert fetch(server, tmp_path / "area.mbtiles", "--rate", "20") == 0
    gaps = np.diff(sorted(server.times))
    assert 1.8 < gaps.max() < 4.0


def test_a_long_pause_ends_the_run(server: TileServer, tmp_path: Path, capsys) -> None:
    server.bad = {F: Bad(503, {"Retry-After": "7200"})}
    assert fetch(server, tmp_path / "area.mbtiles") == 2
    out, err = capsys.readouterr()
    assert "wait for 7200 s" in err and err.count("\n") == 1 and json.loads(out)["untried"] > 0
    assert server.asked[F] == 1


def test_failures_are_reported_tile_by_tile(server: TileServer, tmp_path: Path, capsys) -> None:
    page, small = b"<html>Log in</html>", cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()
    server.bad = {
        A: Bad(body=page, headers={"Content-Type": "text/html"}),
        B: Bad(body=small),
        C: Bad(body=b"GIF89a" + bytes(50), headers={"Content-Type": "image/gif"}),
        D: Bad(403),
        E: Bad(500),
    }
    assert fetch(server, tmp_path / "area.mbtiles", "--attempts", "2") == 2
    out, err = capsys.readouterr()
    reasons = {each["tile"]: each["reason"] for each in json.loads(out)["failed"]}
    expected = [
        "sent text/html (19 bytes)",
        "128 x 128 px instead of 256",
        "sent image/gif",
        "answered 403",
        "500, 2 times",
    ]
    assert reasons.keys() == {"/".join(map(str, key)) for key in server.bad}
    assert all(part in reasons["/".join(map(str, key))] for key, part in zip(server.bad, expected, strict=True))
    assert [server.asked[key] for key in server.bad] == [1, 1, 1, 1, 2]
    assert err == f"geoflow_ros.tiles: 5 of {COUNT} tiles failed; the same command tries only these again\n"
    server.bad.clear()
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert stored(tmp_path / "area.mbtiles") == server.tiles and server.requests == COUNT + 6


def test_a_server_may_send_on_to_its_other_paths_but_to_no_other_host(
    server: TileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tiles()) as other:
        elsewhere = other.template.replace("127.0.0.1", "localhost").format(z=C[0], x=C[1], y=C[2])
        beside = server.template.format(z=B[0], x=B[1], y=B[2])
        server.bad = {A: Bad(302, {"Location": beside}), C: Bad(302, {"Location": elsewhere})}
        assert fetch(server, tmp_path / "area.mbtiles") == 2
        assert other.requests == 0
    (failed,) = json.loads(capsys.readouterr().out)["failed"]
    assert failed["tile"] == "/".join(map(str, C)) and "sends on to localhost: give that address" in failed["reason"]
    assert stored(tmp_path / "area.mbtiles")[A] == server.tiles[B]


def test_what_the_source_does_not_have_is_asked_for_once(server: TileServer, tmp_path: Path, capsys) -> None:
    gone = {key: server.tiles.pop(key) for key in (B, F)}
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 2
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert json.loads(capsys.readouterr().out)["known_missing"] == 2 and server.requests == COUNT
    server.tiles.update(gone)
    assert fetch(server, tmp_path / "area.mbtiles", "--retry-missing") == 0
    assert stored(tmp_path / "area.mbtiles") == server.tiles and server.requests == COUNT + 2
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert server.requests == COUNT + 2


def test_a_server_that_always_fails_is_left_alone(server: TileServer, tmp_path: Path, capsys) -> None:
    server.bad = {(ZOOM + 1, 2 * LEFT + x, 2 * TOP + y): Bad(403) for x in range(6) for y in range(8)}
    assert fetch(server, tmp_path / "area.mbtiles", "--zoom", str(ZOOM + 1)) == 2
    out, err = capsys.readouterr()
    assert "20 tiles in a row failed" in err and len(json.loads(out)["failed"]) == 20
    assert server.requests < 30 and not list(tmp_path.iterdir())
