"""IEEE 802.15.4-2006 MAC frames as ZigBee uses them (7.2, 7.3; ZigBee 053474 Annex D).

A PSDU here is without its two FCS octets. Frame versions of 2015 and the reserved frame types have
another layout and are refused; the three bits of the frame control that 2006 reserves are kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from zigbee.errors import CodecError
from zigbee.layout import FixedCommand, Layout
from zigbee.types import Address, Eui64, RawCommand, Reader, bits, uint

UnknownCommand = RawCommand
"""A MAC command whose identifier has no layout here: `id` and `payload`."""


class MacType(IntEnum):
    BEACON = 0
    DATA = 1
    ACK = 2
    COMMAND = 3


class MacCommandId(IntEnum):
    ASSOCIATION_REQUEST = 1
    ASSOCIATION_RESPONSE = 2
    DISASSOCIATION = 3
    DATA_REQUEST = 4
    ORPHAN = 6
    BEACON_REQUEST = 7
    REALIGNMENT = 8


_TYPES = tuple(MacType)
_MODES = {0: "", 2: "H", 3: "E"}
_ADDRESSING_BITS = 0xCC40  # both addressing modes and PAN id compression


def _layouts() -> dict[int, tuple[Layout, bool, bool]]:
    """By the addressing bits of the frame control: the header, and which addresses are there."""
    found = {}
    for dst_mode, dst in _MODES.items():
        for src_mode, src in _MODES.items():
            for compressed in (0, 1):
                fields = {"frame_control": "H", "sequence": "B"}
                if dst:
                    fields |= {"dst_pan": "H", "dst": dst}
                if src and not compressed:
                    fields["src_pan"] = "H"
                if src:
                    fields["src"] = src
                key = dst_mode << 10 | src_mode << 14 | compressed << 6
                found[key] = (Layout("mac", **fields), dst_mode != 0, src_mode != 0)
    return found


_LAYOUTS = _layouts()
_SHORT_TO_SHORT = struct.Struct("<HBHHH")


@dataclass(slots=True)
class MacFrame:
    """One MAC frame. An address is a plain int (16 bits) or an `Eui64`; None means not there.

    With `pan_compression` the source PAN id is not on the wire and `src_pan` is None. With
    `security` the payload begins with a MAC auxiliary header, which ZigBee PRO never sends and
    which is not opened here. `reserved` holds bits 7 to 9 of the frame control.
    """

    frame_type: int
    sequence: int
    dst_pan: int | None = None
    dst: Address | None = None
    src_pan: int | None = None
    src: Address | None = None
    payload: bytes = b""
    ack_request: bool = False
    pending: bool = False
    security: bool = False
    pan_compression: bool = False
    version: int = 0
    reserved: int = 0

    def frame_control(self) -> int:
        """The 16-bit frame control field; raises `CodecError` for a value that does not fit."""
        return (
            bits(self.frame_type, 3, 0, "mac", "frame_type")
            | bool(self.security) << 3
            | bool(self.pending) << 4
            | bool(self.ack_request) << 5
            | bool(self.pan_compression) << 6
            | bits(self.reserved, 3, 7, "mac", "reserved")
            | _mode(self.dst) << 10
            | bits(self.version, 2, 12, "mac", "version")
            | _mode(self.src) << 14
        )

    def to_bytes(self) -> bytes:
        """The PSDU without FCS. Raises `CodecError` naming a field that cannot go on the wire."""
        control = self.frame_control()
        values: list[int | None] = [control, self.sequence]
        if self.dst is not None:
            values += [self.dst_pan, self.dst]
        elif self.dst_pan is not None:
            raise CodecError("mac", "dst_pan", 3, "cannot be sent without a destination address")
        if self.src is not None and not self.pan_compression:
            values.append(self.src_pan)
        elif self.src_pan is not None:
            why = "with PAN id compression" if self.pan_compression else "without a source address"
            raise CodecError("mac", "src_pan", 3, f"cannot be sent {why}")
        if self.src is not None:
            values.append(self.src)
        return _LAYOUTS[control & _ADDRESSING_BITS][0].pack(*values) + self.payload

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """From a PSDU without FCS. Raises `CodecError` when it is no frame of 2003 or 2006."""
        if len(octets) < 3:
            raise _LAYOUTS[0][0].cut(len(octets))
        control = octets[0] | octets[1] << 8
        if control & 0x04:
            raise CodecError("mac", "frame_type", 0, f"type {control & 7} is reserved")
        if control & 0x2000:
            version = control >> 12 & 3
            raise CodecError("mac", "version", 1, f"frame version {version} is not of 2003 or 2006")
        key = control & _ADDRESSING_BITS
        dst_pan: int | None = None
        src_pan: int | None = None
        dst: Address | None = None
        src: Address | None = None
        if key == 0x8840 and len(octets) >= 9:  # nearly every frame of a network
            _, sequence, dst_pan, dst, src = _SHORT_TO_SHORT.unpack_from(octets)
            size = 9
        else:
            if key not in _LAYOUTS:
                raise CodecError("mac", "frame_control", 0, "addressing mode 1 is reserved")
            layout, has_dst, has_src = _LAYOUTS[key]
            values = iter(layout.unpack(octets))
            next(values)
            sequence = next(values)
            if has_dst:
                dst_pan, dst = next(values), next(values)
            if has_src and not key & 0x40:
                src_pan = next(values)
            src = next(values, None)
            size = layout.size
        return cls(
            _TYPES[control & 3],
            sequence,
            dst_pan,
            dst,
            src_pan,
            src,
            octets[size:],
            control & 0x20 != 0,
            control & 0x10 != 0,
            control & 0x08 != 0,
            control & 0x40 != 0,
            control >> 12 & 3,
            control >> 7 & 7,
        )


def _mode(address: Address | None) -> int:
    if address is None:
        return 0
    return 3 if isinstance(address, Eui64) else 2


def ack(sequence: int, pending: bool = False) -> MacFrame:
    """The acknowledgement of the frame with that sequence number."""
    return MacFrame(MacType.ACK, sequence, pending=pending)


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

_COMMANDS: dict[int, type[FixedCommand]] = {
    known.ID: known
    for known in (
        AssociationRequest,
        AssociationResponse,
        Disassociation,
        DataRequest,
        OrphanNotification,
        BeaconRequest,
        Realignment,
    )
}


def parse_mac_command(payload: bytes) -> MacCommand:
    """The MAC command in a frame's payload; `UnknownCommand` for an identifier without a layout.

    Raises `CodecError` when the octets end too early.
    """
    identifier = Reader(payload, "mac_command").u8("id")
    known = _COMMANDS.get(identifier)
    if known is None:
        return UnknownCommand(identifier, payload[1:])
    return known.from_bytes(payload)  # type: ignore[return-value]


_PROTOCOL_VERSION = 2  # of ZigBee 2007 and PRO; the layout of older beacons is another
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
        if version != _PROTOCOL_VERSION:
            reason = f"protocol version {version}, not {_PROTOCOL_VERSION}"
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
