"""Serves the page of a running node, its news as they come, and what its buttons ask for."""

from __future__ import annotations

import errno
import json
import re
import socket
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from geoflow_ros.errors import InputError
from geoflow_ros.view.access import Access
from geoflow_ros.view.ground_tiles import GroundTiles
from geoflow_ros.view.live_drive import LiveDrive
from geoflow_ros.view.node_commands import SERVICES, NodeCommands, initial_pose
from geoflow_ros.view.recent import Cursor

PERIOD_S, STOP_POLL_S = 0.25, 0.05
SOCKET_TIMEOUT_S = 10.0
"""A browser that reads nothing for so long is gone."""
MAX_PAGES, MAX_CONNECTIONS = 8, 64
MAX_BODY = 4096
GROUND = re.compile(r"/ground/(-?\d{1,2})/(-?\d{1,6})/(-?\d{1,6})\.jpg", re.ASCII)
CLEAR = b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""A picture of nothing: a browser complains of one that is missing."""
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What is served."""

    page: bytes
    drive: LiveDrive
    ground: GroundTiles
    node: NodeCommands
    access: Access


class PageServer(ThreadingHTTPServer):
    """A thread a connection, at most 64; none of them waits for another's browser."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, host: str, port: int, site: Site) -> None:
        self.site = site
        self.closing = threading.Event()
        self._pages = threading.BoundedSemaphore(MAX_PAGES)
        self._connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InputError(_not_served(host, port, error)) from error
        self.watching = 0

    @property
    def address(self) -> str:
        """What to open in a browser on a machine that reaches this one; with the token, where one is needed."""
        access, port = self.site.access, self.server_address[1]
        name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(access.host, access.host)
        host = f"[{name}]" if ":" in name else name
        return f"http://{host}:{port}/" + (f"?token={access.token}" if access.token else "")

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(STOP_POLL_S,), name="page-server", daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self.closing.set()
        self.shutdown()
        self.server_close()

    @contextmanager
    def page_open(self) -> Iterator[bool]:
        """While a page listens; False if there are too many."""
        if not self._pages.acquire(blocking=False):
            yield False
            return
        self.watching += 1
        try:
            yield True
        finally:
            self.watching -= 1
            self._pages.release()

    def server_bind(self) -> None:
        """Without asking a name server what this machine is called, as HTTPServer does."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, unless there are too many."""
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Until the connection ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S
    server_version, sys_version = "geoflow_view", ""
    server: PageServer

    def do_GET(self) -> None:  # noqa: N802 (http.server wants it)
        site, path = self.server.site, urlsplit(self.path).path
        if refusal := site.access.refusal(self.path, self.headers, is_change=False):
            self._answer(403, refusal)
        elif path == "/" and site.access.token and site.access.knows_token(self.path):
            cookie = f"{site.access.cookie}={site.access.token}; HttpOnly; SameSite=Lax; Path=/"
            # The token goes out of the address, and of the history.
            self._answer(303, "see /", {"Location": "/", "Set-Cookie": cookie})
        elif path == "/":
            self._send(200, "text/html; charset=utf-8", site.page)
        elif path == "/events":
            self._stream(site.drive)
        elif square := GROUND.fullmatch(path):
            level, x, y = map(int, square.groups())
            self._send_ground(level, x, y)
        else:
            self._answer(404, "there is no such page")

    def do_POST(self) -> None:  # noqa: N802
        path = urlsplit(self.path).path
        if refusal := self.server.site.access.refusal(self.path, self.headers, is_change=True):
            self._answer(403, refusal)
            return
        try:
            told = self._tell(path.removeprefix("/"), self._body())
        except InputError as error:
            self._answer(409, str(error))
            return
        self._answer(*((404, "there is no such command") if told is None else (200, told)))

    def _tell(self, command: str, body: bytes) -> str | None:
        node = self.server.site.node
        if command == "initialpose":
            return node.set_pose(initial_pose(body))
        return node.call(command) if command in SERVICES else None

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= MAX_BODY):
            raise InputError(f"Content-Length is {length[:20]!r}, expected 0 to {MAX_BODY}")
        return self.rfile.read(int(length))

    def _send_ground(self, level: int, x: int, y: int) -> None:
        frame, ground = self.server.site.drive.frame, self.server.site.ground
        data = None if frame is None else ground.tile(frame, level, x, y)
        self._send(200, *(("image/gif", CLEAR) if data is None else ("image/jpeg", data)))

    def _stream(self, drive: LiveDrive) -> None:
        """News as they come, until the browser goes or the map is another one."""
        with self.server.page_open() as is_open:
            if not is_open:
                self._answer(503, f"{MAX_PAGES} pages are open already: close one")
                return
            self._begin(200, "text/event-stream")
            seen = Cursor.parse(self.headers.get("Last-Event-ID", ""))
            while (news := drive.since(seen)) is not None:
                seen, update = news
                update["ground"] = self.server.site.ground.version
                self._event("update", str(seen), json.dumps(update, allow_nan=False, separators=(",", ":")))
                if self.server.closing.wait(PERIOD_S):
                    return
            self._event("restart", "", "")

    def _event(self, kind: str, number: str, data: str) -> None:
        self.wfile.write(f"event: {kind}\nid: {number}\ndata: {data}\n\n".encode())

    def _answer(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{sentence}\n".encode(), headers or {})

    def _send(self, status: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        self._begin(status, kind, {"Content-Length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def _begin(self, status: int, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: an address may hold the token."""


def _not_served(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: give another one with --port, or 0 for any that is free"
    return f"cannot serve on {host}, port {port}: {error}"
