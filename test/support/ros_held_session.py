"""A session that a test can hold up, and announcers that remember, for a pipeline apart from DDS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from geoflow_ros.bags.messages import stamp_ns, stamped_earlier
from geoflow_ros.geodesy import Datum

HERE = Datum(48.0, 11.0)
PATIENCE_S = 5.0


class HeldSession:
    """Answers an image with the datum at which it was begun, when it is let go on."""

    def __init__(self, *_: Any) -> None:
        self.datum, self.begun, self.go_on = HERE, threading.Event(), threading.Event()
        self.in_new_frame: Callable[[], None] = lambda: None
        self.warming: Callable[[], bool] = lambda: False
        self.delay = 0.0

    def exposed(self, message: Any, camera: str) -> Any:
        return stamped_earlier(message, self.delay)

    def image_arrived(self, message: Any, arrival: Any, camera: str) -> None:
        """Of no use here."""

    def process(self, message: Any, camera: str) -> Any:
        datum = self.datum
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        return Answered(datum)

    single_frame = process

    def set_datum(self, datum: Datum) -> None:
        self.datum = datum
        self.in_new_frame()

    def worth(self, camera: str) -> float:
        return 1.0

    def warm(self, is_hurried: bool = False) -> bool:
        return self.warming()

    def set_mount(self, *_: Any, camera: str = "") -> None:
        """Of no use here."""

    reset = set_config = set_localizer = set_mount


class Answered:
    """An answer of which only the datum is looked at."""

    single = prior = None

    def __init__(self, datum: Datum) -> None:
        self.datum = datum


class Heard:
    """An announcer that remembers."""

    facts: dict[str, str] = {}

    def __init__(self, *_: Any) -> None:
        self.datums: list[Datum] = []
        self.stamps: list[int] = []
        self.something = threading.Event()

    def announce(self, answer: Answered, stamp: Any) -> None:
        self.datums.append(answer.datum)
        self.stamps.append(stamp_ns(stamp))
        self.something.set()

    def forget(self, *_: Any) -> None:
        """Of no use here."""

    opened = initialising = closed = withhold = close = forget


class Unheard:
    """What is made of the mounts, left out."""

    facts: dict[str, str] = {}

    def __init__(self, *_: Any) -> None:
        """Nothing to keep."""

    def announce(self, *_: Any) -> None:
        """Of no use here."""

    close = recall = announce
