"""OTA files: a published one, written-out octets, lies in lengths, and hostile octets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee.errors import CodecError
from zigbee.ota_file import Element, OtaFile, OtaHeader, Signature, Tag
from zigbee.types import Eui64

HEADER = (
    "1ef1ee0b" + "0001" + "3800" + "0000" + "3710" + "0100" + "02000000" + "0200"
    + b"A file".ljust(32, b"\0").hex()
)  # fmt: skip

PUBLISHED = (
    "1ef1ee0b00013800000002107856050000000200546865206c617465737420616e642067726561746573"
    "7420757067726164652eb600000000f00a000000000102030405060708090200300000000307792947b3"
    "850a9585bf8e25c19d8e8678434f5836000d6f0000198b36544553545345434101090000000000000000"
    "010032000000368b1900006f0d0001c2c31cb8c40064eabb3189ad8969eac25893183a023bd28d5fb213"
    "4d3e07b92e06a258e478d20c7acc"
)
"""A sample image file of the Ember image builder, signed under the Certicom test CA."""


def test_a_published_file_is_read_as_its_maker_says() -> None:
    file = OtaFile.from_bytes(bytes.fromhex(PUBLISHED))
    header = file.header
    assert (header.manufacturer, header.image_type, header.file_version) == (0x1002, 0x5678, 5)
    assert header.string.rstrip(b"\0") == b"The latest and greatest upgrade."
    assert header.total_size == len(PUBLISHED) // 2
    assert [(element.tag, len(element.data)) for element in file.elements] == [
        (0xF000, 10),
        (Tag.ECDSA_SIGNING_CERTIFICATE, 48),
        (Tag.ECDSA_SIGNATURE, 50),
    ]
    certificate = file.element(Tag.ECDSA_SIGNING_CERTIFICATE)
    signed = file.element(Tag.ECDSA_SIGNATURE)
    assert certificate is not None and signed is not None
    signature = Signature.from_element(signed)
    assert signature.signer == Eui64.from_bytes_be(certificate.data[22:30])
    assert signature.signature[:21].hex() == "01c2c31cb8c40064eabb3189ad8969eac25893183a"
    assert file.signed_octets() == bytes.fromhex(PUBLISHED)[:140]
    assert file.to_bytes().hex() == PUBLISHED


def simple() -> OtaFile:
    header = OtaHeader(0x1037, 0x0001, 0x00000002, b"A file")
    return OtaFile(header, [Element(Tag.UPGRADE_IMAGE, b"image")])


def test_octets_of_a_file() -> None:
    octets = simple().to_bytes()
    assert octets.hex() == HEADER + "43000000" + "0000" + "05000000" + b"image".hex()
    parsed = OtaFile.from_bytes(octets)
    assert parsed.element(Tag.UPGRADE_IMAGE) == Element(0, b"image")
    assert (parsed.header.header_length, parsed.header.total_size) == (56, 67)
    assert parsed.to_bytes() == octets


def test_optional_parts_of_the_header() -> None:
    header = OtaHeader(1, 2, 3, credential_version=1, destination=Eui64(5), hardware=(2, 9))
    octets = header.to_bytes()
    assert octets[8:10].hex() == "0700"
    assert octets[56:].hex() == "01" + "0500000000000000" + "0200" + "0900"
    parsed = OtaHeader.from_bytes(octets)
    assert (parsed.credential_version, parsed.destination, parsed.hardware) == (1, 5, (2, 9))
    assert parsed.to_bytes() == octets


def test_a_signature_element() -> None:
    signer = Eui64.parse("000d6f0000198b36")
    element = Signature(signer, bytes(range(42))).to_element()
    assert element.data[:8].hex() == "368b1900006f0d00"
    assert Signature.from_element(element) == Signature(signer, bytes(range(42)))
    with pytest.raises(CodecError, match="49 octets, not 50"):
        Signature.from_element(Element(Tag.ECDSA_SIGNATURE, bytes(49)))
    file = simple()
    file.elements.append(element)
    assert file.signed_octets() == file.to_bytes()[:-42]
    file.elements.append(Element(0x1000, b"after"))
    file.trailing = b"more"
    assert file.signed_octets() + element.data[8:] in file.to_bytes()
    with pytest.raises(CodecError, match="no signature"):
        simple().signed_octets()


def test_files_that_lie_can_be_made() -> None:
    file = simple()
    file.header.total_size = 1000
    file.elements[0].length = 7
    octets = file.to_bytes()
    assert octets[52:56].hex() == "e8030000"
    assert octets[58:62].hex() == "07000000"
    with pytest.raises(CodecError, match="total_size"):
        OtaFile.from_bytes(octets)


@pytest.mark.parametrize(
    ("offset", "octets", "field"),
    [
        (0, "1ef1ee0c", "identifier"),
        (6, "3700", "header_length"),
        (6, "ff00", "header_length"),
        (8, "0100", "credential_version"),
        (52, "37000000", "total_size"),
        (52, "44000000", "total_size"),
        (58, "06000000", "data"),
        (58, "ffffffff", "data"),
    ],
)
def test_a_length_that_cannot_be_is_an_error_with_its_field(
    offset: Any, octets: Any, field: Any
) -> None:
    good = simple().to_bytes()
    patch = bytes.fromhex(octets)
    bad = good[:offset] + patch + good[offset + len(patch) :]
    with pytest.raises(CodecError) as caught:
        OtaFile.from_bytes(bad)
    assert (caught.value.layer, caught.value.field) == ("ota", field)


def test_octets_after_the_file_are_kept() -> None:
    octets = simple().to_bytes() + b"rest"
    parsed = OtaFile.from_bytes(octets)
    assert parsed.trailing == b"rest"
    assert parsed.to_bytes() == octets


@given(st.data())
def test_whatever_parses_is_rebuilt(data: Any) -> None:
    octets = bytearray(simple().to_bytes() + data.draw(st.binary(max_size=30)))
    octets[6] = 56 + data.draw(st.integers(0, 16))
    octets[8] = data.draw(st.integers(0, 255))
    octets[52] = data.draw(st.integers(56, len(octets)))
    try:
        parsed = OtaFile.from_bytes(bytes(octets))
    except CodecError:
        return
    assert parsed.to_bytes() == bytes(octets)


@pytest.mark.parametrize(
    "change", [{"manufacturer": 0x10000}, {"file_version": -1}, {"string": bytes(33)}]
)
def test_what_does_not_fit_is_refused(change: Any) -> None:
    header = OtaHeader(**{"manufacturer": 1, "image_type": 2, "file_version": 3, **change})
    with pytest.raises(CodecError):
        header.to_bytes()
