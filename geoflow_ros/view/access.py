"""Who may see the page and tell the node something."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

HEADER = "X-Geoflow-View"
"""Only a script of the page itself can send it: a browser asks a server first whether another page may."""


def new_token() -> str:
    """A secret of 192 random bits."""
    return secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Whether a server that listens there is reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """host: where the server listens. token: what a browser has to know, empty for nothing."""

    host: str
    token: str = ""

    @property
    def cookie(self) -> str:
        """The name of the cookie by which a browser shows that it knows the token."""
        return f"geoflow_view_{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"

    def refusal(self, target: str, headers: Message, is_change: bool) -> str:
        """Why a request is refused, empty if it is not. target: path and query. is_change: whether it tells the node
        something."""
        if not self._is_own_name(_host_name(headers.get("Host", ""))):
            return "the header Host is not a name of this server: open it by its address"
        if self.token and not (self.knows_token(target) or self._has_cookie(headers.get("Cookie", ""))):
            return "the token is missing or wrong: open the address that was printed when the view was started"
        if is_change and (headers.get(HEADER) != "1" or not _is_same_origin(headers)):
            return f"only the page itself may do that: the header {HEADER} is missing, or Origin is another page's"
        return ""

    def knows_token(self, target: str) -> bool:
        """Whether the address holds the token."""
        return any(self._is_token(each) for each in parse_qs(urlsplit(target).query).get("token", []))

    def _has_cookie(self, header: str) -> bool:
        try:
            morsel = SimpleCookie(header).get(self.cookie)
        except CookieError:
            return False
        return morsel is not None and self._is_token(morsel.value)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), self.token.encode())

    def _is_own_name(self, name: str) -> bool:
        """An address is nobody's name: a page of elsewhere whose name was made to lead here has its own in Host."""
        own = socket.gethostname().lower()
        if name in ("localhost", self.host.lower(), own, f"{own}.local"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _host_name(header: str) -> str:
    """The name in a header Host, empty if it is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _is_same_origin(headers: Message) -> bool:
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host")
