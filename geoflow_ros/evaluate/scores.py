"""Scores of a set of places, with the interval that other places of the same kind might have given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from geoflow_ros.metrics import confidently_wrong

Floats = NDArray[np.float64]
RESAMPLES, LEVEL = 1000, 0.95
WRONG_ACCEPTED = 0.05
UNKNOWN = "-"  # in the table
LOG_ODDS = (0.0, 1.0, 2.3, 3.0, 4.0, 5.0)
"""2.3: less begins no track at once (`CAUTIONS` of tracking/evidence/support.py)."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Match log odds of the views of a place, or of its views together: (V,) right ones, before its own imagery.

    wrong: (V, K) before that of other places, `elsewhere`, any number of them, even none.
    """

    place: str
    right: Floats
    elsewhere: tuple[str, ...]
    wrong: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PlaceScores:
    """What the views of one place, or its views together, came to: arrays (V,).

    nees: squared Mahalanobis distance of the error, the label's own counted. most_bits, most_within_4m: what knowing
    the truth exactly would come to, the label being off itself.
    """

    error_m: Floats
    within_4m: Floats
    within_label_error: Floats
    information_bits: Floats
    nees: Floats
    matches: Matches
    most_bits: float
    most_within_4m: float


Statistic = Callable[[Sequence[PlaceScores]], float]
"""NaN where there is nothing to tell it from: no place whose imagery is a wrong one."""


def _mean(name: str) -> Statistic:
    return lambda places: float(np.concatenate([getattr(place, name) for place in places]).mean())


def auc(places: Sequence[PlaceScores]) -> float:
    """Chance that a right match scores higher than a wrong one."""
    right, wrong = _matches(places)
    if not wrong.size:
        return math.nan
    ranks = rankdata(np.concatenate([right, wrong]))[: len(right)]
    return float((ranks.sum() - len(right) * (len(right) + 1) / 2) / (len(right) * len(wrong)))


def accepted_at_5(places: Sequence[PlaceScores]) -> float:
    """Share of right matches above the threshold that lets 5 % of wrong ones pass: of any, not of those it is from."""
    right, wrong = _matches(places)
    if not wrong.size:
        return math.nan
    return float((right > np.quantile(wrong, 1.0 - WRONG_ACCEPTED, method="weibull")).mean())


def wrong_accepted(places: Sequence[PlaceScores]) -> float:
    """Share of wrong places that are taken for the right one: the evidence is for them."""
    return _share(_matches(places)[1] >= 0.0)


def acceptance(places: Sequence[PlaceScores], log_odds: float) -> dict[str, Any]:
    """Shares of right and wrong matches that are taken from so much evidence on, and how many answers are far off."""
    right, wrong = _matches(places)
    taken = right >= log_odds
    error, nees = (np.concatenate([getattr(place, name) for place in places])[taken] for name in ("error_m", "nees"))
    return {
        "log_odds": log_odds,
        "right_accepted": float(taken.mean()),
        "wrong_accepted": _or_none(_share(wrong >= log_odds)),
        "confident_wrong": confidently_wrong(error, nees).to_json(),
    }


STATISTICS: dict[str, Statistic] = {
    "mean_error_m": _mean("error_m"),
    "median_error_m": lambda places: float(np.median(np.concatenate([place.error_m for place in places]))),
    "probability_within_4m": _mean("within_4m"),
    "probability_within_label_error": _mean("within_label_error"),
    "information_bits": _mean("information_bits"),
    "auc": auc,
    "accepted_at_5": accepted_at_5,
    "wrong_accepted": wrong_accepted,
}


def summarise_places(places: Sequence[PlaceScores], seed: int) -> dict[str, Any]:
    """Every statistic, under `intervals` its 95 % bootstrap interval over places, `acceptance` at `LOG_ODDS`, and under
    `ceiling` what the labels' own errors leave a perfect answer.

    None is what cannot be told: the interval of one place, and of a match what needs the imagery of other places.
    """
    views = [place.error_m.size for place in places]
    document: dict[str, Any] = {"places": len(places), "views": sum(views)}
    document |= {name: _or_none(statistic(places)) for name, statistic in STATISTICS.items()}
    drawn = _redrawn(places, np.random.default_rng(seed)) if len(places) > 1 else ()
    told = [[statistic(draw) for statistic in STATISTICS.values()] for draw in drawn]
    document["intervals"] = {name: _interval([draw[i] for draw in told]) for i, name in enumerate(STATISTICS)}
    document["ceiling"] = {
        "information_bits": float(np.average([place.most_bits for place in places], weights=views)),
        "probability_within_4m": float(np.average([place.most_within_4m for place in places], weights=views)),
    }
    return document | {"acceptance": [acceptance(places, each) for each in LOG_ODDS]}


def _redrawn(places: Sequence[PlaceScores], rng: np.random.Generator) -> Iterator[list[PlaceScores]]:
    """Sets of as many places, drawn with replacement, each with its views and with its imagery as that of a wrong one.

    Imagery that looks like much is taken for the right one by the views of all places: resampled views alone would not
    tell how many such places there might have been. (Owen, 2007, resamples both sides of a table, too.) Places that are
    only a wrong one to these are drawn by themselves.
    """
    matches = [place.matches for place in places]
    own = sorted({each.place for each in matches})
    others = sorted({name for each in matches for name in each.elsewhere}.difference(own))
    number = {name: index for index, name in enumerate([*own, *others])}
    columns = [np.array([number[name] for name in each.elsewhere], dtype=np.int64) for each in matches]
    numbers = np.array([number[each.place] for each in matches])
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(places), size=len(places))
        beside = len(own) + (rng.random(len(others)) * len(others)).astype(np.int64)
        times = np.bincount(np.concatenate([numbers[drawn], beside]), minlength=len(number))
        yield [_repeated(places[i], times[columns[i]]) for i in drawn.tolist()]


def _repeated(place: PlaceScores, times: NDArray[np.int64]) -> PlaceScores:
    """The same with the imagery of each other place (K,) so many times; its names are no longer told."""
    wrong = np.repeat(place.matches.wrong, times, axis=1)
    return replace(place, matches=replace(place.matches, elsewhere=(), wrong=wrong))


def scores_table(document: Mapping[str, Any]) -> str:
    """The figures for the terminal: single views and rigs, over all places and by group."""
    rows = []
    for label, figures in (("single views", document), ("rigs", document.get("rig"))):
        if figures is None:
            continue
        rows.append(_row(label, figures))
        rows += [_row(f"  {prefix}", group) for prefix, group in figures["groups"].items()]
        rows.append(_row("  black images", figures["chance"]))
    header = ("", "places", "median m", "in 4 m", "bits", "95 %", "at most", "AUC", "right at 5 %")
    return "\n".join(" ".join(f"{cell:>14}" for cell in row) for row in (header, *rows))


def _row(label: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    interval, most = figures["intervals"]["information_bits"], figures["ceiling"]["information_bits"]
    within = UNKNOWN if interval is None else "{:+.1f}..{:+.1f}".format(*interval)
    bits = f"{figures['information_bits']:+.2f}", within, f"{most:+.2f}"
    if figures["auc"] is None:
        match = UNKNOWN, UNKNOWN
    else:
        match = f"{figures['auc']:.2f}", f"{figures['accepted_at_5']:.0%}"
    error, near = f"{figures['median_error_m']:.1f}", f"{figures['probability_within_4m']:.0%}"
    return label, str(figures["places"]), error, near, *bits, *match


def _share(taken: NDArray[np.bool_]) -> float:
    return float(taken.mean()) if taken.size else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _interval(drawn: Sequence[float]) -> list[float] | None:
    """Of a statistic in the resampled sets of places that tell it; None where none does."""
    told = [value for value in drawn if not math.isnan(value)]
    return [float(end) for end in np.quantile(told, [(1.0 - LEVEL) / 2, (1.0 + LEVEL) / 2])] if told else None


def _matches(places: Sequence[PlaceScores]) -> tuple[Floats, Floats]:
    matches = [place.matches for place in places]
    return np.concatenate([each.right for each in matches]), np.concatenate([each.wrong.ravel() for each in matches])
