"""Captured frames published with their keys and their dissection by another program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import vectors
from zigbee import aps, nwk
from zigbee.dissect import Dissector, KeyRing
from zigbee.errors import SecurityError
from zigbee.mac import MacFrame
from zigbee.security import secure_aps, secure_nwk, unsecure_aps, unsecure_nwk
from zigbee.types import Eui64

FRAMES = vectors.load("zigbee_secured_frames").tests
PUBLISHED = [case for case in FRAMES if case.valid]


def each(cases: list[vectors.Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.id}") for case in cases])


each_frame = each(PUBLISHED)

KEY_FRAME = "NET2_TRANSPORT_KEY_NWK_FROM_COORD"
COORDINATOR = Eui64.parse("80:4b:50:ff:fe:05:99:f9")
DEVICE = Eui64.parse("a4:c1:38:6d:9b:28:0f:df")
WELL_KNOWN = b"ZigBeeAlliance09"
NETWORK_KEY = bytes.fromhex("01030507090b0d0f00020406080a0c0d")

# What the frames mean, read by hand from the published dissections.
COMMANDS: dict[int, Any] = {
    7: nwk.RouteRequest(0x2D, 0xFFFC, cost=0, many_to_one=1),
    8: nwk.Leave(rejoin=False, request=False, remove_children=False),
    9: aps.TransportKey(1, NETWORK_KEY, sequence=0, destination=DEVICE, source=COORDINATOR),
    12: aps.RequestKey(4),
    13: aps.TransportKey(4, WELL_KNOWN, destination=DEVICE, source=COORDINATOR),
    14: aps.VerifyKey(4, DEVICE, bytes.fromhex("1ab128df1639a1246aaba72a6a559124")),
    16: nwk.LinkStatus([nwk.LinkStatusEntry(0x3AB1, 1, 1)], first=True, last=True),
    18: nwk.RouteRecord([]),
    19: nwk.RouteRequest(0x35, 0xFFFC, cost=0, many_to_one=1),
    20: nwk.RouteRecord([]),
    22: nwk.RouteRecord([0x96BA]),
    23: nwk.RouteRecord([0x91D2]),
}


def ring(case: vectors.Case) -> KeyRing:
    keys = KeyRing()
    if "nwk" in case:
        sequence = case.octets("nwk.auxiliaryHeader")[-1]
        keys.add_network(case.octets("nwk.key"), sequence)
    if "aps" in case:
        keys.add_link(case.octets("aps.linkKey"))
    return keys


@each_frame
def test_every_layer_comes_back_octet_for_octet(case: vectors.Case) -> None:
    frame = MacFrame.from_bytes(case.octets("macFrame"))
    assert frame.to_bytes() == case.octets("macFrame")
    assert frame.payload == case.octets("nwkFrame")
    assert nwk.NwkFrame.from_bytes(frame.payload).to_bytes() == frame.payload


@each_frame
def test_nwk_layer(case: vectors.Case) -> None:
    sealed = nwk.NwkFrame.from_bytes(case.octets("nwkFrame"))
    if "nwk" not in case:
        assert not sealed.security and sealed.aux is None
        return
    expected, aux = case["nwk"], sealed.aux
    assert aux is not None and aux.source is not None and aux.key_sequence is not None
    assert sealed.header_bytes() == case.octets("nwk.header")
    assert aux.to_bytes() == case.octets("nwk.auxiliaryHeader")
    assert (aux.key_id, aux.frame_counter) == (expected["keyIdentifier"], expected["frameCounter"])
    assert aux.source.to_le() == case.octets("nwk.sourceAddressOnAir")
    opened = unsecure_nwk(sealed, case.octets("nwk.key"))
    assert opened.payload == case.octets("nwk.plaintext")
    again = secure_nwk(
        replace(opened, security=False, aux=None),
        case.octets("nwk.key"),
        source=aux.source,
        frame_counter=aux.frame_counter,
        key_sequence=aux.key_sequence,
    )
    assert again.to_bytes() == case.octets("nwkFrame")


@each([case for case in PUBLISHED if "aps" in case])
def test_aps_layer(case: vectors.Case) -> None:
    below = case.octets("nwk.plaintext") if "nwk" in case else case.octets("nwkFrame")[8:]
    sealed = aps.ApsFrame.from_bytes(below)
    aux = sealed.aux
    assert aux is not None and aux.source is not None
    assert sealed.header_bytes() == case.octets("aps.header")
    assert aux.to_bytes() == case.octets("aps.auxiliaryHeader")
    assert aux.key_id == case["aps"]["keyIdentifier"]
    opened = unsecure_aps(sealed, case.octets("aps.linkKey"))
    assert opened.payload == case.octets("aps.plaintext")
    again = secure_aps(
        replace(opened, security=False, aux=None),
        case.octets("aps.linkKey"),
        source=aux.source,
        frame_counter=aux.frame_counter,
        key_id=aux.key_id,
        extended_nonce=True,
    )
    assert again.to_bytes() == below


@each_frame
def test_the_dissector_reaches_the_published_meaning(case: vectors.Case) -> None:
    packet = Dissector(ring(case)).dissect(case.octets("macFrame"))
    assert packet.error is None and packet.undecoded == b""
    assert packet.nwk_opened == ("nwk" in case)
    assert packet.aps_opened == ("aps" in case)
    if case.id in COMMANDS:
        assert COMMANDS[case.id] in (packet.nwk_command, packet.aps_command)


def test_other_meanings() -> None:
    packets = {
        case.id: Dissector(ring(case)).dissect(case.octets("macFrame")) for case in PUBLISHED
    }
    ack = packets[1].aps
    assert ack is not None and ack.frame_type == aps.ApsType.ACK
    assert (ack.cluster, ack.profile, ack.counter) == (0xEF00, 0x0104, 51)
    status = packets[3].nwk_command
    assert isinstance(status, nwk.LinkStatus) and len(status.entries) == 17
    assert status.entries[1] == nwk.LinkStatusEntry(0x0B7C, 7, 7)
    for number, sequence, command in ((4, 80, 0x25), (5, 50, 0x0B)):
        frame = packets[number].zcl
        assert frame is not None and (frame.sequence, frame.command) == (sequence, command)
    response = packets[5].command
    assert response is not None and response.name == "DefaultResponse"
    announce = packets[10].zdp
    assert announce is not None and announce.name == "Device_annce"
    assert announce.fields["IEEEAddr"] == DEVICE
    assert announce.fields["NWKAddr"] == 0xA18F
    assert announce.to_bytes() == bytes.fromhex("008fa1df0f289b6d38c1a48e")


@each([case for case in FRAMES if not case.valid])
def test_an_altered_frame_is_refused(case: vectors.Case) -> None:
    assert case["layer"] == "NWK"
    frame = nwk.NwkFrame.from_bytes(case.octets("nwkFrame"))
    with pytest.raises(SecurityError, match="MIC"):
        unsecure_nwk(frame, case.octets("networkKey"))


def test_the_well_known_key_alone_opens_the_second_network() -> None:
    """The network key arrives in a Transport Key; what follows opens with what was learnt."""
    keys = KeyRing()
    keys.add_link(WELL_KNOWN)
    dissector = Dissector(keys)
    joined = [case for case in PUBLISHED if case["sourceName"].startswith("NET2_")]
    packets = [
        dissector.dissect(case.octets("macFrame"))
        for case in sorted(joined, key=lambda case: case["sourceName"] != KEY_FRAME)
    ]
    assert len(packets) > 3
    assert all(packet.error is None for packet in packets)
