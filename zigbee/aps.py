"""APS frames and commands (ZigBee 053474r17, 2.2.5, 2.2.8 and 4.4.9). Integers little-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from zigbee.aps_commands import (
    ApsCommand,
    ApsCommandId,
    ConfirmKey,
    KeyType,
    RemoveDevice,
    RequestKey,
    SwitchKey,
    TransportKey,
    Tunnel,
    UpdateDevice,
    VerifyKey,
    parse_aps_command,
)
from zigbee.errors import CodecError
from zigbee.layout import Layout
from zigbee.security import AuxHeader
from zigbee.types import RawCommand, Reader, bits, uint

__all__ = [
    "ApsCommand",
    "ApsCommandId",
    "ApsFrame",
    "ApsType",
    "ConfirmKey",
    "Delivery",
    "ExtendedHeader",
    "KeyType",
    "RawCommand",
    "RemoveDevice",
    "RequestKey",
    "SwitchKey",
    "TransportKey",
    "Tunnel",
    "UpdateDevice",
    "VerifyKey",
    "parse_aps_command",
]


class ApsType(IntEnum):
    DATA = 0
    COMMAND = 1
    ACK = 2
    INTERPAN = 3


class Delivery(IntEnum):
    UNICAST = 0
    BROADCAST = 2
    GROUP = 3


_TYPES = {int(kind): kind for kind in (ApsType.DATA, ApsType.COMMAND, ApsType.ACK)}
_DELIVERIES = {int(mode): mode for mode in Delivery}
_ACK_FORMAT, _SECURITY, _ACK_REQUEST, _EXTENDED = (1 << bit for bit in range(4, 8))

_TO_ENDPOINT = struct.Struct("<BBHHBB")
_ENDPOINT_LAYOUT = Layout(
    "aps",
    frame_control="B",
    dst_endpoint="B",
    cluster="H",
    profile="H",
    src_endpoint="B",
    counter="B",
)
_GROUP_LAYOUT = Layout(
    "aps", frame_control="B", group="H", cluster="H", profile="H", src_endpoint="B", counter="B"
)
_BARE_LAYOUT = Layout("aps", frame_control="B", counter="B")


@dataclass(slots=True)
class ExtendedHeader:
    """The extended header (2.2.5.1.8). `fragmentation`: 0 none, 1 first block, 2 a later one.

    `block` is on the wire unless `fragmentation` is 0: the number of blocks in the first one, else
    this block's. `ack_bitfield` is there in acknowledgements alone. `reserved` holds bits 2 to 7 of
    the control octet, in their place.
    """

    fragmentation: int
    block: int | None = None
    ack_bitfield: int | None = None
    reserved: int = 0

    def to_bytes(self) -> bytes:
        if self.reserved & ~0xFC:
            raise CodecError("aps", "extended.reserved", 0, f"{self.reserved:#x} is not bits 2-7")
        control = bits(self.fragmentation, 2, 0, "aps", "extended.fragmentation") | self.reserved
        octets = bytes((control,))
        if self.block is not None:
            octets += uint(self.block, 1, "aps", "extended.block")
        if self.ack_bitfield is not None:
            octets += uint(self.ack_bitfield, 1, "aps", "extended.ack_bitfield")
        return octets

    @classmethod
    def parse(cls, reader: Reader, acknowledgement: bool) -> Self:
        """The header at the cursor; raises `CodecError` when it is cut off."""
        control = reader.u8("extended.fragmentation")
        if not control & 3:
            return cls(0, None, None, control & 0xFC)
        block = reader.u8("extended.block")
        bitfield = reader.u8("extended.ack_bitfield") if acknowledgement else None
        return cls(control & 3, block, bitfield, control & 0xFC)


@dataclass(slots=True)
class ApsFrame:
    """One APS frame.

    A data frame, and an acknowledgement without `ack_format`, has `dst_endpoint` (or `group` when
    delivered to a group), `cluster`, `profile` and `src_endpoint`; all others have none of them.
    With `security` the auxiliary header is in `aux`, and `payload` is what follows it on the wire:
    ciphertext and MIC, until `security.unsecure_aps` replaces them.
    """

    frame_type: int
    counter: int
    delivery: int = Delivery.UNICAST
    ack_format: bool = False
    security: bool = False
    ack_request: bool = False
    dst_endpoint: int | None = None
    group: int | None = None
    cluster: int | None = None
    profile: int | None = None
    src_endpoint: int | None = None
    extended: ExtendedHeader | None = None
    aux: AuxHeader | None = None
    payload: bytes = b""

    def frame_control(self) -> int:
        """The frame control octet; raises `CodecError` for a value that does not fit."""
        return (
            bits(self.frame_type, 2, 0, "aps", "frame_type")
            | bits(self.delivery, 2, 2, "aps", "delivery")
            | bool(self.ack_format) << 4
            | bool(self.security) << 5
            | bool(self.ack_request) << 6
            | (self.extended is not None) << 7
        )

    def header_bytes(self) -> bytes:
        """The header without the auxiliary header: what CCM* authenticates first."""
        control = self.frame_control()
        if not _addressed(control):
            self._refuse("dst_endpoint", "group", "cluster", "profile", "src_endpoint")
            octets = _BARE_LAYOUT.pack(control, self.counter)
        else:
            group = self.delivery == Delivery.GROUP
            self._refuse("dst_endpoint" if group else "group")
            octets = (_GROUP_LAYOUT if group else _ENDPOINT_LAYOUT).pack(
                control,
                self.group if group else self.dst_endpoint,
                self.cluster,
                self.profile,
                self.src_endpoint,
                self.counter,
            )
        return octets if self.extended is None else octets + self.extended.to_bytes()

    def _refuse(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                reason = f"this frame type and delivery mode have no {name}"
                raise CodecError("aps", name, 1, reason)

    def to_bytes(self) -> bytes:
        """The frame as it goes into the NWK payload. Raises `CodecError` naming a wrong field."""
        header = self.header_bytes()
        if self.aux is None:
            if self.security:
                raise CodecError("aps", "aux", len(header), "missing, but security is set")
            return header + self.payload
        if not self.security:
            raise CodecError("aps", "aux", len(header), "cannot be sent without security")
        return header + self.aux.to_bytes() + self.payload

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """From a NWK payload in the clear; raises `CodecError`."""
        if not octets:
            raise _BARE_LAYOUT.cut(0)
        control = octets[0]
        kind = _TYPES.get(control & 3)
        if kind is None:
            raise CodecError("aps", "frame_type", 0, "an inter-PAN frame inside a network")
        delivery = _DELIVERIES.get(control >> 2 & 3)
        if delivery is None:
            raise CodecError("aps", "delivery", 0, "delivery mode 1 is reserved")
        dst_endpoint = group = cluster = profile = src_endpoint = None
        if not _addressed(control):
            _, counter = _BARE_LAYOUT.unpack(octets)
            at = 2
        elif delivery is Delivery.GROUP:
            _, group, cluster, profile, src_endpoint, counter = _GROUP_LAYOUT.unpack(octets)
            at = 9
        else:
            try:
                _, dst_endpoint, cluster, profile, src_endpoint, counter = _TO_ENDPOINT.unpack_from(
                    octets
                )
            except struct.error:
                raise _ENDPOINT_LAYOUT.cut(len(octets)) from None
            at = 8
        extended = aux = None
        if control & _EXTENDED:
            reader = Reader(octets, "aps")
            reader.offset = at
            extended = ExtendedHeader.parse(reader, kind is ApsType.ACK)
            at = reader.offset
        if control & _SECURITY:
            aux, at = AuxHeader.parse(octets, at)
        return cls(
            kind,
            counter,
            delivery,
            control & _ACK_FORMAT != 0,
            aux is not None,
            control & _ACK_REQUEST != 0,
            dst_endpoint,
            group,
            cluster,
            profile,
            src_endpoint,
            extended,
            aux,
            octets[at:],
        )


def _addressed(control: int) -> bool:
    """Whether a frame with this frame control names endpoints, cluster and profile (2.2.5.1)."""
    kind = control & 3
    return kind == ApsType.DATA or (kind == ApsType.ACK and not control & _ACK_FORMAT)
