"""Arithmetic in GF(2^m), fast enough on Python integers.

A field element is a polynomial over GF(2).  Here it is held *spread*: one integer in which every
coefficient has a slot of its own, wide enough to count to m.  The product of two such integers is
then the product of the polynomials with counts in place of parities, so one integer product (in C)
and one mask (the lowest bit of each count) multiply two elements.  Addition stays exclusive or.

Outside this module an element is *packed*, bit i being the coefficient of x^i, as SEC 1 has it.
Not constant-time: for test keys only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final


class BinaryField:
    """GF(2^m) with the reduction polynomial x^m + x^t + ... for each t in ``terms``.

    ``m`` must be odd (the half trace needs it) and below 512, and every term below m / 2.
    Methods take and return spread elements unless their name says packed.
    """

    __slots__ = ("_base", "_gap", "_low", "_ones", "_short", "_tail", "_top", "m", "modulus")

    def __init__(self, m: int, terms: tuple[int, ...]) -> None:
        if m % 2 == 0 or not 1 < m < 512 or 2 * max(terms) >= m:
            raise ValueError(f"no arithmetic here for a field of {m} bits with terms {terms}")
        slot = 8 if m < 256 else 9
        self._base, self._gap = (16, "0") if slot == 8 else (8, "00")
        self.m: Final = m
        self.modulus: Final = 1 << m | sum(1 << term for term in terms)
        self._top = slot * m  # first bit of the coefficient of x^m
        self._low = (1 << self._top) - 1
        self._ones = sum(1 << slot * power for power in range(2 * m))
        self._short = sum(1 << slot * power for power in range(m + max(terms)))
        self._tail = sum(1 << slot * term for term in terms)

    def spread(self, packed: int) -> int:
        """Spread a packed element."""
        return int(self._gap.join(format(packed, "b")), self._base)

    def packed(self, element: int) -> int:
        """Pack a spread element."""
        digits = format(element, "x" if self._base == 16 else "o")
        return int(digits[:: len(self._gap) + 1], 2)

    def multiply(self, a: int, b: int) -> int:
        """Return a * b."""
        product = a * b & self._ones
        # x^m is the tail of the reduction polynomial; no count here exceeds 1 + len(terms).
        product = (product & self._low) + (product >> self._top) * self._tail & self._short
        return (product & self._low) ^ ((product >> self._top) * self._tail & self._short)

    def square(self, a: int, times: int = 1) -> int:
        """Return a to the power 2^times."""
        for _ in range(times):
            product = a * a & self._ones
            product = (product & self._low) + (product >> self._top) * self._tail & self._short
            a = (product & self._low) ^ ((product >> self._top) * self._tail & self._short)
        return a

    def square_root(self, a: int) -> int:
        """Return the one element whose square is a."""
        return self.square(a, self.m - 1)

    def half_trace(self, a: int) -> int:
        """Return z with z^2 + z = a, which exists when the trace of a is 0 (SEC 1, 2.3.4).

        When it does not exist the value returned does not satisfy the equation: check it.
        """
        total = a
        for _ in range(self.m // 2):
            a = self.square(a, 2)
            total ^= a
        return total

    def inverses(self, elements: Sequence[int]) -> list[int]:
        """Return 1 / a for each element, and 0 for 0, by one inversion of the product of them all.

        Montgomery, "Speeding the Pollard and elliptic curve methods of factorization", 1987.
        """
        products = [1]
        for a in elements:
            products.append(self.multiply(products[-1], a) if a else products[-1])
        inverse = self.inverse(products.pop())  # of the product of all that are yet to come
        found = []
        for a in reversed(elements):
            before = products.pop()
            found.append(self.multiply(inverse, before) if a else 0)
            inverse = self.multiply(inverse, a) if a else inverse
        return found[::-1]

    def inverse(self, a: int) -> int:
        """Return 1 / a by Euclid's algorithm on packed polynomials; ZeroDivisionError for 0."""
        if a == 0:
            raise ZeroDivisionError("0 has no inverse in a field")
        u, v = self.packed(a), self.modulus
        coefficient_u, coefficient_v = 1, 0
        while u != 1:
            shift = u.bit_length() - v.bit_length()
            if shift < 0:
                u, v = v, u
                coefficient_u, coefficient_v = coefficient_v, coefficient_u
                shift = -shift
            u ^= v << shift
            coefficient_u ^= coefficient_v << shift
        return self.spread(coefficient_u)
