"""`make fuzz SECONDS=600`: hostile values to every parser in turn; what fails is tried first next time."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from parsers import PARSERS, Parser

BATCH = 500
THOROUGH = settings(max_examples=BATCH, deadline=None, suppress_health_check=[*HealthCheck])


def main() -> int:
    """Exit status: 1 if a parser did not survive a value, which is printed."""
    end, tried, failed = time.monotonic() + float(sys.argv[1]), Counter[str](), set[str]()
    while time.monotonic() < end and len(failed) < len(PARSERS):
        for name in [each for each in PARSERS if each not in failed]:
            try:
                THOROUGH(given(PARSERS[name].values)(_counted(name, PARSERS[name], tried)))()
            except Exception:  # what a parser let through is what is looked for
                traceback.print_exc()
                failed.add(name)
            if time.monotonic() > end:
                break
    for name, count in tried.items():
        print(f"{count:>9} {name}{'  FAILED' if name in failed else ''}")
    print(f"{tried.total():>9} executions, {len(failed)} parsers failed")
    return bool(failed)


def _counted(name: str, parser: Parser, tried: Counter[str]) -> Any:
    def survives(value: object) -> None:
        tried[name] += 1
        parser.survives(value)

    survives.__qualname__ = f"survives {name}"  # by which Hypothesis keeps what failed
    return survives


if __name__ == "__main__":
    sys.exit(main())
