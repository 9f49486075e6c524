"""Network keys on their way to a device: the Transport Keys that the device under test sends.

Judged on the air, whether they went directly or in a Tunnel. Keys are 16 octets.
"""

from __future__ import annotations

from lab.air import AirView, Heard
from zigbee.aps import ApsFrame, KeyType, TransportKey, Tunnel
from zigbee.errors import CodecError
from zigbee.security import unsecure_aps
from zigbee.types import Eui64

__all__ = ["carried", "control_of", "key_of", "network_keys_for", "opens"]


def key_of(heard: Heard) -> TransportKey | None:
    """The Transport Key of a network key in a frame, tunnelled or not."""
    for command in (heard.packet.aps_command, heard.packet.tunnelled_command):
        if isinstance(command, TransportKey) and command.key_type == KeyType.NETWORK:
            return command
    return None


def network_keys_for(
    air: AirView, device: Eui64 | None = None, since: int | None = 0
) -> list[Heard]:
    """All frames in which the device under test sent a network key (to ``device``)."""
    found = []
    for heard in air.since(since):
        command = key_of(heard)
        meant = command is not None and device in (None, command.destination)
        if meant and air.by_dut(heard.packet):
            found.append(heard)
    return found


def carried(heard: Heard) -> ApsFrame | None:
    """The APS frame that holds the Transport Key, as it was sent: still sealed."""
    packet = heard.packet
    try:
        if isinstance(packet.aps_command, Tunnel):
            return ApsFrame.from_bytes(packet.aps_command.frame)
        return ApsFrame.from_bytes(packet.nwk.payload) if packet.nwk is not None else None
    except CodecError:
        return None


def control_of(heard: Heard) -> int | None:
    """The security control octet of that frame as on the air; ``None`` without APS security."""
    frame = carried(heard)
    return None if frame is None or frame.aux is None else frame.aux.control(frame.aux.level)


def opens(heard: Heard, link_key: bytes) -> bool:
    """Whether a link key, by the key that its control octet derives, opens that frame."""
    frame = carried(heard)
    if frame is None or frame.aux is None or frame.aux.source is None:
        return False
    try:
        unsecure_aps(frame, link_key, source=frame.aux.source)
    except CodecError:
        return False
    return True
