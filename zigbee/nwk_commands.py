"""The payloads of NWK command frames (ZigBee 053474r17, 3.4). Integers are little-endian.

Bits of an options octet that no revision in use defines are kept in `reserved`, in their place.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, NamedTuple, Self

from zigbee.errors import CodecError
from zigbee.layout import FixedCommand, Layout
from zigbee.types import Eui64, RawCommand, Reader, bits, uint

_LAYER = "nwk_command"


class NwkCommandId(IntEnum):
    ROUTE_REQUEST = 0x01
    ROUTE_REPLY = 0x02
    NETWORK_STATUS = 0x03
    LEAVE = 0x04
    ROUTE_RECORD = 0x05
    REJOIN_REQUEST = 0x06
    REJOIN_RESPONSE = 0x07
    LINK_STATUS = 0x08
    NETWORK_REPORT = 0x09
    NETWORK_UPDATE = 0x0A
    END_DEVICE_TIMEOUT_REQUEST = 0x0B
    END_DEVICE_TIMEOUT_RESPONSE = 0x0C


def _body(payload: bytes) -> Reader:
    """A reader of what follows the command identifier."""
    reader = Reader(payload, _LAYER)
    reader.u8("id")
    return reader


def _shorts(octets: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(octets) // 2}H", octets))


def _eui(value: Eui64 | None) -> bytes:
    return b"" if value is None else uint(value, 8, _LAYER, "eui")


def _options(value: int, known: int) -> int:
    """`value`, the reserved bits of an options octet; raises `CodecError` if it has others."""
    if not 0 <= value < 256 or value & known:
        raise CodecError(_LAYER, "reserved", 1, f"{value:#x} has bits that are not reserved")
    return value


@dataclass(slots=True)
class RouteRequest:
    """3.4.1. `many_to_one`: 0 no, 1 with, 2 without route records. `cost` is the path cost."""

    identifier: int
    destination: int
    cost: int = 0
    many_to_one: int = 0
    multicast: bool = False
    destination_eui: Eui64 | None = None
    reserved: int = 0
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.ROUTE_REQUEST

    def to_bytes(self) -> bytes:
        options = (
            bits(self.many_to_one, 2, 3, _LAYER, "many_to_one")
            | (self.destination_eui is not None) << 5
            | bool(self.multicast) << 6
            | _options(self.reserved, 0x78)
        )
        known = _ROUTE_REQUEST.pack(self.ID, options, self.identifier, self.destination, self.cost)
        return known + _eui(self.destination_eui) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        options = reader.u8("options")
        return cls(
            reader.u8("identifier"),
            reader.u16("destination"),
            reader.u8("cost"),
            options >> 3 & 3,
            options & 0x40 != 0,
            reader.eui64("destination_eui") if options & 0x20 else None,
            options & ~0x78,
            reader.rest(),
        )


_ROUTE_REQUEST = Layout(_LAYER, id="B", options="B", identifier="B", destination="H", cost="B")


@dataclass(slots=True)
class RouteReply:
    """3.4.2. The originator asked for the route, the responder is its end."""

    identifier: int
    originator: int
    responder: int
    cost: int = 0
    originator_eui: Eui64 | None = None
    responder_eui: Eui64 | None = None
    multicast: bool = False
    reserved: int = 0
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.ROUTE_REPLY

    def to_bytes(self) -> bytes:
        options = (
            (self.originator_eui is not None) << 4
            | (self.responder_eui is not None) << 5
            | bool(self.multicast) << 6
            | _options(self.reserved, 0x70)
        )
        known = _ROUTE_REPLY.pack(
            self.ID, options, self.identifier, self.originator, self.responder, self.cost
        )
        return known + _eui(self.originator_eui) + _eui(self.responder_eui) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        options = reader.u8("options")
        return cls(
            reader.u8("identifier"),
            reader.u16("originator"),
            reader.u16("responder"),
            reader.u8("cost"),
            reader.eui64("originator_eui") if options & 0x10 else None,
            reader.eui64("responder_eui") if options & 0x20 else None,
            options & 0x40 != 0,
            options & ~0x70,
            reader.rest(),
        )


_ROUTE_REPLY = Layout(
    _LAYER, id="B", options="B", identifier="B", originator="H", responder="H", cost="B"
)


@dataclass(slots=True)
class NetworkStatus(FixedCommand):
    """3.4.3. `status` 0 no route, 0x0C/0x0D address or PAN update ... ; `destination` 16 bits."""

    ID: ClassVar[int] = NwkCommandId.NETWORK_STATUS
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", status="B", destination="H")
    status: int
    destination: int


@dataclass(slots=True)
class Leave:
    """3.4.4. `request` asks the receiver to leave; otherwise the sender tells that it does."""

    rejoin: bool = False
    request: bool = False
    remove_children: bool = False
    reserved: int = 0
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.LEAVE

    def to_bytes(self) -> bytes:
        options = (
            bool(self.rejoin) << 5
            | bool(self.request) << 6
            | bool(self.remove_children) << 7
            | _options(self.reserved, 0xE0)
        )
        return bytes((self.ID, options)) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        options = reader.u8("options")
        return cls(
            options & 0x20 != 0,
            options & 0x40 != 0,
            options & 0x80 != 0,
            options & 0x1F,
            reader.rest(),
        )


@dataclass(slots=True)
class RouteRecord:
    """3.4.5. `relays`, 16 bits each, in the order in which the frame passed them."""

    relays: list[int] = field(default_factory=list)
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.ROUTE_RECORD

    def to_bytes(self) -> bytes:
        count = uint(len(self.relays), 1, _LAYER, "relays")
        relays = b"".join(uint(relay, 2, _LAYER, "relays") for relay in self.relays)
        return bytes((self.ID,)) + count + relays + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        relays = _shorts(reader.take(2 * reader.u8("count"), "relays"))
        return cls(relays, reader.rest())


@dataclass(slots=True)
class RejoinRequest(FixedCommand):
    """3.4.6. `capability` as in `mac.AssociationRequest`."""

    ID: ClassVar[int] = NwkCommandId.REJOIN_REQUEST
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", capability="B")
    capability: int


@dataclass(slots=True)
class RejoinResponse(FixedCommand):
    """3.4.7. `short` is the address given, `status` one of the MAC's association status values."""

    ID: ClassVar[int] = NwkCommandId.REJOIN_RESPONSE
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", short="H", status="B")
    short: int
    status: int


