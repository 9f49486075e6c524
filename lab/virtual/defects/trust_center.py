"""Faults of a trust center: whom it lets in, what it hands out, and whom it forgets."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect
from zigbee.crypto.mmo import mmo_hash
from zigbee.security import KeyId

__all__ = ["DEFECTS"]


class LeavesJoiningOpen(Defect):
    """It tells the routers to close, and stays open itself."""

    id = "M-P08"
    dut = "esi"
    clause = "SE-5.4.1"
    description = "Leaves the association permit bit set after the ordered time has ended"
    cases = ("TCP-03",)

    def closes_joining(self) -> bool:
        return False


class SealsWithTheLinkKey(Defect):
    """It uses the key where one derived from it belongs."""

    id = "M-P38"
    dut = "esi"
    clause = "ZB-4.4.3"
    description = "Protects Transport Key with the link key instead of the key-transport key"
    cases = ("NKEY-10", "JOIN-05")

    def transport_key_id(self) -> KeyId:
        return KeyId.DATA


class TakesAnyCode(Defect):
    """It never looks at the CRC."""

    id = "M-JOIN-06"
    dut = "esi"
    clause = "SE-5.4.8.1.1.1"
    description = "Registers install codes of any length and CRC"
    cases = ("JOIN-06",)

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        return mmo_hash(code_and_crc)


class LetsStrangersIn(Defect):
    """Who is not registered is served under the well-known key."""

    id = "M-REG-01"
    dut = "esi"
    clause = "SE-5.4.1.1"
    description = "Gives unregistered devices the network key under the well-known link key"
    cases = ("REG-01", "REJ-04", "TP/R21/BV-07")

    def key_for_stranger(self) -> bytes | None:
        return b"ZigBeeAlliance09"


class RenewsNothing(Defect):
    """An order of re-registration is acknowledged and forgotten."""

    id = "M-REG-03"
    dut = "esi"
    clause = "SE-5.4.2.2.1"
    description = "Takes an order of re-registration and never establishes another link key"
    cases = ("REG-03",)

    def reestablishes_on_order(self) -> bool:
        return False


class KeepsKeysOfRemoved(Defect):
    """It strikes the device from the list, and keeps its key."""

    id = "M-REG-05"
    dut = "esi"
    clause = "SE-5.4.2.2.2"
    description = "Keeps the link key of a device that was de-registered, and answers under it"
    cases = ("REG-05", "TCP-11", "PLK-11")

    def forgets_key_of_removed(self) -> bool:
        return False


class RemovesUntilReboot(Defect):
    """What it forgot comes back with the power."""

    id = "M-REG-06"
    dut = "esi"
    clause = "SE-5.4.2.2.2"
    description = "Does not store de-registrations: after a power cycle the device is known again"
    cases = ("REG-06",)

    def remembers_removals(self) -> bool:
        return False


class CallsItselfRouter(Defect):
    """Its node descriptor is a router's."""

    id = "M-TCP-01"
    dut = "esi"
    clause = "SE-5.2.1"
    description = "Has logical type router in its node descriptor, though it is the coordinator"
    cases = ("TCP-01",)

    def logical_type(self, own: int) -> int:
        return 1


class HasOneNetworkKey(Defect):
    """Its network key came from the factory."""

    id = "M-TCP-02"
    dut = "esi"
    clause = "SE-5.5.1"
    description = "Forms every network with the same network key"
    cases = ("TCP-02",)

    def draws_network_key(self, rng: random.Random) -> bytes:
        return bytes(range(0x31, 0x41))


class TakesDataUnderAnyKey(Defect):
    """A key is a key."""

    id = "M-TCP-06"
    dut = "esi"
    clause = "SE-5.4.7.2"
    description = "Takes APS data under install-code, hashed and stale link keys"
    cases = ("TCP-06", "LKEY-05", "TCSO-08")

    def takes_data_under(self, origin: str) -> bool:
        return True


class SkipsSequenceNumbers(Defect):
    """It counts network keys by twos."""

    id = "M-PRO-24"
    dut = "esi"
    clause = "ZB-4.6.3.4"
    description = "Gives a new network key the sequence number of the old one plus 2"
    cases = ("TP/SEC/BV-24-I",)

    def next_key_sequence(self, current: int) -> int:
        return (current + 2) & 0xFF


class SwitchesBeforeAllHaveIt(Defect):
    """It does not wait until the last device was served."""

    id = "M-PRO-25"
    dut = "esi"
    clause = "ZB-4.6.3.4"
    description = "Orders the switch to a new network key while it is still being unicast"
    cases = ("TP/SEC/BV-25-I",)

    def switches_last(self) -> bool:
        return False


class RemovesInTheClear(Defect):
    """Anybody could have sent it."""

    id = "M-PRO-29"
    dut = "esi"
    clause = "ZB-4.4.5"
    description = "Sends Remove Device without APS security"
    cases = ("TP/SEC/BV-29-I", "REG-05")

    def secures_remove_device(self) -> bool:
        return False


class RejoinsUnderTheCode(Defect):
    """It goes back to where the device began."""

    id = "M-REJ-12"
    dut = "esi"
    clause = "SE-5.4.2.2"
    description = "Answers a Trust Center rejoin under the install-code key for ever"
    cases = ("REJ-12",)

    def rejoin_key(self, current: bytes, code: bytes) -> bytes:
        return code


class RejoinsOnlyWhileOpen(Defect):
    """It takes a rejoin for a join."""

    id = "M-REJ-05"
    dut = "esi"
    clause = "SE-5.4.2.2"
    description = "Refuses rejoins while joining is closed"
    cases = ("REJ-05",)

    def rejoins_while_closed(self) -> bool:
        return False


class ThrowsTheFirstOut(Defect):
    """Whoever comes last is served."""

    id = "M-CBKE-19"
    dut = "esi"
    clause = "SE-C.3.1.2.3.1.2"
    description = "Drops the exchange under way when another device initiates one"
    cases = ("CBKE-19", "CBKE-20")

    def yields_exchange(self) -> bool:
        return True


class BacksKeysUp(Defect):
    """Whoever reads its backup is every device at once."""

    id = "M-TCSO-01"
    dut = "esi"
    clause = "SE-5.4.2.2.3.6"
    description = "Puts the link keys themselves into the swap-out backup"
    cases = ("TCSO-01", "TCSO-10")

    def backed_up(self, key: bytes) -> bytes:
        return key


DEFECTS = (
    LeavesJoiningOpen,
    SealsWithTheLinkKey,
    TakesAnyCode,
    LetsStrangersIn,
    RenewsNothing,
    KeepsKeysOfRemoved,
    RemovesUntilReboot,
    CallsItselfRouter,
    HasOneNetworkKey,
    TakesDataUnderAnyKey,
    SkipsSequenceNumbers,
    SwitchesBeforeAllHaveIt,
    RemovesInTheClear,
    RejoinsUnderTheCode,
    RejoinsOnlyWhileOpen,
    ThrowsTheFirstOut,
    BacksKeysUp,
)
