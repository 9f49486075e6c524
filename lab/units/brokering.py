"""Partner link keys asked of a device under test that is the trust center (075356 5.4.7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.patterns import Pattern
from zigbee.aps import KeyType, RequestKey, TransportKey
from zigbee.packet import Packet

if TYPE_CHECKING:
    from lab.golden.link_keys import LinkKey
    from lab.units.joiner import GoldenJoiner

__all__ = ["ask", "ask_as_revision", "partner_key_for"]

TRUST_CENTER = 0x0000


def partner_key_for(one: GoldenJoiner | None = None) -> Pattern:
    """A Transport Key of an application link key, to this device or to any."""

    def matches(packet: Packet) -> bool:
        command = packet.aps_command
        if not isinstance(command, TransportKey) or packet.nwk is None:
            return False
        meant = one is None or packet.nwk.dst == one.node.mac.short
        return meant and command.key_type == KeyType.APPLICATION_LINK

    return Pattern("Transport Key of a partner key" + (f" to {one.eui64}" if one else ""), matches)


def ask(one: GoldenJoiner, other: GoldenJoiner, *, key: LinkKey | None = None) -> None:
    """Send Request Key for a key with ``other``, under ``key`` if one is given."""
    command = RequestKey(KeyType.APPLICATION_MASTER, other.eui64)
    one.do(one.node.aps.send_command, command, TRUST_CENTER, link_key=key)


def ask_as_revision(one: GoldenJoiner, other: GoldenJoiner) -> None:
    """One asks for the other; in a 1.0 network both have to."""
    ask(one, other, key=one.link_key)
    if one.bench.revision == "1.0":
        ask(other, one, key=other.link_key)
