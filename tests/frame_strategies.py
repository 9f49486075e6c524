"""Hypothesis strategies for every frame and command that the codec can build."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from zigbee import aps, interpan, mac, nwk
from zigbee.security import AuxHeader, KeyId
from zigbee.types import Eui64

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
euis = st.integers(0, (1 << 64) - 1).map(Eui64)
keys = st.binary(min_size=16, max_size=16)
flags = st.booleans()
tails = st.one_of(st.just(b""), st.binary(max_size=4))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def shorts(limit: int) -> st.SearchStrategy[list[int]]:
    return st.lists(u16, max_size=limit)


# MAC -------------------------------------------------------------------------------------------


@st.composite
def mac_frames(draw: st.DrawFn, payload: st.SearchStrategy[bytes] | None = None) -> mac.MacFrame:
    """Any header of 2003 or 2006, also such as no stack sends."""
    dst = draw(maybe(st.one_of(u16, euis)))
    src = draw(maybe(st.one_of(u16, euis)))
    compressed = draw(flags)
    return mac.MacFrame(
        draw(st.sampled_from(mac.MacType)),
        draw(u8),
        None if dst is None else draw(u16),
        dst,
        None if src is None or compressed else draw(u16),
        src,
        draw(st.binary(max_size=40) if payload is None else payload),
        draw(flags),
        draw(flags),
        draw(flags),
        compressed,
        draw(st.integers(0, 1)),
        draw(st.integers(0, 7)),
    )


def realignments() -> st.SearchStrategy[mac.Realignment]:
    return st.builds(mac.Realignment, u16, u16, u8, u16, page=maybe(u8))


mac_commands: dict[str, st.SearchStrategy[Any]] = {
    "AssociationRequest": st.builds(mac.AssociationRequest, u8, trailing=tails),
    "AssociationResponse": st.builds(mac.AssociationResponse, u16, u8, trailing=tails),
    "Disassociation": st.builds(mac.Disassociation, u8, trailing=tails),
    "DataRequest": st.builds(mac.DataRequest, trailing=tails),
    "OrphanNotification": st.builds(mac.OrphanNotification, trailing=tails),
    "BeaconRequest": st.builds(mac.BeaconRequest, trailing=tails),
    "Realignment": realignments(),
    "UnknownCommand": st.builds(mac.UnknownCommand, st.integers(9, 255), st.binary(max_size=9)),
}


def _gts(descriptors: int) -> st.SearchStrategy[bytes]:
    size = 1 + 3 * descriptors if descriptors else 0
    return st.binary(min_size=size, max_size=size).map(lambda rest: bytes((descriptors,)) + rest)


beacons = st.builds(
    mac.Beacon,
    euis,
    association_permit=flags,
    pan_coordinator=flags,
    battery_life_extension=flags,
    beacon_order=st.integers(0, 15),
    superframe_order=st.integers(0, 15),
    final_cap_slot=st.integers(0, 15),
    gts=st.integers(0, 7).flatmap(_gts),
    pending_short=shorts(7),
    pending_extended=st.lists(euis, max_size=2),
    stack_profile=st.integers(0, 15),
    router_capacity=flags,
    depth=st.integers(0, 15),
    end_device_capacity=flags,
    tx_offset=st.integers(0, 0xFFFFFF),
    update_id=u8,
    trailing=tails,
    superframe_reserved=flags,
    pending_reserved=st.sampled_from((0, 0x08, 0x80, 0x88)),
    network_reserved=st.integers(0, 3),
)

# Security --------------------------------------------------------------------------------------


@st.composite
def aux_headers(draw: st.DrawFn) -> AuxHeader:
    key_id = draw(st.sampled_from(KeyId))
    return AuxHeader(
        key_id,
        draw(u32),
        draw(maybe(euis)),
        draw(u8) if key_id == KeyId.NETWORK else None,
        draw(st.integers(0, 7)),
        draw(st.integers(0, 3)),
    )


# NWK -------------------------------------------------------------------------------------------

source_routes = st.builds(nwk.SourceRoute, u8, shorts(5))


@st.composite
def nwk_frames(draw: st.DrawFn, secured: bool | None = None) -> nwk.NwkFrame:
    """Any NWK header with any payload; `secured` None draws whether there is an aux header."""
    aux = draw(aux_headers()) if (draw(flags) if secured is None else secured) else None
    return nwk.NwkFrame(
        draw(st.sampled_from((nwk.NwkType.DATA, nwk.NwkType.COMMAND))),
        draw(u16),
        draw(u16),
        draw(u8),
        draw(u8),
        draw(st.binary(max_size=40)),
        discover_route=draw(st.integers(0, 3)),
        multicast=draw(maybe(u8)),
        security=aux is not None,
        source_route=draw(maybe(source_routes)),
        dst_eui=draw(maybe(euis)),
        src_eui=draw(maybe(euis)),
        end_device_initiator=draw(flags),
        aux=aux,
        reserved=draw(st.integers(0, 3)),
    )


def link_entries() -> st.SearchStrategy[list[nwk.LinkStatusEntry]]:
    cost = st.integers(0, 7)
    reserved = st.sampled_from((0, 0x08, 0x80, 0x88))
    return st.lists(st.builds(nwk.LinkStatusEntry, u16, cost, cost, reserved), max_size=15)


nwk_commands: dict[str, st.SearchStrategy[Any]] = {
    "RouteRequest": st.builds(
        nwk.RouteRequest,
        u8,
        u16,
        u8,
        st.integers(0, 3),
        flags,
        maybe(euis),
        st.sampled_from((0, 1, 0x80, 0x87)),
        tails,
    ),
    "RouteReply": st.builds(
        nwk.RouteReply,
        u8,
        u16,
        u16,
        u8,
        maybe(euis),
        maybe(euis),
        flags,
        st.sampled_from((0, 1, 0x80, 0x8F)),
        tails,
    ),
    "NetworkStatus": st.builds(nwk.NetworkStatus, u8, u16, trailing=tails),
    "Leave": st.builds(nwk.Leave, flags, flags, flags, st.integers(0, 0x1F), tails),
    "RouteRecord": st.builds(nwk.RouteRecord, shorts(15), tails),
    "RejoinRequest": st.builds(nwk.RejoinRequest, u8, trailing=tails),
    "RejoinResponse": st.builds(nwk.RejoinResponse, u16, u8, trailing=tails),
    "LinkStatus": st.builds(
        nwk.LinkStatus, link_entries(), flags, flags, st.sampled_from((0, 0x80)), tails
    ),
    "NetworkReport": st.builds(nwk.NetworkReport, euis, shorts(15), st.integers(0, 7), tails),
    "NetworkUpdate": st.builds(
        nwk.NetworkUpdate, euis, u8, u16, st.integers(0, 7), st.integers(0, 31), tails
    ),
    "EndDeviceTimeoutRequest": st.builds(nwk.EndDeviceTimeoutRequest, u8, u8, trailing=tails),
    "EndDeviceTimeoutResponse": st.builds(nwk.EndDeviceTimeoutResponse, u8, u8, trailing=tails),
    "RawCommand": st.builds(mac.UnknownCommand, st.integers(0x10, 255), st.binary(max_size=9)),
}

# APS -------------------------------------------------------------------------------------------


@st.composite
def extended_headers(draw: st.DrawFn, acknowledgement: bool) -> aps.ExtendedHeader:
    fragmentation = draw(st.integers(0, 2))
    fragment = fragmentation > 0
    return aps.ExtendedHeader(
        fragmentation,
        draw(u8) if fragment else None,
        draw(u8) if fragment and acknowledgement else None,
        draw(st.sampled_from((0, 0x04, 0xFC))),
    )


@st.composite
def aps_frames(draw: st.DrawFn, secured: bool | None = None) -> aps.ApsFrame:
    """Any APS header with any payload; `secured` None draws whether there is an aux header."""
    kind = draw(st.sampled_from((aps.ApsType.DATA, aps.ApsType.COMMAND, aps.ApsType.ACK)))
    delivery = draw(st.sampled_from(aps.Delivery))
    ack_format = draw(flags)
    addressed = kind == aps.ApsType.DATA or (kind == aps.ApsType.ACK and not ack_format)
    group = delivery == aps.Delivery.GROUP
    aux = draw(aux_headers()) if (draw(flags) if secured is None else secured) else None
    return aps.ApsFrame(
        kind,
        draw(u8),
        delivery,
        ack_format,
        aux is not None,
        draw(flags),
        draw(u8) if addressed and not group else None,
        draw(u16) if addressed and group else None,
        draw(u16) if addressed else None,
        draw(u16) if addressed else None,
        draw(u8) if addressed else None,
        draw(maybe(extended_headers(kind == aps.ApsType.ACK))),
        aux,
        draw(st.binary(max_size=40)),
    )


@st.composite
def transport_keys(draw: st.DrawFn) -> aps.TransportKey:
    kind = draw(st.sampled_from(aps.KeyType))
    command = aps.TransportKey(kind, draw(keys), trailing=draw(tails))
    if kind in (aps.KeyType.NETWORK, aps.KeyType.HIGH_SECURITY_NETWORK):
        command.sequence = draw(u8)
    if kind in (aps.KeyType.APPLICATION_LINK, aps.KeyType.APPLICATION_MASTER):
        command.partner, command.initiator = draw(euis), draw(u8)
    else:
        command.destination, command.source = draw(euis), draw(euis)
    return command


aps_commands: dict[str, st.SearchStrategy[Any]] = {
    "TransportKey": transport_keys(),
    "UpdateDevice": st.builds(aps.UpdateDevice, euis, u16, u8, trailing=tails),
    "RemoveDevice": st.builds(aps.RemoveDevice, euis, trailing=tails),
    "RequestKey": st.one_of(
        st.builds(aps.RequestKey, st.sampled_from((1, 4)), st.none(), tails),
        st.builds(aps.RequestKey, st.just(2), euis, tails),
    ),
    "SwitchKey": st.builds(aps.SwitchKey, u8, trailing=tails),
    "Tunnel": st.builds(aps.Tunnel, euis, st.binary(max_size=60)),
    "VerifyKey": st.builds(aps.VerifyKey, u8, euis, keys, tails),
    "ConfirmKey": st.builds(aps.ConfirmKey, u8, u8, euis, trailing=tails),
    "RawCommand": st.builds(aps.RawCommand, st.integers(0x11, 255), st.binary(max_size=9)),
}

# Inter-PAN -------------------------------------------------------------------------------------


@st.composite
def interpan_frames(draw: st.DrawFn) -> interpan.InterPanFrame:
    delivery = draw(st.sampled_from(aps.Delivery))
    return interpan.InterPanFrame(
        draw(u16),
        draw(u16),
        delivery,
        draw(u16) if delivery == aps.Delivery.GROUP else None,
        draw(st.binary(max_size=40)),
        0x000B | draw(st.integers(0, 0x3FF)) << 6,
        draw(st.integers(0, 15)) << 4,
    )


PARSERS: tuple[tuple[dict[str, st.SearchStrategy[Any]], Callable[[bytes], Any]], ...] = (
    (mac_commands, mac.parse_mac_command),
    (nwk_commands, nwk.parse_nwk_command),
    (aps_commands, aps.parse_aps_command),
)
"""Every command's strategy by class name, with the parser of its layer."""