class LinkStatusEntry(NamedTuple):
    """One neighbour: costs 0 (none) to 7; `reserved` holds bits 3 and 7 of the cost octet."""

    address: int
    incoming: int
    outgoing: int
    reserved: int = 0


@dataclass(slots=True)
class LinkStatus:
    """3.4.8. At most 31 `entries`; `first` and `last` frame of the list."""

    entries: list[LinkStatusEntry] = field(default_factory=list)
    first: bool = True
    last: bool = True
    reserved: int = 0
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.LINK_STATUS

    def to_bytes(self) -> bytes:
        options = (
            bits(len(self.entries), 5, 0, _LAYER, "entries")
            | bool(self.first) << 5
            | bool(self.last) << 6
            | _options(self.reserved, 0x7F)
        )
        octets = bytearray((self.ID, options))
        for entry in self.entries:
            octets += uint(entry.address, 2, _LAYER, "address")
            octets.append(
                bits(entry.incoming, 3, 0, _LAYER, "incoming")
                | bits(entry.outgoing, 3, 4, _LAYER, "outgoing")
                | entry.reserved & 0x88
            )
        return bytes(octets) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        options = reader.u8("options")
        octets = reader.take(3 * (options & 0x1F), "entries")
        entries = [
            LinkStatusEntry(address, cost & 7, cost >> 4 & 7, cost & 0x88)
            for address, cost in struct.iter_unpack("<HB", octets)
        ]
        return cls(entries, options & 0x20 != 0, options & 0x40 != 0, options & 0x80, reader.rest())


@dataclass(slots=True)
class NetworkReport:
    """3.4.9. Report `kind` 0, the only one defined: a PAN id conflict; at most 31 `pan_ids`."""

    extended_pan_id: Eui64
    pan_ids: list[int] = field(default_factory=list)
    kind: int = 0
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.NETWORK_REPORT

    def to_bytes(self) -> bytes:
        options = bits(len(self.pan_ids), 5, 0, _LAYER, "pan_ids") | bits(
            self.kind, 3, 5, _LAYER, "kind"
        )
        head = bytes((self.ID, options)) + uint(self.extended_pan_id, 8, _LAYER, "extended_pan_id")
        return head + b"".join(uint(p, 2, _LAYER, "pan_ids") for p in self.pan_ids) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        options = reader.u8("options")
        extended_pan_id = reader.eui64("extended_pan_id")
        pan_ids = _shorts(reader.take(2 * (options & 0x1F), "pan_ids"))
        return cls(extended_pan_id, pan_ids, options >> 5, reader.rest())


