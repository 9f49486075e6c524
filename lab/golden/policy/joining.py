"""Joining a network and asking for a link key."""

from __future__ import annotations

import random

from zigbee.crypto import install_code
from zigbee.mac import Beacon

__all__ = ["JoiningPolicy"]


class JoiningPolicy:
    """A conformant node's decisions of this chapter."""

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        """The link key of an install code with its CRC, 16 octets (5.4.8.1).

        Raises ``zigbee.crypto.install_code.InstallCodeError`` when the CRC does not hold.
        """
        install_code.check(code_and_crc)
        return install_code.link_key(code_and_crc)

    def may_join(self, beacon: Beacon) -> bool:
        """Whether a beacon invites this node: a ZigBee PRO network that is open (ZB 3.6.1)."""
        return (
            beacon.association_permit
            and beacon.protocol_id == 0
            and beacon.stack_profile == 2
            and beacon.protocol_version == 2
            and beacon.extended_pan_id != 0
        )

    def channels_of_scan(self, channels: tuple[int, ...], number: int) -> tuple[int, ...]:
        """Which channels scan ``number`` visits: all, those that others avoid first (5.8)."""
        return channels

    def begins_unasked(self, revision: str) -> bool:
        """Whether a factory-new device looks for a network without a user (5.5.5.1; 1.0: no)."""
        return revision != "1.0"

    def bars_network(self) -> bool:
        """Whether a network that gave no key once is never tried again (5.5.5.1: no)."""
        return False

    def next_scan_in(self, since_start: float, rng: random.Random) -> float:
        """Seconds to the next scan of a node that found no network (5.5.5.1).

        About once a minute for the first quarter of an hour, hourly after it, both with jitter.
        """
        if since_start < 900.0:
            return 60.0 + rng.uniform(-12.0, 12.0)
        return 3600.0 + rng.uniform(-1500.0, 1500.0)

    def accepts_transport_key(self, *, aps_secured: bool, broadcast: bool, joined: bool) -> bool:
        """Whether a network key may be taken from this frame (5.4.1, ZB 4.4.3).

        Unicast under the key-transport key of the link key; a joined node also takes the
        trust center's broadcast under the old network key.
        """
        return aps_secured or (broadcast and joined)

    def starts_key_establishment(self) -> bool:
        """Whether a node that just joined establishes its link key unasked (5.4.7.1)."""
        return True

    def takes_data_under_code_key(self) -> bool:
        """Whether APS data is taken under the install code's link key (5.4.7.2: no)."""
        return False

    def establishment_pause(self, attempt: int) -> float:
        """Seconds from a failed attempt at key establishment to the next (5.5.5.1).

        After ten in a row a quarter of an hour.
        """
        return 900.0 if attempt % 10 == 0 else 60.0
