"""The node's process: kept alive as a manager would, disturbed, and watched."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from geoflow_ros.benchmark.machine import resident_mb

STOP_TIMEOUT_S = 10.0
RETRY_S = 1.0
REFUSED = 2
"""Status of a command that ended with one sentence."""
LITTLE_BYTES = 1 << 30
"""Of addresses: not enough to load the network's library."""
BUSY = (sys.executable, "-c", "while True: pass")


class NodeKeeper:
    """Starts the node again wherever it ends.

    crashes: it ended by itself while it ran or started, or did not end when asked. But a start that ends while
    `may_refuse` is a refused one, if by a sentence (`REFUSED`), or in little memory by whatever a library does.
    rss: (lap, MiB), of each process.
    """

    def __init__(self, command: Sequence[str], log: int) -> None:
        self._command, self._log = command, log
        self.crashes, self.refused_starts = 0, 0
        self.is_ready, self.may_refuse = False, False
        self.rss: list[list[tuple[int, float]]] = []
        self._next_rss, self._next_start = 0.0, 0.0
        self._others: list[subprocess.Popen[bytes]] = []
        self.start()

    def start(self, most_bytes: int = resource.RLIM_INFINITY) -> None:
        """Another process; most_bytes: of addresses that it may use."""
        self.is_ready, self.started_ns = False, time.time_ns()
        self._is_limited = most_bytes != resource.RLIM_INFINITY
        self.rss.append([])
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=subprocess.STDOUT)
        self._limit(resource.RLIMIT_AS, most_bytes)

    def restart(self, how: str, between: Callable[[], object]) -> None:
        """End the node as `Fault.node` names, and start it again; between: called while there is none."""
        if how == "ended":
            self.end()
        else:
            self._process.kill()
            self._process.wait()
        between()
        self.start(LITTLE_BYTES if "memory" in how else resource.RLIM_INFINITY)

    def disturb(self, how: str) -> None:
        """Begin what `Fault.node` names, of a node that runs on."""
        if how == "stopped":
            self._process.send_signal(signal.SIGSTOP)
        elif how == "starved":
            self._others = [subprocess.Popen(BUSY) for _ in range(2 * (os.cpu_count() or 1))]
        elif how == "disk full":
            self._limit(resource.RLIMIT_FSIZE, 0)
        elif how == "no more memory":
            self._limit(resource.RLIMIT_AS, 1)

    def relieve(self) -> None:
        """End whatever was done to the node that runs now."""
        for each in self._others:
            each.kill()
            each.wait()
        self._others = []
        self._process.send_signal(signal.SIGCONT)
        for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_AS):
            self._limit(limit, resource.RLIM_INFINITY)

    def end(self) -> None:
        """As an operator would. A node that still starts is killed, and that is no crash."""
        if self.is_ready:
            self._process.send_signal(signal.SIGINT)
            try:
                if status := self._process.wait(STOP_TIMEOUT_S):
                    self._crashed(f"ended with status {status} when asked to")
                return
            except subprocess.TimeoutExpired:
                self._crashed(f"did not end within {STOP_TIMEOUT_S:g} s when asked to")
        self._process.kill()
        self._process.wait()

    def watch(self, lap: int, is_calm: bool) -> bool:
        """Note the memory once a second while it is calm, start the node again if it has ended; whether it had."""
        status, now = self._process.poll(), time.monotonic()
        if status is None:
            if is_calm and self.is_ready and now >= self._next_rss:
                self._next_rss = now + 1.0
                self.rss[-1].append((lap, resident_mb(self._process.pid)))
            return False
        if now < self._next_start:
            return False
        is_refusal = self.may_refuse and not self.is_ready and (status == REFUSED or self._is_limited)
        self.refused_starts += is_refusal
        if not is_refusal:
            self._crashed(f"ended with status {status}")
        self._next_start = now + RETRY_S
        self.start()
        return True

    def _crashed(self, how: str) -> None:
        self.crashes += 1
        os.write(self._log, f"soak: the node {how}\n".encode())

    def _limit(self, what: int, size: int) -> None:
        """A limit of the node's; to a writer, no file that grows is a full disk."""
        if self._process.poll() is None:
            _, hard = resource.prlimit(self._process.pid, what)
            resource.prlimit(self._process.pid, what, (size if hard < 0 else min(size, hard), hard))
