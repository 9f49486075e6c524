"""ECDSA on the curves of both suites, with AES-MMO as the hash where Smart Energy signs.

Sources: SEC 1 version 2.0, 4.1; the signed image: ZigBee Over-the-Air Upgrading Cluster 095264
(suite 1).  A signature is r || s, 21 octets each in suite 1 and 36 in suite 2, big-endian.  That
suite 2 signs in the same way over the same hash is unverified.  Not constant-time.
"""

from __future__ import annotations

from enum import StrEnum

from .curve import Curve, Point
from .ecqv import Random, draw_scalar
from .errors import CryptoError
from .mmo import mmo_hash
from .suite import Suite


class SignatureFault(StrEnum):
    """Why a signature is refused."""

    LENGTH = "wrong length"
    RANGE = "r or s is 0 or not below the order"
    WRONG = "the signature does not verify"


class SignatureError(CryptoError):
    """A signature that is malformed or does not verify."""

    fault: SignatureFault


def signature_length(suite: Suite) -> int:
    """Length of r || s in octets: 42 or 72."""
    return 2 * suite.secret_length


def sign(suite: Suite, private_key: int, message: bytes, random: Random) -> bytes:
    """Return the signature of ``message`` over its AES-MMO digest, as r || s."""
    digest = mmo_hash(message)
    while True:
        pair = sign_digest(suite.curve, private_key, digest, draw_scalar(suite, random))
        if pair is not None:
            return b"".join(part.to_bytes(suite.secret_length, "big") for part in pair)


def verify(suite: Suite, public: Point, message: bytes, signature: bytes) -> None:
    """Raise SignatureError unless ``signature`` (r || s) is that of ``message``.

    Raises PointError when ``public`` is no valid public key.
    """
    if len(signature) != signature_length(suite):
        detail = f"a signature has {signature_length(suite)} octets, not {len(signature)}"
        raise SignatureError(SignatureFault.LENGTH, detail)
    half = suite.secret_length
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    verify_digest(suite.curve, public, mmo_hash(message), r, s)


def sign_digest(
    curve: Curve, private_key: int, digest: bytes, nonce: int
) -> tuple[int, int] | None:
    """Return (r, s) for a digest and a nonce, or None when that nonce gives none.

    Signing two digests with one nonce reveals the private key: the caller draws it.
    """
    point = curve.multiply_generator(nonce)
    if point is None or not 0 < nonce < curve.order:
        raise ValueError("a nonce lies between 1 and the order - 1")
    r = point.x % curve.order
    s = pow(nonce, -1, curve.order) * (_leftmost(curve, digest) + r * private_key) % curve.order
    return (r, s) if r and s else None


def verify_digest(curve: Curve, public: Point, digest: bytes, r: int, s: int) -> None:
    """Raise SignatureError unless (r, s) signs ``digest`` (SEC 1, 4.1.4).

    Raises PointError when ``public`` is no valid public key.
    """
    curve.validate(public)
    if not (0 < r < curve.order and 0 < s < curve.order):
        raise SignatureError(SignatureFault.RANGE, SignatureFault.RANGE.value)
    inverse = pow(s, -1, curve.order)
    u1 = _leftmost(curve, digest) * inverse % curve.order
    u2 = r * inverse % curve.order
    point = curve.double_multiply(u1, curve.generator, u2, public)
    if point is None or point.x % curve.order != r:
        raise SignatureError(SignatureFault.WRONG, SignatureFault.WRONG.value)


def _leftmost(curve: Curve, digest: bytes) -> int:
    """The digest as an integer of at most as many bits as the order has, the first ones."""
    excess = max(0, 8 * len(digest) - curve.order.bit_length())
    return int.from_bytes(digest, "big") >> excess
