"""Signatures over AES-MMO, on messages and on upgrade images."""

from __future__ import annotations

import random

import pytest

from tests.points import finite
from zigbee.crypto import ecdsa
from zigbee.crypto.cbke import SUITE1, SUITE2, SUITES
from zigbee.crypto.ecdsa import SignatureError, SignatureFault
from zigbee.crypto.ecqv import CertificateAuthority
from zigbee.crypto.errors import PointError
from zigbee.crypto.ota_image import ImageError, ImageFault, sign_image, verify_image
from zigbee.crypto.suite import Suite
from zigbee.ota_file import Element, OtaFile, OtaHeader, Tag

PRIVATE = 0x123456789ABCDEF
suites = pytest.mark.parametrize("suite", SUITES, ids=["suite1", "suite2"])


@suites
def test_round_trip_and_single_bits(suite: Suite) -> None:
    public = finite(suite.curve.multiply_generator(PRIVATE))
    signature = ecdsa.sign(suite, PRIVATE, b"message", random.Random(1).randbytes)
    assert len(signature) == ecdsa.signature_length(suite) == {1: 42, 2: 72}[suite.id]
    ecdsa.verify(suite, public, b"message", signature)
    with pytest.raises(SignatureError):
        ecdsa.verify(suite, public, b"massage", signature)
    for place in range(0, 8 * len(signature), 37):
        altered = bytearray(signature)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(SignatureError):
            ecdsa.verify(suite, public, b"message", bytes(altered))


@suites
def test_refusals(suite: Suite) -> None:
    public, half = finite(suite.curve.multiply_generator(PRIVATE)), suite.secret_length
    order = suite.curve.order.to_bytes(half, "big")
    one = (1).to_bytes(half, "big")
    for signature, fault in (
        (bytes(2 * half - 1), SignatureFault.LENGTH),
        (bytes(2 * half), SignatureFault.RANGE),
        (one + order, SignatureFault.RANGE),
        (order + one, SignatureFault.RANGE),
        (one + one, SignatureFault.WRONG),
    ):
        with pytest.raises(SignatureError) as refusal:
            ecdsa.verify(suite, public, b"message", signature)
        assert refusal.value.fault == fault
    with pytest.raises(PointError):
        ecdsa.verify(suite, public._replace(y=public.y ^ 1), b"message", one + one)


@pytest.mark.parametrize("nonce", [0, -1, SUITE2.curve.order, SUITE2.curve.order + 1])
def test_nonces_out_of_range(nonce: int) -> None:
    with pytest.raises(ValueError, match="nonce"):
        ecdsa.sign_digest(SUITE2.curve, PRIVATE, bytes(16), nonce)


@pytest.fixture
def signed() -> tuple[bytes, OtaFile]:
    ca = CertificateAuthority.from_seed(SUITE1, b"test", b"TESTSECA")
    source = random.Random(1).randbytes
    certificate, private = ca.issue(bytes.fromhex("000d6f0001020304"), source)
    header = OtaHeader(0x1037, 0x0001, 0x00000002, b"A file", total_size=1, header_length=60)
    file = OtaFile(header, [Element(Tag.UPGRADE_IMAGE, b"image")])
    return ca.public, sign_image(file, certificate, private, source)


def test_an_image_of_our_own(signed: tuple[bytes, OtaFile]) -> None:
    authority, file = signed
    assert str(verify_image(file.to_bytes(), authority)) == "000d6f0001020304"


def test_no_octet_of_an_image_can_be_changed(signed: tuple[bytes, OtaFile]) -> None:
    authority, file = signed
    octets = file.to_bytes()
    for place in range(len(octets)):
        altered = bytearray(octets)
        altered[place] ^= 0x10
        with pytest.raises(ImageError):
            verify_image(bytes(altered), authority)


def test_images_without_signature_or_certificate(signed: tuple[bytes, OtaFile]) -> None:
    authority, file = signed
    image, certificate, signature = file.elements
    for elements, fault in (
        ([image, certificate], ImageFault.UNSIGNED),
        ([], ImageFault.UNSIGNED),
        ([image, signature, certificate], ImageFault.UNSIGNED),
        ([image, signature], ImageFault.CERTIFICATE),
        ([image, certificate, certificate, signature], ImageFault.CERTIFICATE),
        ([image, certificate, Element(signature.tag, bytes(49))], ImageFault.FORMAT),
    ):
        with pytest.raises(ImageError) as refusal:
            verify_image(OtaFile(file.header, elements).to_bytes(), authority)
        assert refusal.value.fault == fault
