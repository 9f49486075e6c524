"""Faults of routers and parents, and of frequency agility."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]

SECURED_REJOIN, UNSECURED_JOIN, LEFT = 0x00, 0x01, 0x02


class ReportsNoNewChild(Defect):
    """The trust center never hears who came."""

    id = "M-JOIN-17"
    clause = "ZB-4.4.4"
    description = "A parent sends no Update Device when a child has associated"
    cases = ("JOIN-17", "TP/R20/BV-03")

    def reports_child(self, status: int) -> bool:
        return status != UNSECURED_JOIN


class SecuresTunnelledFrame(Defect):
    """The child cannot read what it is handed."""

    id = "M-PARENT-01"
    clause = "ZB-4.4.4"
    description = "A parent puts NWK security on the Transport Key that the TC tunnelled to a child"
    cases = ("JOIN-17", "TP/R20/BV-03")

    def secures_tunnelled(self) -> bool:
        return True


class ReportsInTheClear(Defect):
    """Anybody with the network key could have said so."""

    id = "M-PRO-03"
    clause = "ZB-4.4.4"
    description = "A parent sends Update Device without APS security"
    cases = ("TP/R20/BV-03", "JOIN-17", "TP/R20/BV-07", "TP/R21/BV-02")

    def secures_update_device(self, status: int) -> bool:
        return False


class ReportsRejoinsInTheClear(Defect):
    """Who rejoins under the network key has no need of another, it thinks; nor has who says so."""

    id = "M-PRO-09"
    clause = "ZB-4.4.4"
    description = "A parent sends Update Device of a secured rejoin without APS security"
    cases = ("TP/R20/BV-07", "TP/R20/BV-09")

    def secures_update_device(self, status: int) -> bool:
        return status != SECURED_REJOIN


class KeepsAbsentChildren(Defect):
    """Its child table fills up and stays full."""

    id = "M-JOIN-21"
    clause = "ZB-3.6.1"
    description = "A parent keeps the places of who never fetched its association response"
    cases = ("JOIN-21",)

    def forgets_absent_children(self) -> bool:
        return False


class AdmitsWhileClosed(Defect):
    """The beacon says no, the association response yes."""

    id = "M-JOIN-22"
    clause = "SE-5.4.1"
    description = "A parent grants associations while joining is closed"
    cases = ("JOIN-22",)

    def admits_child(self, permit: bool) -> bool:
        return True


class RejoinIsAJoin(Defect):
    """It tells the wrong story."""

    id = "M-PRO-07"
    clause = "ZB-4.4.4"
    description = "A parent reports a secured rejoin as an unsecured join"
    cases = ("TP/R20/BV-07", "TP/R20/BV-09")

    def rejoin_status(self, secured: bool) -> int:
        return UNSECURED_JOIN


class KeepsChildren(Defect):
    """It takes Remove Device for itself only."""

    id = "M-PRO-28"
    clause = "ZB-4.4.5"
    description = "A parent does not tell a child to leave when the trust center removes it"
    cases = ("TP/SEC/BV-28-I", "TP/R20/BV-05")

    def dismisses_child(self) -> bool:
        return False


class RemovesForAnybody(Defect):
    """The network key is enough to throw others out."""

    id = "M-PRO-05"
    clause = "ZB-4.4.5"
    description = "Obeys Remove Device without APS security"
    cases = ("TP/R20/BV-05",)

    def obeys_remove_device(self, *, aps_secured: bool, broadcast: bool) -> bool:
        return True


class ReportsNoLeave(Defect):
    """The trust center keeps who is gone."""

    id = "M-PRO-02"
    clause = "ZB-4.4.4"
    description = "A parent sends no Update Device when a child leaves"
    cases = ("TP/R21/BV-02",)

    def reports_child(self, status: int) -> bool:
        return status != LEFT


class LeavesWhenTold(Defect):
    """Whoever holds the network key can send it away."""

    id = "M-PRO-13"
    clause = "SE-5.5.5.1"
    description = "An authenticated router obeys NWK Leave"
    cases = ("TP/R20/BV-13",)

    def obeys_nwk_leave(self, *, authenticated: bool, from_parent: bool, router: bool) -> bool:
        return True


class ForgetsTheLastChannel(Defect):
    """It counts to 25."""

    id = "M-PRO-37"
    clause = "SE-5.8"
    description = "Gives one energy value too few for the channels that it says it scanned"
    cases = ("TP/PRO/BV-37",)

    def energies_told(self, energies: list[int]) -> list[int]:
        return energies[:-1]


class StaysOnItsChannel(Defect):
    """The network leaves without it."""

    id = "M-PRO-39"
    clause = "SE-5.8"
    description = "Does not follow the network to the channel that its manager announced"
    cases = ("TP/PRO/BV-39",)

    def follows_channel_change(self) -> bool:
        return False


class EstablishesKeyWithParent(Defect):
    """It takes its parent for the trust center."""

    id = "M-JOIN-16"
    clause = "SE-5.4.1"
    description = "Establishes its link key with its parent instead of the trust center"
    cases = ("JOIN-16",)

    def key_establishment_partner(self, parent: int) -> int:
        return parent


class RelaysNoBroadcast(Defect):
    """Who is behind it misses what is said to all."""

    id = "M-PRO-26"
    clause = "ZB-4.6.3.4"
    description = "A router does not relay broadcasts: its children get no new network key"
    cases = ("TP/SEC/BV-26-I",)

    def relays_broadcasts(self) -> bool:
        return False


class RecordsNoRoute(Defect):
    """A concentrator does not learn the way back."""

    id = "M-ROUTE-01"
    clause = "ZB-3"
    description = "Sends no route record to a concentrator that asked for it"
    cases = ("ROUTE-01",)

    def records_route(self) -> bool:
        return False


class KeepsRelayIndex(Defect):
    """The next relay does not find itself in the list."""

    id = "M-ROUTE-02"
    clause = "ZB-3"
    description = "Relays a source-routed frame without stepping the relay index"
    cases = ("ROUTE-01",)

    def next_relay_index(self, index: int) -> int:
        return index


class TakesBackOnlyWhileOpen(Defect):
    """It takes a rejoin for a join."""

    id = "M-REJ-05R"
    dut = "range_extender"
    clause = "ZB-3.6.1"
    description = "A router refuses rejoins while joining is closed"
    cases = ("REJ-05",)

    def rejoins_while_closed(self) -> bool:
        return False


class NeverMoves(Defect):
    """It counts what it is told, and stays."""

    id = "M-FA-01"
    dut = "esi"
    clause = "SE-5.8"
    description = "A channel manager acts on no report of a bad channel"
    cases = ("FA-01",)

    def moves_network(self) -> bool:
        return False


DEFECTS = (
    ReportsNoNewChild,
    SecuresTunnelledFrame,
    ReportsInTheClear,
    ReportsRejoinsInTheClear,
    KeepsAbsentChildren,
    AdmitsWhileClosed,
    RejoinIsAJoin,
    KeepsChildren,
    RemovesForAnybody,
    ReportsNoLeave,
    LeavesWhenTold,
    ForgetsTheLastChannel,
    StaysOnItsChannel,
    EstablishesKeyWithParent,
    RelaysNoBroadcast,
    RecordsNoRoute,
    KeepsRelayIndex,
    TakesBackOnlyWhileOpen,
    NeverMoves,
)
