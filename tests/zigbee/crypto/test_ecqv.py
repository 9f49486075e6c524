"""The test authority: right certificates, wrong ones, always the same ones."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.points import finite
from zigbee.crypto import ecqv
from zigbee.crypto.cbke import SUITE1, SUITE2, SUITES, TEST_CA_ISSUER, TEST_CA_PUBLIC
from zigbee.crypto.errors import CertificateError, CertificateFault, CryptoError, PointError
from zigbee.crypto.suite import Suite

SUBJECT = bytes.fromhex("000d6f0001020304")
suites = pytest.mark.parametrize("suite", SUITES, ids=["suite1", "suite2"])


def authority(suite: Suite, seed: bytes = b"seed") -> ecqv.CertificateAuthority:
    return ecqv.CertificateAuthority.from_seed(suite, seed, TEST_CA_ISSUER[suite.id])


def issue(
    suite: Suite, seed: int = 1, **overrides: Any
) -> tuple[ecqv.CertificateAuthority, bytes, int]:
    ca = authority(suite)
    return ca, *ca.issue(SUBJECT, random.Random(seed).randbytes, **overrides)


@suites
def test_a_certificate_gives_the_key_of_its_holder(suite: Suite) -> None:
    ca, certificate, private = issue(suite)
    assert len(certificate) == suite.certificate_length
    assert ecqv.public_key(certificate, ca.public) == suite.curve.multiply_generator(private)
    fields = ecqv.check(certificate, issuer=ca.issuer, sender=SUBJECT)
    assert (fields.subject, fields.issuer) == (SUBJECT, ca.issuer)
    assert fields.to_bytes() == certificate


@suites
def test_the_same_seeds_give_the_same_certificate(suite: Suite) -> None:
    assert issue(suite)[1:] == issue(suite)[1:]
    assert issue(suite)[1:] != issue(suite, seed=2)[1:]
    assert authority(suite).public != authority(suite, b"other").public


@suites
def test_another_authority_does_not_give_that_key(suite: Suite) -> None:
    _, certificate, private = issue(suite)
    other = ecqv.public_key(certificate, authority(suite, b"other").public)
    assert other != suite.curve.multiply_generator(private)


@pytest.mark.parametrize(
    ("suite", "overrides", "fault"),
    [
        (SUITE1, {"issuer": bytes(8)}, CertificateFault.ISSUER),
        (SUITE2, {"issuer": bytes(8)}, CertificateFault.ISSUER),
        (SUITE2, {"key_usage": 0x80}, CertificateFault.KEY_USAGE),
        (SUITE2, {"curve_id": 0x0C}, CertificateFault.CURVE),
        (SUITE2, {"hash_id": 0x09}, CertificateFault.HASH),
        (SUITE2, {"certificate_type": 0x01}, CertificateFault.TYPE),
        (SUITE1, {"attributes": bytes(9)}, CertificateFault.LENGTH),
        (SUITE2, {"serial": bytes(9)}, CertificateFault.LENGTH),
    ],
)
def test_wrong_certificates(
    suite: Suite, overrides: dict[str, Any], fault: CertificateFault
) -> None:
    ca, certificate, _ = issue(suite, **overrides)
    with pytest.raises(CertificateError) as refusal:
        ecqv.check(certificate, issuer=ca.issuer, sender=SUBJECT)
    assert refusal.value.fault == fault


@suites
def test_a_certificate_of_another_device(suite: Suite) -> None:
    ca, certificate, _ = issue(suite)
    with pytest.raises(CertificateError, match="sent by 000d6f0001020305") as refusal:
        ecqv.check(certificate, issuer=ca.issuer, sender=SUBJECT[:-1] + b"\x05")
    assert refusal.value.fault == CertificateFault.SUBJECT


@suites
def test_a_certificate_of_another_issuer_still_fits_its_key(suite: Suite) -> None:
    ca, certificate, private = issue(suite, issuer=bytes(8))
    assert ecqv.public_key(certificate, ca.public) == suite.curve.multiply_generator(private)


@suites
@pytest.mark.parametrize("prefix", [b"\x04", b"\x00"])
def test_a_bad_reconstruction_point(suite: Suite, prefix: bytes) -> None:
    point = prefix + bytes(suite.point_length - 1)
    ca, certificate, _ = issue(suite, reconstruction=point)
    with pytest.raises(CertificateError) as refusal:
        ecqv.public_key(certificate, ca.public)
    assert refusal.value.fault == CertificateFault.POINT


@suites
def test_a_result_that_is_neutral_is_refused(suite: Suite) -> None:
    """Q = e * P + Qca is neutral when the authority's key happens to be -e * P."""
    ca, certificate, _ = issue(suite)
    curve = suite.curve
    own = curve.add(
        ecqv.public_key(certificate, ca.public), curve.negate(curve.decompress(ca.public))
    )
    with pytest.raises(CertificateError) as refusal:
        ecqv.public_key(certificate, curve.compress(finite(curve.negate(own))))
    assert refusal.value.fault == CertificateFault.NEUTRAL


@suites
def test_a_bad_authority_key(suite: Suite) -> None:
    _, certificate, _ = issue(suite)
    with pytest.raises(PointError):
        ecqv.public_key(certificate, bytes(suite.point_length))


@given(st.binary(max_size=90) | st.binary(min_size=46, max_size=46).map(b"\x02\x00".__add__))
@settings(deadline=None)
def test_hostile_octets(octets: bytes) -> None:
    """Whatever comes, the answer is a key on the curve or a typed refusal."""
    for suite in SUITES:
        try:
            key = ecqv.public_key(octets, TEST_CA_PUBLIC[suite.id])
        except CryptoError:
            continue
        assert suite.curve.validate(key) == key


@suites
def test_private_keys_are_drawn_below_the_order(suite: Suite) -> None:
    draws = [b"\xff" * suite.curve.length, bytes(suite.curve.length)]
    draws.append((7).to_bytes(suite.curve.length, "big"))
    assert ecqv.draw_scalar(suite, lambda _length: draws.pop(0)) == 7


@pytest.mark.parametrize("private", [0, -1, SUITE1.curve.order])
def test_private_keys_of_an_authority(private: int) -> None:
    with pytest.raises(ValueError, match="private key"):
        ecqv.CertificateAuthority(SUITE1, private, bytes(8))


def test_an_issuer_has_eight_octets() -> None:
    with pytest.raises(ValueError, match="8 octets"):
        ecqv.CertificateAuthority(SUITE1, 1, bytes(7))
