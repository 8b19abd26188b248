"""What the node has once it is configured, and how a long wait for it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.tracking.frame_localizer import FrameLocalizer

if TYPE_CHECKING:
    from geoflow_ros.tiles.live.live_tiles import LiveTiles

NOTICE_AFTER_S = 5.0
COMPILING = (
    "still reading the network: the first start on a machine compiles it, which takes half a minute to a minute and is "
    "kept for the next start"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that can be missing, read: makes the localiser of a map frame; names corrupt tiles.

    live: fetches tiles while driving, where that is asked for.
    """

    localizer_in: Callable[[LocalFrame, LocalizerConfig], FrameLocalizer]
    corrupt_tiles: Callable[[], Sequence[str]]
    live: LiveTiles | None = None


Load = Callable[[NodeConfig], Loaded]


@contextmanager
def told_if_slow(tell: Callable[[str], object]) -> Iterator[None]:
    """Tells that the network is compiled, and how long it took, if what is done inside takes more than a moment."""
    begun = time.monotonic()
    notice = threading.Timer(NOTICE_AFTER_S, tell, [COMPILING])
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
    seconds = time.monotonic() - begun
    if seconds > NOTICE_AFTER_S:
        tell(f"the network was ready after {seconds:.0f} s")
