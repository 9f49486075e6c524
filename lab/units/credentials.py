"""The test certificate authority of the harness, and what it issues (075356 Annex C.4, suite 1).

Its keys are derived from a fixed seed, so that a campaign can be repeated octet for octet. They
protect nothing: a device that is to be tested against the golden unit needs a certificate of the
same authority as the golden unit. ``python -m lab certificates`` issues them, right and wrong ones;
a lab with certificates of another authority names them in its bench file (certificates.py beside).
"""

from __future__ import annotations

from functools import cache

from lab.golden.key_establishment import Credentials
from zigbee.crypto.cbke import SUITE1
from zigbee.crypto.ecqv import CertificateAuthority, expand
from zigbee.types import Eui64

__all__ = ["authority", "issue"]

ISSUER = bytes.fromhex("5345544553544341")
UNKNOWN_ISSUER = bytes.fromhex("0102030405060708")
SEED = b"Smart Energy test bench, suite 1"


@cache
def authority(seed: bytes = SEED, issuer: bytes = ISSUER) -> CertificateAuthority:
    """The test authority of ``seed``; another seed gives a rogue one."""
    return CertificateAuthority.from_seed(SUITE1, seed, issuer)


def issue(
    eui64: Eui64, *, by: CertificateAuthority | None = None, **overrides: bytes
) -> Credentials:
    """A certificate for ``eui64`` with its private key; ``overrides`` replace its fields."""
    issuer = by or authority()
    certificate, private_key = issuer.issue(
        eui64.to_be(), expand(b"key" + eui64.to_be()), **overrides
    )
    return Credentials(certificate, private_key, issuer.public)
