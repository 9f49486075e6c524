"""Group law and point formats, against the textbook code of the vectors and their own rules."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.points import finite
from vectors.recompute import textbook
from zigbee.crypto.curve import SECT163K1, SECT283K1, Curve, Point
from zigbee.crypto.errors import PointError, PointFault

CURVES = [
    pytest.param(curve, oracle, id=curve.name)
    for curve, oracle in ((SECT163K1, textbook.SECT163K1), (SECT283K1, textbook.SECT283K1))
]
both = pytest.mark.parametrize(("curve", "oracle"), CURVES)
ORDER_TWO = Point(0, 1)  # the point with x = 0, on both curves


def odd_points(curve: Curve) -> list[Point]:
    """Points of all kinds: of prime order, of order 2, and sums of both."""
    mixed = finite(curve.add(curve.generator, ORDER_TWO))
    return [curve.generator, ORDER_TWO, mixed]


@both
def test_scalars_at_the_edges(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    n = curve.order
    for point in odd_points(curve):
        for k in (0, 1, 2, 3, n - 1, n, n + 1, 2 * n - 1, (1 << 400) + 12345):
            expected = textbook.multiple(oracle, k, (point.x, point.y))
            assert curve.multiply(k, point) == expected
            assert curve.multiply(-k, point) == curve.negate(curve.multiply(k, point))


@both
@given(seed=st.integers(0, 1 << 64))
@settings(max_examples=8, deadline=None)
def test_random_scalars(curve: Curve, oracle: textbook.BinaryCurve, seed: int) -> None:
    source = random.Random(seed)
    j, k, base = (source.getrandbits(300) for _ in range(3))
    p = finite(curve.add(curve.multiply_generator(base), source.choice([None, ORDER_TWO])))
    expected = textbook.multiple(oracle, k, (p.x, p.y))
    assert curve.multiply(k, p) == expected
    assert curve.multiply_generator(k) == textbook.multiple(oracle, k, oracle.generator)
    joint = oracle.add(textbook.multiple(oracle, j, oracle.generator), expected)
    assert curve.double_multiply(j, curve.generator, k, p) == joint


@both
def test_joint_multiplication_of_related_points(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    g = curve.generator
    for q in (g, curve.negate(g), ORDER_TWO, None):
        for j, k in ((1, 1), (5, 7), (0, 3), (3, 0), (0, 0), (curve.order, curve.order)):
            expected = curve.add(curve.multiply(j, g), curve.multiply(k, q))
            assert curve.double_multiply(j, g, k, q) == expected


@both
def test_addition_of_special_pairs(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    g = curve.generator
    assert curve.add(g, curve.negate(g)) is None
    assert curve.add(g, None) == curve.add(None, g) == g
    assert curve.add(None, None) is None
    assert curve.add(g, g) == curve.multiply(2, g)
    assert curve.add(ORDER_TWO, ORDER_TWO) is None
    assert curve.negate(None) is None


@both
def test_the_subgroup_is_told_apart(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    source = random.Random(7)
    inside = finite(curve.multiply_generator(source.getrandbits(160)))
    assert curve.in_subgroup(inside)
    outside = [ORDER_TWO, finite(curve.add(inside, ORDER_TWO))]
    if curve.cofactor == 4:  # a point of order 4 is half of the point of order 2
        root = next(p for p in small_points(curve) if curve.add(p, p) == ORDER_TWO)
        outside += [root, finite(curve.add(inside, root))]
    for point in outside:
        assert curve.is_on_curve(point)
        assert not curve.in_subgroup(point)
        with pytest.raises(PointError) as refusal:
            curve.validate(point)
        assert refusal.value.fault == PointFault.SUBGROUP
        assert curve.validate(point, subgroup=False) == point


@both
def test_the_subgroup_is_what_its_order_annihilates(
    curve: Curve, oracle: textbook.BinaryCurve
) -> None:
    source = random.Random(11)
    anywhere = [finite(curve.multiply_generator(source.getrandbits(160)))]
    for x in range(2, 40):
        with contextlib.suppress(PointError):  # half of all numbers are no x
            octets = b"\x02" + x.to_bytes(curve.length, "big")
            anywhere.append(curve.decompress(octets, subgroup=False))
    told = [curve.in_subgroup(point) for point in anywhere]
    assert told == [curve.multiply(curve.order, point) is None for point in anywhere]
    assert True in told and False in told


@both
def test_one_point_added_to_each_of_many(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    first, *others = [finite(curve.multiply_generator(number)) for number in range(3, 9)]
    others += [first, finite(curve.negate(first)), ORDER_TWO]
    assert curve.add_to_each(first, others) == [curve.add(first, other) for other in others]
    assert curve.add_to_each(ORDER_TWO, [ORDER_TWO, first]) == [None, curve.add(ORDER_TWO, first)]
    assert curve.add_to_each(first, []) == []


def small_points(curve: Curve) -> Iterator[Point]:
    for x in range(2):
        for parity in (2, 3):
            try:
                octets = bytes((parity,)) + x.to_bytes(curve.length, "big")
                yield curve.decompress(octets, subgroup=False)
            except PointError:
                continue


@both
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_decompresses_is_a_key_and_compresses_back(
    curve: Curve, oracle: textbook.BinaryCurve, data: st.DataObject
) -> None:
    size = data.draw(st.sampled_from([0, 1, curve.length, curve.length + 1, curve.length + 2]))
    octets = data.draw(st.binary(min_size=size, max_size=size))
    if data.draw(st.booleans()):
        octets = (b"\x02\x00" + octets)[: curve.length + 1]
    try:
        point = curve.decompress(octets)
    except PointError:
        return
    assert curve.is_on_curve(point)
    assert textbook.multiple(oracle, curve.order, (point.x, point.y)) is None
    assert curve.compress(point) == octets


@both
def test_both_parities_round_trip(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    for k in range(1, 12):
        point = finite(curve.multiply_generator(k))
        other = finite(curve.negate(point))
        assert {curve.compress(point)[0], curve.compress(other)[0]} == {2, 3}
        assert curve.decompress(curve.compress(point)) == point
        assert curve.decompress(curve.compress(other)) == other
        assert curve.uncompressed(point) == oracle.uncompressed((point.x, point.y))


@both
def test_x_zero_has_one_encoding(curve: Curve, oracle: textbook.BinaryCurve) -> None:
    assert curve.decompress(curve.compress(ORDER_TWO), subgroup=False) == ORDER_TWO
    with pytest.raises(PointError) as refusal:
        curve.decompress(b"\x03" + bytes(curve.length), subgroup=False)
    assert refusal.value.fault == PointFault.NO_POINT


@both
@pytest.mark.parametrize("point", [None, Point(-1, 0), Point(0, 1 << 283), Point(2, 3)])
def test_points_that_are_no_keys(
    curve: Curve, oracle: textbook.BinaryCurve, point: Point | None
) -> None:
    with pytest.raises(PointError, match=curve.name):
        curve.validate(point)


def test_wrong_parameters_are_noticed() -> None:
    wrong = Point(SECT163K1.generator.x, SECT163K1.generator.y ^ 1)
    with pytest.raises(ValueError, match="generator"):
        Curve("x", SECT163K1.field, 1, wrong, SECT163K1.order, 2)
