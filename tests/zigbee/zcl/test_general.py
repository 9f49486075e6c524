"""The general commands: octets written out by hand from ZCL 2.4, and round trips."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee import zcl
from zigbee.errors import CodecError
from zigbee.zcl import general as g

EXAMPLES = [
    (g.ReadAttributes([0x0000, 0x0301]), "00000103"),
    (
        g.ReadAttributesResponse(
            [g.AttributeRecord(0x0000, 0, 0x25, 0x060504030201), g.AttributeRecord(0x0300, 0x86)]
        ),
        "0000" + "00" + "25" + "010203040506" + "0003" + "86",
    ),
    (g.WriteAttributes([g.AttributeValue(0x0010, 0x42, "ab")]), "1000" + "42" + "026162"),
    (g.WriteAttributesUndivided([g.AttributeValue(0, 0x10, False)]), "0000" + "10" + "00"),
    (g.WriteAttributesResponse(), "00"),
    (g.WriteAttributesResponse([g.WriteStatus(0x88, 0x0102)]), "88" + "0201"),
    (g.WriteAttributesNoResponse([g.AttributeValue(1, 0x28, -1)]), "0100" + "28" + "ff"),
    (
        g.ConfigureReporting(
            [
                g.ReportingConfiguration(0, 0x0400, 0x2A, 1, 0x0203, -1),
                g.ReportingConfiguration(0, 0x0200, 0x18, 5, 6),
                g.ReportingConfiguration(1, 0x0100, timeout=0x0405),
            ]
        ),
        "000004" + "2a" + "0100" + "0302" + "ffffff" + "000002" + "18" + "0500" + "0600"
        "010001" + "0504",
    ),
    (g.ConfigureReportingResponse(), "00"),
    (g.ConfigureReportingResponse([g.ReportingStatus(0x8C, 0, 0x0102)]), "8c" + "00" + "0201"),
    (g.ReadReportingConfiguration([g.ReportingQuery(0, 0x0400)]), "000004"),
    (
        g.ReadReportingConfigurationResponse(
            [
                g.ReportingRecord(0, 0, 4, g.ReportingConfiguration(0, 4, 0x20, 1, 2, 3)),
                g.ReportingRecord(0x8B, 0, 5),
            ]
        ),
        "00" + "00" + "0400" + "20" + "0100" + "0200" + "03" + "8b" + "00" + "0500",
    ),
    (g.ReportAttributes([g.AttributeValue(0, 0x21, 7)]), "0000" + "21" + "0700"),
    (g.DefaultResponse(0x02, 0x81), "0281"),
    (g.DefaultResponse(0x02, 0x81, b"\x99"), "028199"),
    (g.DiscoverAttributes(0x0100, 0x10), "000110"),
    (g.DiscoverAttributesResponse(1, [g.DiscoveredAttribute(2, 0x20)]), "01" + "0200" + "20"),
    (
        g.ReadAttributesStructured([g.StructuredQuery(1, g.Selector([2, 0x0103]))]),
        "0100" + "02" + "0200" + "0301",
    ),
    (
        g.WriteAttributesStructured([g.StructuredValue(1, g.Selector([3], 1), 0x20, 9)]),
        "0100" + "11" + "0300" + "20" + "09",
    ),
    (g.WriteAttributesStructuredResponse(), "00"),
    (
        g.WriteAttributesStructuredResponse([g.StructuredStatus(0x8E, 1, g.Selector())]),
        "8e" + "0100" + "00",
    ),
]


@pytest.mark.parametrize(("command", "octets"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_octets_of_a_command_are_those_of_the_specification(command: Any, octets: Any) -> None:
    assert command.to_bytes().hex() == octets
    assert type(command).from_bytes(bytes.fromhex(octets)) == command


def test_every_general_command_is_there_and_exampled() -> None:
    assert sorted(g.BY_COMMAND) == list(range(0x11))
    assert {type(command) for command, _ in EXAMPLES} == set(g.BY_COMMAND.values())


def test_types_are_named_when_sent() -> None:
    assert g.WriteAttributes([g.AttributeValue(0, "uint16", 30)]).to_bytes().hex() == "0000211e00"


@given(st.integers(0, 0x10), st.binary(max_size=40))
def test_whatever_parses_is_rebuilt(command: Any, payload: Any) -> None:
    frame = zcl.ZclFrame(False, zcl.Direction.TO_CLIENT, 1, command, payload)
    try:
        found = zcl.decode(frame, 0x0702)
    except CodecError as error:
        assert error.layer == "zcl"
        return
    assert found.to_bytes() == payload
    assert found.body is not None
    assert found.body.to_bytes() == payload


def test_a_decoded_command_is_named_and_its_fields_are_those_of_its_class() -> None:
    frame = zcl.ZclFrame(False, zcl.Direction.TO_CLIENT, 1, 0x01, bytes.fromhex("00000020051234"))
    with pytest.raises(CodecError, match=r"value|status|type"):
        zcl.decode(frame, 0)
    frame.payload = bytes.fromhex("0000002005")
    command = zcl.decode(frame, 0)
    assert command.name == "ReadAttributesResponse"
    assert command.fields["records"] == [g.AttributeRecord(0, 0, 0x20, 5)]


def test_a_manufacturers_general_command_has_the_same_layout() -> None:
    frame = zcl.ZclFrame(False, zcl.Direction.TO_SERVER, 1, 0x00, b"\x01\x00", manufacturer=0x1002)
    assert zcl.decode(frame, 0).fields == {"attributes": [1]}


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (g.ReadAttributes, "0000 01"),
        (g.ReadAttributesResponse, "0000 00 57 01"),
        (g.WriteAttributesResponse, ""),
        (g.WriteAttributesResponse, "86"),
        (g.ConfigureReporting, "00 0000 57 0000 0000"),
        (g.DefaultResponse, "01"),
        (g.DiscoverAttributesResponse, ""),
        (g.WriteAttributesStructured, "0100 0f 0000"),
    ],
)
def test_cut_or_unknown_is_an_error_with_its_place(kind: Any, octets: Any) -> None:
    with pytest.raises(CodecError) as caught:
        kind.from_bytes(bytes.fromhex(octets))
    assert caught.value.layer == "zcl"
    assert caught.value.field


@pytest.mark.parametrize(
    "command",
    [
        g.ReadAttributes([0x10000]),
        g.ReadAttributesResponse([g.AttributeRecord(0, 0)]),
        g.WriteAttributes([g.AttributeValue(0, "uint8", 256)]),
        g.WriteAttributes([g.AttributeValue(0, "colour", 1)]),
        g.ConfigureReporting([g.ReportingConfiguration(0, 0)]),
        g.ReadReportingConfigurationResponse([g.ReportingRecord(0, 0, 0)]),
        g.ReadAttributesStructured([g.StructuredQuery(0, g.Selector([0] * 16))]),
        g.DefaultResponse(256, 0),
        g.ConfigureReportingResponse([g.ReportingStatus(300, 0, 0)]),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_cannot_be_sent_is_refused(command: Any) -> None:
    with pytest.raises(CodecError):
        command.to_bytes()
