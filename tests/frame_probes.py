"""Whole frames to ask another decoder about, each with what it must find. Drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import frame_strategies as draw
from tests.tshark_fields import (
    Expected,
    aps_fields,
    beacon_fields,
    command_fields,
    given_only,
    mac_fields,
    nwk_fields,
    security_fields,
)
from zigbee import aps, interpan, mac, nwk
from zigbee.security import AuxHeader, KeyId, aps_key, secure_aps, secure_nwk
from zigbee.types import Eui64

NETWORK_KEYS = {"network 0": bytes(range(16)), "network 1": bytes(range(16, 32))}
LINK_KEYS = {"link 0": bytes(range(0xA0, 0xB0)), "link 1": bytes(range(0xC0, 0xD0))}
PAN = 0x1A62


@dataclass(frozen=True, slots=True)
class Probe:
    """Octets of a frame without FCS, and the values that tshark must find in them by field name."""

    octets: bytes
    expected: Expected
    data: bytes = b""


def eui_of(address: int) -> Eui64:
    """One EUI-64 for each short address, or tshark would rightly take the last one it saw."""
    return Eui64(0x000D6F0000000000 + address)


def addresses() -> st.SearchStrategy[int]:
    return st.integers(0, 0xFFF0)


@st.composite
def mac_header(draws: st.DrawFn, payload: bytes, src: int) -> mac.MacFrame:
    return mac.MacFrame(
        mac.MacType.DATA,
        draws(draw.u8),
        draws(draw.u16),
        draws(draw.u16),
        src=src,
        payload=payload,
        ack_request=draws(draw.flags),
        pending=draws(draw.flags),
        pan_compression=True,
        version=draws(st.integers(0, 1)),
    )


@st.composite
def mac_probes(draws: st.DrawFn) -> Probe:
    """Headers with every combination of addresses; no payload."""
    frame = draws(draw.mac_frames(st.just(b"")))
    kind = draws(st.sampled_from((mac.MacType.DATA, mac.MacType.ACK)))
    frame = replace(frame, frame_type=kind, security=False, reserved=0)
    if frame.pan_compression and (frame.dst is None or frame.src is None):
        pan = None if frame.src is None else draws(draw.u16)
        frame = replace(frame, pan_compression=False, src_pan=pan)
    return Probe(frame.to_bytes(), mac_fields(frame))


def address(
    frame: mac.MacFrame, name: str, pan: int, one: Eui64, other: Eui64, choice: bool
) -> None:
    """The addressing that 802.15.4-2006, 7.3 demands of each command; tshark insists on it."""
    frame.dst_pan, frame.dst = pan, one if choice else 0x1234
    if name == "BeaconRequest":
        frame.dst_pan, frame.dst = 0xFFFF, 0xFFFF
    elif name in ("AssociationResponse", "Disassociation"):
        frame.dst, frame.src, frame.pan_compression = one, other, True
    elif name == "DataRequest":
        frame.src, frame.pan_compression = 0x4321, True
    elif name == "OrphanNotification":
        frame.dst_pan, frame.dst, frame.src, frame.pan_compression = 0xFFFF, 0xFFFF, other, True
    elif name == "AssociationRequest":
        frame.src_pan, frame.src = 0xFFFF, other
    elif name == "Realignment":
        frame.dst_pan, frame.dst = 0xFFFF, one if choice else 0xFFFF
        frame.src_pan, frame.src = pan, other


@st.composite
def mac_command_probes(draws: st.DrawFn, name: str) -> Probe:
    command = draws(draw.mac_commands[name])
    if name != "Realignment":
        command = replace(command, trailing=b"")
    frame = mac.MacFrame(
        mac.MacType.COMMAND,
        draws(draw.u8),
        payload=command.to_bytes(),
        ack_request=draws(draw.flags),
        pending=draws(draw.flags),
        version=draws(st.integers(0, 1)),
    )
    address(frame, name, draws(draw.u16), draws(draw.euis), draws(draw.euis), draws(draw.flags))
    return Probe(frame.to_bytes(), {**mac_fields(frame), **command_fields(command)})


@st.composite
def beacon_probes(draws: st.DrawFn) -> Probe:
    beacon = replace(draws(draw.beacons), trailing=b"")
    frame = mac.MacFrame(
        mac.MacType.BEACON,
        draws(draw.u8),
        src_pan=draws(draw.u16),
        src=draws(draw.u16),
        payload=beacon.to_bytes(),
    )
    return Probe(frame.to_bytes(), {**mac_fields(frame), **beacon_fields(beacon)})


@st.composite
def over_nwk(
    draws: st.DrawFn,
    kind: nwk.NwkType,
    payload: bytes,
    expected: Expected,
    secured: bool,
    src: int | None = None,
    above: tuple[tuple[AuxHeader, bytes], ...] = (),
    data: bytes = b"",
) -> Probe:
    """A NWK frame with any optional fields, secured by the device that sends it (its first hop)."""
    frame = replace(
        draws(draw.nwk_frames(secured=False)),
        frame_type=kind,
        src=draws(addresses()) if src is None else src,
        payload=payload,
        reserved=0,
    )
    source = eui_of(frame.src)
    if frame.src_eui is not None:
        frame = replace(frame, src_eui=source)
    below: tuple[tuple[AuxHeader, bytes], ...] = ()
    if secured:
        key = draws(st.sampled_from(tuple(NETWORK_KEYS.values())))
        counter, sequence = draws(draw.u32), draws(draw.u8)
        frame = secure_nwk(frame, key, source=source, frame_counter=counter, key_sequence=sequence)
        below = ((AuxHeader(KeyId.NETWORK, counter, source, sequence), key),)
    outer = draws(mac_header(frame.to_bytes(), frame.src))
    fields = {**mac_fields(outer), **nwk_fields(frame), **security_fields(*below, *above)}
    return Probe(outer.to_bytes(), {**fields, **expected}, data)


@st.composite
def nwk_command_probes(draws: st.DrawFn, name: str, secured: bool) -> Probe:
    command = draws(draw.nwk_commands[name])
    if name == "RawCommand":
        fields = given_only(zbee_nwk__cmd__id=command.id)
    else:
        command = replace(command, trailing=b"")
        if name in ("NetworkReport", "NetworkUpdate"):
            command = replace(command, kind=0)
        if name == "NetworkUpdate":
            command = replace(command, count=1)
        fields = command_fields(command)
    data = command.payload if name == "RawCommand" else b""
    return draws(over_nwk(nwk.NwkType.COMMAND, command.to_bytes(), fields, secured, data=data))


@st.composite
def over_aps(
    draws: st.DrawFn, frame: aps.ApsFrame, expected: Expected, secured: bool, data: bytes = b""
) -> Probe:
    """An APS frame, perhaps secured with a link key or one derived from it, inside a NWK frame."""
    src = draws(addresses())
    above: tuple[tuple[AuxHeader, bytes], ...] = ()
    opens = bool(frame.payload)  # see LIMITS
    if secured:
        frame, header, key = draws(sealed(frame, eui_of(src)))
        above = ((header, key),)
    fields = {**aps_fields(frame), **expected}
    probe: Probe = draws(
        over_nwk(nwk.NwkType.DATA, frame.to_bytes(), fields, True, src, above, data)
    )
    if secured and not opens:
        probe.expected["zbee.sec.key"].pop()
    return probe


@st.composite
def sealed(
    draws: st.DrawFn, frame: aps.ApsFrame, source: Eui64, extended_nonce: bool | None = None
) -> tuple[aps.ApsFrame, AuxHeader, bytes]:
    key = draws(st.sampled_from(tuple(LINK_KEYS.values())))
    key_id = draws(st.sampled_from((KeyId.DATA, KeyId.KEY_TRANSPORT, KeyId.KEY_LOAD)))
    counter = draws(draw.u32)
    carries = draws(draw.flags) if extended_nonce is None else extended_nonce
    carries = carries or len(frame.payload) < 5  # see LIMITS
    made = secure_aps(
        frame, key, source=source, frame_counter=counter, key_id=key_id, extended_nonce=carries
    )
    assert aps_key(key, key_id) != key or key_id == KeyId.DATA
    return made, AuxHeader(key_id, counter, source if carries else None), key


@st.composite
def aps_command_probes(draws: st.DrawFn, name: str, secured: bool) -> Probe:
    command = draws(draw.aps_commands[name])
    if name == "RawCommand":
        fields = given_only(zbee_aps__cmd__id=command.id)
    else:
        command = replace(command, trailing=b"")
        fields = command_fields(command)
    frame = aps.ApsFrame(
        aps.ApsType.COMMAND,
        draws(draw.u8),
        draws(st.sampled_from((aps.Delivery.UNICAST, aps.Delivery.BROADCAST))),
        ack_request=draws(draw.flags),
        payload=command.to_bytes(),
    )
    data = command.payload if name == "RawCommand" else b""
    return draws(over_aps(frame, fields, secured, data))


@st.composite
def tunnel_probes(draws: st.DrawFn) -> Probe:
    """A Transport Key for a joiner inside a Tunnel: two APS headers, the inner one secured."""
    moved = replace(draws(draw.transport_keys()), trailing=b"")
    joiner, source = draws(draw.euis), draws(draw.euis.filter(bool))
    inner = aps.ApsFrame(aps.ApsType.COMMAND, draws(draw.u8), payload=moved.to_bytes())
    made, header, key = draws(sealed(inner, source, extended_nonce=True))
    tunnel = aps.Tunnel(joiner, made.to_bytes())
    outer = aps.ApsFrame(aps.ApsType.COMMAND, draws(draw.u8), payload=tunnel.to_bytes())
    both = {name: [*values, *aps_fields(made)[name]] for name, values in aps_fields(outer).items()}
    carried = dict(command_fields(moved))
    both["zbee_aps.cmd.id"] = [14, *carried.pop("zbee_aps.cmd.id")]
    both["zbee_aps.cmd.dst"] = [joiner, *carried.pop("zbee_aps.cmd.dst")]
    return draws(
        over_nwk(
            nwk.NwkType.DATA,
            outer.to_bytes(),
            {**both, **carried},
            True,
            draws(addresses()),
            ((header, key),),
        )
    )


CLUSTERS = (0x0000, 0x0001, 0x0003, 0x000A, *range(0x0700, 0x0706), 0x0800)
READ_ATTRIBUTES = bytes.fromhex("00 2a 00 0000 0100".replace(" ", ""))
"""A ZCL frame that any cluster may get: read two attributes, sequence 42."""


@st.composite
def aps_data_probes(draws: st.DrawFn, secured: bool) -> Probe:
    group = draws(draw.flags)
    frame = aps.ApsFrame(
        aps.ApsType.DATA,
        draws(draw.u8),
        aps.Delivery.GROUP if group else draws(st.sampled_from((0, 2))),
        ack_request=draws(draw.flags),
        dst_endpoint=None if group else draws(st.integers(1, 240)),
        group=draws(draw.u16) if group else None,
        cluster=draws(st.sampled_from(CLUSTERS)),
        profile=draws(st.sampled_from((0x0109, 0x0104))),
        src_endpoint=draws(st.integers(1, 240)),
        payload=READ_ATTRIBUTES,
    )
    zcl = given_only(zbee_zcl__cmd__tsn=42, zbee_zcl__cmd__id=0)
    return draws(over_aps(frame, zcl, secured))


@st.composite
def aps_ack_probes(draws: st.DrawFn, secured: bool) -> Probe:
    frame = draws(draw.aps_frames(secured=False))
    bare = frame.frame_type == aps.ApsType.ACK and frame.ack_format
    header = draws(draw.maybe(draw.extended_headers(True)))
    frame = replace(
        frame,
        frame_type=aps.ApsType.ACK,
        delivery=aps.Delivery.UNICAST,
        ack_format=bare,
        group=None,
        dst_endpoint=None if bare else draws(draw.u8),
        cluster=None if bare else draws(draw.u16),
        profile=None if bare else draws(draw.u16),
        src_endpoint=None if bare else draws(draw.u8),
        extended=None if header is None else replace(header, reserved=0),
        payload=b"",
    )
    return draws(over_aps(frame, {}, secured))


@st.composite
def interpan_probes(draws: st.DrawFn) -> Probe:
    delivery = draws(st.sampled_from(aps.Delivery))
    stub = interpan.InterPanFrame(
        draws(st.sampled_from(CLUSTERS)),
        delivery=delivery,
        group=draws(draw.u16) if delivery == aps.Delivery.GROUP else None,
        payload=READ_ATTRIBUTES,
    )
    frame = mac.MacFrame(
        mac.MacType.DATA,
        draws(draw.u8),
        draws(draw.u16),
        draws(st.one_of(draw.u16, draw.euis)),
        draws(draw.u16),
        draws(draw.euis),
        stub.to_bytes(),
        draws(draw.flags),
    )
    fields = given_only(
        zbee_nwk__frame_type=3,
        zbee_nwk__proto_version=2,
        zbee_aps__type=3,
        zbee_aps__delivery=delivery,
        zbee_aps__security=0,
        zbee_aps__dst=None,
        zbee_aps__group=stub.group,
        zbee_aps__cluster=stub.cluster,
        zbee_aps__profile=0x0109,
        zbee_aps__counter=None,
        zbee_zcl__cmd__tsn=42,
    )
    return Probe(frame.to_bytes(), {**mac_fields(frame), **fields})


KINDS: dict[str, st.SearchStrategy[Probe]] = {
    "mac": mac_probes(),
    "beacon": beacon_probes(),
    "tunnel": tunnel_probes(),
    "inter-pan": interpan_probes(),
    "aps data": aps_data_probes(False),
    "aps data secured": aps_data_probes(True),
    "aps ack": aps_ack_probes(False),
    "aps ack secured": aps_ack_probes(True),
}
KINDS |= {name: mac_command_probes(name) for name in draw.mac_commands if name != "UnknownCommand"}
KINDS |= {
    f"{name}{' secured' if secured else ''}": nwk_command_probes(name, secured)
    for name in draw.nwk_commands
    for secured in (False, True)
}
KINDS |= {
    f"aps {name}{' secured' if secured else ''}": aps_command_probes(name, secured)
    for name in draw.aps_commands
    if name != "Tunnel"
    for secured in (False, True)
}


@st.composite
def fragmented(draws: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """An ASDU too long for one frame, and the frames that carry its blocks, each secured twice."""
    attributes = draws(st.lists(draw.u16, min_size=12, max_size=60))
    asdu = b"\x00\x2a\x00" + b"".join(number.to_bytes(2, "little") for number in attributes)
    size = draws(st.integers(16, 26))  # two blocks at least
    parts = [asdu[at : at + size] for at in range(0, len(asdu), size)]
    src, dst, counter = draws(addresses()), draws(addresses()), draws(draw.u8)
    frames = []
    for number, part in enumerate(parts):
        first = aps.ExtendedHeader(1, len(parts))
        frame = aps.ApsFrame(
            aps.ApsType.DATA,
            counter,
            ack_request=True,
            dst_endpoint=1,
            cluster=0x0702,
            profile=0x0109,
            src_endpoint=1,
            extended=aps.ExtendedHeader(2, number) if number else first,
            payload=part,
        )
        secured = secure_aps(frame, LINK_KEYS["link 0"], source=eui_of(src), frame_counter=number)
        network = secure_nwk(
            nwk.NwkFrame(nwk.NwkType.DATA, dst, src, 30, number, secured.to_bytes()),
            NETWORK_KEYS["network 0"],
            source=eui_of(src),
            frame_counter=number,
            key_sequence=0,
        )
        outer = mac.MacFrame(mac.MacType.DATA, number, PAN, dst, src=src, pan_compression=True)
        frames.append(replace(outer, payload=network.to_bytes()).to_bytes())
    return asdu, frames


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Examples for one batch: tshark takes far longer to start than to dissect a frame."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found
