"""`python -m lab certificates`: what the test authority issues to a device, right and wrong.

A maker programs the right one into a device that is to be tested; the wrong ones are for tests of
the maker's own. All of them follow from the authority's seed and the device's EUI-64, for ever.
Formats: 075356 Annex C.4.2 (suite 1, 48 octets), 07-5356-19 Annex C.4.2 (suite 2, 74 octets).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.config import ConfigError
from lab.units.credentials import ISSUER, SEED, UNKNOWN_ISSUER
from zigbee.crypto.ecqv import (
    DIGITAL_SIGNATURE,
    CertificateAuthority,
    expand,
)
from zigbee.crypto.errors import PointError
from zigbee.crypto.suite import SUITE1, SUITES, Suite
from zigbee.errors import CodecError
from zigbee.types import Eui64

__all__ = ["Issued", "issued", "show"]

FOREIGN_PROFILE = bytes.fromhex("01040006000000000000")
"""Home Automation where Smart Energy belongs; the rest as in a right certificate."""
FOREIGN_CURVE = 0x0C


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with the private key (a scalar) that was issued with it."""

    name: str
    what: str
    certificate: bytes
    private_key: int


def authority(suite: Suite, seed: bytes = SEED) -> CertificateAuthority:
    """Return the test authority of a suite; another seed gives another authority."""
    return CertificateAuthority.from_seed(suite, seed, ISSUER)


def issued(eui64: Eui64, suite: Suite = SUITE1, seed: bytes = SEED) -> Iterator[Issued]:
    """Yield the right certificate of a device, then each kind of wrong one."""
    by = authority(suite, seed)

    def issue(name: str, what: str, subject: Eui64 = eui64, **changed: Any) -> Issued:
        chance = expand(b"key" + eui64.to_be())
        return Issued(name, what, *by.issue(subject.to_be(), chance, **changed))

    right = issue("right", "issued by the authority to this device")
    yield right
    yield issue("issuer", "of an issuer that nobody knows", issuer=UNKNOWN_ISSUER)
    yield issue("subject", "of another device", Eui64(int(eui64) ^ 0xEE))
    if suite is SUITE1:
        yield issue("profile", "of another profile, 0x0104", attributes=FOREIGN_PROFILE)
    else:
        yield issue("key_usage", "for signatures only", key_usage=DIGITAL_SIGNATURE)
        yield issue("curve", "names another curve", curve_id=FOREIGN_CURVE)
    short = right.certificate[:-1]
    yield Issued("truncated", "its last octet is missing", short, right.private_key)
    yield issue("off_curve", "its x is that of no point", reconstruction=_no_point(suite))
    neutral_but_one = bytes([2]).ljust(suite.point_length, b"\0")
    yield issue("small_order", "its point has order 2", reconstruction=neutral_but_one)
    by = CertificateAuthority.from_seed(suite, b"rogue" + seed, ISSUER)
    yield issue("rogue", "of a rogue authority with the right issuer octets")


def _no_point(suite: Suite) -> bytes:
    """Return a compressed encoding whose x is in the field and on no point of the curve."""
    x = 2
    while True:
        octets = bytes([2]) + x.to_bytes(suite.curve.length, "big")
        try:
            suite.curve.decompress(octets, subgroup=False)
        except PointError:
            return octets
        x += 1


def show(eui64: str, suite_id: int, seed: str | None) -> int:
    """Print the certificates of a device as TOML: hex, most significant octet first.

    Raises ConfigError for an EUI-64 that is none.
    """
    try:
        device = Eui64.parse(eui64)
    except CodecError as error:
        raise ConfigError(error.reason, "certificates", "EUI64") from None
    suite = next(one for one in SUITES if one.id == suite_id)
    secret = seed.encode() if seed else SEED
    print(f"# suite {suite.id}; issuer {ISSUER.hex()}; these keys protect nothing")
    print(f'ca_public = "{authority(suite, secret).public.hex()}"')
    for one in issued(device, suite, secret):
        print(f"\n[{one.name}]  # {one.what}")
        print(f'certificate = "{one.certificate.hex()}"')
        print(f'private_key = "{one.private_key:0{2 * suite.curve.length}x}"')
    return 0
