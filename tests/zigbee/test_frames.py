"""Frames of every layer: nothing lost both ways, and nothing but `CodecError` for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import frame_strategies as draw
from zigbee.aps import ApsFrame, ApsType, Delivery, ExtendedHeader, TransportKey
from zigbee.errors import CodecError
from zigbee.interpan import InterPanFrame, is_interpan
from zigbee.layout import Layout
from zigbee.mac import (
    AssociationRequest,
    Beacon,
    MacFrame,
    MacType,
    Realignment,
    ack,
    parse_mac_command,
)
from zigbee.nwk import (
    LinkStatus,
    LinkStatusEntry,
    NwkFrame,
    NwkType,
    SourceRoute,
    parse_nwk_command,
)
from zigbee.security import AuxHeader, KeyId
from zigbee.types import Eui64

PARSERS: dict[str, Callable[[bytes], Any]] = {
    "mac": MacFrame.from_bytes,
    "mac command": parse_mac_command,
    "beacon": Beacon.from_bytes,
    "nwk": NwkFrame.from_bytes,
    "nwk command": parse_nwk_command,
    "aps": ApsFrame.from_bytes,
    "aps command": draw.PARSERS[2][1],
    "interpan": InterPanFrame.from_bytes,
}


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS.keys())
@given(octets=st.binary(max_size=127))
def test_any_octets_parse_without_loss_or_raise_codec_error(
    parser: Callable[[bytes], Any], octets: bytes
) -> None:
    try:
        parsed = parser(octets)
    except CodecError as error:
        assert error.layer and error.reason
        assert 0 <= error.offset <= len(octets)
    else:
        assert parsed.to_bytes() == octets


@given(draw.mac_frames())
def test_mac_frames_survive(frame: MacFrame) -> None:
    assert MacFrame.from_bytes(frame.to_bytes()) == frame


@given(draw.beacons)
def test_beacons_survive(beacon: Beacon) -> None:
    assert Beacon.from_bytes(beacon.to_bytes()) == beacon


@given(draw.nwk_frames())
def test_nwk_frames_survive(frame: NwkFrame) -> None:
    assert NwkFrame.from_bytes(frame.to_bytes()) == frame


@given(draw.aps_frames())
def test_aps_frames_survive(frame: ApsFrame) -> None:
    assert ApsFrame.from_bytes(frame.to_bytes()) == frame


@given(draw.interpan_frames())
def test_interpan_frames_survive(frame: InterPanFrame) -> None:
    assert is_interpan(frame.to_bytes())
    assert InterPanFrame.from_bytes(frame.to_bytes()) == frame


@pytest.mark.parametrize(
    ("strategy", "parse"),
    [
        pytest.param(strategy, parse, id=name)
        for strategies, parse in draw.PARSERS
        for name, strategy in strategies.items()
    ],
)
@given(data=st.data())
def test_commands_survive(
    strategy: st.SearchStrategy[Any], parse: Callable[[bytes], Any], data: st.DataObject
) -> None:
    command = data.draw(strategy)
    assert parse(command.to_bytes()) == command


@pytest.mark.parametrize(
    ("octets", "frame"),
    [
        # Frame control values named in IEEE 802.15.4-2006 captures: ack, beacon request, poll.
        ("120042", ack(0x42, pending=True)),
        (
            "0308e1ffffffff07",
            MacFrame(MacType.COMMAND, 0xE1, 0xFFFF, 0xFFFF, payload=b"\x07"),
        ),
        (
            "6388 05 621a 0000 8fa1 04",
            MacFrame(
                MacType.COMMAND,
                5,
                0x1A62,
                0,
                src=0xA18F,
                payload=b"\x04",
                ack_request=True,
                pan_compression=True,
            ),
        ),
        (
            "23c8 01 621a 0000 ffff 8877665544332211 018e",
            MacFrame(
                MacType.COMMAND,
                1,
                0x1A62,
                0,
                0xFFFF,
                Eui64(0x1122334455667788),
                AssociationRequest(0x8E).to_bytes(),
                ack_request=True,
            ),
        ),
    ],
)
def test_mac_octets(octets: str, frame: MacFrame) -> None:
    assert frame.to_bytes() == bytes.fromhex(octets)
    assert MacFrame.from_bytes(bytes.fromhex(octets)) == frame


def test_nwk_header_order() -> None:
    """053474r17, 3.3.1: destination EUI-64, source EUI-64, multicast control, source route."""
    frame = NwkFrame(
        NwkType.DATA,
        dst=0x0001,
        src=0x0203,
        radius=30,
        sequence=9,
        multicast=0xA5,
        source_route=SourceRoute(1, [0x1111, 0x2222]),
        dst_eui=Eui64(0x0807060504030201),
        src_eui=Eui64(0x1817161514131211),
        discover_route=1,
        payload=b"\xee",
    )
    expected = "481d 0100 0302 1e 09 0102030405060708 1112131415161718 a5 0201 1111 2222 ee"
    assert frame.to_bytes() == bytes.fromhex(expected)


def test_aps_group_and_fragment() -> None:
    """053474r17, 2.2.5.1: a group address replaces the endpoint; the extended header is last."""
    frame = ApsFrame(
        ApsType.DATA,
        0x33,
        Delivery.GROUP,
        group=0x1234,
        cluster=0x0700,
        profile=0x0109,
        src_endpoint=9,
        extended=ExtendedHeader(1, 3),
        payload=b"\xaa",
    )
    assert frame.to_bytes() == bytes.fromhex("8c 3412 0007 0901 09 33 0103 aa")


def test_interpan_octets() -> None:
    """075356 Annex B: stub NWK header 0x000B, APS frame control 0x0B for a broadcast."""
    frame = InterPanFrame(0x0700, delivery=Delivery.BROADCAST, payload=b"\x01\x02\x00")
    assert frame.to_bytes() == bytes.fromhex("0b00 0b 0007 0901 010200")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (MacFrame(MacType.DATA, 256), "sequence"),
        (MacFrame(8, 1), "frame_type"),
        (MacFrame(MacType.DATA, 1, dst_pan=1), "dst_pan"),
        (MacFrame(MacType.DATA, 1, dst=1), "dst_pan"),
        (MacFrame(MacType.DATA, 1, src=1), "src_pan"),
        (MacFrame(MacType.DATA, 1, 1, 1, 1, 1, pan_compression=True), "src_pan"),
        (MacFrame(MacType.DATA, 1, 1, 0x10000), "dst"),
        (NwkFrame(NwkType.DATA, 0, 0, 256, 0), "radius"),
        (NwkFrame(NwkType.DATA, 0, 0, 1, 0, version=16), "version"),
        (NwkFrame(NwkType.DATA, 0, 0, 1, 0, security=True), "aux"),
        (NwkFrame(NwkType.DATA, 0, 0, 1, 0, aux=AuxHeader(1, 0)), "aux"),
        (ApsFrame(ApsType.DATA, 1, dst_endpoint=1, cluster=6, profile=1), "src_endpoint"),
        (ApsFrame(ApsType.COMMAND, 1, cluster=6), "cluster"),
        (ApsFrame(ApsType.COMMAND, 256), "counter"),
        (InterPanFrame(0x700, group=1), "group"),
        (InterPanFrame(0x700, delivery=Delivery.GROUP), "group"),
        (InterPanFrame(0x10000), "cluster"),
        (AuxHeader(KeyId.NETWORK, 1 << 32, None, 0), "frame_counter"),
        (AuxHeader(KeyId.NETWORK, 1), "key_sequence"),
        (AuxHeader(KeyId.DATA, 1, key_sequence=0), "key_sequence"),
        (LinkStatus([LinkStatusEntry(1, 8, 0)]), "incoming"),
        (LinkStatus([LinkStatusEntry(1, 1, 1)] * 32), "entries"),
        (TransportKey(1, b"short"), "key"),
        (Beacon(Eui64(1), depth=16), "depth"),
        (Realignment(1, 1, 11, 1, trailing=b"x"), "page"),
    ],
)
def test_a_field_that_cannot_be_sent_is_named(wrong: Any, field: str) -> None:
    with pytest.raises(CodecError) as caught:
        wrong.to_bytes()
    assert caught.value.field == field


def test_wrong_frames_are_built_by_replacing_a_field() -> None:
    right = NwkFrame(NwkType.DATA, 0, 0xA18F, 30, 1, payload=b"x")
    assert replace(right, version=3).to_bytes()[0] == 0x0C
    assert replace(right, frame_type=2).to_bytes()[0] == 0x0A
    with pytest.raises(CodecError, match="protocol version 3"):
        NwkFrame.from_bytes(replace(right, version=3).to_bytes())


@pytest.mark.parametrize(
    ("octets", "layer", "field", "offset"),
    [
        ("6188bf621a0000ba", "mac", "src", 7),
        ("6188", "mac", "sequence", 2),
        ("050000", "mac", "frame_type", 0),
        ("0124bf", "mac", "version", 1),
        ("010400", "mac", "frame_control", 0),
    ],
)
def test_errors_name_the_place(octets: str, layer: str, field: str, offset: int) -> None:
    with pytest.raises(CodecError) as caught:
        MacFrame.from_bytes(bytes.fromhex(octets))
    error = caught.value
    assert (error.layer, error.field, error.offset) == (layer, field, offset)


def test_layout_names_what_is_cut() -> None:
    layout = Layout("test", first="B", second="I")
    assert layout.unpack(b"\x01\x02\x00\x00\x00") == (1, 2)
    with pytest.raises(CodecError) as caught:
        layout.unpack(b"\xff\x01\x02\x00", 1)
    assert (caught.value.field, caught.value.offset) == ("second", 2)
    with pytest.raises(CodecError, match="2 left"):
        layout.unpack(b"\xff\x01\x02\x00", 1)
