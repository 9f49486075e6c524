"""ZigBee PRO network layer frames and commands (053474r17, 3.3 and 3.4). Integers little-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from zigbee.errors import CodecError
from zigbee.layout import Layout
from zigbee.nwk_commands import (
    EndDeviceTimeoutRequest,
    EndDeviceTimeoutResponse,
    Leave,
    LinkStatus,
    LinkStatusEntry,
    NetworkReport,
    NetworkStatus,
    NetworkUpdate,
    NwkCommand,
    NwkCommandId,
    RejoinRequest,
    RejoinResponse,
    RouteRecord,
    RouteReply,
    RouteRequest,
    parse_nwk_command,
)
from zigbee.security import AuxHeader
from zigbee.types import Eui64, Reader, bits, uint

__all__ = [
    "BROADCAST_ALL",
    "BROADCAST_LOW_POWER_ROUTERS",
    "BROADCAST_ROUTERS",
    "BROADCAST_RX_ON",
    "PROTOCOL_VERSION",
    "EndDeviceTimeoutRequest",
    "EndDeviceTimeoutResponse",
    "Leave",
    "LinkStatus",
    "LinkStatusEntry",
    "NetworkReport",
    "NetworkStatus",
    "NetworkUpdate",
    "NwkCommand",
    "NwkCommandId",
    "NwkFrame",
    "NwkType",
    "RejoinRequest",
    "RejoinResponse",
    "RouteRecord",
    "RouteReply",
    "RouteRequest",
    "SourceRoute",
    "parse_nwk_command",
]

BROADCAST_ALL = 0xFFFF
BROADCAST_RX_ON = 0xFFFD
BROADCAST_ROUTERS = 0xFFFC
BROADCAST_LOW_POWER_ROUTERS = 0xFFFB

PROTOCOL_VERSION = 2
"""ZigBee 2007 and PRO. Version 3 is Green Power, whose header is another."""


class NwkType(IntEnum):
    DATA = 0
    COMMAND = 1
    INTERPAN = 3


_TYPES = {int(kind): kind for kind in (NwkType.DATA, NwkType.COMMAND)}
_HEAD = struct.Struct("<HHHBB")
_HEADER = Layout("nwk", frame_control="H", dst="H", src="H", radius="B", sequence="B")
_MULTICAST, _SECURITY, _SOURCE_ROUTE, _DST_EUI, _SRC_EUI, _INITIATOR = (
    1 << bit for bit in range(8, 14)
)
_OPTIONAL = _MULTICAST | _SOURCE_ROUTE | _DST_EUI | _SRC_EUI


@dataclass(slots=True)
class SourceRoute:
    """The source route subframe (3.3.1.9): relays nearest to the destination first."""

    index: int
    relays: list[int]

    def to_bytes(self) -> bytes:
        return (
            uint(len(self.relays), 1, "nwk", "source_route.relays")
            + uint(self.index, 1, "nwk", "source_route.index")
            + b"".join(uint(relay, 2, "nwk", "source_route.relays") for relay in self.relays)
        )


@dataclass(slots=True)
class NwkFrame:
    """One NWK frame. Addresses are 16 bits, `radius` hops, `multicast` the whole control octet.

    With `security` the auxiliary header is in `aux`, and `payload` is what follows it on the wire:
    ciphertext and MIC, until `security.unsecure_nwk` replaces them. `reserved` holds bits 14 and 15
    of the frame control.
    """

    frame_type: int
    dst: int
    src: int
    radius: int
    sequence: int
    payload: bytes = b""
    version: int = PROTOCOL_VERSION
    discover_route: int = 0
    multicast: int | None = None
    security: bool = False
    source_route: SourceRoute | None = None
    dst_eui: Eui64 | None = None
    src_eui: Eui64 | None = None
    end_device_initiator: bool = False
    aux: AuxHeader | None = None
    reserved: int = 0

    def frame_control(self) -> int:
        """The 16-bit frame control field; raises `CodecError` for a value that does not fit."""
        return (
            bits(self.frame_type, 2, 0, "nwk", "frame_type")
            | bits(self.version, 4, 2, "nwk", "version")
            | bits(self.discover_route, 2, 6, "nwk", "discover_route")
            | (self.multicast is not None) << 8
            | bool(self.security) << 9
            | (self.source_route is not None) << 10
            | (self.dst_eui is not None) << 11
            | (self.src_eui is not None) << 12
            | bool(self.end_device_initiator) << 13
            | bits(self.reserved, 2, 14, "nwk", "reserved")
        )

    def header_bytes(self) -> bytes:
        """The header without the auxiliary header: what CCM* authenticates first."""
        control = self.frame_control()
        head = _HEADER.pack(control, self.dst, self.src, self.radius, self.sequence)
        if not control & _OPTIONAL:
            return head
        parts = [head]
        if self.dst_eui is not None:
            parts.append(uint(self.dst_eui, 8, "nwk", "dst_eui"))
        if self.src_eui is not None:
            parts.append(uint(self.src_eui, 8, "nwk", "src_eui"))
        if self.multicast is not None:
            parts.append(uint(self.multicast, 1, "nwk", "multicast"))
        if self.source_route is not None:
            parts.append(self.source_route.to_bytes())
        return b"".join(parts)

    def to_bytes(self) -> bytes:
        """The frame as it goes into the MAC payload. Raises `CodecError` naming a wrong field."""
        header = self.header_bytes()
        if self.aux is None:
            if self.security:
                raise CodecError("nwk", "aux", len(header), "missing, but security is set")
            return header + self.payload
        if not self.security:
            raise CodecError("nwk", "aux", len(header), "cannot be sent without security")
        return header + self.aux.to_bytes() + self.payload

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """From a MAC payload; raises `CodecError` for all but data and commands of version 2."""
        try:
            control, dst, src, radius, sequence = _HEAD.unpack_from(octets)
        except struct.error:
            raise _HEADER.cut(len(octets)) from None
        if control & 0x3C != PROTOCOL_VERSION << 2:
            reason = f"protocol version {control >> 2 & 15}, not {PROTOCOL_VERSION}"
            raise CodecError("nwk", "version", 0, reason)
        kind = _TYPES.get(control & 3)
        if kind is None:
            raise CodecError("nwk", "frame_type", 0, f"type {control & 3} has no NWK header")
        at = 8
        optional: tuple[Any, ...] = (None, None, None, None)
        if control & _OPTIONAL:
            reader = Reader(octets, "nwk")
            reader.offset = at
            optional = _parse_optional(control, reader)
            at = reader.offset
        dst_eui, src_eui, multicast, source_route = optional
        aux = None
        if control & _SECURITY:
            aux, at = AuxHeader.parse(octets, at)
        return cls(
            kind,
            dst,
            src,
            radius,
            sequence,
            octets[at:],
            PROTOCOL_VERSION,
            control >> 6 & 3,
            multicast,
            aux is not None,
            source_route,
            dst_eui,
            src_eui,
            control & _INITIATOR != 0,
            aux,
            control >> 14,
        )


def _parse_optional(
    control: int, reader: Reader
) -> tuple[Eui64 | None, Eui64 | None, int | None, SourceRoute | None]:
    """The header's optional fields in the order of the wire (3.3.1.5 to 3.3.1.9)."""
    dst_eui = reader.eui64("dst_eui") if control & _DST_EUI else None
    src_eui = reader.eui64("src_eui") if control & _SRC_EUI else None
    multicast = reader.u8("multicast") if control & _MULTICAST else None
    if not control & _SOURCE_ROUTE:
        return dst_eui, src_eui, multicast, None
    count = reader.u8("source_route.relays")
    index = reader.u8("source_route.index")
    relays = _shorts(reader.take(2 * count, "source_route.relays"))
    return dst_eui, src_eui, multicast, SourceRoute(index, relays)


def _shorts(octets: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(octets) // 2}H", octets))
