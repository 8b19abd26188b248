"""`make fuzz SECONDS=1200`: hostile values to every parser in turn, and changed ones of those that led to news.

Hypothesis draws each parser's first values; `mutations` changes them. A value of which the parser says what none before
it led to is kept: for the run, and, if it is a file's content, in out/fuzz/ for the next. What a parser let through is
printed, and makes the exit status 1.
"""

from __future__ import annotations

import hashlib
import random
import re
import statistics
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from mutations import mutated
from parsers import PARSERS, Parser

FIRST, KEPT, TURN_S = 100, 2000, 2.0
"""Values that Hypothesis draws, and at most kept, of a parser; the length of its turn."""
LEAST, LATE = 5000, 0.5
"""Values of a parser at least; those that are behind after half of the time get the rest of it."""
LONG, SELDOM = 4, 0.02
"""So many times the middle length is long, of which few are tried: most of the time would go to them."""
NUMBERS_OR_QUOTES = re.compile(r"""'[^']*'|"[^"]*"|[0-9.e+-]+""")
FIRST_SETTINGS = settings(
    max_examples=FIRST, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
)


class Fuzzed:
    """A parser and the values kept for it. failures: where it raised, and the first value that led to it."""

    def __init__(self, name: str, parser: Parser, folder: Path) -> None:
        self.name, self._parser, self._folder = name, parser, folder / name.replace(" ", "_").replace("/", "_")
        self.tried = 0
        self.failures: dict[str, Any] = {}
        self._seen, self._said = set[int](), set[str]()
        self._corpus: list[Any] = [path.read_bytes() for path in sorted(self._folder.glob("*"))]
        FIRST_SETTINGS(given(parser.values)(self._keep))()
        self._long = LONG * statistics.median(map(_length, self._corpus)) + 100

    def take_turn(self, seconds: float, rng: random.Random) -> None:
        """Try changed values for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = mutated(rng.choice(self._corpus), rng.choice(self._corpus), rng)
            if _length(value) > self._long and rng.random() > SELDOM:
                continue
            if (key := hash(value if isinstance(value, bytes) else repr(value))) not in self._seen:
                self._seen.add(key)
                self._try(value)

    def _keep(self, value: Any) -> None:
        self._corpus.append(value)

    def _try(self, value: Any) -> None:
        self.tried += 1
        said = self._outcome(value)
        if said in self._said or len(self._corpus) >= KEPT:
            return
        self._said.add(said)
        self._corpus.append(value)
        if isinstance(value, bytes):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / hashlib.sha256(value).hexdigest()[:16]).write_bytes(value)

    def _outcome(self, value: Any) -> str:
        """The kind of what the parser gave or said, numbers and quoted parts left out."""
        try:
            return NUMBERS_OR_QUOTES.sub("", self._parser.survives(value))
        except Exception as error:  # what a parser let through is what is looked for
            place = f"{type(error).__name__} in {traceback.extract_tb(error.__traceback__)[-1]}"
            if place not in self.failures:
                self.failures[place] = value
                traceback.print_exc()
                print(f"{self.name}: {value!r:.2000}", flush=True)
            return place


def _length(value: Any) -> int:
    """Of bytes and texts; 0 of others, which do not grow."""
    return len(value) if isinstance(value, bytes | str) else 0


def main() -> int:
    """Exit status: 1 if a parser did not survive a value, which is printed."""
    seconds, rng = float(sys.argv[1]), random.Random(time.time_ns())
    every = [Fuzzed(name, parser, Path("out/fuzz")) for name, parser in PARSERS.items()]
    start = time.monotonic()
    end = start + seconds
    while time.monotonic() < end:
        is_late = time.monotonic() > start + LATE * seconds
        behind = [each for each in every if each.tried < LEAST] if is_late else []
        for each in behind or every:
            each.take_turn(min(TURN_S, seconds / len(every)), rng)
    for each in every:
        print(f"{each.tried:>9} {each.name}{f'  {len(each.failures)} FAILURES' if each.failures else ''}")
    failed = sum(bool(each.failures) for each in every)
    print(f"{sum(each.tried for each in every):>9} different values, {failed} parsers failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
