"""Inter-PAN frames: the stub NWK and APS headers (ZigBee Smart Energy 075356, Annex B).

The MAC header around them is built with `mac.MacFrame` (both PAN ids, an extended source). There
are no endpoints, no APS counter and no security. Integers are little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from zigbee.aps import ApsType, Delivery
from zigbee.errors import CodecError
from zigbee.nwk import PROTOCOL_VERSION, NwkType
from zigbee.types import Reader, bits, uint

SE_PROFILE = 0x0109
NWK_CONTROL = 0x000B
"""The stub NWK header: frame type inter-PAN, protocol version 2, nothing else."""


def is_interpan(octets: bytes) -> bool:
    """Whether a MAC payload begins with the stub NWK header of protocol version 2."""
    return len(octets) > 0 and octets[0] & 0x3F == NWK_CONTROL


@dataclass(slots=True)
class InterPanFrame:
    """The MAC payload of an inter-PAN frame. `group` is there when `delivery` is GROUP alone.

    `nwk_control` is the whole stub NWK header (16 bits), `aps_flags` holds bits 4 to 7 of the APS
    frame control in their place: 0 in Smart Energy. `payload` is a ZCL frame.
    """

    cluster: int
    profile: int = SE_PROFILE
    delivery: int = Delivery.UNICAST
    group: int | None = None
    payload: bytes = b""
    nwk_control: int = NWK_CONTROL
    aps_flags: int = 0

    def to_bytes(self) -> bytes:
        """The MAC payload; raises `CodecError` naming a field that cannot go on the wire."""
        if self.aps_flags & ~0xF0:
            raise CodecError("interpan", "aps_flags", 2, f"{self.aps_flags:#x} is not bits 4-7")
        control = (
            ApsType.INTERPAN | bits(self.delivery, 2, 2, "interpan", "delivery") | self.aps_flags
        )
        group = b""
        if self.delivery == Delivery.GROUP:
            if self.group is None:
                raise CodecError("interpan", "group", 3, "missing, but delivered to a group")
            group = uint(self.group, 2, "interpan", "group")
        elif self.group is not None:
            raise CodecError("interpan", "group", 3, "can be sent with delivery mode GROUP alone")
        return b"".join(
            (
                uint(self.nwk_control, 2, "interpan", "nwk_control"),
                bytes((control,)),
                group,
                uint(self.cluster, 2, "interpan", "cluster"),
                uint(self.profile, 2, "interpan", "profile"),
                self.payload,
            )
        )

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """From the payload of a MAC data frame; raises `CodecError` when it is another."""
        reader = Reader(octets, "interpan")
        nwk_control = reader.u16("nwk_control")
        if nwk_control & 3 != NwkType.INTERPAN or nwk_control >> 2 & 15 != PROTOCOL_VERSION:
            reason = f"{nwk_control:#06x} is not the stub NWK header"
            raise CodecError("interpan", "nwk_control", 0, reason)
        control = reader.u8("aps_control")
        if control & 3 != ApsType.INTERPAN:
            raise CodecError("interpan", "aps_control", 2, f"APS frame type {control & 3}, not 3")
        mode = control >> 2 & 3
        if mode == 1:
            raise CodecError("interpan", "delivery", 2, "delivery mode 1 is reserved")
        group = reader.u16("group") if mode == Delivery.GROUP else None
        cluster, profile = reader.u16("cluster"), reader.u16("profile")
        flags = control & 0xF0
        return cls(cluster, profile, Delivery(mode), group, reader.rest(), nwk_control, flags)
