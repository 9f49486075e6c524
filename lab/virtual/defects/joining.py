"""Faults of joining and of the install code."""

from __future__ import annotations

import random
from dataclasses import replace

from lab.virtual.defects.base import Defect
from zigbee.crypto import install_code
from zigbee.crypto.mmo import mmo_hash
from zigbee.mac import Beacon

__all__ = ["DEFECTS"]

#: The channels between and beside those of wireless LANs (5.8).
PREFERRED = (11, 14, 15, 19, 20, 24, 25)


class InstallCodeCrcReversed(Defect):
    """Its link key comes from the code with the CRC octets in the wrong order."""

    id = "M-P05"
    clause = "SE-5.4.8.1.1.1"
    description = "Computes the install-code CRC most significant octet first (64-bit codes)"
    cases = ("JOIN-02", "JOIN-05")

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        if len(code_and_crc) != 10:
            return super().link_key_of(code_and_crc)
        code = code_and_crc[:-2]
        return mmo_hash(code + install_code.crc(code)[::-1])


class ScansWithoutJitter(Defect):
    """It scans like a clock, for ever."""

    id = "M-P06"
    clause = "SE-5.5.5.1"
    description = "Auto-join scans exactly every 60.0 s without jitter and never slows to hourly"
    cases = ("JOIN-13", "JOIN-14")

    def next_scan_in(self, since_start: float, rng: random.Random) -> float:
        return 60.0


class NeverEstablishesKey(Defect):
    """It joins and waits to be asked."""

    id = "M-P07"
    clause = "SE-5.4.7.1"
    description = "Never starts key establishment by itself after joining"
    cases = ("JOIN-23",)

    def starts_key_establishment(self) -> bool:
        return False


class TakesKeyInTheClear(Defect):
    """Anyone may give it a network key."""

    id = "M-L01"
    clause = "SE-5.4.1"
    description = "Takes a network key from a Transport Key without APS security"
    cases = ("JOIN-08",)

    def accepts_transport_key(self, *, aps_secured: bool, broadcast: bool, joined: bool) -> bool:
        return True


class JoinsOtherProtocolVersions(Defect):
    """It joins whatever invites it."""

    id = "M-P34"
    clause = "M15.4"
    description = "Associates with a PAN whose beacon shows protocol version 3"
    cases = ("MAC-04",)

    def may_join(self, beacon: Beacon) -> bool:
        return super().may_join(replace(beacon, protocol_version=2))


class TakesWellKnownKey(Defect):
    """Everybody's key opens it."""

    id = "M-JOIN-09"
    clause = "SE-5.3.3"
    description = "Joins under the well-known global link key instead of its code's"
    cases = ("JOIN-09", "JOIN-10")

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        return b"ZigBeeAlliance09"


class HourlyInSpiteOfTheUser(Defect):
    """It lets its user wait."""

    id = "M-JOIN-15"
    clause = "SE-5.5.5.1"
    description = "A user's order to join makes one scan and no new quarter of an hour of scans"
    cases = ("JOIN-15",)

    def user_starts_fast_scans(self) -> bool:
        return False


class NeverPauses(Defect):
    """It takes no refusal."""

    id = "M-JOIN-24"
    clause = "SE-5.5.5.1"
    description = "Tries key establishment every minute for ever"
    cases = ("JOIN-24",)

    def establishment_pause(self, attempt: int) -> float:
        return 60.0


class PadsShortCodes(Defect):
    """It keeps every code in a field of eight octets."""

    id = "M-JOIN-01"
    clause = "SE-5.4.8.1.2"
    description = "Pads a 48-bit code to 64 bits with zero octets before it hashes it"
    cases = ("JOIN-01",)

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        if len(code_and_crc) != 8:
            return super().link_key_of(code_and_crc)
        code = code_and_crc[:-2]
        return mmo_hash(code + bytes(2) + install_code.crc(code))


class CutsLongCodes(Defect):
    """It has no room for twelve octets."""

    id = "M-JOIN-03"
    clause = "SE-5.4.8.1.1"
    description = "Reads the first 64 bits of a 96-bit code for the whole code"
    cases = ("JOIN-03",)

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        if len(code_and_crc) != 14:
            return super().link_key_of(code_and_crc)
        return super().link_key_of(install_code.with_crc(code_and_crc[:8]))


class HashesWithoutCrc(Defect):
    """It takes the check for something to be checked, and no more."""

    id = "M-JOIN-04"
    clause = "SE-5.4.8.1.2"
    description = "Leaves the CRC out of what it hashes for the link key"
    cases = ("JOIN-04", "JOIN-01", "JOIN-02", "JOIN-03")

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        install_code.check(code_and_crc)
        return mmo_hash(code_and_crc[:-2])


class NeverForgives(Defect):
    """It remembers a failed join for ever."""

    id = "M-JOIN-07"
    clause = "SE-5.5.5.1"
    description = "Never tries a network again that once gave it no key, whatever its user orders"
    cases = ("JOIN-07",)

    def bars_network(self) -> bool:
        return True


class HasNoCode(Defect):
    """Nobody wrote its code on the line where it was made."""

    id = "M-JOIN-10"
    clause = "SE-5.3.3"
    description = "Joins under an all-zero link key, as its memory was when it was new"
    cases = ("JOIN-10",)

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        return bytes(16)


class AvoidsOthersLast(Defect):
    """It looks where wireless networks are before it looks where they are not."""

    id = "M-JOIN-18"
    clause = "SE-5.8"
    description = "Scans the preferred channels only when a scan of the others was in vain"
    cases = ("JOIN-18",)

    def channels_of_scan(self, channels: tuple[int, ...], number: int) -> tuple[int, ...]:
        return tuple(one for one in channels if (one in PREFERRED) == (number % 2 == 0))


class JoinsUnasked(Defect):
    """Declared to 1.0, it does not wait for its user."""

    id = "M-JOIN-27"
    revision = "1.0"
    clause = "SE-5.5.5"
    description = "Declared to 1.0, joins any open network as soon as it has power"
    cases = ("JOIN-27",)

    def begins_unasked(self, revision: str) -> bool:
        return True


DEFECTS = (
    TakesWellKnownKey,
    HourlyInSpiteOfTheUser,
    NeverPauses,
    InstallCodeCrcReversed,
    ScansWithoutJitter,
    NeverEstablishesKey,
    TakesKeyInTheClear,
    JoinsOtherProtocolVersions,
    PadsShortCodes,
    CutsLongCodes,
    HashesWithoutCrc,
    NeverForgives,
    HasNoCode,
    AvoidsOthersLast,
    JoinsUnasked,
)
