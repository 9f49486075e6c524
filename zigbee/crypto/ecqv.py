"""Implicit certificates: ECQV in the two formats of Smart Energy.

Sources: 075356, Annex C.4.2 (suite 1, 48 octets); 07-5356-19, Annex C.4.2 (suite 2, 74
octets); SEC 4 version 1.0, 3.5.  With P the reconstruction point, Qca the authority's public key
and e = AES-MMO(certificate) as a 128-bit big-endian integer, the holder's public key is e*P + Qca.
All fields are as in the certificate, most significant octet first.  Not constant-time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Self

from .curve import Point
from .errors import CertificateError, CertificateFault, PointError
from .mmo import mmo_hash
from .suite import SUITE1, SUITE2, Suite

Random = Callable[[int], bytes]
"""A source of octets: a length in, that many octets out (``random.Random(1).randbytes``)."""

KEY_AGREEMENT = 0x08
DIGITAL_SIGNATURE = 0x80


@dataclass(frozen=True, slots=True)
class Certificate1:
    """A certificate of suite 1, 48 octets: the fields in their order."""

    reconstruction: bytes  # 22: compressed point
    subject: bytes  # 8: EUI-64
    issuer: bytes  # 8
    attributes: bytes = bytes.fromhex("01090006000000000000")  # 10: profile, then the issuer's

    suite: ClassVar[Suite] = SUITE1

    def to_bytes(self) -> bytes:
        """The certificate as it goes on the air; lengths are not checked, so it can be wrong."""
        return self.reconstruction + self.subject + self.issuer + self.attributes

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Cut up 48 octets; CertificateError for another length."""
        _check_length(cls.suite, octets)
        return cls(octets[:22], octets[22:30], octets[30:38], octets[38:])


