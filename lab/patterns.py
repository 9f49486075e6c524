"""Descriptions of frames that suites wait for: a test on a packet, and the words for it.

    air.expect(zcl("PublishPrice", IssuerEventID=5), within=3)
    air.never(nwk("Leave"), during=10)

A pattern can be narrowed: ``zcl("ReadAttributesResponse").under_link_key()``,
``.where(lambda packet: ..., "with status 0")``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zigbee.aps import ApsFrame, ApsType
from zigbee.mac import BeaconRequest
from zigbee.packet import Packet

__all__ = [
    "Pattern",
    "any_frame",
    "aps",
    "beacon",
    "beacon_request",
    "mac",
    "nwk",
    "reaction_to",
    "zcl",
    "zdp",
]


@dataclass(slots=True, frozen=True)
class Pattern:
    """``matches(packet)`` says whether a packet is meant; ``text`` says what is meant."""

    text: str
    matches: Callable[[Packet], bool]

    def where(self, test: Callable[[Packet], bool], text: str) -> Pattern:
        """The same, if ``test`` holds too."""
        inner = self.matches
        return Pattern(f"{self.text} {text}", lambda packet: inner(packet) and test(packet))

    def under_link_key(self) -> Pattern:
        """The same, protected by an APS key that the harness could open."""
        return self.where(lambda packet: packet.aps_opened, "under the link key")

    def without_link_key(self) -> Pattern:
        """The same, without APS security."""
        return self.where(
            lambda packet: packet.aps is not None and not packet.aps.security,
            "under the network key alone",
        )

    def on(self, cluster: int) -> Pattern:
        """The same, on one cluster."""
        return self.where(
            lambda packet: packet.aps is not None and packet.aps.cluster == cluster,
            f"on cluster {cluster:#06x}",
        )

    def numbered(self, sequence: int) -> Pattern:
        """The same, with this ZCL (or ZDP) sequence number."""
        return self.where(
            lambda packet: (
                (packet.zcl is not None and packet.zcl.sequence == sequence)
                or (packet.zdp is not None and packet.zdp.sequence == sequence)
            ),
            f"#{sequence}",
        )

    def to(self, short: int) -> Pattern:
        """The same, to this NWK address."""
        return self.where(
            lambda packet: packet.nwk is not None and packet.nwk.dst == short, f"to {short:#06x}"
        )

    def using(self, sequence: int) -> Pattern:
        """The same, NWK-secured under the network key of this sequence number."""
        return self.where(
            lambda packet: (
                packet.nwk_opened
                and packet.nwk is not None
                and packet.nwk.aux is not None
                and packet.nwk.aux.key_sequence == sequence
            ),
            f"under network key {sequence}",
        )


def _fields_match(fields: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(fields.get(name) == value for name, value in wanted.items())


def _named(name: str, wanted: dict[str, Any]) -> str:
    return name + "".join(f" {field}={value}" for field, value in wanted.items())


def zcl(name: str, **fields: Any) -> Pattern:
    """A ZCL command by its name, general or of a cluster, with these fields."""
    return Pattern(
        _named(name, fields),
        lambda packet: (
            packet.command is not None
            and packet.command.name == name
            and _fields_match(packet.command.fields, fields)
        ),
    )


def zdp(name: str, **fields: Any) -> Pattern:
    """A ZDP message by its name, with these fields."""
    return Pattern(
        _named(name, fields),
        lambda packet: (
            packet.zdp is not None
            and packet.zdp.name == name
            and _fields_match(packet.zdp.fields, fields)
        ),
    )


def aps(kind: type | None = None) -> Pattern:
    """An APS command of a type (``aps.TransportKey`` ...), or any APS frame."""
    if kind is None:
        return Pattern("an APS frame", lambda packet: packet.aps is not None)
    return Pattern(kind.__name__, lambda packet: isinstance(packet.aps_command, kind))


def nwk(kind: type | None = None) -> Pattern:
    """A NWK command of a type (``nwk.Leave`` ...), or any NWK frame."""
    if kind is None:
        return Pattern("a NWK frame", lambda packet: packet.nwk is not None)
    return Pattern(kind.__name__, lambda packet: isinstance(packet.nwk_command, kind))


def mac(kind: type) -> Pattern:
    """A MAC command of a type (``mac.AssociationRequest`` ...)."""
    return Pattern(kind.__name__, lambda packet: isinstance(packet.mac_command, kind))


def beacon_request() -> Pattern:
    """A beacon request."""
    return mac(BeaconRequest)


def beacon() -> Pattern:
    """A beacon."""
    return Pattern("a beacon", lambda packet: packet.beacon is not None)


def any_frame() -> Pattern:
    """Any frame at all, acknowledgements excepted."""
    return Pattern("a frame", lambda packet: packet.mac is not None and packet.mac.frame_type != 2)


def reaction_to(frame: ApsFrame, sequence: int) -> Pattern:
    """An APS acknowledgement of ``frame``, or a ZCL answer on its cluster with this number.

    The device numbers its own commands by itself: a read of its own is no answer.
    """

    def matches(packet: Packet) -> bool:
        aps, zcl_frame = packet.aps, packet.zcl
        if aps is not None and aps.frame_type == ApsType.ACK:
            return aps.counter == frame.counter
        if aps is None or zcl_frame is None or aps.cluster != frame.cluster:
            return False
        asks = packet.command is not None and packet.command.name == "ReadAttributes"
        return zcl_frame.sequence == sequence and not asks

    return Pattern(f"APS acknowledgement #{frame.counter} or answer #{sequence}", matches)
