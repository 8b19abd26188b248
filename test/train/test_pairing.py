from __future__ import annotations

import math

import numpy as np
import pytest
from training_support import Noise

from geoflow_ros.datasets.random_look import RandomLooks
from geoflow_ros.datasets.sample import Joined, Place, Subset, are_elsewhere
from geoflow_ros.train.pairing import PairedOrder

COUNT = 25


class Towns(Noise):
    """Odd in number: two towns of twelve views each, on a circle of 50 m around their middle, and one more view."""

    def __len__(self) -> int:
        return COUNT

    def place(self, index: int) -> Place | None:
        town, view = divmod(index % COUNT, 12)
        angle = view * math.pi / 6
        return None if town == 2 else Place(f"town {town}", 50 * math.cos(angle), 50 * math.sin(angle))


def test_every_epoch_has_every_sample_once_in_an_order_of_its_own() -> None:
    order = PairedOrder(Towns(), seed=3)
    epochs = [[order.index(number) for number in range(first, first + COUNT)] for first in (0, COUNT, 2 * COUNT)]
    for number, epoch in enumerate(epochs):
        assert sorted(epoch) == list(range(number * COUNT, (number + 1) * COUNT))
    assert len({tuple(np.array(epoch) % COUNT) for epoch in epochs}) == 3
    again = PairedOrder(Towns(), seed=3)
    assert [again.index(number) for number in reversed(range(COUNT))] == epochs[0][::-1]


def test_half_of_the_samples_are_paired_with_the_nearest_of_their_town_that_is_far_enough() -> None:
    towns = Towns()
    order = PairedOrder(towns, seed=0)
    near, epochs = 0, 40
    for number in range(0, epochs * COUNT - 1, 2):
        one, other = (towns.place(order.index(each)) for each in (number, number + 1))
        if one is None or other is None or one.region != other.region:
            continue
        away = math.hypot(one.east - other.east, one.north - other.north)
        near += 65.0 <= away < 75.0  # on the circle 70.7 m is the least distance above 65 m
    # By chance alone a pair would be of one town and 70.7 m apart with a probability of 0.08.
    assert near > 0.15 * epochs * COUNT / 2


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("a", Place("town", 0.0, 0.0)), ("b", Place("town", 0.0, 64.9)), False),
        (("a", Place("town", 0.0, 0.0)), ("b", Place("town", 39.0, 52.0)), True),
        (("a", Place("town", 0.0, 0.0)), ("b", Place("city", 0.0, 0.0)), True),
        (("a", None), ("a", None), False),
        (("a", None), ("b", Place("town", 0.0, 0.0)), True),
    ],
)
def test_imagery_is_of_another_place_from_a_patch_on(
    one: tuple[str, Place | None], other: tuple[str, Place | None], expected: bool
) -> None:
    assert are_elsewhere(one, other) is expected


def test_places_are_known_through_whatever_is_made_of_the_samples() -> None:
    made = RandomLooks(Joined([Noise(), Subset(Towns(), [24, 3])]), 0.5, seed=0)
    assert [made.place(index) for index in (0, 5, 6, 7)] == [None, None, None, Towns().place(3)]
    assert made.place(8 + 7) == made.place(7)
