"""What is kept of a drive that goes on, and what of it a page has not seen yet."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.reports.ground import Ground
from geoflow_ros.reports.page_data import MAX_MOMENTS, MAX_POINTS, PoseColumns, Report, state_shares
from geoflow_ros.reports.thumbnails import data_uri
from geoflow_ros.view.recent import Cursor, Recent

MAX_PICTURES = 240
LATE_MOMENTS = 100
"""Among how many of the newest moments that of a picture is looked for."""

UNKNOWN = "UNKNOWN"
"""In place of a state that no node has told yet."""

Kind = Literal["camera", "heatmap"]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """seconds: since the view began. stamp_ns: of the image, 0 where there is no pose. milliseconds: NaN if unknown."""

    seconds: float
    stamp_ns: int
    state: str
    reason: str
    milliseconds: float = float("nan")
    fused: PoseWithCovariance | None = None
    single: PoseWithCovariance | None = None
    prior: PoseWithCovariance | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A JPEG of the image of a stamp. camera: its name. hypotheses: (H, 3) poses in `map`, of a heatmap."""

    kind: Kind
    stamp_ns: int
    jpeg: bytes
    camera: str = ""
    hypotheses: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))

    def to_json(self, moment: int) -> dict[str, Any]:
        """As the page's script reads it. moment: the number of that which it shows."""
        source = data_uri(self.jpeg)
        cameras, heatmap = ({self.camera: source}, None) if self.kind == "camera" else ({}, source)
        hypotheses = np.round(self.hypotheses, 2).tolist()
        return {"moment": moment, "cameras": cameras, "heatmap": heatmap, "hypotheses": hypotheses}


@dataclass(frozen=True, slots=True)
class Status:
    """What holds now. notice, trouble: what is wrong with the node, and with the imagery, empty if nothing is.

    facts: of the diagnostics.
    """

    state: str = UNKNOWN
    reason: str = "no state heard yet"
    notice: str = "no node heard yet"
    trouble: str = ""
    attribution: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class LiveDrive:
    """The last minutes of a drive; thread-safe."""

    def __init__(self, title: str, minutes: float) -> None:
        self._title = title
        self._seconds = 60.0 * minutes
        self._begun_s = time.monotonic()
        self._lock = threading.Lock()
        self._status = Status()
        self._frame: LocalFrame | None = None
        self._forget()

    @property
    def seconds(self) -> float:
        """Since the view began."""
        return time.monotonic() - self._begun_s

    @property
    def frame(self) -> LocalFrame | None:
        """The map frame, None until its datum is known."""
        return self._frame

    def set_datum(self, datum: Datum) -> None:
        """Where the map begins: places of before another one have none in it."""
        if self._frame is None or self._frame.datum != datum:
            with self._lock:
                self._frame = LocalFrame(datum)
                self._forget()

    def set_status(self, **changes: Any) -> None:
        """What holds from now on, by the fields of `Status`."""
        with self._lock:
            self._status = replace(self._status, **changes)

    @property
    def status(self) -> Status:
        """What holds now."""
        with self._lock:
            return self._status

    def add(self, moment: Moment) -> None:
        """A moment, and the pictures that waited for it."""
        with self._lock:
            self._moments.add(moment)
            while moment.seconds - self._moments.items[0].seconds > self._seconds:
                self._moments.items.popleft()
            for key, picture in list(self._waiting.items()):
                if not moment.stamp_ns or picture.stamp_ns <= moment.stamp_ns:
                    self._pictures.add((self._moments.count - 1, picture))
                    del self._waiting[key]

    def add_fix(self, east: float, north: float) -> None:
        """A GNSS fix, metres of the map."""
        with self._lock:
            self._fixes.add((east, north))

    def add_picture(self, picture: Picture) -> None:
        """What belongs to the image of a stamp, whose moment may come before or after it."""
        with self._lock:
            newest = list(self._moments.items)[-LATE_MOMENTS:]
            for back, moment in enumerate(reversed(newest), start=1):
                if moment.stamp_ns == picture.stamp_ns:
                    self._pictures.add((self._moments.count - back, picture))
                    return
            self._waiting[picture.kind, picture.camera] = picture

    def since(self, seen: Cursor | None) -> tuple[Cursor, dict[str, Any]] | None:
        """What is new, and how much has been seen then; all for a new page, None for one of another map."""
        with self._lock:
            seen = seen or Cursor(self._epoch)
            if seen.epoch != self._epoch:
                return None
            moments, pictures = self._moments.since(seen.moments), self._pictures.since(seen.pictures)
            fixes, status = self._fixes.since(seen.fixes), self._status
            states = Counter(each.state for each in self._moments.items)
            oldest = self._moments.count - len(self._moments.items)
            now = Cursor(self._epoch, self._moments.count, self._pictures.count, self._fixes.count)
        return now, {
            "first": now.moments - len(moments),
            "oldest": oldest,
            "report": self._report(moments, fixes, status).to_json(),
            "pictures": [picture.to_json(moment) for moment, picture in pictures if moment >= oldest],
            "state": status.state,
            "notice": "; ".join(each for each in (status.notice, status.trouble) if each),
            "headline": state_shares(states),
        }

    def _forget(self) -> None:
        self._epoch = time.time_ns()
        self._moments: Recent[Moment] = Recent(MAX_MOMENTS)
        self._pictures: Recent[tuple[int, Picture]] = Recent(MAX_PICTURES)
        self._fixes: Recent[tuple[float, float]] = Recent(MAX_POINTS)
        self._waiting: dict[tuple[Kind, str], Picture] = {}

    def _report(self, moments: Sequence[Moment], fixes: Sequence[tuple[float, float]], status: Status) -> Report:
        nothing = np.full((len(moments), 3), np.nan)
        return Report(
            title=self._title,
            axis="time [s]",
            along=np.array([each.seconds for each in moments]),
            apart=0.0,
            is_way=True,
            states=[each.state for each in moments],
            reasons=[each.reason for each in moments],
            milliseconds=np.array([each.milliseconds for each in moments]),
            fused=PoseColumns.of([each.fused for each in moments]),
            single=PoseColumns.of([each.single for each in moments]),
            prior=PoseColumns.of([each.prior for each in moments]),
            truth=nothing,
            fixes=np.array(fixes).reshape(-1, 2),
            snapshots=[],
            ground=Ground((), status.attribution),
            tables={"Diagnostics": status.facts},
        )
