"""A served page of no node: what its buttons ask for is noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import numpy as np

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PosePrior, PoseWithCovariance
from geoflow_ros.view.access import Access
from geoflow_ros.view.ground_tiles import GroundTiles
from geoflow_ros.view.live_drive import LiveDrive, Moment
from geoflow_ros.view.live_page import live_page
from geoflow_ros.view.page_server import PageServer, Site


class NotedCommands:
    """poses: told by the page. called: services in turn; `pause` is refused."""

    def __init__(self) -> None:
        self.poses: list[PosePrior] = []
        self.called: list[str] = []

    def set_pose(self, prior: PosePrior) -> str:
        self.poses.append(prior)
        return "told"

    def call(self, service: str) -> str:
        self.called.append(service)
        if service == "pause":
            raise InputError("not now")
        return f"{service} done"


@contextmanager
def serving(drive: LiveDrive, title: str = "/localize", token: str = "") -> Iterator[PageServer]:
    """A server on a free port of loopback while the context lasts."""
    site = Site(live_page(title, drive), drive, GroundTiles(), NotedCommands(), Access("127.0.0.1", token))
    server = PageServer("127.0.0.1", 0, site)
    server.start()
    try:
        yield server
    finally:
        server.close()


def ask(
    server: PageServer, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
) -> tuple[HTTPResponse, bytes]:
    """The response to a request, and its body; `Host: ""` sends none."""
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10.0)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": "localhost", "Content-Length": str(len(body or "")), **(headers or {})}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders((body or "").encode())
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def events(server: PageServer, count: int, last_id: str = "", cookie: str = "") -> list[dict[str, Any]]:
    """The first news of a stream, with their kind and id."""
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10.0)
    try:
        headers = {"Host": "localhost", "Last-Event-ID": last_id, "Cookie": cookie}
        connection.request("GET", "/events", headers={name: value for name, value in headers.items() if value})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        return [event(response) for _ in range(count)]
    finally:
        connection.close()


def event(response: Any) -> dict[str, Any]:
    """The next event of a stream; its data beside `kind` and `id`."""
    fields = {}
    while line := response.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        fields[name] = value
    data = json.loads(fields["data"]) if fields.get("data") else {}
    return {"kind": fields["event"], "id": fields.get("id", ""), **data}


def moment(index: int, **others: Any) -> Moment:
    """A pose `index` metres east at `index` tenths of a second, of the image stamped with `index` + 1 ns."""
    pose = PoseWithCovariance(float(index), 0.0, 0.0, np.diag([0.04, 0.01, 0.001]))
    values: dict[str, Any] = {"state": "LOCALISED", "reason": "frames confirm it", "milliseconds": 40.0, "fused": pose}
    return Moment(index / 10, index + 1, **{**values, **others})
