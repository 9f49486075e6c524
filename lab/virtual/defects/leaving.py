"""Faults of leaving, of registering anew, and of the outgoing counter."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class ObeysAnyLeave(Defect):
    """Whoever has the network key may send it away."""

    id = "M-LEAVE-01"
    clause = "SE-5.5.5.1"
    description = "Obeys NWK Leave from any node of the network, authenticated or not"
    cases = ("LEAVE-01",)

    def obeys_nwk_leave(self, *, authenticated: bool, from_parent: bool, router: bool) -> bool:
        return True


class EndDeviceObeysAnyLeave(ObeysAnyLeave):
    """The same of an end device, which obeys its parent and nobody else."""

    id = "M-LEAVE-02"
    clause = "SE-5.5.5.1"
    dut = "sleepy_ipd"
    description = "As an end device obeys NWK Leave from any node of the network"
    cases = ("LEAVE-02",)


class ObeysBareManagementLeave(Defect):
    """It does not ask for the link key."""

    id = "M-P37"
    clause = "SE-5.5.5.1"
    description = "Carries out Mgmt_Leave_req without asking for APS security"
    cases = ("LEAVE-03",)

    def obeys_management_leave(self, *, secured: bool) -> bool:
        return True


class ResetKeepsKeys(Defect):
    """It comes back as if nothing had happened."""

    id = "M-LEAVE-05"
    clause = "SE-5.5.5.1"
    description = "Keeps network and link keys over a factory reset"
    cases = ("LEAVE-05",)

    def wipes_on_factory_reset(self) -> bool:
        return False


class KeepsFirstLinkKey(Defect):
    """It runs the exchange and goes on as before."""

    id = "M-REG-04"
    clause = "SE-5.4.2.2.1"
    description = "Completes a second key establishment and keeps using the first link key"
    cases = ("REG-04", "LKEY-09")

    def replaces_link_key(self) -> bool:
        return False


class ResetClearsCounter(Defect):
    """It counts from zero after each reset."""

    id = "M-PRO-41"
    clause = "ZB-4.3"
    description = "A factory reset sets the outgoing NWK frame counter to 0"
    cases = ("TP/R21/BV-12",)

    def keeps_counter_over_reset(self) -> bool:
        return False


class EveryKeyRestartsCounter(Defect):
    """A new key, a new count."""

    id = "M-PRO-42"
    clause = "ZB-4.3"
    description = "Restarts the outgoing NWK frame counter with every new network key"
    cases = ("TP/R21/BV-13",)

    def restarts_counter(self, value: int) -> bool:
        return True


class TakesCutsForAnOrder(Defect):
    """Its only button is the power plug."""

    id = "M-LEAVE-06"
    clause = "SE-5.5.5.1"
    description = "Takes four losses of power in quick succession for an order to reset"
    cases = ("LEAVE-06",)

    def resets_after(self, short_lives: int) -> bool:
        return short_lives >= 4


DEFECTS = (
    ObeysAnyLeave,
    EndDeviceObeysAnyLeave,
    ObeysBareManagementLeave,
    ResetKeepsKeys,
    KeepsFirstLinkKey,
    ResetClearsCounter,
    EveryKeyRestartsCounter,
    TakesCutsForAnOrder,
)
