"""Whether ephemeral public keys are as unrelated as chance makes them (C.3.1.2.3.2, ZB 4.5.4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise

from zigbee.crypto.cbke import SUITE1
from zigbee.crypto.curve import Point

__all__ = ["difference", "related"]

#: Multiples of the generator that are looked up; the others are reached in strides.
TABLE = 4096
STRIDE = 2 * TABLE + 1


@cache
def _multiples() -> dict[int, int]:
    """The multiples 1 to TABLE of the generator, by x: a point and its negative share it."""
    return {point.x: number for number, point in enumerate(_counted(SUITE1.curve.generator), 1)}


def _counted(point: Point, count: int = TABLE) -> list[Point]:
    """The multiples 1 to ``count`` of a point of the subgroup."""
    found = [point]
    while len(found) < count:  # the last one and each of them: as many again
        found += filter(None, SUITE1.curve.add_to_each(found[-1], found))
    return found[:count]


@cache
def _strides(span: int) -> list[tuple[int, Point]]:
    """The multiples of STRIDE that reach beyond ``span``, in both directions, with their points."""
    curve = SUITE1.curve
    stride = curve.multiply_generator(STRIDE)
    found = _counted(stride, span // STRIDE + 1) if stride else []
    ahead = [(count * STRIDE, point) for count, point in enumerate(found, 1)]
    return ahead + [(reach, Point(point.x, point.x ^ point.y)) for reach, point in ahead]


@lru_cache(maxsize=2)
def _point(octets: bytes) -> Point:
    """A decompressed point; two neighbouring pairs share one."""
    return SUITE1.curve.decompress(octets)


def difference(first: bytes, second: bytes, span: int = 65536) -> int | None:
    """The distance of two private keys, if it is at most ``span``; from their compressed points.

    ``None`` when they are farther apart, which those of chance always are.
    """
    curve, table, strides = SUITE1.curve, _multiples(), _strides(span)
    gap = curve.add(_point(second), curve.negate(_point(first)))
    if gap is None:
        return 0
    places = [gap, *curve.add_to_each(gap, [point for _, point in strides])]
    for place, reached in zip(places, [0, *(reach for reach, _ in strides)], strict=True):
        offset = 0 if place is None else table.get(place.x)
        if offset is not None:
            return _distance(gap, reached, offset)
    return None


def _distance(gap: Point, reached: int, offset: int) -> int:
    """``reached`` less or plus ``offset``: a point's x does not say which, the gap itself does."""
    less = abs(reached - offset)
    multiple = SUITE1.curve.multiply_generator(less) if less else None
    same = multiple is not None and gap.x == multiple.x
    return less if same else reached + offset


def related(points: Sequence[bytes], span: int = 65536) -> list[tuple[int, int]]:
    """Neighbours in ``points`` with private keys at most ``span`` apart: (place, distance)."""
    gaps = [difference(one, after, span) for one, after in pairwise(points)]
    return [(place, gap) for place, gap in enumerate(gaps) if gap is not None and gap <= span]