@dataclass(frozen=True, slots=True)
class Certificate2:
    """A certificate of suite 2, 74 octets: the fields (their order is that of ``to_bytes``)."""

    reconstruction: bytes  # 37: compressed point
    subject: bytes  # 8: EUI-64
    issuer: bytes  # 8
    key_usage: int = KEY_AGREEMENT | DIGITAL_SIGNATURE
    certificate_type: int = 0x00
    serial: bytes = bytes(8)
    curve_id: int = 0x0D
    hash_id: int = 0x08
    valid_from: bytes = bytes(5)  # seconds since 1970
    valid_to: bytes = b"\xff\xff\xff\xff"  # seconds of validity; all ones: without end

    suite: ClassVar[Suite] = SUITE2

    def to_bytes(self) -> bytes:
        """The certificate as it goes on the air; lengths are not checked, so it can be wrong."""
        head = bytes((self.certificate_type,)) + self.serial
        head += bytes((self.curve_id, self.hash_id)) + self.issuer + self.valid_from
        tail = self.valid_to + self.subject + bytes((self.key_usage,))
        return head + tail + self.reconstruction

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Cut up 74 octets; CertificateError for another length."""
        _check_length(cls.suite, octets)
        return cls(
            reconstruction=octets[37:],
            subject=octets[28:36],
            issuer=octets[11:19],
            key_usage=octets[36],
            certificate_type=octets[0],
            serial=octets[1:9],
            curve_id=octets[9],
            hash_id=octets[10],
            valid_from=octets[19:24],
            valid_to=octets[24:28],
        )


Certificate = Certificate1 | Certificate2


def parse(octets: bytes) -> Certificate:
    """Cut up a certificate of either suite, told apart by length.

    CertificateError for another length, or when a suite 2 certificate names another type, curve or
    hash than 00, 0d and 08.
    """
    if len(octets) == SUITE1.certificate_length:
        return Certificate1.from_bytes(octets)
    certificate = Certificate2.from_bytes(octets)
    for value, wanted, fault in (
        (certificate.certificate_type, 0x00, CertificateFault.TYPE),
        (certificate.curve_id, 0x0D, CertificateFault.CURVE),
        (certificate.hash_id, 0x08, CertificateFault.HASH),
    ):
        if value != wanted:
            raise CertificateError(fault, f"{fault.value} but {value:02x}")
    return certificate


@lru_cache(maxsize=256)
def public_key(certificate: bytes, ca_public: bytes) -> Point:
    """Return the holder's public key, e*P + Qca.

    ``ca_public`` is the authority's compressed public key.  Raises CertificateError when the
    certificate is malformed, its point is bad or the result is neutral, and PointError when the
    authority's key is bad.  The last 256 results are remembered.
    """
    fields = parse(certificate)
    curve = fields.suite.curve
    authority = curve.decompress(ca_public)
    try:
        point = curve.decompress(fields.reconstruction)
    except PointError as error:
        raise CertificateError(CertificateFault.POINT, f"reconstruction point: {error}") from error
    e = int.from_bytes(mmo_hash(certificate), "big")
    key = curve.add(curve.multiply(e, point), authority)
    if key is None:
        raise CertificateError(CertificateFault.NEUTRAL, CertificateFault.NEUTRAL.value)
    return key


def check(certificate: bytes, *, issuer: bytes, sender: bytes) -> Certificate:
    """Apply the policy of key establishment to a partner's certificate and return its fields.

    ``issuer`` is the trusted authority, ``sender`` the partner's EUI-64, both 8 octets as in the
    certificate.  Raises CertificateError: malformed, issued by another, made for another, or
    (suite 2) without the key agreement bit.  The public key is not extracted here.
    """
    fields = parse(certificate)
    if fields.issuer != issuer:
        detail = f"issued by {fields.issuer.hex()}, trusted is {issuer.hex()}"
        raise CertificateError(CertificateFault.ISSUER, detail)
    if fields.subject != sender:
        detail = f"made for {fields.subject.hex()}, sent by {sender.hex()}"
        raise CertificateError(CertificateFault.SUBJECT, detail)
    if isinstance(fields, Certificate2) and not fields.key_usage & KEY_AGREEMENT:
        detail = f"key usage {fields.key_usage:02x} has no key agreement bit (08)"
        raise CertificateError(CertificateFault.KEY_USAGE, detail)
    return fields


def draw_scalar(suite: Suite, random: Random) -> int:
    """Draw a private key in 1 .. order - 1, each equally likely."""
    order = suite.curve.order
    mask = (1 << order.bit_length()) - 1
    while True:
        scalar = int.from_bytes(random(suite.curve.length), "big") & mask
        if 0 < scalar < order:
            return scalar


class CertificateAuthority:
    """A test authority of one suite, which issues right certificates and, when asked, wrong ones.

    ``issuer`` has 8 octets.  Its keys protect nothing: they are for the test bench alone.
    """

    __slots__ = ("issuer", "private_key", "public", "suite")

    def __init__(self, suite: Suite, private_key: int, issuer: bytes) -> None:
        if not 0 < private_key < suite.curve.order:
            raise ValueError("an authority's private key lies between 1 and the order - 1")
        if len(issuer) != 8:
            raise ValueError(f"an issuer has 8 octets, not {len(issuer)}")
        self.suite = suite
        self.private_key = private_key
        self.issuer = issuer
        self.public = suite.curve.compress(_multiple(suite, private_key))

    @classmethod
    def from_seed(cls, suite: Suite, seed: bytes, issuer: bytes) -> Self:
        """The same authority for the same seed, for ever."""
        return cls(suite, draw_scalar(suite, expand(seed)), issuer)

    def issue(self, subject: bytes, random: Random, **overrides: Any) -> tuple[bytes, int]:
        """Return a certificate for ``subject`` (8 octets) and the holder's private key.

        ``overrides`` replace fields of Certificate1 or Certificate2 before the key is computed, so
        a certificate with a wrong issuer, key usage, curve, serial ... still fits its key; with a
        replaced ``reconstruction`` it does not.  Deterministic in ``random``.
        """
        k = draw_scalar(self.suite, random)
        point = self.suite.curve.compress(_multiple(self.suite, k))
        form = Certificate1 if self.suite.id == SUITE1.id else Certificate2
        certificate = replace(form(point, subject, self.issuer), **overrides).to_bytes()
        e = int.from_bytes(mmo_hash(certificate), "big")
        private_key = (e * k + self.private_key) % self.suite.curve.order
        if private_key == 0:  # one in 2^163: draw again
            return self.issue(subject, random, **overrides)
        return certificate, private_key


def expand(seed: bytes) -> Random:
    """A deterministic source of octets: MMO(seed || 0), MMO(seed || 1) ... (our own; for tests)."""
    counter = 0

    def draw(length: int) -> bytes:
        nonlocal counter
        octets = b""
        while len(octets) < length:
            octets += mmo_hash(seed + counter.to_bytes(4, "big"))
            counter += 1
        return octets[:length]

    return draw


def _multiple(suite: Suite, scalar: int) -> Point:
    point = suite.curve.multiply_generator(scalar)
    if point is None:
        raise ValueError("the scalar is a multiple of the order")
    return point


def _check_length(suite: Suite, octets: bytes) -> None:
    if len(octets) != suite.certificate_length:
        allowed = f"{SUITE1.certificate_length} (suite 1) or {SUITE2.certificate_length} (suite 2)"
        detail = f"a certificate has {allowed} octets, not {len(octets)}"
        raise CertificateError(CertificateFault.LENGTH, detail)
