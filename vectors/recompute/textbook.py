"""The primitives once more, slowly and from the definitions, to check the vectors with.

Only AES comes from a library.  Nothing here is shared with the arithmetic that the project uses in
earnest: points are affine, a field element is a plain polynomial, multiplication is shift and add.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Affine = tuple[int, int] | None  # None is the neutral element


def aes(key: bytes, block: bytes) -> bytes:
    """AES-128 of one block (FIPS 197)."""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=False))


def crc(data: bytes, initial: int, polynomial: int, *, reflected: bool) -> int:
    """A 16-bit CRC, bit by bit; a reflected one takes the reflected polynomial."""
    remainder = initial
    for octet in data:
        remainder ^= octet if reflected else octet << 8
        for _ in range(8):
            if reflected:
                remainder = remainder >> 1 ^ (polynomial if remainder & 1 else 0)
            else:
                remainder = (remainder << 1 ^ (polynomial if remainder >> 15 else 0)) & 0xFFFF
    return remainder


def crc_x25(data: bytes) -> bytes:
    """CRC-16/X-25, low octet first."""
    return (crc(data, 0xFFFF, 0x8408, reflected=True) ^ 0xFFFF).to_bytes(2, "little")


def mmo(message: bytes) -> bytes:
    """AES-MMO-128 (053474, Annex B.6)."""
    bits = 8 * len(message)
    if bits < 1 << 16:
        tail, place = bits.to_bytes(2, "big"), 14
    else:
        tail, place = bits.to_bytes(4, "big") + bytes(2), 10
    padded = message + b"\x80"
    while len(padded) % 16 != place:
        padded += b"\x00"
    padded += tail
    state = bytes(16)
    for start in range(0, len(padded), 16):
        block = padded[start : start + 16]
        state = xor(aes(state, block), block)
    return state


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC with AES-MMO, block of 16 octets (053474, Annex B.1.4; FIPS 198)."""
    key = (mmo(key) if len(key) > 16 else key).ljust(16, b"\x00")
    return mmo(xor(key, b"\x5c" * 16) + mmo(xor(key, b"\x36" * 16) + message))


