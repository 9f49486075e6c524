"""IEEE 802.15.4-2006 MAC frames as ZigBee uses them (7.2, 7.3; ZigBee 053474 Annex D).

A PSDU here is without its two FCS octets. Frame versions of 2015 and the reserved frame types have
another layout and are refused; the three bits of the frame control that 2006 reserves are kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from zigbee.errors import CodecError
from zigbee.layout import Layout
from zigbee.mac_commands import (
    AssociationRequest,
    AssociationResponse,
    Beacon,
    BeaconRequest,
    DataRequest,
    Disassociation,
    MacCommand,
    MacCommandId,
    OrphanNotification,
    Realignment,
    UnknownCommand,
    parse_mac_command,
)
from zigbee.types import Address, Eui64, bits

__all__ = [
    "AssociationRequest",
    "AssociationResponse",
    "Beacon",
    "BeaconRequest",
    "DataRequest",
    "Disassociation",
    "MacCommand",
    "MacCommandId",
    "MacFrame",
    "MacType",
    "OrphanNotification",
    "Realignment",
    "UnknownCommand",
    "ack",
    "parse_mac_command",
]


class MacType(IntEnum):
    BEACON = 0
    DATA = 1
    ACK = 2
    COMMAND = 3


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
