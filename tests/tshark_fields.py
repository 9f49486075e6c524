"""What tshark calls the fields of every frame and command, with the values it must find in them.

The values are those that a frame was built from; none comes out of our decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zigbee import aps, mac, nwk
from zigbee.security import AuxHeader
from zigbee.types import Address, Eui64

Expected = dict[str, list[int]]


def given_only(**fields: int | None) -> Expected:
    """Double underscores stand for dots; a field whose value is None must be absent."""
    return {
        name.replace("__", "."): [] if value is None else [int(value)]
        for name, value in fields.items()
    }


def short(address: Address | None) -> int | None:
    return None if isinstance(address, Eui64) else address


def extended(address: Address | None) -> int | None:
    return address if isinstance(address, Eui64) else None


def mac_fields(frame: mac.MacFrame) -> Expected:
    return given_only(
        wpan__frame_type=frame.frame_type,
        wpan__security=frame.security,
        wpan__pending=frame.pending,
        wpan__ack_request=frame.ack_request,
        wpan__pan_id_compression=frame.pan_compression,
        wpan__version=frame.version,
        wpan__seq_no=frame.sequence,
        wpan__dst_pan=frame.dst_pan,
        wpan__dst16=short(frame.dst),
        wpan__dst64=extended(frame.dst),
        wpan__src_pan=frame.src_pan,
        wpan__src16=short(frame.src),
        wpan__src64=extended(frame.src),
    )


def beacon_fields(beacon: mac.Beacon) -> Expected:
    return given_only(
        wpan__beacon_order=beacon.beacon_order,
        wpan__superframe_order=beacon.superframe_order,
        wpan__cap=beacon.final_cap_slot,
        wpan__battery_ext=beacon.battery_life_extension,
        wpan__bcn_coord=beacon.pan_coordinator,
        wpan__assoc_permit=beacon.association_permit,
        wpan__gts__count=beacon.gts[0] & 7,
        zbee_beacon__protocol=beacon.protocol_id,
        zbee_beacon__profile=beacon.stack_profile,
        zbee_beacon__version=beacon.protocol_version,
        zbee_beacon__router=beacon.router_capacity,
        zbee_beacon__depth=beacon.depth,
        zbee_beacon__end_dev=beacon.end_device_capacity,
        zbee_beacon__ext_panid=beacon.extended_pan_id,
        zbee_beacon__tx_offset=beacon.tx_offset,
        zbee_beacon__update_id=beacon.update_id,
    ) | {
        "wpan.pending16": beacon.pending_short,
        "wpan.pending64": [int(eui) for eui in beacon.pending_extended],
    }


def nwk_fields(frame: nwk.NwkFrame) -> Expected:
    route = frame.source_route
    return given_only(
        zbee_nwk__frame_type=frame.frame_type,
        zbee_nwk__proto_version=frame.version,
        zbee_nwk__discovery=frame.discover_route,
        zbee_nwk__multicast=frame.multicast is not None,
        zbee_nwk__security=frame.security,
        zbee_nwk__src_route=route is not None,
        zbee_nwk__ext_dst=frame.dst_eui is not None,
        zbee_nwk__ext_src=frame.src_eui is not None,
        zbee_nwk__end_device_initiator=frame.end_device_initiator,
        zbee_nwk__dst=frame.dst,
        zbee_nwk__src=frame.src,
        zbee_nwk__radius=frame.radius,
        zbee_nwk__seqno=frame.sequence,
        zbee_nwk__multicast__cf=frame.multicast,
        zbee_nwk__dst64=frame.dst_eui,
        zbee_nwk__src64=frame.src_eui,
        zbee_nwk__relay__count=None if route is None else len(route.relays),
        zbee_nwk__relay__index=None if route is None else route.index,
    ) | {"zbee_nwk.relay": [] if route is None else route.relays}


def aps_fields(frame: aps.ApsFrame) -> Expected:
    header, zdp = frame.extended, frame.profile == 0
    acknowledges = frame.frame_type == aps.ApsType.ACK
    return given_only(
        zbee_aps__type=frame.frame_type,
        zbee_aps__delivery=frame.delivery,
        zbee_aps__ack_format=frame.ack_format if acknowledges else None,
        zbee_aps__security=frame.security,
        zbee_aps__ack_req=frame.ack_request,
        zbee_aps__ext_header=header is not None,
        zbee_aps__dst=frame.dst_endpoint,
        zbee_aps__group=frame.group,
        zbee_aps__cluster=None if zdp else frame.cluster,
        zbee_aps__zdp_cluster=frame.cluster if zdp else None,
        zbee_aps__profile=frame.profile,
        zbee_aps__src=frame.src_endpoint,
        zbee_aps__counter=frame.counter,
        zbee_aps__fragmentation=None if header is None else header.fragmentation,
        zbee_aps__block=None if header is None else header.block,
        zbee_aps__block_acks=None if header is None else header.ack_bitfield,
    )


def command_fields(command: Any) -> Expected:
    return COMMAND_FIELDS[type(command).__name__](command)


def capability(prefix: str, names: tuple[str, ...], value: int) -> Expected:
    places = (0, 1, 2, 3, 6, 7)
    return {
        f"{prefix}.{name}": [value >> place & 1] for name, place in zip(names, places, strict=True)
    }


MAC_CAPABILITY = ("alt_coord", "device_type", "power_src", "idle_rx", "sec_capable", "alloc_addr")
NWK_CAPABILITY = ("alt_coord", "ffd", "power", "on_idle", "security", "alloc")

COMMAND_FIELDS: dict[str, Callable[[Any], Expected]] = {
    # MAC
    "AssociationRequest": lambda c: (
        given_only(wpan__cmd=1) | capability("wpan.cinfo", MAC_CAPABILITY, c.capability)
    ),
    "AssociationResponse": lambda c: given_only(
        wpan__cmd=2, wpan__asoc__addr=c.short, wpan__assoc__status=c.status
    ),
    "Disassociation": lambda c: given_only(wpan__cmd=3, wpan__disassoc__reason=c.reason),
    "DataRequest": lambda _: given_only(wpan__cmd=4),
    "OrphanNotification": lambda _: given_only(wpan__cmd=6),
    "BeaconRequest": lambda _: given_only(wpan__cmd=7),
    "Realignment": lambda c: (
        given_only(
            wpan__cmd=8,
            wpan__realign__pan=c.pan,
            wpan__realign__channel=c.channel,
            wpan__realign__channel_page=c.page,
        )
        | {"wpan.realign.addr": [c.coordinator, c.short]}
    ),
    # NWK
    "RouteRequest": lambda c: given_only(
        zbee_nwk__cmd__id=1,
        zbee_nwk__cmd__route__opts__mcast=c.multicast,
        zbee_nwk__cmd__route__opts__dest_ext=c.destination_eui is not None,
        zbee_nwk__cmd__route__opts__many2one=c.many_to_one,
        zbee_nwk__cmd__route__id=c.identifier,
        zbee_nwk__cmd__route__dest=c.destination,
        zbee_nwk__cmd__route__cost=c.cost,
        zbee_nwk__cmd__route__dest_ext=c.destination_eui,
    ),
    "RouteReply": lambda c: given_only(
        zbee_nwk__cmd__id=2,
        zbee_nwk__cmd__route__opts__mcast=c.multicast,
        zbee_nwk__cmd__route__opts__orig_ext=c.originator_eui is not None,
        zbee_nwk__cmd__route__opts__resp_ext=c.responder_eui is not None,
        zbee_nwk__cmd__route__id=c.identifier,
        zbee_nwk__cmd__route__orig=c.originator,
        zbee_nwk__cmd__route__resp=c.responder,
        zbee_nwk__cmd__route__cost=c.cost,
        zbee_nwk__cmd__route__orig_ext=c.originator_eui,
        zbee_nwk__cmd__route__resp_ext=c.responder_eui,
    ),
    "NetworkStatus": lambda c: given_only(
        zbee_nwk__cmd__id=3,
        zbee_nwk__cmd__status=c.status,
        zbee_nwk__cmd__route__dest=c.destination,
    ),
    "Leave": lambda c: given_only(
        zbee_nwk__cmd__id=4,
        zbee_nwk__cmd__leave__rejoin=c.rejoin,
        zbee_nwk__cmd__leave__request=c.request,
        zbee_nwk__cmd__leave__children=c.remove_children,
    ),
    "RouteRecord": lambda c: (
        given_only(zbee_nwk__cmd__id=5, zbee_nwk__cmd__relay_count=len(c.relays))
        | {"zbee_nwk.cmd.relay_device": c.relays}
    ),
    "RejoinRequest": lambda c: (
        given_only(zbee_nwk__cmd__id=6, zbee_nwk__cmd__cinfo=c.capability)
        | capability("zbee_nwk.cmd.cinfo", NWK_CAPABILITY, c.capability)
    ),
    "RejoinResponse": lambda c: given_only(
        zbee_nwk__cmd__id=7, zbee_nwk__cmd__addr=c.short, zbee_nwk__cmd__rejoin_status=c.status
    ),
    "LinkStatus": lambda c: (
        given_only(
            zbee_nwk__cmd__id=8,
            zbee_nwk__cmd__link__first=c.first,
            zbee_nwk__cmd__link__last=c.last,
            zbee_nwk__cmd__link__count=len(c.entries),
        )
        | {
            "zbee_nwk.cmd.link.address": [entry.address for entry in c.entries],
            "zbee_nwk.cmd.link.incoming_cost": [entry.incoming for entry in c.entries],
            "zbee_nwk.cmd.link.outgoing_cost": [entry.outgoing for entry in c.entries],
        }
    ),
    "NetworkReport": lambda c: (
        given_only(
            zbee_nwk__cmd__id=9,
            zbee_nwk__cmd__report__type=c.kind,
            zbee_nwk__cmd__report__count=len(c.pan_ids),
            zbee_nwk__cmd__epid=c.extended_pan_id,
        )
        | {"zbee_nwk.panid": c.pan_ids}
    ),
    "NetworkUpdate": lambda c: given_only(
        zbee_nwk__cmd__id=10,
        zbee_nwk__cmd__update__type=c.kind,
        zbee_nwk__cmd__update__count=c.count,
        zbee_nwk__cmd__epid=c.extended_pan_id,
        zbee_nwk__cmd__update__id=c.update_id,
        zbee_nwk__panid=c.pan_id,
    ),
    "EndDeviceTimeoutRequest": lambda c: given_only(
        zbee_nwk__cmd__id=11,
        zbee_nwk__cmd__ed_tmo_req=c.timeout,
        zbee_nwk__cmd__ed_config=c.configuration,
    ),
    "EndDeviceTimeoutResponse": lambda c: given_only(
        zbee_nwk__cmd__id=12,
        zbee_nwk__cmd__ed_tmo_rsp_status=c.status,
        zbee_nwk__cmd__ed_prnt_info=c.parent_information,
    ),
    # APS
    "TransportKey": lambda c: given_only(
        zbee_aps__cmd__id=5,
        zbee_aps__cmd__key_type=c.key_type,
        zbee_aps__cmd__key=int.from_bytes(c.key, "big"),
        zbee_aps__cmd__seqno=c.sequence,
        zbee_aps__cmd__dst=c.destination,
        zbee_aps__cmd__src=c.source,
        zbee_aps__cmd__partner=c.partner,
        zbee_aps__cmd__init_flag=None if c.initiator is None else c.initiator != 0,
    ),
    "UpdateDevice": lambda c: given_only(
        zbee_aps__cmd__id=6,
        zbee_aps__cmd__device=c.device,
        zbee_aps__cmd__addr=c.short,
        zbee_aps__cmd__update_status=c.status,
    ),
    "RemoveDevice": lambda c: given_only(zbee_aps__cmd__id=7, zbee_aps__cmd__device=c.device),
    "RequestKey": lambda c: given_only(
        zbee_aps__cmd__id=8, zbee_aps__cmd__key_type=c.key_type, zbee_aps__cmd__partner=c.partner
    ),
    "SwitchKey": lambda c: given_only(zbee_aps__cmd__id=9, zbee_aps__cmd__seqno=c.sequence),
    "VerifyKey": lambda c: given_only(
        zbee_aps__cmd__id=15,
        zbee_aps__cmd__key_type=c.key_type,
        zbee_aps__cmd__src=c.source,
        zbee_aps__cmd__key_hash=int.from_bytes(c.hash, "big"),
    ),
    "ConfirmKey": lambda c: given_only(
        zbee_aps__cmd__id=16,
        zbee_aps__cmd__status=c.status,
        zbee_aps__cmd__key_type=c.key_type,
        zbee_aps__cmd__dst=c.destination,
    ),
}


def security_fields(*layers: tuple[AuxHeader, bytes]) -> Expected:
    """Of every secured layer, outermost first: its auxiliary header and the key that must open it.

    tshark shows the key as configured, not one derived from it.
    """
    headers = [header for header, _ in layers]
    return {
        "zbee.sec.key_id": [int(header.key_id) for header in headers],
        "zbee.sec.ext_nonce": [int(header.source is not None) for header in headers],
        "zbee.sec.counter": [header.frame_counter for header in headers],
        "zbee.sec.src64": [int(h.source) for h in headers if h.source is not None],
        "zbee.sec.key_seqno": [h.key_sequence for h in headers if h.key_sequence is not None],
        "zbee.sec.key": [int.from_bytes(key, "big") for _, key in layers],
    }
