"""What a person wants to read at the end of a replay, in a few lines, the figures being for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from geoflow_ros.replay.play import Complaint, FrameResult
from geoflow_ros.reports.page_data import NUMBER
from geoflow_ros.tracking.track import TrackState

REASONS = 3
"""How many of the commonest reasons are named."""
OFTEN = 0.1
"""The share of the frames at which something is said of a sensor that is worth repeating."""


def closing_words(frames: Sequence[FrameResult], complaints: Mapping[str, Complaint]) -> list[str]:
    """How many frames have a pose, why others have none, what is wrong with sensors.

    Where none has a pose, whoever refuses the drive names the reasons: only what is wrong besides.
    """
    said = often_said(complaints, len(frames))
    first = next((index for index, frame in enumerate(frames) if frame.track.pose is not None), None)
    if first is None:
        reasons = {frame.track.reason for frame in frames}
        said = {sensor: each for sensor, each in said.items() if not any(each in reason for reason in reasons)}
        return warnings_of(said)
    after_s = (frames[first].stamp_ns - frames[0].stamp_ns) * 1e-9
    # What is wrong with sensors stands behind a frame's own reason.
    without = [frame.track.reason.partition("; ")[0] for frame in frames[first:] if frame.track.pose is None]
    return [
        f"poses in {sum(frame.track.pose is not None for frame in frames)} of {len(frames)} frames, the first after "
        f"{after_s:.1f} s: {_counted(frames)}",
        *([f"none in {len(without)} frames after that: {commonest(without)}"] if without else []),
        *warnings_of(said),
    ]


def often_said(complaints: Mapping[str, Complaint], frames: int) -> dict[str, str]:
    """By sensor, what was said of it at many of the frames."""
    return {sensor: each.sentence for sensor, each in complaints.items() if each.frames >= OFTEN * frames}


def commonest(reasons: Iterable[str]) -> str:
    """How often each of the commonest reasons was given; those that differ by a number are one, told by the first."""
    examples: dict[str, str] = {}
    counts = Counter[str]()
    for reason in reasons:
        kind = NUMBER.sub("", reason)
        counts[kind] += 1
        examples.setdefault(kind, reason)
    return "; ".join(f"{count} x {examples[kind]}" for kind, count in counts.most_common(REASONS))


def warnings_of(said: Mapping[str, str]) -> list[str]:
    """A line for each sensor of which something is said."""
    return [f"warning, {sensor}: {sentence}" for sensor, sentence in said.items()]


def _counted(frames: Sequence[FrameResult]) -> str:
    counts = Counter(frame.track.state for frame in frames)
    return ", ".join(f"{counts[state]} {state.value}" for state in TrackState if counts[state])
