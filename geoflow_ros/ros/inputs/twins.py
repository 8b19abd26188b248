"""Frames that image_transport offers twice, raw and compressed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from geoflow_ros.bags.messages import stamp_ns

KEPT = 64
"""Frames of a camera: a large raw image comes seconds after the same one compressed."""


class Twins:
    """Remembers in which form each of a camera's newest frames came first; its other form is no frame of its own."""

    def __init__(self) -> None:
        self._forms: dict[str, OrderedDict[int, type]] = {}

    def has_come(self, camera: str, message: Any) -> bool:
        """Whether the frame of an image message came before in the other form."""
        forms, stamp = self._forms.setdefault(camera, OrderedDict()), stamp_ns(message.header.stamp)
        first = forms.setdefault(stamp, type(message))
        if len(forms) > KEPT:
            forms.popitem(last=False)
        return first is not type(message)

    def clear(self) -> None:
        """Time jumped: the same stamps may come again."""
        self._forms = {}
