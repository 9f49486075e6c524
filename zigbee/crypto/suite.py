"""The two cryptographic suites of Smart Energy key establishment (075356, Annex C.4.2).

Both use ECQV certificates, ECMQV and AES-MMO; they differ in curve and certificate format.
"""

from __future__ import annotations

from dataclasses import dataclass

from .curve import SECT163K1, SECT283K1, Curve


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite; lengths in octets.

    ``id`` is the bit that names the suite in the Key Establishment cluster (little-endian there).
    ``point_length`` is that of a compressed point, ``secret_length`` that of the shared secret Z
    and of each half of a signature.
    """

    id: int
    curve: Curve
    certificate_length: int

    @property
    def point_length(self) -> int:
        return 1 + self.curve.length

    @property
    def secret_length(self) -> int:
        return self.curve.length


SUITE1 = Suite(0x0001, SECT163K1, 48)
SUITE2 = Suite(0x0002, SECT283K1, 74)
SUITES = (SUITE1, SUITE2)

TEST_CA_PUBLIC: dict[int, bytes] = {
    SUITE1.id: bytes.fromhex("0200fde8a7f3d1084224962a4e7c54e69ac3f04da6b8"),
    SUITE2.id: bytes.fromhex(
        "0207a445022d9f39f49bdc38380026a27a9e0a1799313ab28c5c1a1c6b605154db1dff6752"
    ),
}
"""Public key (compressed) of the Certicom test authority by suite id; Annex C.5.1 and C.6.1.

Its private keys are not public: certificates of our own come from ``ecqv.CertificateAuthority``.
"""

TEST_CA_ISSUER: dict[int, bytes] = {
    SUITE1.id: bytes.fromhex("5445535453454341"),
    SUITE2.id: bytes.fromhex("1112131415161718"),
}
"""Issuer identifier in the published test certificates by suite id, as in the certificate."""
