"""The parameters to paste: a ROS parameter file of the mounts that a drive showed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict

from geoflow_ros.calibrate.from_drive import Calibration, FoundMount
from geoflow_ros.tracking.mount.estimate import STATES, group_of, in_words

LEAST_SIGMA, LEAST_HEIGHT_SIGMA = math.radians(0.2), 0.005
"""What a load or a tyre makes of a mount that is known well: an angle (rad), and a share of the height."""
SIGMAS = 2.0
"""How many standard deviations of the estimate the next start doubts it by."""


def mount_yaml(calibration: Calibration, source: str) -> str:
    """The file's text; source: what the numbers are from."""
    lines = [
        f"# The mount by {calibration.localised} frames over {calibration.driven_m:.0f} m of {source}.",
        "/**:",
        "  ros__parameters:",
    ]
    for name, found in calibration.mounts.items():
        groups = group_of(name).split(".")
        lines += [f"{'  ' * (2 + depth)}{group}:" for depth, group in enumerate(groups)]
        indent = "  " * (2 + len(groups))
        lines += [f"{indent}{parameter}: {value}" for parameter, value in _parameters(found).items()]
        if name in calibration.masks:
            path = json.dumps(str(calibration.masks[name]), ensure_ascii=False)  # which YAML quotes alike
            lines.append(f"{indent}mask: {path}  # what does not change while driving: look at it")
    return "\n".join(lines) + "\n"


def _parameters(found: FoundMount) -> Mapping[str, str]:
    """Values, with what to know of them in a comment."""
    stated, estimated = asdict(found.estimate.stated), asdict(found.likeliest)
    values = {name: f"{stated[name]:g}" for name in ("forward", "left")}
    sigmas: dict[str, str] = {}
    for index, state in enumerate(STATES):
        before, std = in_words(state, stated[state]), float(found.estimate.std[index])
        if not found.observed[state]:
            values[state] = f"{stated[state]:.6g}  # as stated: not observable in this drive"
            continue
        after = in_words(state, estimated[state])
        values[state] = f"{estimated[state]:.4f}  # {after} +- {in_words(state, std)}; stated {before}"
        least, unit = (LEAST_HEIGHT_SIGMA, estimated["height"]) if state == "height" else (LEAST_SIGMA, 1.0)
        sigmas[f"{state}_sigma"] = f"{max(SIGMAS * std / unit, least):.4f}"
    return values | sigmas
