"""Metric localisation of a camera against satellite tiles (GeoFlow, CVPR 2026)."""

import os
import sys

__version__ = "0.3.0"

# Threads of torch that wait for each other spin by default, for so long that on a busy computer most of its time is
# spent so: with as many other busy processes as cores, a frame took ten times as long. Hardly any spinning costs half a
# millisecond a frame instead, because sleeping threads wake late. Must be set before torch loads.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

# A few kB of PNG can claim a gigapixel; no camera or map of ours has this many pixels. Must be set before cv2 loads.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 27))

# Commands import what they need before any code of theirs runs, and a list of calls is no answer to a missing package.
if sys.argv[:1] == ["-m"] or os.path.basename(os.path.dirname(sys.argv[0] if sys.argv else "")) == __name__:
    from geoflow_ros.resources import end_with_a_sentence

    sys.excepthook = end_with_a_sentence
