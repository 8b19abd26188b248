"""The server: who is let in, what may be told, and what a slow or hostile client can do."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from view_support import NotedCommands, ask, event, events, moment, serving

from geoflow_ros.errors import InputError
from geoflow_ros.view.access import HEADER, Access, is_loopback, new_token
from geoflow_ros.view.live_drive import LiveDrive
from geoflow_ros.view.page_server import MAX_CONNECTIONS, MAX_PAGES, PageServer, Site

TOKEN = "sesame-and-more"
OWN = {HEADER: "1"}
POSE = {"east": 12.5, "north": -3.0, "yaw": 0.5, "std": 2.0, "yawStd": 0.1}


@pytest.fixture
def drive() -> LiveDrive:
    return LiveDrive("/localize", 10.0)


@pytest.fixture
def server(drive: LiveDrive) -> Iterator[PageServer]:
    with serving(drive) as served:
        yield served


def noted(server: PageServer) -> NotedCommands:
    node = server.site.node
    assert isinstance(node, NotedCommands)
    return node


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("localhost:9000", 200), ("127.0.0.1:8090", 200), ("[::1]:8090", 200), ("10.0.0.7", 200),
        (socket.gethostname(), 200), ("evil.example", 403), ("evil.example:8090", 403), ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403), ("", 403), ("[::1", 403), ("localhost@evil.example", 403),
    ],
)  # fmt: skip
def test_a_name_made_to_lead_here_is_not_ours(server: PageServer, host: str, status: int) -> None:
    for path in ("/", "/events"):
        response, _ = ask(server, "GET", path, {"Host": host}) if path == "/" or status == 403 else (None, b"")
        assert response is None or response.status == status
    response, _ = ask(server, "POST", "/relocalise", {"Host": host, **OWN})
    assert response.status == status and (noted(server).called == ["relocalise"]) is (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OWN, 200), ({}, 403), ({HEADER: "2"}, 403), ({**OWN, "Origin": "http://localhost"}, 200),
        ({**OWN, "Origin": "http://evil.example"}, 403), ({**OWN, "Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 403),
    ],
)  # fmt: skip
def test_another_page_tells_the_node_nothing(server: PageServer, headers: dict[str, str], status: int) -> None:
    response, _ = ask(server, "POST", "/initialpose", headers, json.dumps(POSE))
    assert response.status == status and len(noted(server).poses) == (status == 200)
    assert response.getheader("Access-Control-Allow-Origin") is None
    assert ask(server, "OPTIONS", "/initialpose", headers)[0].status == 501
    assert ask(server, "GET", "/relocalise", headers)[0].status == 404 and noted(server).called == []


def test_without_the_token_there_is_nothing(drive: LiveDrive) -> None:
    with serving(drive, token=TOKEN) as server:
        assert server.address.endswith(f"/?token={TOKEN}")
        cookie = f"{server.site.access.cookie}={TOKEN}"
        wrong = ("", "?token=", "?token=sesame", f"?token={TOKEN}x", "?token=%ff%fe", f"?token={TOKEN[:-1]}ö")
        for query in wrong:
            for path in ("/", "/events", "/ground/2/0/0.jpg"):
                assert ask(server, "GET", path + query.replace("ö", "%C3%B6"))[0].status == 403
        for jar in ("", cookie[:-1], f"{cookie}x", "a=b", f'other="{TOKEN}"', ";;=\x7f"):
            assert ask(server, "POST", "/relocalise", {**OWN, "Cookie": jar})[0].status == 403
        assert noted(server).called == []
        response, _ = ask(server, "GET", f"/?token={TOKEN}")
        assert (response.status, response.getheader("Location")) == (303, "/")
        given = response.getheader("Set-Cookie") or ""
        assert given.startswith(f"{cookie};") and "HttpOnly" in given and "SameSite" in given
        assert ask(server, "GET", "/", {"Cookie": cookie})[0].status == 200
        assert ask(server, "POST", "/relocalise", {**OWN, "Cookie": cookie})[0].status == 200
        assert ask(server, "POST", "/relocalise", {"Cookie": cookie})[0].status == 403, "a cookie comes by itself"
        assert events(server, 1, cookie=cookie)[0]["kind"] == "update"


def test_tokens_and_addresses() -> None:
    assert len({new_token() for _ in range(100)}) == 100 and len(new_token()) >= 32
    mine = ("127.0.0.1", "127.8.8.8", "::1", "localhost")
    assert all(map(is_loopback, mine)) and not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.2", "robot", "")))


@pytest.mark.parametrize(
    "path",
    [
        "/../setup.py", "/%2e%2e/setup.py", "/ground/../../setup.py", "/ground/2/0/..%2f0.jpg", "//etc/passwd",
        "/ground/2/0/0.jpg/..", "/ground/²/0/0.jpg", "/ground/2/99999999/0.jpg", "http://elsewhere.example/setup.py",
        "/report.html", "/.git/config",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(server: PageServer, path: str) -> None:
    response, body = ask(server, "GET", path.replace("²", "%C2%B2"))
    assert response.status == 404 and body == b"there is no such page\n"


def test_headers_of_every_answer(server: PageServer) -> None:
    for path in ("/", "/ground/2/0/0.jpg", "/none"):
        response, _ = ask(server, "GET", path)
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        assert "frame-ancestors 'none'" in (response.getheader("Content-Security-Policy") or "")
        assert response.getheader("Cache-Control") == "no-store"


def test_an_initial_pose_arrives_as_it_was_sent(server: PageServer) -> None:
    response, body = ask(server, "POST", "/initialpose", OWN, json.dumps(POSE))
    assert (response.status, body) == (200, b"told\n")
    (prior,) = noted(server).poses
    assert (prior.east, prior.north, prior.yaw) == (12.5, -3.0, 0.5)
    np.testing.assert_allclose(prior.covariance, np.diag([4.0, 4.0, 0.01]))


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "1", json.dumps({**POSE, "east": "12"}), json.dumps({**POSE, "yaw": True}), "[" * 4000,
     json.dumps({**POSE, "north": 1e9}), json.dumps({**POSE, "std": math.nan}), json.dumps({**POSE, "yaw": None}),
     json.dumps({"east": 1.0}), json.dumps({**POSE, "east": math.inf}), " " * 5000],
)  # fmt: skip
def test_what_is_no_initial_pose_is_one_sentence(server: PageServer, body: str) -> None:
    response, answer = ask(server, "POST", "/initialpose", OWN, body)
    assert response.status == 409 and answer.count(b"\n") == 1 and len(answer) < 300
    assert noted(server).poses == []


def test_what_the_node_refuses_is_said(server: PageServer) -> None:
    assert ask(server, "POST", "/resume", OWN)[1] == b"resume done\n"
    response, body = ask(server, "POST", "/pause", OWN)
    assert (response.status, body) == (409, b"not now\n")
    assert ask(server, "POST", "/shutdown", OWN)[0].status == 404
    assert noted(server).called == ["resume", "pause"]


def test_news_come_once_also_after_a_broken_connection(server: PageServer, drive: LiveDrive) -> None:
    drive.add(moment(0))
    first, second = events(server, 2)
    assert first["report"]["along"] == [0.0] and second["report"]["along"] == []
    drive.add(moment(1))
    assert events(server, 1, last_id=second["id"])[0]["report"]["along"] == [0.1]
    other = LiveDrive("/localize", 10.0).since(None)
    assert other is not None and events(server, 1, last_id=str(other[0]))[0]["kind"] == "restart"


def test_a_browser_that_does_not_read_holds_nobody_up(drive: LiveDrive) -> None:
    with serving(drive) as server:
        stuck = [socket.create_connection(server.server_address[:2]) for _ in range(3)]
        for each in stuck:
            each.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        drive.set_status(reason="x" * 10, facts={str(index): "y" * 1000 for index in range(3000)})
        time.sleep(0.5)
        begun = time.monotonic()
        drive.add(moment(0))
        assert events(server, 1)[0]["report"]["along"] == [0.0] and ask(server, "GET", "/")[0].status == 200
        assert time.monotonic() - begun < 2.0
        for each in stuck:
            each.close()


def test_more_pages_than_are_served(server: PageServer) -> None:
    from http.client import HTTPConnection

    pages = [HTTPConnection(*server.server_address[:2], timeout=5.0) for _ in range(MAX_PAGES)]
    answers: list[Any] = []
    for page in pages:
        page.request("GET", "/events", headers={"Host": "localhost"})
        answers.append(page.getresponse())
        event(answers[-1])
    assert server.watching == MAX_PAGES and ask(server, "GET", "/events")[0].status == 503
    for page, answer in zip(pages, answers, strict=True):
        answer.close()
        page.close()
    end = time.monotonic() + 5.0
    while server.watching:
        assert time.monotonic() < end, "closed pages are still counted"
        time.sleep(0.05)


def test_more_connections_than_are_served(server: PageServer) -> None:
    idle = [socket.create_connection(server.server_address[:2]) for _ in range(MAX_CONNECTIONS + 20)]
    time.sleep(0.3)
    for each in idle:
        each.close()
    time.sleep(0.3)
    assert ask(server, "GET", "/")[0].status == 200


def test_a_port_in_use_is_one_sentence(server: PageServer) -> None:
    port = server.server_address[1]
    with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 is in use: give another one with --port"):
        PageServer("127.0.0.1", port, server.site)
    site: Site = server.site
    assert site.access == Access("127.0.0.1", "")
    with pytest.raises(InputError, match="cannot serve on no.such.host.invalid"):
        PageServer("no.such.host.invalid", 0, server.site)
