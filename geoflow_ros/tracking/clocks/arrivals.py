"""Whether a stamp can be that of what has just come in: stamps of the future or the past, and clocks that are set."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median_high, median_low

from geoflow_ros.tracking.cameras import of_camera
from geoflow_ros.tracking.clocks.clocks import apart
from geoflow_ros.tracking.clocks.drift import Drifts

AHEAD_S, BEHIND_S = 1.0, 2.0
"""Of what else comes in. The clocks of a vehicle's computers may differ by less than the first. A measurement may come
late by the second, and by any time that goes on where the one before ended: that is a stall."""
SILENT_S = 0.5  # without any message
STEP_S = 0.3  # by which stamps skip time and come earlier than ever, or go back: no delay does that, no reordering
RECENT_S, TOGETHER_S = 5.0, 1.0  # since a stream was heard: whether it has a say, and whether it was set alike
REMEMBERED_S = 30.0  # at least, and at most twice that: how early stamps came at best


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a message came (ns): by the node's clock, and by one that nobody sets; the same twice in a simulation."""

    now_ns: int
    steady_ns: int


class Arrivals:
    """Compares what stamps say with when their messages come, of every sensor and every camera.

    Which clock stamps go by is for the majority of them and of the node's clock to say: a bag may be of last year, and
    be played at any speed. What a majority does not refute is believed.
    """

    def __init__(self) -> None:
        self._sensors: dict[str, _Stream] = {}
        self._cameras: dict[str, _Stream] = {}
        self._stray: deque[tuple[str, int, str]] = deque(maxlen=100)  # images that were refused
        self._heard_ns: int | None = None
        self.drifts = Drifts()

    def sensor(self, kind: str, stamp_ns: int, arrival: Arrival) -> str:
        """A message of a sensor came; why it cannot be used, empty if it can."""
        stream = self._sensors.setdefault(kind, _Stream(kind))
        return self._heard(stream, stamp_ns, arrival)

    def image(self, camera: str, stamp_ns: int, arrival: Arrival) -> str:
        """An image came; by how much everybody's clock was set, empty if it was not."""
        stream = self._cameras.setdefault(camera, _Stream(of_camera(camera, "image")))
        if refusal := self._heard(stream, stamp_ns, arrival):
            self._stray.append((camera, stamp_ns, refusal))
            return ""
        others = [each for each in self._sensors.values() if each.is_recent(arrival, TOGETHER_S)]
        if stream.has_risen(arrival) and 2 * sum(each.has_risen(arrival) for each in others) >= len(others):
            return f"every clock was set ahead by {stream.step_s:.1f} s"
        if stream.fallen > 1 and 2 * sum(each.fallen > 0 for each in others) >= len(others):
            return f"every clock was set back by {-stream.step_s:.1f} s"
        return ""

    def ends_silence(self, arrival: Arrival) -> bool:
        """A message came, of whatever kind; whether it is the first for a while."""
        before_ns, self._heard_ns = self._heard_ns, arrival.steady_ns
        return before_ns is not None and arrival.steady_ns - before_ns > SILENT_S * 1e9

    def refusal(self, camera: str, stamp_ns: int) -> str:
        """Why the image of this stamp cannot be used, empty if it can."""
        return next((why for name, stamp, why in self._stray if (name, stamp) == (camera, stamp_ns)), "")

    @property
    def warnings(self) -> Mapping[str, str]:
        """Whose newest stamp is refused, of the sensors, and why; whose clock drifts."""
        refused = {f"stamp of {each.name}": each.refusal for each in self._sensors.values() if each.refusal}
        return refused | {f"clock of {name}": said for name, said in self.drifts.sentences.items()}

    @property
    def leading(self) -> Mapping[str, float]:
        """By how much (s) stamps have drifted that lead the pose: of the velocity, and each camera's share of all."""
        shares = {each.name: 1.0 / len(self._cameras) for each in self._cameras.values()} | {"odom": 1.0, "twist": 1.0}
        return {name: shares[name] * seconds for name, seconds in self.drifts.seconds.items() if name in shares}

    def _heard(self, stream: _Stream, stamp_ns: int, arrival: Arrival) -> str:
        """A stream's message came; why it cannot be used, empty if it can."""
        if not (refusal := stream.hear(stamp_ns, arrival, self._others(stream, arrival))):
            self.drifts.hear(stream.name, stream.lead_s, arrival.steady_ns)
        return refusal

    def _others(self, stream: _Stream, arrival: Arrival) -> list[float]:
        """By how much (s) others, and last the node's clock, are ahead of the steady one; none if no other is heard."""
        heard = [each for each in [*self._sensors.values(), *self._cameras.values()] if each is not stream]
        leads = [each.lead_s for each in heard if each.is_recent(arrival, RECENT_S)]
        return leads and [*leads, (arrival.now_ns - arrival.steady_ns) * 1e-9]