@dataclass(slots=True)
class NetworkUpdate:
    """3.4.10. Update `kind` 0, the only one defined: a new PAN id. `count` is 1 by rule."""

    extended_pan_id: Eui64
    update_id: int
    pan_id: int
    kind: int = 0
    count: int = 1
    trailing: bytes = b""

    ID: ClassVar[int] = NwkCommandId.NETWORK_UPDATE

    def to_bytes(self) -> bytes:
        options = bits(self.count, 5, 0, _LAYER, "count") | bits(self.kind, 3, 5, _LAYER, "kind")
        known = _NETWORK_UPDATE.pack(
            self.ID, options, self.extended_pan_id, self.update_id, self.pan_id
        )
        return known + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        options = reader.u8("options")
        return cls(
            reader.eui64("extended_pan_id"),
            reader.u8("update_id"),
            reader.u16("pan_id"),
            options >> 5,
            options & 0x1F,
            reader.rest(),
        )


_NETWORK_UPDATE = Layout(
    _LAYER, id="B", options="B", extended_pan_id="E", update_id="B", pan_id="H"
)


@dataclass(slots=True)
class EndDeviceTimeoutRequest(FixedCommand):
    """3.4.11, revision 21 and later: `timeout` 0 is 10 s, n is 2^n minutes."""

    ID: ClassVar[int] = NwkCommandId.END_DEVICE_TIMEOUT_REQUEST
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", timeout="B", configuration="B")
    timeout: int
    configuration: int = 0


@dataclass(slots=True)
class EndDeviceTimeoutResponse(FixedCommand):
    """3.4.12, revision 21 and later. `status`: 0 success, 1 incorrect value."""

    ID: ClassVar[int] = NwkCommandId.END_DEVICE_TIMEOUT_RESPONSE
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", status="B", parent_information="B")
    status: int
    parent_information: int = 0


NwkCommand = (
    RouteRequest
    | RouteReply
    | NetworkStatus
    | Leave
    | RouteRecord
    | RejoinRequest
    | RejoinResponse
    | LinkStatus
    | NetworkReport
    | NetworkUpdate
    | EndDeviceTimeoutRequest
    | EndDeviceTimeoutResponse
    | RawCommand
)

_COMMANDS: dict[int, Callable[[bytes], NwkCommand]] = {
    NwkCommandId.ROUTE_REQUEST: RouteRequest.from_bytes,
    NwkCommandId.ROUTE_REPLY: RouteReply.from_bytes,
    NwkCommandId.NETWORK_STATUS: NetworkStatus.from_bytes,
    NwkCommandId.LEAVE: Leave.from_bytes,
    NwkCommandId.ROUTE_RECORD: RouteRecord.from_bytes,
    NwkCommandId.REJOIN_REQUEST: RejoinRequest.from_bytes,
    NwkCommandId.REJOIN_RESPONSE: RejoinResponse.from_bytes,
    NwkCommandId.LINK_STATUS: LinkStatus.from_bytes,
    NwkCommandId.NETWORK_REPORT: NetworkReport.from_bytes,
    NwkCommandId.NETWORK_UPDATE: NetworkUpdate.from_bytes,
    NwkCommandId.END_DEVICE_TIMEOUT_REQUEST: EndDeviceTimeoutRequest.from_bytes,
    NwkCommandId.END_DEVICE_TIMEOUT_RESPONSE: EndDeviceTimeoutResponse.from_bytes,
}


def parse_nwk_command(payload: bytes) -> NwkCommand:
    """The command in a NWK command frame's payload in the clear; `RawCommand` for an unknown id.

    Raises `CodecError` when the octets end too early.
    """
    identifier = Reader(payload, _LAYER).u8("id")
    known = _COMMANDS.get(identifier)
    return RawCommand(identifier, payload[1:]) if known is None else known(payload)
