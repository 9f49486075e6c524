"""What MAC command and beacon frames carry (IEEE 802.15.4-2006, 7.2.2.1 and 7.3). Little-endian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from zigbee.errors import CodecError
from zigbee.layout import FixedCommand, Layout
from zigbee.types import Eui64, RawCommand, Reader, bits, uint

UnknownCommand = RawCommand
"""A MAC command whose identifier has no layout here: `id` and `payload`."""


class MacCommandId(IntEnum):
    ASSOCIATION_REQUEST = 1
    ASSOCIATION_RESPONSE = 2
    DISASSOCIATION = 3
    DATA_REQUEST = 4
    ORPHAN = 6
    BEACON_REQUEST = 7
    REALIGNMENT = 8


@dataclass(slots=True)
class AssociationRequest(FixedCommand):
    """`capability`: bit 0 alternate coordinator, 1 full function, 2 mains, 3 receiver on when idle,
    6 security, 7 allocate address (IEEE 802.15.4-2006, 7.3.1)."""

    ID: ClassVar[int] = MacCommandId.ASSOCIATION_REQUEST
    LAYOUT: ClassVar[Layout] = Layout("mac_command", id="B", capability="B")
    capability: int


@dataclass(slots=True)
class AssociationResponse(FixedCommand):
    """`status`: 0 associated, 1 PAN at capacity, 2 access denied (7.3.2)."""

    ID: ClassVar[int] = MacCommandId.ASSOCIATION_RESPONSE
    LAYOUT: ClassVar[Layout] = Layout("mac_command", id="B", short="H", status="B")
    short: int
    status: int


@dataclass(slots=True)
class Disassociation(FixedCommand):
    """`reason`: 1 the coordinator wishes it, 2 the device wishes it (7.3.3)."""

    ID: ClassVar[int] = MacCommandId.DISASSOCIATION
    LAYOUT: ClassVar[Layout] = Layout("mac_command", id="B", reason="B")
    reason: int


@dataclass(slots=True)
class DataRequest(FixedCommand):
    """A poll (7.3.4)."""

    ID: ClassVar[int] = MacCommandId.DATA_REQUEST
    LAYOUT: ClassVar[Layout] = Layout("mac_command", id="B")


@dataclass(slots=True)
class OrphanNotification(FixedCommand):
    """A device that lost its parent (7.3.6)."""

    ID: ClassVar[int] = MacCommandId.ORPHAN
    LAYOUT: ClassVar[Layout] = Layout("mac_command", id="B")


@dataclass(slots=True)
class BeaconRequest(FixedCommand):
    """An active scan (7.3.7)."""

    ID: ClassVar[int] = MacCommandId.BEACON_REQUEST
    LAYOUT: ClassVar[Layout] = Layout("mac_command", id="B")


@dataclass(slots=True)
class Realignment(FixedCommand):
    """Coordinator realignment (7.3.8): the answer to an orphan. `page` is there since 2006."""

    ID: ClassVar[int] = MacCommandId.REALIGNMENT
    LAYOUT: ClassVar[Layout] = Layout(
        "mac_command", id="B", pan="H", coordinator="H", channel="B", short="H"
    )
    pan: int
    coordinator: int
    channel: int
    short: int
    page: int | None = None

    def to_bytes(self) -> bytes:
        known = self.LAYOUT.pack(self.ID, self.pan, self.coordinator, self.channel, self.short)
        if self.page is None:
            if self.trailing:
                raise CodecError("mac_command", "page", len(known), "None, but octets follow")
            return known
        return known + uint(self.page, 1, "mac_command", "page") + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        _, pan, coordinator, channel, short = cls.LAYOUT.unpack(payload)
        rest = payload[cls.LAYOUT.size :]
        page = rest[0] if rest else None
        return cls(pan, coordinator, channel, short, page, trailing=rest[1:])


MacCommand = (
    AssociationRequest
    | AssociationResponse
    | Disassociation
    | DataRequest
    | OrphanNotification
    | BeaconRequest
    | Realignment
    | RawCommand
)

_COMMANDS: dict[int, Callable[[bytes], MacCommand]] = {
    MacCommandId.ASSOCIATION_REQUEST: AssociationRequest.from_bytes,
    MacCommandId.ASSOCIATION_RESPONSE: AssociationResponse.from_bytes,
    MacCommandId.DISASSOCIATION: Disassociation.from_bytes,
    MacCommandId.DATA_REQUEST: DataRequest.from_bytes,
    MacCommandId.ORPHAN: OrphanNotification.from_bytes,
    MacCommandId.BEACON_REQUEST: BeaconRequest.from_bytes,
    MacCommandId.REALIGNMENT: Realignment.from_bytes,
}


def parse_mac_command(payload: bytes) -> MacCommand:
    """The MAC command in a frame's payload; `UnknownCommand` for an identifier without a layout.

    Raises `CodecError` when the octets end too early.
    """
    identifier = Reader(payload, "mac_command").u8("id")
    known = _COMMANDS.get(identifier)
    return UnknownCommand(identifier, payload[1:]) if known is None else known(payload)


_OLDEST_VERSION = 2  # of ZigBee 2006 and later; the layout of older beacons is another
_NETWORK = Layout(
    "beacon", protocol_id="B", network="H", extended_pan_id="E", offset_low="H", offset_high="B"
)


@dataclass(slots=True)
class Beacon:
    """The MAC payload of a beacon frame (7.2.2.1) with ZigBee's part (053474, 3.6.7).

    `gts` is the whole GTS part from its specification octet on. `tx_offset` has 24 bits; 0xFFFFFF
    in a network without periodic beacons. The `*_reserved` fields keep reserved bits: bit 13 of the
    superframe, bits 3 and 7 of the pending specification (in place), bits 8-9 of ZigBee's part.
    """

    extended_pan_id: Eui64
    association_permit: bool = False
    pan_coordinator: bool = False
    battery_life_extension: bool = False
    beacon_order: int = 15
    superframe_order: int = 15
    final_cap_slot: int = 15
    gts: bytes = b"\x00"
    pending_short: list[int] = field(default_factory=list)
    pending_extended: list[Eui64] = field(default_factory=list)
    protocol_id: int = 0
    stack_profile: int = 2
    protocol_version: int = 2
    router_capacity: bool = False
    depth: int = 0
    end_device_capacity: bool = False
    tx_offset: int = 0xFFFFFF
    update_id: int = 0
    trailing: bytes = b""
    superframe_reserved: bool = False
    pending_reserved: int = 0
    network_reserved: int = 0

    def to_bytes(self) -> bytes:
        """The beacon's MAC payload; raises `CodecError` naming a field that does not fit."""
        superframe = (
            bits(self.beacon_order, 4, 0, "beacon", "beacon_order")
            | bits(self.superframe_order, 4, 4, "beacon", "superframe_order")
            | bits(self.final_cap_slot, 4, 8, "beacon", "final_cap_slot")
            | bool(self.battery_life_extension) << 12
            | bool(self.superframe_reserved) << 13
            | bool(self.pan_coordinator) << 14
            | bool(self.association_permit) << 15
        )
        network = (
            bits(self.stack_profile, 4, 0, "beacon", "stack_profile")
            | bits(self.protocol_version, 4, 4, "beacon", "protocol_version")
            | bits(self.network_reserved, 2, 8, "beacon", "network_reserved")
            | bool(self.router_capacity) << 10
            | bits(self.depth, 4, 11, "beacon", "depth")
            | bool(self.end_device_capacity) << 15
        )
        offset = bits(self.tx_offset, 24, 0, "beacon", "tx_offset")
        return b"".join(
            (
                superframe.to_bytes(2, "little"),
                self.gts,
                self._pending(),
                _NETWORK.pack(
                    self.protocol_id, network, self.extended_pan_id, offset & 0xFFFF, offset >> 16
                ),
                uint(self.update_id, 1, "beacon", "update_id"),
                self.trailing,
            )
        )

    def _pending(self) -> bytes:
        specification = (
            bits(len(self.pending_short), 3, 0, "beacon", "pending_short")
            | bits(len(self.pending_extended), 3, 4, "beacon", "pending_extended")
            | self.pending_reserved & 0x88
        )
        short = b"".join(uint(a, 2, "beacon", "pending_short") for a in self.pending_short)
        extended = b"".join(uint(a, 8, "beacon", "pending_extended") for a in self.pending_extended)
        return bytes((specification,)) + short + extended

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """From a beacon frame's MAC payload; raises `CodecError` when it is not ZigBee's."""
        reader = Reader(payload, "beacon")
        superframe = reader.u16("superframe")
        start = reader.offset
        descriptors = reader.u8("gts") & 7
        if descriptors:
            reader.take(1 + 3 * descriptors, "gts")
        gts = payload[start : reader.offset]
        specification = reader.u8("pending")
        short = [reader.u16("pending_short") for _ in range(specification & 7)]
        extended = [reader.eui64("pending_extended") for _ in range(specification >> 4 & 7)]
        protocol_id = reader.u8("protocol_id")
        if protocol_id != 0:
            raise reader.error("protocol_id", f"{protocol_id} is not ZigBee's", reader.offset - 1)
        network = reader.u16("network")
        version = network >> 4 & 15
        if version < _OLDEST_VERSION:
            reason = f"protocol version {version} has another layout"
            raise reader.error("protocol_version", reason, reader.offset - 2)
        return cls(
            extended_pan_id=reader.eui64("extended_pan_id"),
            association_permit=superframe & 0x8000 != 0,
            pan_coordinator=superframe & 0x4000 != 0,
            battery_life_extension=superframe & 0x1000 != 0,
            beacon_order=superframe & 15,
            superframe_order=superframe >> 4 & 15,
            final_cap_slot=superframe >> 8 & 15,
            gts=gts,
            pending_short=short,
            pending_extended=extended,
            protocol_id=protocol_id,
            stack_profile=network & 15,
            protocol_version=version,
            router_capacity=network & 0x400 != 0,
            depth=network >> 11 & 15,
            end_device_capacity=network & 0x8000 != 0,
            tx_offset=reader.u24("tx_offset"),
            update_id=reader.u8("update_id"),
            trailing=reader.rest(),
            superframe_reserved=superframe & 0x2000 != 0,
            pending_reserved=specification & 0x88,
            network_reserved=network >> 8 & 3,
        )
