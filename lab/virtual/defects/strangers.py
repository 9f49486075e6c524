"""Faults towards nodes that are not the trust center: attackers, partners, other networks."""

from __future__ import annotations

from dataclasses import replace

from lab.virtual.defects.base import Defect
from zigbee.mac import Beacon

__all__ = ["DEFECTS"]


class AnybodyOrdersSwitch(Defect):
    """It does not look who orders."""

    id = "M-NKEY-04"
    clause = "ZB-4.4.7"
    description = "Obeys Switch Key from any node that has the network key"
    cases = ("NKEY-04",)

    def obeys_switch_key(self, *, from_trust_center: bool, protected: bool) -> bool:
        return True


class UsesLaterFrameVersion(Defect):
    """Its MAC is set up for IEEE 802.15.4-2006 frames."""

    id = "M-MAC-01"
    clause = "M15.4"
    description = "Sends its MAC frames with frame version 1"
    cases = ("MAC-01",)

    def mac_version(self) -> int:
        return 1


class ReadsMacSecured(Defect):
    """It skips the auxiliary header of a MAC-secured frame."""

    id = "M-MAC-02"
    clause = "SPP-MAC"
    description = "Takes MAC frames with the security bit as if they had no security"
    cases = ("MAC-02",)

    def reads_mac_secured(self) -> bool:
        return True


class ObeysRealignment(Defect):
    """Anybody may move it."""

    id = "M-MAC-05"
    clause = "ZB-3.6.1"
    description = "Follows an unsecured Coordinator Realignment to another PAN and channel"
    cases = ("MAC-05",)

    def obeys_realignment(self) -> bool:
        return True


class JoinsClosedNetworks(Defect):
    """It does not look whether a network is open."""

    id = "M-JOIN-11"
    clause = "SE-5.5.5.1"
    description = "Tries to associate with networks whose beacons do not permit joining"
    cases = ("JOIN-11",)

    def may_join(self, beacon: Beacon) -> bool:
        return super().may_join(replace(beacon, association_permit=True))


class KeepsToFirstNetwork(Defect):
    """What it tried once it tries for ever."""

    id = "M-JOIN-12"
    clause = "SE-5.5.5.1"
    description = "Tries the network that gave it no key again and again, and no other"
    cases = ("JOIN-12",)

    def network_rank(self, failures: int, lqi: int) -> tuple[int, int]:
        return -failures, -lqi


class UpsetByBadKey(Defect):
    """A key that it cannot open makes it doubt the one that it has."""

    id = "M-JOIN-19"
    clause = "ZB-4.4.3"
    description = "Drops its network key when a Transport Key comes that it cannot open"
    cases = ("JOIN-19",)

    def survives_unreadable_key(self) -> bool:
        return False


class AnyLinkKeyOrders(Defect):
    """Who shares a link key with it may give it a network key."""

    id = "M-JOIN-20"
    clause = "SE-5.2.1"
    description = "Takes orders under any link key for those of the trust center"
    cases = ("JOIN-20",)

    def is_trust_center(self, holder: int, trust_center: int | None) -> bool:
        return True


class SpeaksOtherProfiles(Defect):
    """Its endpoint takes what comes under any profile."""

    id = "M-COEX-01"
    clause = "SE-5.9"
    description = "Carries out home-automation frames on its energy clusters, without a link key"
    cases = ("COEX-01",)

    def takes_foreign_profile(self, profile: int) -> bool:
        return True


class TakesBareKeyInService(Defect):
    """A joined device takes a network key by unicast under the network key."""

    id = "M-NKEY-05"
    clause = "ZB-4.4.3"
    description = "Takes a new network key by unicast without APS security once it has joined"
    cases = ("NKEY-05",)

    def accepts_transport_key(self, *, aps_secured: bool, broadcast: bool, joined: bool) -> bool:
        return aps_secured or joined


class TakesAnyNwkVersion(Defect):
    """It never looks which protocol it is spoken to in."""

    id = "M-PRO-14"
    clause = "ZB-3"
    description = "Takes NWK frames of another protocol version for its own"
    cases = ("TP/R20/BV-14",)

    def takes_nwk_version(self, version: int) -> bool:
        return True


DEFECTS = (
    AnybodyOrdersSwitch,
    UsesLaterFrameVersion,
    ReadsMacSecured,
    ObeysRealignment,
    JoinsClosedNetworks,
    KeepsToFirstNetwork,
    UpsetByBadKey,
    AnyLinkKeyOrders,
    SpeaksOtherProfiles,
    TakesBareKeyInService,
    TakesAnyNwkVersion,
)