def ccm(key: bytes, nonce: bytes, message: bytes, aad: bytes, length: int) -> tuple[bytes, bytes]:
    """CCM* (SP 800-38C; 053474, Annex A): ciphertext and MIC of ``length`` octets, perhaps none."""
    width = 15 - len(nonce)
    if len(aad) < 0xFF00:
        prefix = len(aad).to_bytes(2, "big")
    else:
        prefix = b"\xff\xfe" + len(aad).to_bytes(4, "big")
    flags = (0x40 if aad else 0) | ((length - 2) // 2 << 3 if length else 0) | (width - 1)
    text = bytes((flags,)) + nonce + len(message).to_bytes(width, "big")
    text += _padded(prefix + aad) if aad else b""
    text += _padded(message)
    tag = bytes(16)
    for start in range(0, len(text), 16):
        tag = aes(key, xor(tag, text[start : start + 16]))

    def stream(counter: int) -> bytes:
        return aes(key, bytes((width - 1,)) + nonce + counter.to_bytes(width, "big"))

    sealed = b""
    for start in range(0, len(message), 16):
        sealed += xor(message[start : start + 16], stream(1 + start // 16))
    return sealed, xor(tag, stream(0))[:length]


def ccm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes, mic: bytes) -> bytes | None:
    """The plaintext, or None when the MIC is another."""
    plain, _ = ccm(key, nonce, sealed, b"", 0)
    return plain if ccm(key, nonce, plain, aad, len(mic))[1] == mic else None


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % 16)


@dataclass(frozen=True, slots=True)
class BinaryCurve:
    """y^2 + xy = x^3 + a x^2 + b over GF(2^m) with a reduction polynomial (SEC 1, 2.2.2)."""

    m: int
    polynomial: int
    a: int
    b: int
    generator: tuple[int, int]
    order: int
    cofactor: int

    @property
    def octets(self) -> int:
        return (self.m + 7) // 8

    def times(self, x: int, y: int) -> int:
        """Product of two field elements."""
        product = 0
        while y:
            if y & 1:
                product ^= x
            x <<= 1
            y >>= 1
        for bit in range(product.bit_length() - 1, self.m - 1, -1):
            if product >> bit & 1:
                product ^= self.polynomial << bit - self.m
        return product

    def inverse(self, x: int) -> int:
        """Inverse of a field element, by Euclid's algorithm."""
        u, v, s, t = x, self.polynomial, 1, 0
        while u != 1:
            if u.bit_length() < v.bit_length():
                u, v, s, t = v, u, t, s
            shift = u.bit_length() - v.bit_length()
            u, s = u ^ v << shift, s ^ t << shift
        return s

    def contains(self, point: Affine) -> bool:
        if point is None:
            return True
        x, y = point
        left = self.times(y, y) ^ self.times(x, y)
        return left == self.times(self.times(x, x), x ^ self.a) ^ self.b

    def add(self, p: Affine, q: Affine) -> Affine:
        if p is None or q is None:
            return p or q
        (x1, y1), (x2, y2) = p, q
        if p == q and x1:
            slope = x1 ^ self.times(y1, self.inverse(x1))
        elif x1 == x2:
            return None
        else:
            slope = self.times(y1 ^ y2, self.inverse(x1 ^ x2))
        x3 = self.times(slope, slope) ^ slope ^ x1 ^ x2 ^ self.a
        return x3, self.times(slope, x1 ^ x3) ^ x3 ^ y1

    def compressed(self, point: Affine) -> bytes:
        if point is None:
            return b"\x00"
        x, y = point
        parity = self.times(y, self.inverse(x)) & 1 if x else 0
        return bytes((2 + parity,)) + x.to_bytes(self.octets, "big")

    def uncompressed(self, point: Affine) -> bytes:
        if point is None:
            return b"\x00"
        return b"\x04" + b"".join(part.to_bytes(self.octets, "big") for part in point)

    def decompressed(self, octets: bytes) -> tuple[int, int] | None:
        """The point, or None when x is too long or no point has it.  Prefix: 02 or 03."""
        x = int.from_bytes(octets[1:], "big")
        if x >> self.m:
            return None
        if x == 0:
            root = self.b
            for _ in range(self.m - 1):
                root = self.times(root, root)
            return 0, root
        inverse = self.inverse(x)
        right = x ^ self.a ^ self.times(self.b, self.times(inverse, inverse))
        z = power = right  # the half trace solves z^2 + z = right, where that has a solution
        for _ in range(self.m // 2):
            power = self.times(power, power)
            power = self.times(power, power)
            z ^= power
        if self.times(z, z) ^ z != right:
            return None
        return x, self.times(x, z ^ (z & 1) ^ (octets[0] & 1))


@cache
def multiple(curve: BinaryCurve, k: int, point: Affine) -> Affine:
    """k * point, by doubling and adding; not reduced, so right for points of any order."""
    total: Affine = None
    for bit in f"{k:b}":
        total = curve.add(total, total)
        if bit == "1":
            total = curve.add(total, point)
    return total


SECT163K1 = BinaryCurve(
    m=163,
    polynomial=(1 << 163) | 0b11001001,
    a=1,
    b=1,
    generator=(
        0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8,
        0x0289070FB05D38FF58321F2E800536D538CCDAA3D9,
    ),
    order=0x04000000000000000000020108A2E0CC0D99F8A5EF,
    cofactor=2,
)

SECT283K1 = BinaryCurve(
    m=283,
    polynomial=(1 << 283) | 0b1000010100001,
    a=0,
    b=1,
    generator=(
        0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
    order=0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    cofactor=4,
)

CURVES = {"sect163k1": SECT163K1, "sect283k1": SECT283K1}
