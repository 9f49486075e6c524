"""Faults of rejoining, of recovery and of the exchange of a trust center."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class JoinsAnew(Defect):
    """It forgets where it belongs."""

    id = "M-REJ-01"
    clause = "SE-5.5.5.4"
    description = "Forgets its network when that is lost, and looks for any that is open"
    cases = ("REJ-01", "REJ-07")

    def keeps_network_when_lost(self) -> bool:
        return False


class NeverRejoinsUnsecured(Defect):
    """Without the network key it is lost."""

    id = "M-REJ-02"
    clause = "SE-5.4.2.1"
    description = "Never tries a trust center rejoin: a change of the network key locks it out"
    cases = ("REJ-02", "REJ-03")

    def rejoins_unsecured(self) -> bool:
        return False


class SleepsThroughTheSwitch(Defect):
    """The same of a device that slept while the network key was switched."""

    id = "M-NKEY-01"
    clause = "SE-5.4.2.1"
    dut = "sleepy_ipd"
    description = "After a switch of the network key that it missed, never rejoins without security"
    cases = ("NKEY-01",)

    def rejoins_unsecured(self) -> bool:
        return False


class TakesKeyUnderCodeKey(Defect):
    """The code on its housing still opens it."""

    id = "M-P36"
    clause = "SE-5.4.2.1"
    description = (
        "On a Trust Center rejoin takes the network key under its install-code key although it "
        "holds a certificate-derived one"
    )
    cases = ("REJ-03", "TCSO-04")

    def keys_for_rejoin(self, link_key: bytes, code_key: bytes) -> list[bytes]:
        return [*super().keys_for_rejoin(link_key, code_key), code_key]


class NeverBacksOff(Defect):
    """It asks and asks."""

    id = "M-P25"
    clause = "SE-5.5.5.4"
    description = "In recovery retries every 10 s for ever"
    cases = ("REJ-06",)

    def next_recovery_in(self, failed_rounds: int, rng: random.Random) -> float:
        return 10.0


class UsesHashedKey(Defect):
    """What lets it in also protects its data."""

    id = "M-TCSO-03"
    clause = "SE-5.4.2.2.3.5"
    description = "After a swap takes the hash of its old link key for the new link key"
    cases = ("TCSO-03",)

    def uses_hashed_key(self) -> bool:
        return True


class StaysWithTheRogue(Defect):
    """It does not look back."""

    id = "M-TCSO-05"
    clause = "SE-5.4.2.2.3.5"
    description = "Stays in the network of a trust center that failed to prove itself"
    cases = ("TCSO-05",)

    def restores_after_failed_trial(self) -> bool:
        return False


class StoresTheTrial(Defect):
    """It burns its boats."""

    id = "M-TCSO-06"
    clause = "SE-5.4.2.2.3.5"
    description = "Gives up network and link key for another trust center before that is proved"
    cases = ("TCSO-06",)

    def stores_trial(self) -> bool:
        return True


class KeepsOldNetworkKeys(Defect):
    """It still hears the network that it left, and counts from zero."""

    id = "M-TCSO-07"
    clause = "ZB-4.3"
    description = "After a swap takes frames under the old network key, their counters forgotten"
    cases = ("TCSO-07",)

    def keeps_keys_of_other_networks(self) -> bool:
        return True


class RejoinsAnywhere(Defect):
    """Any network is home."""

    id = "M-TCSO-09"
    clause = "SE-5.4.2.2.3.4"
    description = "Sends its rejoin requests to networks of other extended PAN ids"
    cases = ("TCSO-09",)

    def is_home(self, extended_pan: int, home: int) -> bool:
        return True


class SearchesOwnChannelOnly(Defect):
    """It looks where it last saw its network."""

    id = "M-REJ-08"
    clause = "SE-5.5.5.4"
    description = "In recovery looks for its network on the channel of before, and on no other"
    cases = ("REJ-08",)

    def searches_other_channels(self) -> bool:
        return False


class HopesOn(Defect):
    """It goes on sending to nobody."""

    id = "M-REJ-09"
    clause = "SE-5.3.2"
    description = "Looks for its parent only after 100 frames that were not acknowledged"
    cases = ("REJ-09",)

    def misses_borne(self) -> int:
        return 100


class RejoinsUnsecuredFirst(Defect):
    """It takes the way that always works."""

    id = "M-REJ-11"
    clause = "SE-5.4.2.1"
    description = "Tries a trust center rejoin before a secured one"
    cases = ("REJ-11",)

    def rejoins_secured_first(self) -> bool:
        return False


class GivesUpAtOnce(Defect):
    """One failure is enough for it."""

    id = "M-TCSO-02"
    clause = "SE-5.4.2.2.3.4"
    description = "Takes the trust center for lost after one exchange that failed"
    cases = ("TCSO-02",)

    def keep_alive_failures(self) -> int:
        return 1


DEFECTS = (
    JoinsAnew,
    NeverRejoinsUnsecured,
    SleepsThroughTheSwitch,
    TakesKeyUnderCodeKey,
    NeverBacksOff,
    UsesHashedKey,
    StaysWithTheRogue,
    StoresTheTrial,
    KeepsOldNetworkKeys,
    RejoinsAnywhere,
    SearchesOwnChannelOnly,
    HopesOn,
    RejoinsUnsecuredFirst,
    GivesUpAtOnce,
)