class _Stream:
    """What has come of a sensor or camera.

    lead_s: by how much its newest stamp is ahead of the steady clock. step_s: by how much more than ever before, or
    less. fallen: how many of its last messages went back in time and stayed there. refusal: why the newest is not used.
    """

    def __init__(self, name: str) -> None:
        self.name, self.refusal = name, ""
        self.lead_s = self.step_s = 0.0
        self.fallen = 0
        self._came_ns: int | None = None
        self._rose_ns: int | None = None
        self._newest_ns: int | None = None  # stamp that was believed
        self._highest, self._highest_before = -math.inf, -math.inf
        self._since_ns = 0

    def is_recent(self, arrival: Arrival, within_s: float) -> bool:
        """Whether it was heard within this time."""
        return self._came_ns is not None and arrival.steady_ns - self._came_ns <= within_s * 1e9

    def has_risen(self, arrival: Arrival) -> bool:
        """Whether its stamps have come earlier than ever since a short while."""
        return self._rose_ns is not None and arrival.steady_ns - self._rose_ns <= TOGETHER_S * 1e9

    def hear(self, stamp_ns: int, arrival: Arrival, others: list[float]) -> str:
        """A message came; why it cannot be used. others: by how much (s) other clocks are ahead of the steady one."""
        self.lead_s = (stamp_ns - arrival.steady_ns) * 1e-9
        went_back_s = 0.0 if self._newest_ns is None else (self._newest_ns - stamp_ns) * 1e-9
        self._follow(arrival, went_back_s)
        self.refusal = self._judged(others, went_back_s)
        if not self.refusal and not 0.0 < went_back_s <= BEHIND_S:  # late ones are not the newest
            self._newest_ns = stamp_ns
        return self.refusal

    def _judged(self, others: list[float], went_back_s: float) -> str:
        if not others:
            return ""
        ahead_s, behind_s = self.lead_s - median_high(others), median_low(others) - self.lead_s
        if ahead_s > AHEAD_S and not self._is_on_time(others):
            return _sentence(self.name, f"{apart(ahead_s)} ahead of")
        if behind_s > BEHIND_S and went_back_s > 0.0:
            return _sentence(self.name, f"{apart(behind_s)} behind")
        return ""

    def _is_on_time(self, others: list[float]) -> bool:
        """Whether it goes by the node's clock, and the others may, but come late."""
        node_s = others[-1]
        return abs(self.lead_s - node_s) <= AHEAD_S and 0.0 <= node_s - median_high(others) <= BEHIND_S

    def _follow(self, arrival: Arrival, went_back_s: float) -> None:
        """Compare with how early stamps came until now."""
        step_s = self.lead_s - max(self._highest, self._highest_before)
        if math.isfinite(step_s) and min(step_s, -went_back_s) > STEP_S:
            self._rose_ns, self.step_s = arrival.steady_ns, step_s
        elif step_s < -STEP_S and (self.fallen or went_back_s > STEP_S):
            self.fallen, self.step_s = self.fallen + 1, step_s
        else:
            self.fallen = 0
        if arrival.steady_ns - self._since_ns > REMEMBERED_S * 1e9:
            self._since_ns, self._highest_before, self._highest = arrival.steady_ns, self._highest, -math.inf
        self._highest, self._came_ns = max(self._highest, self.lead_s), arrival.steady_ns


def _sentence(name: str, apart_from: str) -> str:
    return (
        f"{name} is stamped {apart_from} what else comes in with it, and is not used: set the clocks of all drivers "
        "alike, or look for a driver that stamps by another clock"
    )
