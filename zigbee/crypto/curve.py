"""The Koblitz curves of Smart Energy: sect163k1 (suite 1) and sect283k1 (suite 2).

Domain parameters: SEC 2 (NIST K-163 and K-283), which two versions number differently.  Points:
SEC 1 version 2.0, 2.3.3 and 2.3.4; octets are big-endian, and the low bit of the first octet of a
compressed point is the low bit of y / x, not of y.

Both curves are y^2 + xy = x^3 + a x^2 + 1 over GF(2^m) with a in {0, 1}, so squaring both
coordinates (the Frobenius map, tau) takes a point of the curve to another, and tau satisfies
tau^2 + 2 = mu * tau with mu = 1 for a = 1 and mu = -1 for a = 0.  A scalar is written in base tau
and doublings become squarings (Solinas, "Efficient arithmetic on Koblitz curves", 2000).  What is
left are sums of many points, and many sums can share one inversion.

Not constant-time: for test keys only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import cycle, islice
from typing import NamedTuple

from .errors import PointError, PointFault
from .field import BinaryField


class Point(NamedTuple):
    """An affine point: packed coordinates.  The neutral element is None, not a Point."""

    x: int
    y: int


_Affine = tuple[int, int]  # spread coordinates


class Curve:
    """One Koblitz curve and its arithmetic.  All methods are right for *every* point of the curve.

    ``length`` is the length of a coordinate in octets; ``order`` that of the generator's subgroup.
    """

    def __init__(
        self, name: str, field: BinaryField, a: int, generator: Point, order: int, cofactor: int
    ) -> None:
        self.name = name
        self.field = field
        self.a = a
        self.b = 1
        self.generator = generator
        self.order = order
        self.cofactor = cofactor
        self.length = (field.m + 7) // 8
        self._mu = 1 if a else -1
        self._period = self._tau_power(field.m)
        if not self.is_on_curve(generator):
            raise ValueError(f"{name}: the generator is not on the curve")

    def __repr__(self) -> str:
        return f"Curve({self.name!r})"

    # -- points as octets ---------------------------------------------------------------------

    def compress(self, point: Point) -> bytes:
        """Return 02 or 03, then x (SEC 1, 2.3.3)."""
        parity = 0
        if point.x:
            x, y = self._spread(point)
            parity = self.field.multiply(y, self.field.inverse(x)) & 1
        return bytes((2 + parity,)) + point.x.to_bytes(self.length, "big")

    def uncompressed(self, point: Point) -> bytes:
        """Return 04, x, y (SEC 1, 2.3.3)."""
        return b"\x04" + b"".join(part.to_bytes(self.length, "big") for part in point)

    def decompress(self, octets: bytes, *, subgroup: bool = True) -> Point:
        """Return the point of a compressed encoding (SEC 1, 2.3.4), validated.

        Raises PointError for a wrong length or prefix, an x out of range or without a point, and,
        unless ``subgroup`` is False, for a point outside the subgroup of prime order.
        """
        if octets == b"\x00":
            raise PointError(PointFault.NEUTRAL, f"{self.name}: 00 encodes the neutral element")
        if len(octets) != 1 + self.length:
            detail = f"a compressed point has {1 + self.length} octets, not {len(octets)}"
            raise PointError(PointFault.LENGTH, f"{self.name}: {detail}")
        if octets[0] not in (2, 3):
            detail = f"a compressed point begins with 02 or 03, not {octets[0]:02x}"
            raise PointError(PointFault.PREFIX, f"{self.name}: {detail}")
        x = int.from_bytes(octets[1:], "big")
        self._check_range(x)
        point = Point(x, self._solve(x, octets[0] & 1))
        if subgroup:
            self._check_subgroup(point)
        return point

    def validate(self, point: Point | None, *, subgroup: bool = True) -> Point:
        """Return ``point`` when it is a full valid public key (SEC 1, 3.2.2.1).

        Raises PointError naming what is wrong: neutral, a coordinate out of range, off the curve
        or, unless ``subgroup`` is False, outside the subgroup of prime order.
        """
        if point is None:
            raise PointError(PointFault.NEUTRAL, f"{self.name}: the neutral element is no key")
        self._check_range(point.x)
        self._check_range(point.y)
        if not self.is_on_curve(point):
            raise PointError(PointFault.NOT_ON_CURVE, f"{self.name}: point is not on the curve")
        if subgroup:
            self._check_subgroup(point)
        return point

    def is_on_curve(self, point: Point) -> bool:
        """Whether y^2 + xy = x^3 + a x^2 + 1."""
        multiply, square = self.field.multiply, self.field.square
        x, y = self._spread(point)
        x_squared = square(x)
        right = multiply(x_squared, x) ^ (x_squared if self.a else 0) ^ 1
        return square(y) ^ multiply(x, y) == right

    def in_subgroup(self, point: Point) -> bool:
        """Whether order * point is neutral, for a point of the curve.

        The group is cyclic, so the points of the subgroup are those that can be halved: once for a
        cofactor of 2, twice for one of 4.  A point (x, y) can when slope^2 + slope = x + a has a
        solution, and the x of its half is then the square root of y + x (slope + 1) (Knudsen,
        "Elliptic scalar multiplication using point halving", 1999).  The root is not taken: there
        is a solution for an element when there is one for its square.
        """
        x, y = self._spread(point)
        for _ in range(self.cofactor // 2):
            slope = self.field.half_trace(x ^ self.a)
            if self.field.square(slope) ^ slope != x ^ self.a:
                return False
            x = y ^ self.field.multiply(x, slope ^ 1)
        return True

    def _check_range(self, coordinate: int) -> None:
        if coordinate < 0 or coordinate.bit_length() > self.field.m:
            detail = f"a coordinate has at most {self.field.m} bits"
            raise PointError(PointFault.RANGE, f"{self.name}: {detail}")

    def _check_subgroup(self, point: Point) -> None:
        if not self.in_subgroup(point):
            detail = "point is outside the subgroup of prime order"
            raise PointError(PointFault.SUBGROUP, f"{self.name}: {detail}")

    def _solve(self, packed_x: int, parity: int) -> int:
        """The packed y of the point with this x and this parity of y / x."""
        field = self.field
        if packed_x == 0:
            if parity:
                raise PointError(PointFault.NO_POINT, f"{self.name}: x = 0 has only prefix 02")
            return 1  # the square root of b
        x = field.spread(packed_x)
        right = x ^ self.a ^ field.square(field.inverse(x))
        z = field.half_trace(right)
        if field.square(z) ^ z != right:
            raise PointError(PointFault.NO_POINT, f"{self.name}: no point has this x coordinate")
        if z & 1 != parity:
            z ^= 1
        return field.packed(field.multiply(x, z))

    # -- arithmetic ---------------------------------------------------------------------------

    def add(self, p: Point | None, q: Point | None) -> Point | None:
        """Return p + q."""
        total = self._add_affine(self._spread_any(p), self._spread_any(q))
        return self._packed(total)

    def add_to_each(self, p: Point, others: Sequence[Point]) -> list[Point | None]:
        """Return p + q for each q of ``others``, with one inversion for all of them."""
        first = self._spread(p)
        sums = self._add_pairs([(first, self._spread(q)) for q in others])
        return [self._packed(total) for total in sums]

    def negate(self, p: Point | None) -> Point | None:
        """Return -p, which is (x, x + y)."""
        return None if p is None else Point(p.x, p.x ^ p.y)

    def multiply(self, k: int, p: Point | None) -> Point | None:
        """Return k * p, without a cofactor."""
        return self.double_multiply(k, p, 0, None)

    def multiply_generator(self, k: int) -> Point | None:
        """Return k * generator, from a table of the generator's conjugates."""
        return self._packed(self._sum(self._terms(k, cycle(self._table))))

    def double_multiply(self, j: int, p: Point | None, k: int, q: Point | None) -> Point | None:
        """Return j * p + k * q."""
        terms = []
        for scalar, point in ((j, p), (k, q)):
            if point is not None:
                terms += self._terms(scalar, self._conjugates(self._spread(point)))
        return self._packed(self._sum(terms))

    def _terms(self, k: int, conjugates: Iterable[_Affine]) -> list[_Affine]:
        """The points whose sum is k times the first of ``conjugates``: about m / 3 of them."""
        return [
            (x, y if digit > 0 else x ^ y)
            for digit, (x, y) in zip(self._digits(k), conjugates, strict=False)
            if digit
        ]

    def _conjugates(self, point: _Affine) -> Iterator[_Affine]:
        """tau^i * point for i = 0, 1, 2 and so on."""
        x, y = point
        while True:
            yield x, y
            x, y = self.field.square(x), self.field.square(y)

    @cached_property
    def _table(self) -> list[_Affine]:
        """All conjugates of the generator: tau^m is the identity."""
        return list(islice(self._conjugates(self._spread(self.generator)), self.field.m))

    # -- scalars in base tau: (u, v) stands for u + v * tau -----------------------------------

    def _tau_power(self, n: int) -> tuple[int, int]:
        u, v = 1, 0
        for _ in range(n):
            u, v = -2 * v, u + self._mu * v
        return u, v

    def _digits(self, k: int) -> list[int]:
        """The tau-adic non-adjacent form of k: digits -1, 0, 1, lowest power first.

        k is first taken modulo tau^m - 1, which annihilates every point of the curve (tau^m is
        the identity), so that the form has about m digits of which a third are not 0.
        """
        mu = self._mu
        c, d = self._period[0] - 1, self._period[1]
        norm = c * c + mu * c * d + 2 * d * d  # = cofactor * order
        q0 = _nearest(k * (c + mu * d), norm)
        q1 = _nearest(-k * d, norm)
        u = k - q0 * c + 2 * q1 * d
        v = -(q0 * d + q1 * c + mu * q1 * d)
        digits = []
        while u or v:
            digit = 2 - (u - 2 * v) % 4 if u & 1 else 0
            digits.append(digit)
            half = (u - digit) >> 1
            u, v = v + mu * half, -half
        return digits

    # -- spread points ------------------------------------------------------------------------

    def _spread(self, point: Point) -> _Affine:
        return self.field.spread(point.x), self.field.spread(point.y)

    def _spread_any(self, point: Point | None) -> _Affine | None:
        return None if point is None else self._spread(point)

    def _packed(self, point: _Affine | None) -> Point | None:
        return None if point is None else Point(*map(self.field.packed, point))

    def _add_affine(self, p: _Affine | None, q: _Affine | None) -> _Affine | None:
        """The group law by its formula (SEC 1, 2.2.2)."""
        if p is None or q is None:
            return q if p is None else p
        (x, y), field = p, self.field
        if x != q[0]:
            return self._on_line(p, q, field.inverse(x ^ q[0]))
        if y != q[1] or x == 0:
            return None
        return self._third(p, q, x ^ field.multiply(y, field.inverse(x)))

    def _on_line(self, p: _Affine, q: _Affine, inverse: int) -> _Affine:
        """p + q for points of which ``inverse`` is that of the sum of their x."""
        return self._third(p, q, self.field.multiply(p[1] ^ q[1], inverse))

    def _third(self, p: _Affine, q: _Affine, slope: int) -> _Affine:
        """p + q for points on a line of this slope."""
        (x1, y1), x2 = p, q[0]
        x = self.field.square(slope) ^ slope ^ self.a ^ (x1 ^ x2)
        return x, self.field.multiply(slope, x1 ^ x) ^ x ^ y1

    def _add_pairs(self, pairs: Sequence[tuple[_Affine, _Affine]]) -> list[_Affine | None]:
        """The sum of each pair, with one inversion for all of them."""
        inverses = self.field.inverses([p[0] ^ q[0] for p, q in pairs])
        return [
            self._on_line(p, q, inverse) if inverse else self._add_affine(p, q)
            for (p, q), inverse in zip(pairs, inverses, strict=True)
        ]

    def _sum(self, points: list[_Affine]) -> _Affine | None:
        """The sum of many points: of neighbours, then of those sums, and so on."""
        while len(points) > 1:
            sums = self._add_pairs(list(zip(points[::2], points[1::2], strict=False)))
            rest = points[-1:] if len(points) % 2 else []
            points = [total for total in sums if total is not None] + rest
        return points[0] if points else None


def _nearest(numerator: int, denominator: int) -> int:
    """The integer nearest to a quotient with a positive denominator."""
    return (2 * numerator + denominator) // (2 * denominator)


SECT163K1 = Curve(
    "sect163k1",
    BinaryField(163, (7, 6, 3, 0)),
    a=1,
    generator=Point(
        0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8,
        0x0289070FB05D38FF58321F2E800536D538CCDAA3D9,
    ),
    order=0x04000000000000000000020108A2E0CC0D99F8A5EF,
    cofactor=2,
)
"""Curve of cryptographic suite 1 (SEC 2)."""

SECT283K1 = Curve(
    "sect283k1",
    BinaryField(283, (12, 7, 5, 0)),
    a=0,
    generator=Point(
        0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
    order=0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    cofactor=4,
)
"""Curve of cryptographic suite 2 (SEC 2)."""

CURVES = {curve.name: curve for curve in (SECT163K1, SECT283K1)}
"""Both curves by name."""
