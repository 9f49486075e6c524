"""The dissector: a join and what follows, learnt from the air alone; and never an exception."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import frame_strategies as draw
from zigbee import aps, mac, nwk, zcl, zdp
from zigbee.dissect import Dissector, KeyRing, Packet
from zigbee.errors import SecurityError
from zigbee.interpan import InterPanFrame
from zigbee.keyring import ADDRESSES_LIMIT, LEARNED_KEYS_LIMIT, AddressBook
from zigbee.security import AuxHeader, KeyId, nonce, seal, secure_aps, secure_nwk
from zigbee.types import Eui64, corrupt

PAN = 0x1A62
TC = Eui64.parse("00:0d:6f:00:00:00:00:01")
PARENT = Eui64.parse("00:0d:6f:00:00:00:00:02")
JOINER = Eui64.parse("00:0d:6f:00:00:00:00:03")
NETWORK_KEY = bytes(range(16))
LINK_KEY = bytes(range(0xA0, 0xB0))
APP_KEY = bytes(range(0xC0, 0xD0))


def over_mac(frame: nwk.NwkFrame, src: int = 0x0000, dst: int = 0xA18F) -> bytes:
    return mac.MacFrame(
        mac.MacType.DATA, 1, PAN, dst, src=src, payload=frame.to_bytes(), pan_compression=True
    ).to_bytes()


def to_network(payload: bytes, src: int = 0x0000, dst: int = 0xA18F) -> nwk.NwkFrame:
    return nwk.NwkFrame(nwk.NwkType.DATA, dst, src, 30, 7, payload)


def secured(frame: nwk.NwkFrame, source: Eui64 = TC, counter: int = 1) -> nwk.NwkFrame:
    return secure_nwk(frame, NETWORK_KEY, source=source, frame_counter=counter, key_sequence=0)


def listener() -> Dissector:
    keys = KeyRing()
    keys.add_link(LINK_KEY, "installation code", (TC, JOINER))
    return Dissector(keys)


def transport(counter: int = 1) -> aps.ApsFrame:
    command = aps.TransportKey(1, NETWORK_KEY, sequence=0, destination=JOINER, source=TC)
    clear = aps.ApsFrame(aps.ApsType.COMMAND, 5, payload=command.to_bytes())
    return secure_aps(
        clear,
        LINK_KEY,
        source=TC,
        frame_counter=counter,
        key_id=KeyId.KEY_TRANSPORT,
        extended_nonce=True,
    )


def price(sequence: int) -> bytes:
    payload = zcl.cluster("price").command("GetCurrentPrice").build(CommandOptions=1)
    return zcl.ZclFrame(True, zcl.Direction.TO_SERVER, sequence, 0, payload).to_bytes()


def data(payload: bytes, counter: int = 9, **fields: object) -> aps.ApsFrame:
    frame = aps.ApsFrame(
        aps.ApsType.DATA,
        counter,
        dst_endpoint=1,
        cluster=0x0700,
        profile=0x0109,
        src_endpoint=1,
        payload=payload,
    )
    return replace(frame, **fields)  # type: ignore[arg-type]


def test_a_join_opens_the_network_that_follows() -> None:
    dissector = listener()
    response = mac.MacFrame(
        mac.MacType.COMMAND,
        1,
        PAN,
        JOINER,
        src=TC,
        payload=mac.AssociationResponse(0xA18F, 0).to_bytes(),
        pan_compression=True,
    )
    packet = dissector.dissect(response.to_bytes(), 0.5)
    assert packet.mac_command == mac.AssociationResponse(0xA18F, 0)
    assert packet.error is None and packet.undecoded == b"" and packet.time == 0.5

    packet = dissector.dissect(over_mac(to_network(transport().to_bytes())))
    assert packet.error is None
    assert (packet.nwk_opened, packet.aps_opened) == (False, True)
    assert packet.aps_key == LINK_KEY
    assert packet.aps_command == aps.TransportKey(
        1, NETWORK_KEY, sequence=0, destination=JOINER, source=TC
    )
    assert dissector.keys.network == {0: [NETWORK_KEY]}

    # The joiner's APS frames carry no EUI-64: the listener knows it from the association.
    clear = data(price(3))
    opaque = secure_aps(clear, LINK_KEY, source=JOINER, frame_counter=2)
    frame = secured(to_network(opaque.to_bytes(), 0xA18F, 0x0000), JOINER)
    packet = dissector.dissect(over_mac(frame, 0xA18F, 0x0000))
    assert packet.error is None
    assert (packet.nwk_opened, packet.aps_opened) == (True, True)
    assert (packet.nwk_key, packet.aps_key) == (NETWORK_KEY, LINK_KEY)
    assert packet.aps is not None and packet.aps.payload == clear.payload
    assert packet.command is not None and packet.command.name == "GetCurrentPrice"
    assert packet.command.fields["CommandOptions"] == 1
    assert packet.undecoded == b""
    assert "GetCurrentPrice" in packet.summary() and "NWK+APS" in packet.summary()


def test_a_tunnelled_transport_key_is_opened_and_learnt() -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    moved = aps.TransportKey(1, APP_KEY, sequence=1, destination=JOINER, source=TC)
    inner = secure_aps(
        aps.ApsFrame(aps.ApsType.COMMAND, 6, payload=moved.to_bytes()),
        LINK_KEY,
        source=TC,
        frame_counter=3,
        key_id=KeyId.KEY_TRANSPORT,
        extended_nonce=True,
    )
    tunnel = aps.ApsFrame(
        aps.ApsType.COMMAND, 7, payload=aps.Tunnel(JOINER, inner.to_bytes()).to_bytes()
    )
    packet = dissector.dissect(over_mac(secured(to_network(tunnel.to_bytes()))))
    assert packet.error is None and packet.undecoded == b""
    assert packet.aps_command == aps.Tunnel(JOINER, inner.to_bytes())
    assert packet.tunnelled_command == moved
    assert (packet.aps_opened, packet.aps_key) == (True, LINK_KEY)
    assert dissector.keys.network[1] == [APP_KEY]


def test_fragments_are_put_together_in_any_order() -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    asdu = price(4)
    parts = [asdu[:1], asdu[1:3], asdu[3:]]
    packets: list[Packet] = []
    for number in (1, 0, 0, 2):
        extended = aps.ExtendedHeader(2, number) if number else aps.ExtendedHeader(1, len(parts))
        frame = secured(to_network(data(parts[number], extended=extended).to_bytes()))
        packets.append(dissector.dissect(over_mac(frame)))
    assert [packet.command for packet in packets[:3]] == [None] * 3
    assert packets[0].undecoded == parts[1] and packets[0].error is None
    assert packets[3].reassembled == asdu
    assert packets[3].command is not None and packets[3].command.name == "GetCurrentPrice"
    assert packets[3].undecoded == b""


def test_zdp_teaches_the_address() -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    message = zdp.build("Device_annce", 1, NWKAddr=0xA18F, IEEEAddr=JOINER, Capability=0x8E)
    frame = data(message.to_bytes(), cluster=0x0013, profile=0, dst_endpoint=0, src_endpoint=0)
    packet = dissector.dissect(over_mac(secured(to_network(frame.to_bytes(), 0xA18F)), src=1))
    assert packet.zdp is not None and packet.zdp.name == "Device_annce"
    assert dissector.addresses.candidates(PAN, 0xA18F)[0] == JOINER


def test_interpan_price() -> None:
    stub = InterPanFrame(0x0700, payload=price(1))
    frame = mac.MacFrame(mac.MacType.DATA, 1, 0xFFFF, 0xFFFF, PAN, JOINER, payload=stub.to_bytes())
    packet = Dissector().dissect(frame.to_bytes())
    assert packet.interpan == stub and packet.nwk is None
    assert packet.command is not None and packet.command.name == "GetCurrentPrice"
    assert packet.error is None


@pytest.mark.parametrize("bit", [0, 5, 31])
def test_a_wrong_mic_is_said_and_the_octets_are_kept(bit: int) -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    clear = to_network(data(price(1)).to_bytes())
    wrong = secure_nwk(
        clear, NETWORK_KEY, source=TC, frame_counter=1, key_sequence=0, flip_mic_bit=bit
    )
    assert wrong.payload == corrupt(secured(clear).payload, bit - 32)
    packet = dissector.dissect(over_mac(wrong))
    assert isinstance(packet.error, SecurityError)
    assert not packet.nwk_opened and packet.nwk_key is None
    assert packet.undecoded == wrong.payload
    assert packet.nwk is not None and packet.nwk.aux == wrong.aux
    assert "nwk.mic" in packet.summary()


def test_without_keys_the_header_is_still_there() -> None:
    packet = Dissector().dissect(over_mac(secured(to_network(b"x" * 20))))
    assert packet.nwk is not None and packet.nwk.dst == 0xA18F
    assert isinstance(packet.error, SecurityError)
    assert len(packet.undecoded) == 24


def test_another_sequence_number_is_opened_with_any_known_key() -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY, 0)
    frame = secure_nwk(
        to_network(data(price(1)).to_bytes()),
        NETWORK_KEY,
        source=TC,
        frame_counter=1,
        key_sequence=77,
    )
    assert dissector.dissect(over_mac(frame)).nwk_opened


@given(st.lists(st.binary(max_size=127), max_size=5))
def test_any_octets_give_a_packet(frames: list[bytes]) -> None:
    dissector = listener()
    for octets in frames:
        packet = dissector.dissect(octets)
        assert packet.octets == octets
        text = packet.summary()
        assert text.isascii() and text.isprintable()
        json.dumps(packet.describe(), allow_nan=False)


@given(draw.mac_frames(st.one_of(draw.nwk_frames().map(lambda f: f.to_bytes()), draw.tails)))
def test_headers_reach_the_packet(frame: mac.MacFrame) -> None:
    packet = listener().dissect(frame.to_bytes())
    assert packet.mac is not None
    json.dumps(packet.describe(), allow_nan=False)


@given(st.data())
def test_every_command_is_reached(data: st.DataObject) -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    name = data.draw(st.sampled_from(sorted(draw.nwk_commands)))
    command = data.draw(draw.nwk_commands[name])
    frame = nwk.NwkFrame(nwk.NwkType.COMMAND, 1, 2, 1, 1, command.to_bytes())
    packet = dissector.dissect(over_mac(secured(frame)))
    assert packet.nwk_command == command
    assert packet.error is None


def test_memory_is_bounded() -> None:
    book = AddressBook()
    for short in range(ADDRESSES_LIMIT + 10):
        for eui in range(9):
            book.learn(short >> 15, short & 0x7FFF, Eui64(eui))
    assert book.candidates(0, 0) == ()
    assert len(book.candidates(0, ADDRESSES_LIMIT)) == 4
    ring = KeyRing()
    ring.add_network(NETWORK_KEY)
    for number in range(3 * LEARNED_KEYS_LIMIT):
        ring.add_network(number.to_bytes(16, "big"), number % 256, learned=True)
        ring.add_link(number.to_bytes(16, "big"), learned=True)
    assert len(ring.network_keys(0)) == LEARNED_KEYS_LIMIT + 1
    assert NETWORK_KEY in ring.network[0]
    assert len(ring.link_keys(None)) == LEARNED_KEYS_LIMIT
    assert ring.label(NETWORK_KEY) == "network key 0"


def test_own_pair_of_link_keys_comes_first() -> None:
    ring = KeyRing()
    ring.add_link(LINK_KEY, "one", (TC, JOINER))
    ring.add_link(APP_KEY, "other", (PARENT, JOINER))
    ring.add_link(NETWORK_KEY, "default")
    assert ring.link_keys(frozenset((JOINER, PARENT))) == (APP_KEY, NETWORK_KEY, LINK_KEY)
    assert ring.link_keys(None)[0] == NETWORK_KEY


def test_the_key_that_opened_a_frame_is_tried_first() -> None:
    """A flood of forged Transport Keys must not put wrong keys before the right one."""
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    for number in range(LEARNED_KEYS_LIMIT):
        dissector.keys.add_network(number.to_bytes(16, "big"), 0, learned=True)
        dissector.keys.add_link(number.to_bytes(16, "big"), learned=True)
    assert dissector.keys.network_keys(0)[0] != NETWORK_KEY
    clear = secure_aps(data(price(1)), LINK_KEY, source=TC, frame_counter=1)
    frame = secured(to_network(clear.to_bytes()))
    packet = dissector.dissect(over_mac(frame))
    assert (packet.nwk_key, packet.aps_key) == (NETWORK_KEY, LINK_KEY)
    assert dissector.keys.network_keys(0)[0] == NETWORK_KEY
    assert dissector.keys.link_keys(None)[0] == LINK_KEY
    assert set(dissector.keys.network_keys(0)) == set(dissector.keys.network[0])


@pytest.mark.parametrize("announced", [False, True])
def test_nothing_is_taken_for_known_that_no_frame_showed(announced: bool) -> None:
    """Without an EUI-64 in the frame, one must have been seen, or be in the NWK header."""
    dissector = listener()
    opaque = secure_aps(data(price(3)), LINK_KEY, source=JOINER, frame_counter=2)
    frame = to_network(opaque.to_bytes(), 0xA18F, 0x0000)
    if announced:
        frame = replace(frame, src_eui=JOINER)
    packet = dissector.dissect(over_mac(frame, 0xA18F, 0x0000))
    assert packet.aps_opened == announced
    assert isinstance(packet.error, SecurityError) != announced


def test_a_hop_with_an_extended_address_opens_without_extended_nonce() -> None:
    dissector = listener()
    dissector.keys.add_network(NETWORK_KEY)
    clear = to_network(data(price(1)).to_bytes())
    aux = AuxHeader(KeyId.NETWORK, 5, None, 0)
    header = replace(clear, security=True, aux=aux)
    aad = header.header_bytes() + aux.to_bytes(5)
    sealed = seal(NETWORK_KEY, nonce(TC, 5, aux.control(5)), clear.payload, aad)
    frame = replace(header, payload=sealed)
    outer = mac.MacFrame(
        mac.MacType.DATA, 1, PAN, 0xA18F, src=TC, payload=frame.to_bytes(), pan_compression=True
    )
    packet = dissector.dissect(outer.to_bytes())
    assert packet.nwk_opened and packet.command is not None
