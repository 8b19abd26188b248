"""`python -m geoflow_ros`: which commands there are, in the order in which they are met."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PACKAGE = "geoflow_ros"
COMMANDS = {
    "tiles": "satellite tiles from a server, images or other stores; look at them, check them",
    "replay": "what the node would answer to a recorded drive, as a page",
    "calibrate": "how the camera is mounted, found out from a recorded drive",
    "localize": "the node: camera images and fixes in, poses out",
    "view": "a running node in a browser",
    "adapt": "weights that know your city and camera, learnt from unlabelled drives",
    "demo": "the node on the drive that ships, judged",
    "town": "a generated town as a drive with truth, or in a data set's layout",
    "kitti2bag": "a drive of KITTI raw as a bag, with its tiles and its truth",
    "evaluate": "how well weights localise a data set, or photographs of known places",
    "benchmark": "how fast this machine is, and where the time goes",
    "train": "train weights",
    "checkpoint": "make, import, average, quantize and inspect weights",
    "reference": "write the reference page of the node's parameters and topics",
}
"""What each does, by its name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line: 2 where something else than the list was asked for."""
    asked = [each for each in (sys.argv[1:] if argv is None else argv) if each not in ("-h", "--help")]
    if asked:
        name = asked[0] if asked[0] in COMMANDS else "COMMAND"
        print(f"{PACKAGE}: {asked[0]} is not run like this: python -m {PACKAGE}.{name} ...", file=sys.stderr)
    lines = [f"  {name:11}{purpose}" for name, purpose in COMMANDS.items()]
    usage = f"usage: python -m {PACKAGE}.COMMAND --help, with ROS ros2 run {PACKAGE} COMMAND --help"
    print(usage, "", *lines, sep="\n", file=sys.stderr if asked else sys.stdout)
    return 2 if asked else 0


if __name__ == "__main__":
    raise SystemExit(main())
