"""Field arithmetic against its definition, which the vectors' textbook code computes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectors.recompute import textbook
from zigbee.crypto.curve import SECT163K1, SECT283K1
from zigbee.crypto.field import BinaryField

FIELDS = [
    pytest.param(curve.field, oracle, id=curve.name)
    for curve, oracle in (
        (SECT163K1, textbook.SECT163K1),
        (SECT283K1, textbook.SECT283K1),
    )
]
numbers = st.integers(0, (1 << 283) - 1)


@pytest.mark.parametrize(("field", "oracle"), FIELDS)
@given(first=numbers, second=numbers)
@settings(max_examples=60, deadline=None)
def test_products_and_squares(
    field: BinaryField, oracle: textbook.BinaryCurve, first: int, second: int
) -> None:
    first, second = first >> 283 - field.m, second >> 283 - field.m
    a, b = field.spread(first), field.spread(second)
    assert field.packed(field.multiply(a, b)) == oracle.times(first, second)
    assert field.packed(field.square(a)) == oracle.times(first, first)
    assert field.packed(a ^ b) == first ^ second


@pytest.mark.parametrize(("field", "oracle"), FIELDS)
def test_the_fullest_elements_do_not_overflow_their_slots(
    field: BinaryField, oracle: textbook.BinaryCurve
) -> None:
    full = (1 << field.m) - 1
    element = field.spread(full)
    assert field.packed(field.multiply(element, element)) == oracle.times(full, full)


@pytest.mark.parametrize(("field", "oracle"), FIELDS)
@given(number=numbers)
@settings(max_examples=30, deadline=None)
def test_inverse_root_and_half_trace(
    field: BinaryField, oracle: textbook.BinaryCurve, number: int
) -> None:
    number >>= 283 - field.m
    element = field.spread(number)
    assert field.packed(element) == number
    assert field.square(field.square_root(element)) == element
    if number:
        assert field.packed(field.inverse(element)) == oracle.inverse(number)
        assert field.inverses([element, 0, 1]) == [field.inverse(element), 0, 1]
    solvable = field.square(element) ^ element  # z^2 + z has a solution: z
    solution = field.half_trace(solvable)
    assert field.square(solution) ^ solution == solvable


@pytest.mark.parametrize(("field", "_oracle"), FIELDS)
def test_zero_has_no_inverse(field: BinaryField, _oracle: textbook.BinaryCurve) -> None:
    with pytest.raises(ZeroDivisionError):
        field.inverse(0)


@pytest.mark.parametrize(("m", "terms"), [(164, (7, 0)), (513, (7, 0)), (163, (82, 0))])
def test_fields_that_the_method_does_not_fit_are_refused(m: int, terms: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no arithmetic"):
        type(SECT163K1.field)(m, terms)
