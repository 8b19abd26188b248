"""An HTTP server of tiles on loopback, whose answers to single tiles can be bad ones."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from textured_tiles import Key

MAX_REQUESTS = 2000


@dataclass
class Bad:
    """How a tile is answered the first `times` times."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut_to: int | None = None
    seconds: float = 0.0
    times: int = MAX_REQUESTS


class TileServer:
    """Serves `tiles`, with `bad` answers where there are any. times: when each path was asked for."""

    def __init__(self, tiles: dict[Key, bytes]) -> None:
        self.tiles, self.bad, self.seconds = tiles, dict[Key, Bad](), 0.0
        self.paths: list[str] = []
        self.times: list[float] = []
        self.asked: Counter[Key] = Counter()
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()
        self.template = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        key = tuple(map(int, handler.path.split("?")[0].strip("/").removesuffix(".png").split("/")))
        with self.lock:
            self.asked[key] += 1
            self.paths.append(handler.path)
            self.times.append(time.monotonic())
            bad = self.bad.get(key)
            if bad is None or self.asked[key] > bad.times:
                bad = Bad(200 if key in self.tiles else 404)
        time.sleep(bad.seconds + self.seconds)
        body = bad.body if bad.body is not None else self.tiles.get(key, b"") if bad.status == 200 else b"no"
        handler.send_response(bad.status)
        for name, value in {"Content-Type": "image/png", **bad.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: bad.cut_to])
        handler.close_connection = bad.cut_to is not None

    @property
    def requests(self) -> int:
        return sum(self.asked.values())


class QuietServer(ThreadingHTTPServer):
    """Says nothing when a client has hung up on a slow answer: what tests read from stderr is the command's."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave it."""


@contextmanager
def serving(tiles: dict[Key, bytes]) -> Iterator[TileServer]:
    """A server of tiles while the context lasts; `template` is its address."""
    state = TileServer(tiles)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 (http.server wants it)
            assert state.requests < MAX_REQUESTS, "the client does not stop asking"
            with state.lock:
                state.busy += 1
                state.most_busy = max(state.most_busy, state.busy)
            try:
                state.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has given up or was killed
            finally:
                with state.lock:
                    state.busy -= 1

        def log_message(self, *_: object) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    state.template = f"http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.png"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
