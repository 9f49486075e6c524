"""Faults in how a trust center runs its network: joining windows, registrations, key updates."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class AnnouncesFullDuration(Defect):
    """It says the longest time that the field holds, however little is left."""

    id = "M-TCP-04"
    dut = "esi"
    clause = "SE-5.4.1.2"
    description = "Announces 254 s of joining each time, beyond the end of the ordered window"
    cases = ("TCP-04",)

    def permit_duration(self, left: float) -> int:
        return 254 if left > 0 else 0


class PutsOutTooEarly(Defect):
    """It gives a newcomer ten minutes."""

    id = "M-TCP-05"
    dut = "esi"
    clause = "SE-5.5.5.5"
    description = "Puts a device out that has established no link key 600 s after it joined"
    cases = ("TCP-05",)

    def authentication_grace(self) -> float:
        return 600.0


class OpensAtBoot(Defect):
    """It makes it easy for the installer who switches it on."""

    id = "M-TCP-10"
    dut = "esi"
    clause = "LAB-PWR"
    description = "Opens joining for three minutes whenever its power comes back"
    cases = ("TCP-10",)

    def open_after_boot(self) -> float:
        return 180.0


class ListsWhoLeft(Defect):
    """Once authenticated, always authenticated."""

    id = "M-REG-02"
    dut = "esi"
    clause = "SE-5.4.1.1"
    description = "Lists a device that left as authenticated"
    cases = ("REG-02",)

    def notes_departure(self) -> bool:
        return False


class RestoresCodeKey(Defect):
    """It resets the entry of a device that leaves, and not what it says of its key."""

    id = "M-LEAVE-04"
    dut = "esi"
    clause = "SE-5.4.3"
    description = "Puts the install-code key back in place of the link key of a device that left"
    cases = ("LEAVE-04",)

    def keeps_key_of_left(self) -> bool:
        return False


class CountsNetworkKeys(Defect):
    """Its first network key is random, and the others follow from it."""

    id = "M-NKEY-09"
    dut = "esi"
    clause = "SE-5.4.4"
    description = "Makes its next network key by adding 1 to the last"
    cases = ("NKEY-09",)

    def __init__(self) -> None:
        self._last: int | None = None

    def draws_network_key(self, rng: random.Random) -> bytes:
        drawn = int.from_bytes(super().draws_network_key(rng), "big") >> 8
        self._last = drawn if self._last is None else self._last + 1
        return self._last.to_bytes(16, "big")


class BroadcastsEveryKey(Defect):
    """It knows one way to update the network key."""

    id = "M-NKEY-11"
    dut = "esi"
    clause = "SE-5.4.4"
    description = "Broadcasts the new network key when an update by unicast is ordered"
    cases = ("NKEY-11",)

    def unicasts_network_key(self) -> bool:
        return False


DEFECTS = (
    AnnouncesFullDuration,
    PutsOutTooEarly,
    OpensAtBoot,
    ListsWhoLeft,
    RestoresCodeKey,
    CountsNetworkKeys,
    BroadcastsEveryKey,
)
