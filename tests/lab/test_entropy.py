"""The judge of ephemeral keys: near ones are found with their distance, those of chance are not."""

from __future__ import annotations

import random

import pytest

from lab.entropy import STRIDE, difference, related
from zigbee.crypto.cbke import SUITE1, ephemeral

CURVE = SUITE1.curve


def public(scalar: int) -> bytes:
    """The compressed public key of a private one."""
    point = CURVE.multiply_generator(scalar)
    assert point is not None
    return CURVE.compress(point)


@pytest.mark.parametrize("distance", [0, 1, -1, 257, 4096, 4097, STRIDE, -60_000, 65_536, -65_536])
def test_near_keys_are_found(distance: int) -> None:
    start = random.Random(7).getrandbits(150)
    assert difference(public(start), public(start + distance)) == abs(distance)


def test_far_keys_are_not() -> None:
    start = random.Random(8).getrandbits(150)
    assert difference(public(start), public(start + 10**9)) is None


def test_keys_of_chance_are_unrelated() -> None:
    rng = random.Random(9)
    points = [ephemeral(SUITE1, rng.randbytes).public for _ in range(20)]
    assert related(points) == []


def test_a_counting_device_is_caught() -> None:
    start = random.Random(10).getrandbits(150)
    points = [public(start + 3 * step) for step in range(5)]
    assert related(points) == [(0, 3), (1, 3), (2, 3), (3, 3)]
