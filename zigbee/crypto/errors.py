"""What the cryptography refuses, and why.

Every refusal names its reason in ``fault``, one word of the enumeration of its class, so that a
caller can answer the partner (a Terminate status, say) without reading a message text.
"""

from __future__ import annotations

from enum import StrEnum


class CryptoError(ValueError):
    """Base of every refusal of this package; ``fault`` is the machine-readable reason."""

    def __init__(self, fault: StrEnum, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class PointFault(StrEnum):
    """Why an octet string or a pair of coordinates is no acceptable public key."""

    LENGTH = "wrong length"
    PREFIX = "unknown first octet"
    RANGE = "coordinate has more bits than the field"
    NO_POINT = "no point has this x coordinate"
    NOT_ON_CURVE = "not on the curve"
    NEUTRAL = "neutral element"
    SUBGROUP = "outside the subgroup of prime order"


class PointError(CryptoError):
    """A point that is malformed, off the curve, or in the wrong group."""

    fault: PointFault


class CertificateFault(StrEnum):
    """Why an implicit certificate is refused."""

    LENGTH = "wrong length"
    TYPE = "certificate type is not 00"
    CURVE = "curve identifier is not 0d"
    HASH = "hash identifier is not 08"
    POINT = "reconstruction point is bad"
    NEUTRAL = "the reconstructed public key is the neutral element"
    ISSUER = "issued by another authority"
    SUBJECT = "subject is not the address of the sender"
    KEY_USAGE = "key usage has no key agreement bit"


class CertificateError(CryptoError):
    """An implicit certificate that is malformed or that policy refuses."""

    fault: CertificateFault


class CbkeFault(StrEnum):
    """Why a key establishment cannot go on."""

    CERTIFICATE = "the partner's certificate is bad"
    EPHEMERAL = "the partner's ephemeral key is bad"
    NEUTRAL = "the shared point is the neutral element"
    MAC = "the confirmation MAC is wrong"


class CbkeError(CryptoError):
    """A key establishment that ends here; the cause is chained when it has one."""

    fault: CbkeFault
