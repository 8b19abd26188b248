"""Where the tests find the repository, their helpers, and data that is not part of it."""

from __future__ import annotations

import os
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
REPOSITORY = SUPPORT.parents[1]
SHARED_DATA = Path(os.environ.get("GEOFLOW_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
