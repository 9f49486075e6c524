"""Certificate-based key establishment: the arithmetic of both suites.

Source: 075356, Annex C.4.2 (suite 1), 07-5356-19, Annex C.4.2 (suite 2); ECMQV: SEC 1 version
1.0, 3.4 and ANSI X9.63; worked examples in Annex C.5 and C.6.  Messages, order and time-outs are
not here: this is what each side computes.

U is the initiator, V the responder.  Points are compressed, addresses have 8 octets with the most
significant first (as in the certificate, not as on the air).  Not constant-time: test keys only.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from .curve import Point
from .ecqv import Random, draw_scalar, public_key
from .errors import CbkeError, CbkeFault, CertificateError, PointError
from .mmo import hmac_mmo, mmo_hash
from .suite import SUITE1, SUITE2, SUITES, TEST_CA_ISSUER, TEST_CA_PUBLIC, Suite

__all__ = [
    "SUITE1",
    "SUITE2",
    "SUITES",
    "TEST_CA_ISSUER",
    "TEST_CA_PUBLIC",
    "CbkeError",
    "CbkeFault",
    "Ephemeral",
    "Suite",
    "check_mac",
    "derive",
    "ephemeral",
    "mac_u",
    "mac_v",
    "shared_secret",
]


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """An ephemeral key pair; ``public`` is the compressed point."""

    private: int
    public: bytes


def ephemeral(suite: Suite, random: Random) -> Ephemeral:
    """Draw an ephemeral key pair; ``random`` gives as many octets as it is asked for."""
    private = draw_scalar(suite, random)
    point = suite.curve.multiply_generator(private)
    if point is None:  # impossible for 0 < private < order
        raise ValueError("the ephemeral public key is neutral")
    return Ephemeral(private, suite.curve.compress(point))


def shared_secret(
    suite: Suite,
    static_private: int,
    ephemeral: Ephemeral,
    peer_certificate: bytes,
    peer_ephemeral: bytes,
    ca_public: bytes,
) -> bytes:
    """Return Z, ``suite.secret_length`` octets with leading zeros kept (ECMQV with cofactor).

    With own static key d, own ephemeral (k, E), the partner's static key Qp from its certificate
    and its ephemeral Ep: s = k + avf(E) * d mod n and Z = x(h * s * (Ep + avf(Ep) * Qp)), where n
    is the order and h the cofactor.  Raises CbkeError, with the cause chained, when the
    certificate or a point is bad or the shared point is neutral.
    """
    curve = suite.curve
    if len(peer_certificate) != suite.certificate_length:
        detail = f"a certificate of this suite has {suite.certificate_length} octets"
        raise CbkeError(CbkeFault.CERTIFICATE, f"{detail}, not {len(peer_certificate)}")
    try:
        peer_static = public_key(peer_certificate, ca_public)
    except CertificateError as error:
        raise CbkeError(CbkeFault.CERTIFICATE, f"partner's certificate: {error}") from error
    try:
        peer_point = curve.decompress(peer_ephemeral)
    except PointError as error:
        raise CbkeError(CbkeFault.EPHEMERAL, f"partner's ephemeral key: {error}") from error
    s = ephemeral.private + _associate(suite, ephemeral.public) * static_private
    scalar = curve.cofactor * (s % curve.order)
    shared = curve.double_multiply(
        scalar, peer_point, scalar * _associate(suite, peer_ephemeral), peer_static
    )
    if shared is None:
        raise CbkeError(CbkeFault.NEUTRAL, CbkeFault.NEUTRAL.value)
    return _secret(suite, shared)


def derive(z: bytes) -> tuple[bytes, bytes]:
    """Return (MAC key, link key), 16 octets each: MMO(Z || 00000001), MMO(Z || 00000002)."""
    return mmo_hash(z + b"\x00\x00\x00\x01"), mmo_hash(z + b"\x00\x00\x00\x02")


def mac_u(mac_key: bytes, id_u: bytes, id_v: bytes, eu: bytes, ev: bytes) -> bytes:
    """Return the initiator's confirmation, HMAC(02 || U || V || EU || EV), 16 octets."""
    return hmac_mmo(mac_key, b"\x02" + id_u + id_v + eu + ev)


def mac_v(mac_key: bytes, id_u: bytes, id_v: bytes, eu: bytes, ev: bytes) -> bytes:
    """Return the responder's confirmation, HMAC(03 || V || U || EV || EU), 16 octets.

    The arguments are in the order of ``mac_u``: U is the initiator here too.
    """
    return hmac_mmo(mac_key, b"\x03" + id_v + id_u + ev + eu)


def check_mac(expected: bytes, received: bytes) -> None:
    """Raise CbkeError unless the partner's confirmation is the expected one."""
    if not compare_digest(expected, received):
        raise CbkeError(CbkeFault.MAC, f"the confirmation is {received.hex()}, not the one due")


def _associate(suite: Suite, compressed: bytes) -> int:
    """The associate value of a point (SEC 1, 3.4): the low half of x, with the next bit set.

    The half is that of the order's length, rounded up: 82 bits in suite 1 and 141 in suite 2.
    """
    bits = (suite.curve.order.bit_length() + 1) // 2
    half = 1 << bits
    return int.from_bytes(compressed[1:], "big") % half + half


def _secret(suite: Suite, point: Point) -> bytes:
    return point.x.to_bytes(suite.secret_length, "big")
