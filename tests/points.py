"""Points of a curve that are known not to be the neutral element, which has no coordinates."""

from __future__ import annotations

from zigbee.crypto.curve import Point


def finite(point: Point | None) -> Point:
    """The point itself; AssertionError when it is the neutral element."""
    assert point is not None
    return point
