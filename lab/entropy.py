"""Whether ephemeral public keys are as unrelated as chance makes them (C.3.1.2.3.2, ZB 4.5.4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
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
    curve = SUITE1.curve
    generator = curve.multiply_generator(1)
    found: dict[int, int] = {}
    point: Point | None = None
    for number in range(1, TABLE + 1):
        point = curve.add(point, generator)
        if point is not None:
            found[point.x] = number
    return found


def difference(first: bytes, second: bytes, span: int = 65536) -> int | None:
    """The distance of two private keys, if it is at most ``span``; from their compressed points.

    ``None`` when they are farther apart, which those of chance always are.
    """
    curve, table = SUITE1.curve, _multiples()
    gap = curve.add(curve.decompress(second), curve.negate(curve.decompress(first)))
    stride = curve.multiply_generator(STRIDE)
    for point_step in (stride, curve.negate(stride)):
        place = gap
        for count in range(span // STRIDE + 2):
            offset = 0 if place is None else table.get(place.x)
            if offset is not None:
                return _distance(gap, count * STRIDE, offset)
            place = curve.add(place, point_step)
    return None


def _distance(gap: Point | None, reached: int, offset: int) -> int:
    """``reached`` less or plus ``offset``: a point's x does not say which, the gap itself does."""
    less = abs(reached - offset)
    multiple = SUITE1.curve.multiply_generator(less) if less else None
    same = gap is None if multiple is None else gap is not None and gap.x == multiple.x
    return less if same else reached + offset


def related(points: Sequence[bytes], span: int = 65536) -> list[tuple[int, int]]:
    """Neighbours in ``points`` with private keys at most ``span`` apart: (place, distance)."""
    gaps = [difference(one, after, span) for one, after in pairwise(points)]
    return [(place, gap) for place, gap in enumerate(gaps) if gap is not None and gap <= span]
